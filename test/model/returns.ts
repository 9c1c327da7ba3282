import type { Item } from '../../src/sale/results.js'
import { countsAt, latest, type Sale, unitsIn } from './sale.js'

/** The units came back: they are where the rules say. What is owed of a SKU is taken first. */
export function withReturned(sale: Sale, items: readonly Item[], now: number): Sale {
  const totals = new Map(sale.totals)
  for (const { sku, quantity } of items) {
    const to = sale.present.own.get(sku)?.returnsTo
    if (!to) continue
    const { held, confirmed } = countsAt(sale, sku, now)
    const owed = Math.max(0, held + confirmed + quantity - sale.totals.get(sku)!)
    const rest = quantity - Math.min(quantity, owed)
    totals.set(sku, totals.get(sku)! - rest).set(to, totals.get(to)! + rest)
  }
  return { ...sale, totals }
}

/**
 * The sale at a moment: the units of holds that have expired since its latest change are where they
 * return to.
 */
export function settledAt(sale: Sale, now: number): Sale {
  const rules = [...sale.present.own.values()]
  if (rules.every(({ returnsTo }) => returnsTo === null)) return sale
  const items = [...sale.known.values()].flatMap((one) => {
    const has = latest(one, sale.now) === one.reservation && latest(one, now) !== one.reservation
    return has ? one.reservation.items : []
  })
  if (items.length === 0) return sale
  const skus = [...sale.totals.keys()].map((sku) => ({ sku, quantity: unitsIn(items, sku) }))
  return withReturned(sale, skus, now)
}

/**
 * What a late payment takes from the SKUs that its own return to, beyond what it takes there
 * anyhow; `undefined`: there is too little.
 */
export function takenLate(sale: Sale, items: readonly Item[], now: number) {
  const left = new Map([...sale.totals.keys()].map((sku) => [sku, countsAt(sale, sku, now).available]))
  for (const { sku, quantity } of items) left.set(sku, left.get(sku)! - quantity)
  const lacking = items.filter(({ sku }) => left.get(sku)! < 0)
  const taken = lacking.map(({ sku: to }) => {
    const from = sale.present.own.get(to)?.returnsTo ?? to
    return { from, to, units: -left.get(to)! }
  })
  for (const { from, to, units } of taken) {
    left.set(to, 0)
    if (from === to || left.get(from)! < units) return undefined
    left.set(from, left.get(from)! - units)
  }
  return taken
}
