import type { Answer, Moved, Op, RecordedReason, RefundReason } from '../../engine/engine.js'
import { longestHoldOf } from '../../engine/rules.js'
import type { Entry } from './entry.js'
import { type PartitionState, retry, type Step } from './partition-state.js'
import { borrowed } from './returns-to.js'
import { movedIn, movedOf } from './transferred-reservations.js'

export const notFound = { status: 'not_found' } as const

export function confirm(state: PartitionState, op: Op<'confirm'>, step: Step): Answer<'confirm'> {
  const { overdue, bypassFreeze } = step
  const moved = movedIn(state, op.id)
  if (moved) return paidBefore(state, op, moved, step)
  const entry = findOwn(state, op)
  if (!entry) return notFound
  const before = entry.further.get(op.paymentId ?? '')
  if (before) return refundDue(entry, before)
  const first = answerOf(entry)
  if (first) return op.paymentId === null ? first : paidAgain(state, entry, op, op.paymentId, first, step)
  if (entry.reservation.state !== 'held')
    return overdue ? retry : confirmEnded(state, entry, op, bypassFreeze)
  if (op.told) return notFound
  if (overdue) return retry
  state.confirm(entry, op.paymentId, op.expiresAt)
  return confirmed(entry, false)
}

/** A payment for a reservation that was transferred. A recovery restores what was told before. */
function paidBefore(
  state: PartitionState,
  { id, paymentId, told }: Op<'confirm'>,
  moved: Moved,
  { overdue, bypassFreeze }: Step,
): Answer<'confirm'> {
  const entry = state.find(id)!
  const before = entry.further.get(paymentId ?? '')
  if (before) return { ...moved, told: before }
  if (told && bypassFreeze && paymentId !== null) {
    if (overdue) return retry
    state.recordFurtherPayment(entry, told, paymentId)
  }
  return entry.earlier === null ? moved : { ...moved, earlier: entry.earlier }
}

/** The answer to the reservation's own payment, if there was one. */
function answerOf(entry: Entry): Answer<'confirm'> | undefined {
  const { state } = entry.reservation
  if (state === 'confirmed') return confirmed(entry, true)
  if (state === 'refunded') return refundDue(entry, 'refunded')
  return entry.refundDue ? refundDue(entry, entry.refundDue) : undefined
}

/** A payment for a reservation that has a payment. */
function paidAgain(
  state: PartitionState,
  entry: Entry,
  { told }: Op<'confirm'>,
  paymentId: string,
  first: Answer<'confirm'>,
  { overdue, bypassFreeze }: Step,
): Answer<'confirm'> {
  const own = entry.reservation.paymentId
  if (own === paymentId) return first
  if (own !== null && entry.earlier !== null && !told && !bypassFreeze)
    return { status: 'earlier', id: entry.earlier }
  if (overdue) return retry
  if (own === null && !told) {
    state.recordPaymentId(entry, paymentId)
    return answerOf(entry)!
  }
  const reason = told ?? entry.refundDue ?? 'duplicate_payment'
  state.recordFurtherPayment(entry, reason, paymentId)
  return refundDue(entry, reason)
}

/** The first payment for a hold that is over; its answer is final. */
function confirmEnded(
  state: PartitionState,
  entry: Entry,
  { paymentId, final, told }: Op<'confirm'>,
  bypassFreeze: boolean,
): Answer<'confirm'> {
  if (told === 'duplicate_payment') {
    if (paymentId !== null) state.recordFurtherPayment(entry, told, paymentId)
    return refundDue(entry, told)
  }
  const reason = told ?? whyNotAgain(state, entry, bypassFreeze)
  if (reason) return refused(state, entry, reason, paymentId)
  const { cart } = entry.reservation
  const sku = state.stock.lacking(cart)
  if (sku !== undefined && !final) return { status: 'lacking', sku, available: state.stock.of(sku).available }
  const taken = borrowed(state, cart)
  if (typeof taken === 'number') return refused(state, entry, 'sold_out', paymentId)
  state.confirmLate(entry, paymentId, taken)
  return confirmed(entry, false)
}

function refused(
  state: PartitionState,
  entry: Entry,
  reason: RecordedReason,
  paymentId: string | null,
): Answer<'confirm'> {
  state.recordRefundDue(entry, reason, paymentId)
  return refundDue(entry, reason)
}

function whyNotAgain(
  state: PartitionState,
  { reservation }: Entry,
  bypassFreeze: boolean,
): RecordedReason | undefined {
  if (reservation.state === 'released') return 'released'
  if (!bypassFreeze && state.saleState() === 'ended') return 'ended'
  return state.stock.overLimit(reservation, reservation.cart, bypassFreeze) ? 'limit_exceeded' : undefined
}

function confirmed({ reservation, late }: Entry, replayed: boolean): Answer<'confirm'> {
  return { status: 'confirmed', reservation, replayed, late }
}

function refundDue({ reservation }: Entry, reason: RefundReason): Answer<'confirm'> {
  return { status: 'refund_due', reservation, reason }
}

export function release(state: PartitionState, op: Op<'release'>, { overdue }: Step): Answer<'release'> {
  const entry = findOwn(state, op)
  if (!entry) return notFound
  const { reservation } = entry
  switch (reservation.state) {
    case 'transferred':
      return movedOf(entry.moved!)
    case 'released':
      return { status: 'released', reservation, replayed: true }
    case 'expired':
      return { status: 'expired', reservation }
    case 'confirmed':
    case 'refunded':
      return { status: 'already_confirmed', reservation }
    case 'held':
      if (overdue) return retry
      state.giveBack(entry, 'released', op.expiresAt)
      return { status: 'released', reservation: entry.reservation, replayed: false }
  }
}

export function extend(state: PartitionState, op: Op<'extend'>, step: Step): Answer<'extend'> {
  const entry = state.find(op.id)
  if (!entry) return notFound
  const { reservation } = entry
  switch (reservation.state) {
    case 'transferred':
      return movedOf(entry.moved!)
    case 'released':
      return { status: 'already_released', reservation }
    case 'expired':
      return { status: 'expired', reservation }
    case 'confirmed':
    case 'refunded':
      return { status: 'already_confirmed', reservation }
    case 'held':
      return extendHeld(state, entry, op, step)
  }
}

function extendHeld(state: PartitionState, entry: Entry, op: Op<'extend'>, step: Step): Answer<'extend'> {
  const { createdAt, expiresAt } = entry.reservation
  const longest = step.bypassFreeze ? longestHoldOf(state.rules) : state.rules.maxHoldMs
  const extended = Math.min(op.expiresAt ?? step.now + op.holdMs, createdAt + longest)
  if (extended > expiresAt) {
    if (step.overdue) return retry
    state.extend(entry, extended)
  }
  return { status: 'extended', reservation: entry.reservation }
}

/**
 * A reservation of another buyer counts as not found. One that was transferred is found by every
 * buyer: whose it is now, its new record knows.
 */
export function findOwn(state: PartitionState, op: { id: string; buyer: string | null }): Entry | undefined {
  const entry = state.find(op.id)
  return entry?.moved || op.buyer === null || op.buyer === entry?.reservation.buyer ? entry : undefined
}
