import type { Units } from '../../engine/engine.js'

/** By how much these units are more than the others, SKU by SKU; where they are not, nothing. */
export function exceeds(units: Units, others: Units): Units {
  const counted = new Map(others)
  return units
    .map(([sku, quantity]) => [sku, quantity - (counted.get(sku) ?? 0)] as const)
    .filter(([, more]) => more > 0)
}

/** Those of these units, as they are, that are more than the others. */
export function ahead(units: Units, others: Units): Units {
  const counted = new Map(others)
  return units.filter(([sku, quantity]) => quantity > (counted.get(sku) ?? 0))
}
