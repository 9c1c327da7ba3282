import type { Item, Reservation } from '../../src/sale/results.js'
import type { Answer, Call } from './call.js'
import { latestOf, overLimitOf, refusalOf } from './limits.js'
import { takenLate, withReturned } from './returns.js'
import { hasHouseholds } from './rules.js'
import {
  changed,
  isActive,
  type Known,
  latest,
  type Sale,
  stateAt,
  summed,
  unitsIn,
  whereNow,
  withKnown,
} from './sale.js'

/** What a call answers, and the sale behind it: the very same object if nothing changed. */
export interface Result {
  readonly answer: Answer
  readonly after: Sale
}

export type CallOf<D extends Call['do']> = Extract<Call, { do: D }>

export const notFound = { status: 'not_found' }

export function reserve(
  sale: Sale,
  call: CallOf<'reserve'>,
  now: number,
  request: object,
  fresh: string,
): Result {
  const answered = (answer: Answer): Result => ({ answer, after: sale })
  const { buyer } = call
  if (call.items.some(({ sku }) => !sale.present.limits.has(sku)))
    return answered({ status: 'threw', code: 'INVALID_ARGUMENT' })
  const items = summed(call.items, [...sale.present.limits.keys()])
  const { household = null } = call
  if ((household !== null) !== hasHouseholds(sale.rules))
    return answered({ status: 'threw', code: 'INVALID_ARGUMENT' })
  if (household === null) return reserveBound(sale, call, items, now, request, fresh)
  const bound = sale.households.get(buyer)
  if (bound === undefined) {
    const households = new Map(sale.households).set(buyer, household)
    return reserveBound(changed(sale, now, { households }), call, items, now, request, fresh)
  }
  if (bound !== household) return answered({ status: 'household_conflict', household: bound })
  return reserveBound(sale, call, items, now, request, fresh)
}

/** The request of a buyer whose household is known, if the sale needs one. */
function reserveBound(
  sale: Sale,
  call: CallOf<'reserve'>,
  items: readonly Item[],
  now: number,
  request: object,
  fresh: string,
): Result {
  const answered = (answer: Answer): Result => ({ answer, after: sale })
  const { buyer, household, key } = call
  const all = [...sale.known.values()]
  const own = all.find(({ by }) => by === request)
  if (own && !own.movedTo)
    return answered({ status: 'reserved', reservation: latest(own, now), replayed: false })
  const ofKey = all.find(({ reservation: r }) => key !== null && r.buyer === buyer && r.key === key)
  const earlier = own ?? ofKey
  if (earlier) {
    const { id } = earlier.reservation
    if (JSON.stringify(earlier.first) !== JSON.stringify(items))
      return answered({ status: 'threw', code: 'IDEMPOTENCY_CONFLICT', reservations: [id] })
    const reservation = latest(whereNow(sale, id)!, now)
    return answered(
      isActive(reservation)
        ? { status: 'reserved', reservation, replayed: true }
        : { status: 'key_spent', reservation },
    )
  }
  if ((call.holdMs ?? 0) > sale.present.maxHoldMs)
    return answered({ status: 'threw', code: 'INVALID_ARGUMENT' })
  const state = stateAt(sale, now)
  if (state === 'not_started') return answered({ status: state, opensAt: sale.present.opensAt })
  if (state !== 'open') return answered({ status: state })
  const closed = outsideTimes(sale, items, now)
  if (closed) return answered(closed)
  const refusal = refusalOf(sale, { buyer, household }, items, now)
  if (refusal) return answered(refusal)
  const expiresAt = now + (call.holdMs ?? sale.present.holdMs)
  const id = sale.known.has(fresh) ? `another than ${fresh}` : fresh
  const reservation: Reservation = {
    ...{ id, buyer, items, state: 'held', key, createdAt: now, expiresAt },
    ...(household !== undefined && { household }),
  }
  const nothing = { late: false, due: null, further: new Map(), refunds: new Map() }
  const known: Known = { reservation, first: items, by: request, ...nothing }
  return {
    answer: { status: 'reserved', reservation, replayed: false },
    after: withKnown(sale, now, id, known),
  }
}

