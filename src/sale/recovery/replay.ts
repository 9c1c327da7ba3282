import { createHash } from 'node:crypto'
import { chunksOf } from '../../common/chunks.js'
import { addUnits, commonUnits, isSameCart } from '../../engine/carts.js'
import type { Cart, KeyedRefund, MoveOp, RefundReason, StoredReservation } from '../../engine/engine.js'
import type { Acknowledged } from '../acknowledged-reservations.js'
import type {
  AcknowledgedCount,
  AcknowledgedPayment,
  AcknowledgedRestock,
  AcknowledgedState,
} from '../acknowledgement-cache.js'
import { completeDepartures, type Departed, leaveAgain } from './departures.js'
import { makeWay, type PresentRecords } from './present-records.js'
import type { Recover } from './recover.js'

const tuning = {
  /**
   * How many reservations are replayed at a time, by attempt. A reservation that is `over` needs
   * its units briefly, and there may be too few for many at once.
   */
  atOnce: [1_000, 125, 15, 1],
}

/** A record of acknowledged changes: a handle has its own, a ledger has all. */
export interface RecoverySource {
  readonly restocks: readonly AcknowledgedRestock[]
  /** In the order in which they were made; `atMost` is what was moved. */
  readonly moves: readonly MoveOp[]
  readonly counts: readonly AcknowledgedCount[]
  readonly state: 'open' | 'paused' | 'ended'
  /**
   * The reservations of a kind, in batches: confirmed, `held` at this time, or `over` (all others).
   * Confirmed ones of which parts were refunded are `reduced`.
   *
   * @param now The server's time.
   */
  reservations(kind: AcknowledgedState, now: number): AsyncIterable<readonly Acknowledged[]>
  /** The payments beside the reservations' own that were told `refund_due`, in batches. */
  furtherPayments(): AsyncIterable<readonly AcknowledgedPayment[]>
}

export interface NotRestored {
  readonly acknowledged: Acknowledged
  /**
   * `replaced`: the buyer has made another reservation with the same key since. `expired`: its
   * extension was lost, and the hold has expired. `transferred`: the reservation was transferred to
   * this buyer, and since the loss to another one, by a process that knew nothing of that.
   */
  readonly reason: 'sold_out' | 'limit_exceeded' | 'replaced' | 'expired' | 'transferred'
}

/**
 * Replays acknowledged changes into a frozen sale: it repeats the same requests with the same ids.
 * A reservation that survived answers with its state, so the replay can be repeated, also by
 * several processes one after another.
 *
 * Reservations that are `over`, or were transferred, come first: they return their units at once,
 * and later requests with their keys and payments must find them. Orders of which parts were
 * refunded come next: what survived of them may be older, and have units that others got since.
 * Confirmed reservations come before held ones, in case there are too few units for all. Further
 * payments follow their reservations. Negative restocks come last: they removed units that were
 * left over. So do stock counts that took units out: they shift the total by what they found, in
 * any order.
 *
 * @param present The records that the sale has of reservations that were transferred.
 * @param now The server's time where a reservation is, by its id.
 * @param holdMs For how long the units are held of a reservation that the replay confirms or
 *   releases next: it must not expire before that, however slow the server is.
 */
