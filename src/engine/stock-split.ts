/**
 * The units of one SKU that a partition begins with: equal parts. The remainder goes one unit each
 * to some partitions, to different ones for each SKU, so that ten SKUs of one unit are not all in
 * partition 0.
 *
 * Afterwards units move between the partitions by `send` and `receive`. For each other partition, a
 * partition stores how many units of each SKU it has ever sent there and ever received from there.
 * Units that one has sent and the other has not received are in transit. Both numbers only grow,
 * and `receive` brings the second up to the first: so any process can repeat each step, at any
 * time, and in any order. This is escrow (O'Neil, "The Escrow Transactional Method", 1986), stored
 * as the rights of a bounded counter (Balegas et al., "Extending Eventually Consistent Cloud
 * Databases for Enforcing Numeric Invariants", 2015).
 */
export function splitStock(units: number, sku: number, partition: number, partitions: number): number {
  const turn = (partition + partitions - (sku % partitions)) % partitions
  return Math.floor(units / partitions) + (turn < units % partitions ? 1 : 0)
}
