import { addUnits, commonUnits, firstCart, isSameCart, unitsBeyond } from '../../engine/carts.js'
import type { Answer, Cart, KeyedRefund, Op } from '../../engine/engine.js'
import { notFound } from './confirm-and-release.js'
import type { Entry } from './entry.js'
import { type PartitionState, retry, type Step } from './partition-state.js'
import { wereReturned } from './returns-to.js'
import { movedOf } from './transferred-reservations.js'

export function refund(
  state: PartitionState,
  op: Op<'refund'>,
  { overdue, bypassFreeze }: Step,
): Answer<'refund'> {
  const entry = state.find(op.id)
  if (!entry) return notFound
  if (entry.moved) return movedOf(entry.moved)
  const { reservation } = entry
  const known = op.key === undefined ? undefined : entry.refunds.get(op.key)
  if (known) return isSame(known, op) ? refunded(entry, true) : { status: 'conflict' }
  const isOver = reservation.state === 'refunded'
  if (isOver && op.key === undefined) return refunded(entry, true)
  if (!isOver && reservation.state !== 'confirmed') return { status: 'not_confirmed', reservation }
  const left = isOver ? [] : reservation.cart
  if (!bypassFreeze && op.cart && unitsBeyond(op.cart, left).length > 0)
    return { status: 'exceeds_order', reservation }
  if (!bypassFreeze && isOver) return refunded(entry, true)
  if (overdue) return retry
  const before = bypassFreeze && op.cart ? commonUnits(op.cart, refundedUnderLostKeys(entry)) : []
  const taken = commonUnits(unitsBeyond(op.cart ?? left, before), left)
  remember(entry, op, addUnits(before, taken))
  if (taken.length > 0) takeBack(state, entry, taken, op)
  return refunded(entry, taken.length === 0)
}

function refundedUnderLostKeys({ reservation: { cart, changes }, refundedParts }: Entry): Cart {
  return unitsBeyond(changes?.ordered?.cart ?? [], addUnits(cart, refundedParts))
}

function remember(entry: Entry, { id, key, restock, cart }: Op<'refund'>, units: Cart): void {
  if (key === undefined) return
  entry.refunds.set(key, { id, key, restock, ...(cart && { cart }) })
  entry.refundedParts = addUnits(entry.refundedParts, units)
}

function isSame(known: KeyedRefund, { cart, restock }: Op<'refund'>): boolean {
  if (known.restock !== restock) return false
  return known.cart && cart ? isSameCart(known.cart, cart) : known.cart === cart
}

function refunded({ reservation }: Entry, replayed: boolean): Answer<'refund'> {
  return { status: 'refunded', reservation, replayed }
}

/** Takes units back; if none are left, the order is refunded. */
function takeBack(state: PartitionState, entry: Entry, taken: Cart, op: Op<'refund'>): void {
  const { restock, key } = op
  const { id, cart, changes } = entry.reservation
  if (restock) state.stock.giveBack(entry.reservation, taken, 'confirmed')
  else state.stock.remove(entry.reservation, taken)
  if (restock) state.returns++
  const rest = unitsBeyond(cart, taken)
  const told = { type: 'refunded', id, restock, ...(key !== undefined && { key }) } as const
  const event = op.cart ? { ...told, part: taken } : told
  if (rest.length === 0) {
    state.change(entry, { state: 'refunded' })
    state.appendOf(entry, op.cart ? { ...event, isLast: true } : event)
  } else {
    const count = changes?.count ?? 0
    const ordered = changes?.ordered ?? { cart, count }
    const first = firstCart(entry.reservation)
    state.change(entry, { cart: rest, changes: { first, count: count + 1, ordered } })
    state.appendOf(entry, event)
  }
  if (restock) wereReturned(state, taken)
}
