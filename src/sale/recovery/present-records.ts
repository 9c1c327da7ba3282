import pLimit from 'p-limit'
import type { CallOptions } from '../../batching/batcher-set.js'
import type { StoredReservation } from '../../engine/engine.js'
import type { Acknowledged } from '../acknowledged-reservations.js'
import { readAll } from '../fan-out.js'
import { eachReservation } from '../household.js'
import type { Parts } from '../partitions.js'
import { completeDepartures, type Departed, leaveAgain, wishOf } from './departures.js'
import type { Recover } from './recover.js'

const tuning = {
  /** How many reservations are looked at at a time. */
  atOnce: 64,
}

/**
 * The records that transfers made, as a recovery finds them. A loss can make several records of one
 * reservation: a partition forgets that a reservation has left, or two processes know one record
 * each. The buyer who got it last keeps it.
 */
export class PresentRecords {
  /** By the first id of the reservation. */
  readonly #latest = new Map<string, StoredReservation>()

  /** Returns which of two records gives way to the other one, if there are two. */
  note(record: StoredReservation): StoredReservation | undefined {
    const first = firstIdOf(record)
    const known = this.#latest.get(first)
    if (known?.id === record.id) return undefined
    const isLatest = !known || isLater(record, known)
    if (isLatest) this.#latest.set(first, record)
    return isLatest ? known : record
  }

  /** The latest record that is known of the same reservation. */
  of(record: StoredReservation): StoredReservation | undefined {
    return this.#latest.get(firstIdOf(record))
  }

  get all(): readonly StoredReservation[] {
    return [...this.#latest.values()]
  }
}

function firstIdOf({ id, origin }: StoredReservation): string {
  return origin?.id ?? id
}

function transfersOf({ origin }: StoredReservation): number {
  return origin?.transfers ?? 0
}

export function isLater(a: StoredReservation, b: StoredReservation): boolean {
  const [one, other] = [a.origin?.at ?? 0, b.origin?.at ?? 0]
  return one === other ? a.id > b.id : one > other
}

/** Whether the buyer of this record never gave it away, and has lost it to the later one. */
export function isOvertaken(record: StoredReservation, by: StoredReservation): boolean {
  return isLater(by, record) && transfersOf(record) >= transfersOf(by)
}

/** Whether a record has units. */
export function isActive({ state }: StoredReservation): boolean {
  return state === 'held' || state === 'confirmed'
}

/** What a record finds that is to be restored. */
export interface Way {
  /** Another buyer got the reservation later. */
  readonly isOvertaken?: true
  /** The record that has given way to it, if its buyer had not given it away. */
  readonly overtaken?: StoredReservation | undefined
  readonly departed?: Departed | undefined
}

/**
 * Before a record is restored: an earlier record of the same reservation gives way to it. If there
 * is a later one, it is stored as transferred to that.
 */
export async function makeWay(
  { reservation, earlier }: Acknowledged,
  present: PresentRecords,
  recover: Recover,
): Promise<Way> {
  const { id, origin } = reservation
  const known = present.of(reservation)?.id ?? origin?.id
  if (known === undefined || known === id) return {}
  const found = await recover('get', { id: known })
  if (found.status !== 'found' || found.reservation.id === id) return {}
  const there = found.reservation
  if (isOvertaken(reservation, there)) return { isOvertaken: true }
  if (!isLater(there, reservation)) {
    const isLoss = isActive(there) && isOvertaken(there, reservation)
    return { departed: await giveWay(there, reservation, recover), overtaken: isLoss ? there : undefined }
  }
  const wish = { ...wishOf({ id: there.id, receiver: there.buyer }), record: reservation, earlier }
  await recover('transfer', { id, wish })
  return {}
}

function giveWay(
  reservation: StoredReservation,
  { id, buyer: receiver }: StoredReservation,
  recover: Recover,
): Promise<Departed | undefined> {
  const movedTo = { id, receiver }
  return leaveAgain({ reservation, refundDue: null, restocked: false, movedTo }, recover)
}

/**
 * Makes one record of those that the sale has of one reservation.
 *
 * @returns The present records, and those that were overtaken.
 */
export async function uniteRecords(
  parts: Parts,
  recover: Recover,
  call: () => CallOptions,
): Promise<{ readonly present: PresentRecords; readonly overtaken: readonly StoredReservation[] }> {
  const present = new PresentRecords()
  const answers = await readAll(parts.count, (index) =>
    parts.ask(index, 'transfers', {}, call(), (answer) => answer),
  )
  const others: StoredReservation[] = []
  const note = (record: StoredReservation) => {
    const other = present.note(record)
    if (other) others.push(other)
  }
  const indices = answers.flatMap(({ hasArrived }, index) => (hasArrived ? [index] : []))
  await eachReservation(parts, indices, call, async (one) => {
    if (one.origin && one.state !== 'transferred') note(one)
  })
  const limit = pLimit(tuning.atOnce)
  await limit.map(present.all, async (one) => {
    const found = await recover('get', { id: one.origin!.id })
    if (found.status === 'found') note(found.reservation)
  })
  const overtaken = await limit.map(others, async (one) => {
    const latest = present.of(one)!
    const departed = await giveWay(one, latest, recover)
    if (departed) await completeDepartures([departed], recover, 1)
    return isActive(one) && isOvertaken(one, latest) ? [one] : []
  })
  return { present, overtaken: overtaken.flat() }
}