export async function replay(
  testimonies: readonly RecoverySource[],
  present: PresentRecords,
  recover: Recover,
  now: (id?: string) => number,
  holdMs: number,
): Promise<{ restored: number; refused: NotRestored[] }> {
  const restocks = testimonies.flatMap((testimony) => testimony.restocks)
  const counts = testimonies.flatMap((testimony) => testimony.counts)
  for (const restock of restocks) if (restock.op.quantity > 0) await recover('restock', restock.op)
  for (const count of counts) if (count.counted.change >= 0) await recover('setTotal', count)
  for (const { moves } of testimonies) for (const move of moves) await recover('move', move)
  const restored = new Set<string>()
  const refused = new Map<string, NotRestored>()
  /** Those that were `over` and found no units: they are refused if a payment was told of them. */
  const unplaced = new Map<string, NotRestored>()
  const departed: Departed[] = []
  const restore = async (one: Acknowledged): Promise<Refusal | undefined> => {
    const { reservation } = one
    if (reservation.state === 'transferred') {
      const left = await leaveAgain(one, recover)
      if (left) departed.push(left)
      return undefined
    }
    const { isOvertaken, overtaken, departed: left } = await makeWay(one, present, recover)
    if (left) departed.push(left)
    if (overtaken) {
      const acknowledged = { reservation: overtaken, refundDue: null, restocked: false }
      refused.set(overtaken.id, { acknowledged, reason: 'transferred' })
    }
    if (isOvertaken) return { reason: 'transferred', isOver: isOverAt(reservation, now(reservation.id)) }
    const refusal = await putBack(one, recover, now, holdMs)
    if (!refusal && reservation.origin) present.note(reservation)
    return refusal
  }
  const attempt = async (some: readonly Acknowledged[]): Promise<Acknowledged[]> => {
    const refusals = await Promise.all(some.map(restore))
    return some.filter((acknowledged, i) => {
      const { id } = acknowledged.reservation
      const refusal = refusals[i]
      if (refusal === undefined) {
        restored.add(id)
        refused.delete(id)
        return false
      }
      const { reason, isOver } = refusal
      const isOwed = isToldOfMoney(acknowledged)
      if (isOver && (isOwed || !unplaced.has(id))) unplaced.set(id, { acknowledged, reason })
      if (!isOver || isOwed) refused.set(id, { acknowledged, reason })
      return isOver
    })
  }
  // One time for all kinds: else a hold that expires in between would be of no kind.
  const at = now()
  for (const kind of ['over', 'reduced', 'confirmed', 'held'] as const) {
    for (const testimony of testimonies) {
      for await (const batch of testimony.reservations(kind, at)) {
        let rest = batch
        for (const size of tuning.atOnce) {
          const again: Acknowledged[] = []
          for (const some of chunksOf(rest, size)) again.push(...(await attempt(some)))
          // If none of them found units, smaller batches will not either.
          if (again.length === 0 || again.length === rest.length) break
          rest = again
        }
      }
    }
  }
  // Another source may have put it back since, and knew nothing of the money.
  const owed = [...unplaced.values()].map(({ acknowledged }) => acknowledged).filter(isToldOfMoney)
  for (const some of chunksOf(owed, tuning.atOnce[0]!)) await attempt(some)
  await completeDepartures(departed, recover, tuning.atOnce[0]!)
  for (const testimony of testimonies) {
    for await (const batch of testimony.furtherPayments()) {
      for (const some of chunksOf(batch, tuning.atOnce[0]!)) {
        const found = await Promise.all(some.map((payment) => tellAgain(payment, recover)))
        for (const [i, { id }] of some.entries()) {
          const left = unplaced.get(id)
          if (!found[i] && left) refused.set(id, left)
        }
      }
    }
  }
  for (const count of counts) if (count.counted.change < 0) await recover('setTotal', count)
  for (const restock of restocks) if (restock.op.quantity < 0) await takeOut(restock, recover)
  if (testimonies.some(({ state }) => state === 'paused')) await recover('control', { action: 'pause' })
  if (testimonies.some(({ state }) => state === 'ended')) await recover('control', { action: 'end' })
  for (const id of refused.keys()) restored.delete(id)
  return { restored: restored.size, refused: [...refused.values()] }
}

/**
 * More units may be available now than before the loss, so the restock may remove more: the
 * difference is added again, under a key of its own.
 */
async function takeOut({ op, applied }: AcknowledgedRestock, recover: Recover): Promise<void> {
  const again = await recover('restock', op)
  if (again.status !== 'restocked' || again.applied >= applied) return
  const key = `restored:${createHash('sha256').update(op.key).digest('base64url')}`
  await recover('restock', { sku: op.sku, quantity: applied - again.applied, key, final: true })
}

/** `told`: whatever became of the reservation, this payment is never confirmed. */
async function tellAgain(payment: AcknowledgedPayment, recover: Recover): Promise<boolean> {
  const { id, laterId, paymentId, reason } = payment
  const op = { id, buyer: null, paymentId, final: true, told: reason }
  const answer = await recover('confirm', op)
  if (answer.status === 'moved') await linkBack(id, recover)
  if (answer.status !== 'not_found') return true
  // No source may know the record that it had then.
  return laterId !== undefined && (await recover('confirm', { ...op, id: laterId })).status !== 'not_found'
}

/** Has the present record ask the old one for payments: a transfer after the loss knew of none. */
async function linkBack(earlier: string, recover: Recover): Promise<void> {
  const found = await recover('get', { id: earlier })
  if (found.status !== 'found') return
  const { id, buyer, household, cart, key, changes, createdAt } = found.reservation
  // If it is lost meanwhile, what is made in its place is over.
  const times = { holdMs: null, createdAt, expiresAt: createdAt - 1 }
  await recover('reserve', { id, buyer, household, cart, key, ...times, changes, earlier })
}

/** A payment was answered that it must be given back, or was given back. */
function isToldOfMoney({ reservation: { state }, refundDue }: Acknowledged): boolean {
  return refundDue !== null || state === 'refunded'
}

/** Why a reservation was not restored. */
interface Refusal {
  readonly reason: NotRestored['reason']
  /** It did not find the units that it needs only briefly. */
  readonly isOver: boolean
}

function isOverAt({ state, expiresAt }: StoredReservation, now: number): boolean {
  return state === 'held' ? now >= expiresAt : state !== 'confirmed'
}

/** When a hold that is over expired, by a clock that may be behind: not when it was made. */
function overBefore(now: number, { createdAt, expiresAt }: StoredReservation): number {
  const over = Math.min(expiresAt, Math.floor(now))
  return over === createdAt ? over - 1 : over
}

