import type { SkuCounts } from '../../src/engine/engine.js'
import { demand } from './violation.js'

/**
 * The counts of a SKU add up, none of the parts is negative, and they are what its reservations
 * hold.
 */
export function checkCounts(
  sku: string,
  counts: SkuCounts,
  units: { readonly held: number; readonly confirmed: number },
): void {
  const { total, available, held, confirmed, inTransit } = counts
  const told = () => `${sku}: ${JSON.stringify(counts)}, held are ${units.held}, confirmed ${units.confirmed}`
  demand(Math.min(available, held, confirmed) >= 0, 'conservation', told)
  demand(total === available + held + confirmed + inTransit, 'conservation', told)
  demand(held === units.held && confirmed === units.confirmed, 'conservation', told)
}
