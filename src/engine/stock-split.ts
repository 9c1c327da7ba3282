/**
 * The units of one SKU that a partition begins with: equal parts, and what does not divide one each to some, another set of them for
 * each SKU, so that ten SKUs of one unit do not all lie in partition 0.
 */
export function splitStock(units: number, sku: number, partition: number, partitions: number): number {
  const place = (partition + partitions - (sku % partitions)) % partitions
  return Math.floor(units / partitions) + (place < units % partitions ? 1 : 0)
}