/** @returns Why the reservation was not restored, if so. */
async function putBack(
  acknowledged: Acknowledged,
  recover: Recover,
  now: (id: string) => number,
  holdMs: number,
): Promise<Refusal | undefined> {
  const { reservation, refundDue, restocked, earlier, refunds = [] } = acknowledged
  const { buyer, household, key, state, createdAt, expiresAt, paymentId, cart, changes, origin } = reservation
  let { id } = reservation
  const isHeld = state === 'held' && now(id) < expiresAt
  const isOver = isOverAt(reservation, now(id))
  const hasLapsed = refundDue !== 'released' && (state === 'expired' || (state === 'held' && !isHeld))
  // What is confirmed or released next must not expire before, and has its own time afterwards.
  const until = isHeld
    ? { holdMs: null, expiresAt }
    : hasLapsed
      ? { holdMs: null, expiresAt: overBefore(now(id), reservation) }
      : { holdMs }
  const make = { id, buyer, household, key, createdAt, ...until, changes, earlier, origin }
  const withRemoved = cartWithRemoved(reservation, refunds)
  let held = await recover('reserve', { ...make, cart: withRemoved })
  // Better an order whose removed units stay on sale than none.
  if ((held.status === 'sold_out' || held.status === 'limit_exceeded') && !isSameCart(withRemoved, cart))
    held = await recover('reserve', { ...make, cart })
  // A process that knew less, or later, has transferred it: what this source knows is so there.
  if (held.status === 'moved' && held.id === id) {
    const found = await recover('get', { id })
    if (found.status !== 'found') return undefined
    held = { status: 'reserved', reservation: found.reservation, replayed: true }
    id = found.reservation.id
  }
  if (held.status === 'sold_out' || held.status === 'limit_exceeded') return { reason: held.status, isOver }
  if (held.status !== 'reserved' || held.reservation.id !== id) return { reason: 'replaced', isOver: false }
  const isReleased = state === 'released' || (refundDue && state !== 'refunded')
  if (isReleased) await recover('release', { id, buyer: null, expiresAt })
  // The surviving reservation may be older than the change of its cart.
  const refusal = await changeCart(asOrdered(reservation), held.reservation, recover)
  if (refusal) return { reason: refusal, isOver }
  if (refundDue && state !== 'refunded') {
    const op = { id, buyer: null, paymentId, final: true, told: refundDue }
    const settled = await recover('confirm', op)
    // The payment came again between the loss and its detection, and was confirmed. Its units are
    // returned, and the refund stays due.
    if (settled.status === 'confirmed') await recover('refund', { id, restock: true })
  } else if (state === 'confirmed' || state === 'refunded') {
    const settled = await recover('confirm', { id, buyer: null, paymentId, final: true, expiresAt })
    // With another payment as its own the order stands; the payer is told by an event.
    const { reason } = settled as { reason?: RefundReason }
    if (reason && reason !== 'refunded' && reason !== 'duplicate_payment') {
      return { reason: reason === 'limit_exceeded' ? reason : 'sold_out', isOver: false }
    }
    for (const refund of refunds) await recover('refund', refund)
    if (state === 'refunded') await recover('refund', { id, restock: restocked })
  } else if (isHeld) {
    // The surviving reservation may be older than its extension.
    if (held.reservation.state === 'expired') return { reason: 'expired', isOver: false }
    if (held.reservation.expiresAt >= expiresAt) return undefined
    const extended = await recover('extend', { id, holdMs: 0, expiresAt })
    if (extended.status === 'expired') return { reason: 'expired', isOver: false }
  }
  return undefined
}

/**
 * The cart of an order that is made again, if parts of it were refunded: without the units that
 * other buyers may have now. The units that left the sale are taken once more, to leave it again.
 */
function cartWithRemoved({ cart, changes }: StoredReservation, refunds: Iterable<KeyedRefund>): Cart {
  if (!changes?.ordered) return cart
  const removed = [...refunds].filter(({ restock }) => !restock).map((refund) => refund.cart ?? [])
  return commonUnits(removed.reduce(addUnits, cart), changes.ordered.cart)
}

/** The reservation before parts of it were refunded. */
function asOrdered(reservation: StoredReservation): StoredReservation {
  const { changes } = reservation
  if (!changes?.ordered) return reservation
  const { cart, count } = changes.ordered
  return { ...reservation, cart, changes: count === 0 ? undefined : { first: changes.first, count } }
}

/**
 * Changes the cart of a reservation that survived to the acknowledged one, unless it was changed as
 * often or more. Returns why it could not, if so.
 */
async function changeCart(
  { id, cart, changes }: StoredReservation,
  present: StoredReservation,
  recover: Recover,
): Promise<'sold_out' | 'limit_exceeded' | undefined> {
  if (!changes || changes.count <= (present.changes?.count ?? 0)) return undefined
  const op = { id, buyer: null, cart, mayTake: true, count: changes.count }
  const { status } = await recover('amend', op)
  return status === 'sold_out' || status === 'limit_exceeded' ? status : undefined
}
