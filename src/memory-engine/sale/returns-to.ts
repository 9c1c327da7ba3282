import type { Cart, Rules } from '../../engine/engine.js'
import type { News } from './event-log.js'
import type { Stock } from './stock.js'

/** Units of one SKU that become units of another. */
export interface Redirected {
  readonly sku: number
  readonly to: number
  readonly quantity: number
}

/** What this needs of the partition. */
interface Returning {
  readonly stock: Stock
  readonly rules: Rules
  append(event: News): void
  /** Pays what is owed; see `PartitionState`. */
  cameBack(units: Cart): number
  announceSoldOut(taken: Cart): void
}

/**
 * Buyers have given units back. What is not owed of them goes where their SKUs return to, and pays
 * what is owed there.
 */
export function wereReturned(state: Returning, units: Cart): void {
  const passedOn: [sku: number, quantity: number][] = []
  for (const [sku, all] of units) {
    const { returnsTo: to } = state.rules.skus[sku]!
    const quantity = all - state.cameBack([[sku, all]])
    if (to === undefined || quantity === 0) continue
    redirect(state, { sku, to, quantity })
    passedOn.push([to, quantity])
  }
  state.cameBack(passedOn)
}

/** Takes what a late payment lacks. */
export function borrow(state: Returning, taken: readonly Redirected[]): void {
  for (const one of taken) {
    redirect(state, one)
    state.announceSoldOut([[one.sku, one.quantity]])
  }
}

function redirect(state: Returning, { sku, to, quantity }: Redirected): void {
  state.stock.restock(sku, -quantity)
  state.stock.restock(to, quantity)
  state.append({ type: 'redirected', sku, to, quantity })
}

/**
 * What a late payment for this cart takes from the SKUs that its own return to; or its first SKU
 * that lacks units even so.
 */
export function borrowed(
  { stock, rules }: Pick<Returning, 'stock' | 'rules'>,
  cart: Cart,
): Redirected[] | number {
  const left = new Map(cart.map(([sku, quantity]) => [sku, stock.of(sku).available - quantity]))
  const taken: Redirected[] = []
  for (const [sku] of cart) {
    const lacks = 0 - left.get(sku)!
    if (lacks <= 0) continue
    const { returnsTo: from } = rules.skus[sku]!
    if (from === undefined) return sku
    const spare = left.get(from) ?? stock.of(from).available
    if (spare < lacks) return sku
    left.set(from, spare - lacks)
    taken.push({ sku: from, to: sku, quantity: lacks })
  }
  return taken
}