export function amend(sale: Sale, call: CallOf<'amend'>, now: number): Result {
  const answered = (answer: Answer): Result => ({ answer, after: sale })
  const known = findOwn(sale, call)
  if (!known) return answered(notFound)
  const reservation = latest(known, now)
  const { state, items: before } = reservation
  if (state === 'expired')
    return { answer: { status: state, reservation }, after: expiredIn(sale, known, now) }
  if (state === 'released') return answered({ status: 'already_released', reservation })
  if (state !== 'held') return answered({ status: 'already_confirmed', reservation })
  const items = summed(call.items, [...sale.present.limits.keys()])
  if (JSON.stringify(items) === JSON.stringify(before)) return answered({ status: 'amended', reservation })
  if (items.some(({ sku, quantity }) => quantity > unitsIn(before, sku))) {
    const is = stateAt(sale, now)
    if (is === 'not_started') return answered({ status: is, opensAt: sale.present.opensAt })
    if (is !== 'open') return answered({ status: is })
    const added = items.filter(({ sku, quantity }) => quantity > unitsIn(before, sku))
    const closed = outsideTimes(sale, added, now)
    if (closed) return answered(closed)
    const refusal = refusalOf(sale, reservation, items, now, reservation)
    if (refusal) return answered(refusal)
  }
  const amended = { ...reservation, items }
  const dropped = before.map(({ sku, quantity }) => ({ sku, quantity: quantity - unitsIn(items, sku) }))
  const after = withKnown(sale, now, reservation.id, { ...known, reservation: amended })
  return {
    answer: { status: 'amended', reservation: amended },
    after: withReturned(
      after,
      dropped.filter(({ quantity }) => quantity > 0),
      now,
    ),
  }
}

export function confirm(sale: Sale, call: CallOf<'confirm'>, now: number): Result {
  const known = findOwn(sale, call)
  if (!known) return { answer: notFound, after: sale }
  const reservation = latest(known, now)
  if (reservation.state === 'confirmed' || reservation.state === 'refunded' || known.due !== null)
    return paidBefore(sale, known, call.paymentId, now)
  const taken = reservation.state === 'held' ? [] : takenLate(sale, reservation.items, now)
  const reason =
    reservation.state === 'held' ? undefined : whyNotAgain(sale, reservation, now, taken !== undefined)
  const paid = call.paymentId === null ? {} : { paymentId: call.paymentId }
  if (reason) {
    const after = { ...known, reservation: { ...reservation, ...paid }, due: reason }
    return {
      answer: { status: 'refund_due', reservation: after.reservation, reason },
      after: withKnown(sale, now, reservation.id, after),
    }
  }
  const late = reservation.state === 'expired'
  const confirmed: Reservation = { ...reservation, ...paid, state: 'confirmed' }
  const after = withKnown(sale, now, reservation.id, { ...known, reservation: confirmed, late })
  const totals = new Map(sale.totals)
  for (const { from, to, units } of taken ?? [])
    totals.set(from, totals.get(from)! - units).set(to, totals.get(to)! + units)
  return {
    answer: { status: 'confirmed', reservation: confirmed, replayed: false, late },
    after: { ...after, totals },
  }
}

/** A payment for a reservation that has one. */
function paidBefore(sale: Sale, known: Known, payment: string | null, now: number): Result {
  const { reservation, due, further } = known
  const own = reservation.paymentId
  if (payment === null || payment === own) return { answer: ownAnswer(known, reservation), after: sale }
  const told = further.get(payment)
  if (told !== undefined) return { answer: { status: 'refund_due', reservation, reason: told }, after: sale }
  if (own === undefined) {
    const named = { ...known, reservation: { ...reservation, paymentId: payment } }
    return {
      answer: ownAnswer(named, named.reservation),
      after: withKnown(sale, now, reservation.id, named),
    }
  }
  const reason = due ?? 'duplicate_payment'
  const after = { ...known, further: new Map(further).set(payment, reason) }
  return {
    answer: { status: 'refund_due', reservation, reason },
    after: withKnown(sale, now, reservation.id, after),
  }
}

function ownAnswer({ late, due }: Known, reservation: Reservation): Answer {
  if (reservation.state === 'confirmed') return { status: 'confirmed', reservation, replayed: true, late }
  return { status: 'refund_due', reservation, reason: due ?? 'refunded' }
}

export function release(sale: Sale, call: CallOf<'release'>, now: number): Result {
  const known = findOwn(sale, call)
  if (!known) return { answer: notFound, after: sale }
  const reservation = latest(known, now)
  const { state } = reservation
  if (state === 'expired')
    return { answer: { status: state, reservation }, after: expiredIn(sale, known, now) }
  if (state === 'released') return { answer: { status: state, reservation, replayed: true }, after: sale }
  if (state !== 'held') return { answer: { status: 'already_confirmed', reservation }, after: sale }
  const released: Reservation = { ...reservation, state: 'released' }
  const after = withKnown(sale, now, reservation.id, { ...known, reservation: released })
  return {
    answer: { status: 'released', reservation: released, replayed: false },
    after: withReturned(after, reservation.items, now),
  }
}

