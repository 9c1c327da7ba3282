import { isSameCart, unitsBeyond } from '../../engine/carts.js'
import type { Answer, Op, StoredReservation } from '../../engine/engine.js'
import { findOwn, notFound } from './confirm-and-release.js'
import type { Entry } from './entry.js'
import { type PartitionState, retry, type Step } from './partition-state.js'
import { closed, limitExceeded, whatIsLeft } from './reserve.js'
import { movedIn } from './transferred-reservations.js'

export function amend(state: PartitionState, op: Op<'amend'>, step: Step): Answer<'amend'> {
  const moved = movedIn(state, op.id)
  if (moved) return moved
  const entry = findOwn(state, op)
  if (!entry) return notFound
  const { reservation } = entry
  const timesChanged = reservation.changes?.count ?? 0
  if (op.count !== null && timesChanged >= op.count) return { status: 'amended', reservation }
  const over = statusOfEnded(reservation.state)
  if (over && (op.count === null || over === 'already_confirmed')) return { status: over, reservation }
  if (op.count === null && isSameCart(op.cart, reservation.cart)) return { status: 'amended', reservation }
  if (step.overdue || !state.stock.knows(op.cart)) return retry
  const refusal = over ? undefined : whyNot(state, entry, op, step)
  if (refusal) return refusal
  state.amend(entry, op.cart, op.count ?? timesChanged + 1)
  return { status: 'amended', reservation: entry.reservation }
}

function statusOfEnded(
  state: StoredReservation['state'],
): 'expired' | 'already_released' | 'already_confirmed' | undefined {
  switch (state) {
    case 'held':
      return undefined
    case 'expired':
      return 'expired'
    case 'released':
      return 'already_released'
    default:
      return 'already_confirmed'
  }
}

/** Why the units that the cart has beyond the present one cannot be had. */
function whyNot(
  state: PartitionState,
  { reservation }: Entry,
  { cart, mayTake }: Op<'amend'>,
  { bypassFreeze }: Step,
): Answer<'amend'> | undefined {
  const wants = unitsBeyond(cart, reservation.cart)
  if (wants.length === 0) return undefined
  if (!mayTake && wants.some(([sku]) => !state.rules.skus[sku]!.always))
    return { status: 'takes', reservation }
  const refusal = bypassFreeze ? undefined : closed(state, wants)
  if (refusal) return refusal
  const over = state.stock.overLimit(reservation, cart, bypassFreeze, reservation.cart)
  if (over) return limitExceeded(state, reservation.buyer, cart, over, reservation)
  const sku = state.stock.lacking(wants)
  if (sku === undefined) return undefined
  return { status: 'sold_out', sku, ...whatIsLeft(state, sku), wants }
}
