import type { Cart, ChangedCart, StoredEvent, StoredReservation, Units } from './records.js'

/** The cart of a reservation as of an event; the reservation may be of any later moment. */
export function cartAsOf(
  { changed }: { readonly changed?: ChangedCart | undefined },
  stored: StoredReservation,
): Cart {
  return changed?.cart ?? firstCart(stored)
}

/** Whether an event leaves an order of which a part was refunded. */
export function leavesOrder(event: StoredEvent): boolean {
  return event.type === 'refunded' && event.part !== undefined && event.isLast === undefined
}

/** The cart of the request that made a reservation. */
export function firstCart({ cart, changes }: Pick<StoredReservation, 'cart' | 'changes'>): Cart {
  return changes?.first ?? cart
}

export function isSameCart(a: Cart, b: Cart): boolean {
  return a.length === b.length && a.every(([sku, quantity], i) => sku === b[i]![0] && quantity === b[i]![1])
}

/** The units that one cart has beyond another, in order of SKU. */
export function unitsBeyond(cart: Cart, other: Cart): Units {
  const known = new Map(other)
  return cart
    .map(([sku, quantity]) => [sku, quantity - (known.get(sku) ?? 0)] as const)
    .filter(([, quantity]) => quantity > 0)
}

/** The units that both carts have, in order of SKU. */
export function commonUnits(cart: Cart, other: Cart): Units {
  const known = new Map(other)
  return cart
    .map(([sku, quantity]) => [sku, Math.min(quantity, known.get(sku) ?? 0)] as const)
    .filter(([, quantity]) => quantity > 0)
}

/** The units of both carts together, in order of SKU. */
export function addUnits(cart: Cart, other: Cart): Cart {
  const units = new Map(cart)
  for (const [sku, quantity] of other) units.set(sku, (units.get(sku) ?? 0) + quantity)
  return [...units].sort(([a], [b]) => a - b)
}

/** How many reservations a `limit_exceeded` names, and among how many of the buyer's latest. */
export const NAMED = 10
export const LOOKED_AT = 64