export function extend(sale: Sale, call: CallOf<'extend'>, now: number): Result {
  const known = whereNow(sale, call.id)
  if (!known) return { answer: notFound, after: sale }
  const reservation = latest(known, now)
  const { id, state, createdAt, expiresAt } = reservation
  if (state === 'expired')
    return { answer: { status: state, reservation }, after: expiredIn(sale, known, now) }
  if (state !== 'held') {
    const status = state === 'released' ? 'already_released' : 'already_confirmed'
    return { answer: { status, reservation }, after: sale }
  }
  const wanted = Math.min(now + call.holdMs, createdAt + sale.present.maxHoldMs)
  if (wanted <= expiresAt) return { answer: { status: 'extended', reservation }, after: sale }
  const extended = { ...reservation, expiresAt: wanted }
  return {
    answer: { status: 'extended', reservation: extended },
    after: withKnown(sale, now, id, { ...known, reservation: extended }),
  }
}

export function refund(sale: Sale, call: CallOf<'refund'>, now: number): Result {
  const known = whereNow(sale, call.id)
  if (!known) return { answer: notFound, after: sale }
  const { restock, key } = call
  const part = call.items && summed(call.items, [...sale.present.limits.keys()])
  const asked = JSON.stringify([restock, part])
  const reservation = latest(known, now)
  const replayed = { answer: { status: 'refunded', reservation, replayed: true }, after: sale }
  const before = key === undefined ? undefined : known.refunds.get(key)
  if (before === asked) return replayed
  if (before) return { answer: { status: 'threw', code: 'IDEMPOTENCY_CONFLICT' }, after: sale }
  const { state, items } = reservation
  if (state !== 'confirmed' && state !== 'refunded')
    return { answer: { status: 'not_confirmed', reservation }, after: expiredIn(sale, known, now) }
  const left = state === 'refunded' ? [] : items
  const taken = part ?? left
  if (taken.some(({ sku, quantity }) => quantity > unitsIn(left, sku)))
    return { answer: { status: 'exceeds_order', reservation }, after: sale }
  if (state === 'refunded') return replayed
  const rest = left
    .map(({ sku, quantity }) => ({ sku, quantity: quantity - unitsIn(taken, sku) }))
    .filter(({ quantity }) => quantity > 0)
  const refunded: Reservation =
    rest.length > 0 ? { ...reservation, items: rest } : { ...reservation, state: 'refunded' }
  const refunds = key === undefined ? known.refunds : new Map(known.refunds).set(key, asked)
  const after = withKnown(sale, now, reservation.id, { ...known, reservation: refunded, refunds })
  const totals = new Map(sale.totals)
  if (!restock) for (const { sku, quantity } of taken) totals.set(sku, totals.get(sku)! - quantity)
  return {
    answer: { status: 'refunded', reservation: refunded, replayed: false },
    after: restock ? withReturned(after, taken, now) : { ...after, totals },
  }
}

/** A hold that a change has looked at and found expired stays so. */
export function expiredIn(sale: Sale, { reservation }: Known, now: number): Sale {
  return reservation.state === 'held' && now >= reservation.expiresAt && now > sale.now
    ? changed(sale, now, {})
    : sale
}

function findOwn(sale: Sale, { id, buyer }: { id: string; buyer: string | null }): Known | undefined {
  const known = whereNow(sale, id)
  return buyer === null || known?.reservation.buyer === buyer ? known : undefined
}

function whyNotAgain(
  sale: Sale,
  reservation: Reservation,
  now: number,
  areThere: boolean,
): string | undefined {
  const { state, items } = reservation
  if (state === 'released') return 'released'
  if (stateAt(sale, now) === 'ended') return 'ended'
  return overLimitOf(sale, reservation, items, now)?.status ?? (areThere ? undefined : 'sold_out')
}

/** The first SKU that is outside its own times. */
function outsideTimes(sale: Sale, items: readonly Item[], now: number): Answer | undefined {
  for (const { sku } of items) {
    const { opensAt = null, closesAt = null } = sale.present.own.get(sku) ?? {}
    if (closesAt !== null && now >= closesAt) return { status: 'ended', sku }
    if (opensAt !== null && now < opensAt) return { status: 'not_started', sku, opensAt }
  }
  return undefined
}

export function list(sale: Sale, { buyer, id, limit }: CallOf<'list'>, now: number): Answer {
  const all = latestOf(sale, buyer, now)
  const at = id === null ? -1 : all.findIndex((one) => one.id === id)
  if (id !== null && at < 0) return { status: 'threw', code: 'INVALID_ARGUMENT' }
  return { status: 'listed', page: all.slice(at + 1, at + 1 + limit) }
}
