/**
 * The units of one SKU that a partition begins with: equal parts, and what does not divide one each
 * to some, another set of them for each SKU, so that ten SKUs of one unit do not all lie in
 * partition 0.
 *
 * Afterwards units move between the partitions by `send` and `receive`. For each other partition, a
 * partition keeps how many units of each SKU it has ever sent there and ever received from there.
 * What the one has sent and the other has not received is in transit. Both numbers only grow, and
 * to receive is to catch up with what was sent: so each step can be repeated by anybody, at any
 * time, and in any order. This is escrow (O'Neil, "The Escrow Transactional Method", 1986) kept as
 * the rights of a bounded counter (Balegas et al., "Extending Eventually Consistent Cloud Databases
 * for Enforcing Numeric Invariants", 2015).
 */
export function splitStock(units: number, sku: number, partition: number, partitions: number): number {
  const place = (partition + partitions - (sku % partitions)) % partitions
  return Math.floor(units / partitions) + (place < units % partitions ? 1 : 0)
}
