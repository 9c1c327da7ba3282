import type { OrderState, Outcome } from './outcome.js'
import type { OrderLine } from './read.js'

/**
 * The expected result of the file, by plain arithmetic over its lines. It shares nothing with the
 * replay but the lines and knows nothing of the library, so an agreement of the two means
 * something.
 */
export function expectedOutcome(lines: readonly OrderLine[], stockShare: number): Outcome {
  const skus = new Map<string, { total: number; available: number; confirmed: number }>()
  const wanted = totals(lines.filter((line) => line.quantity > 0))
  for (const { sku } of lines) {
    const stock = Math.max(1, Math.round(stockShare * (wanted.get(sku) ?? 0)))
    skus.set(sku, { total: stock, available: stock, confirmed: 0 })
  }

  const orders = new Map<string, OrderState>()
  const carts = new Map<string, Map<string, number>>()
  const buyers = new Map<string, string>()
  const linesOf = new Map<string, OrderLine[]>()
  for (const line of lines) linesOf.set(line.order, [...(linesOf.get(line.order) ?? []), line])
  for (const [order, own] of linesOf) {
    const cart = totals(own.filter((line) => line.quantity > 0))
    if (cart.size > 0) {
      const enough = [...cart].every(([sku, quantity]) => skus.get(sku)!.available >= quantity)
      orders.set(order, enough ? 'confirmed' : 'sold_out')
      carts.set(order, cart)
      if (own[0]!.buyer !== null) buyers.set(order, own[0]!.buyer)
      if (enough) move(skus, cart, -1)
    }

    const returns = own.filter((line) => line.quantity < 0 && line.cancels)
    const back = totals(returns)
    const buyer = own[0]!.buyer
    const twins = [...carts.keys()].filter(
      (other) => buyer !== null && buyers.get(other) === buyer && sameUnits(carts.get(other)!, back),
    )
    const refunded = twins.findLast((twin) => orders.get(twin) === 'confirmed')
    if (back.size > 0 && refunded !== undefined) {
      orders.set(refunded, 'refunded')
      move(skus, carts.get(refunded)!, 1)
    } else if (!twins.some((twin) => orders.get(twin) === 'sold_out')) {
      for (const { sku, quantity } of returns) add(skus.get(sku)!, -quantity)
    }

    for (const { sku, quantity } of own.filter((line) => line.quantity < 0 && !line.cancels)) {
      add(skus.get(sku)!, -Math.min(skus.get(sku)!.available, -quantity))
    }
  }
  return { skus, orders }
}

function totals(lines: readonly OrderLine[]): Map<string, number> {
  const sums = new Map<string, number>()
  for (const { sku, quantity } of lines) sums.set(sku, (sums.get(sku) ?? 0) + Math.abs(quantity))
  return sums
}

function sameUnits(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): boolean {
  return a.size === b.size && [...a].every(([sku, quantity]) => b.get(sku) === quantity)
}

function add(counts: { total: number; available: number }, units: number): void {
  counts.total += units
  counts.available += units
}

/** From confirmed to available, or the other way with -1. */
function move(skus: Outcome['skus'], cart: ReadonlyMap<string, number>, sign: 1 | -1): void {
  for (const [sku, quantity] of cart) {
    skus.get(sku)!.available += sign * quantity
    skus.get(sku)!.confirmed -= sign * quantity
  }
}
