import type { Units } from '../../engine/engine.js'

/** By how much these units exceed the others, by SKU. SKUs that do not exceed are left out. */
export function exceeds(units: Units, others: Units): Units {
  const counted = new Map(others)
  return units
    .map(([sku, quantity]) => [sku, quantity - (counted.get(sku) ?? 0)] as const)
    .filter(([, more]) => more > 0)
}

/** The entries of `units` that exceed the others, with their full quantities. */
export function ahead(units: Units, others: Units): Units {
  const counted = new Map(others)
  return units.filter(([sku, quantity]) => quantity > (counted.get(sku) ?? 0))
}
