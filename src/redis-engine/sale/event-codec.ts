import type { ChangedCart, StoredEvent, StoredReservation } from '../../engine/engine.js'
import { makeId, PART_LENGTH } from '../../engine/reservation-id.js'
import { Reader } from '../msgpack.js'
import {
  type Details,
  nextNumber,
  PART_BYTES,
  readCart,
  readRecord,
  reasonOfCode,
  type SaleCodec,
  stateOfCode,
  writeColumn,
} from './record-codec.js'

/** By the types of `concerns/stored_values.lua`. */
const typeOfCode: Readonly<Record<number, StoredEvent['type']>> = {
  1: 'reserved',
  2: 'confirmed',
  3: 'released',
  4: 'expired',
  5: 'refunded',
  6: 'extended',
  7: 'refund_due',
  8: 'restocked',
  9: 'sold_out',
  10: 'paused',
  11: 'resumed',
  12: 'ended',
  13: 'sent',
  14: 'received',
  15: 'amended',
  20: 'updated',
  21: 'total_set',
  22: 'moved',
  23: 'debt_taken',
  24: 'paid',
  25: 'redirected',
  30: 'withheld',
  31: 'counted',
  40: 'departed',
  41: 'transferred',
  42: 'settled',
  50: 'bound',
}
/** A further payment is `refund_due`: its subject is packed. */
const REFUND_DUE_FURTHER = 17
/** A refund with a key is `refunded`: its subject is packed. */
const REFUNDED_BY_KEY = 16
const IS_LAST = 2

/** Pages of events, with the reservations they name. */
export const eventsCodec: SaleCodec<'events'> = {
  encode(ops, to) {
    writeColumn(ops, to, (op) => op.after)
    writeColumn(ops, to, (op) => (op.reservations ? 1 : 0))
  },
  decode: (ops, from) =>
    ops.map((op) => {
      const entries = from.next() as Buffer[]
      const since = nextNumber(from)
      const index = op.reservations ? new ReservationIndex(from) : undefined
      const { events, reservations } = decodeEvents(entries, from.partition, op.after, index)
      return { status: 'events', events, generation: from.generation, since, reservations }
    }),
}

/** A reservation of a bucket, and the one before it there: nearly every bucket has one. */
interface Stored {
  readonly reservation: StoredReservation
  readonly before: Stored | undefined
  isListed: boolean
}

/** The content of the events' buckets, and the reservations of these buckets in the archive. */
class ReservationIndex {
  /** Digits of all buckets, in the order in which the events first name them. */
  readonly #buckets: string
  /** By the index of the bucket. */
  readonly #latest: (Stored | undefined)[] = []
  #indices: Map<string, number> | undefined
  /** The index that was not asked for yet: mostly that of the next event. */
  #next = 0

  constructor(from: Details) {
    this.#buckets = (from.next() as Buffer).toString('base64url')
    const packed = new Reader(from.next() as Buffer)
    for (let index = 0; index * PART_LENGTH < this.#buckets.length; index++)
      this.#add(index, packed, packed.enter(), from)
    const archived = from.next() as Buffer[]
    for (let i = 0; i < archived.length; i += 2) {
      const index = this.#indexOf(archived[i]!.toString('base64url', 0, PART_BYTES))
      const record = archived[i + 1]!
      if (index !== undefined) this.#add(index, new Reader(record), record.length, from)
    }
  }

  find(bucket: string, nonce: string): Stored | undefined {
    const isNext = this.#buckets.startsWith(bucket, this.#next * PART_LENGTH)
    const index = isNext ? this.#next++ : this.#indexOf(bucket)
    let one = index === undefined ? undefined : this.#latest[index]
    while (one && !one.reservation.id.endsWith(nonce)) one = one.before
    return one
  }

  #add(index: number, records: Reader, end: number, from: Details): void {
    const id = makeId(from.partition, this.#bucketAt(index), '')
    let latest = this.#latest[index]
    while (records.at < end)
      latest = { reservation: readRecord(records, id, from), before: latest, isListed: false }
    this.#latest[index] = latest
  }

  #bucketAt(index: number): string {
    return this.#buckets.slice(index * PART_LENGTH, (index + 1) * PART_LENGTH)
  }

  #indexOf(bucket: string): number | undefined {
    this.#indices ??= new Map(this.#latest.map((_, index) => [this.#bucketAt(index), index]))
    return this.#indices.get(bucket)
  }
}

/**
 * Decodes stream entries: first sequence, packed groups, first sequence, packed groups, ... An
 * event takes its id from the reservation, so that a lookup by id needs no string comparison.
 */
function decodeEvents(
  entries: readonly Buffer[],
  partition: number,
  after: number,
  index: ReservationIndex | undefined,
): { events: StoredEvent[]; reservations: StoredReservation[] } {
  const events: StoredEvent[] = []
  const reservations: StoredReservation[] = []
  const name = (bucket: string, nonce: string, isAsked: boolean): string => {
    const found = index?.find(bucket, nonce)
    if (found && isAsked && !found.isListed) {
      found.isListed = true
      reservations.push(found.reservation)
    }
    return found?.reservation.id ?? makeId(partition, bucket, nonce)
  }
  for (let i = 0; i < entries.length; i += 2) {
    let sequence = Number(entries[i])
    const groups = new Reader(entries[i + 1]!)
    const at = groups.integer()
    while (!groups.done) {
      const kind = groups.integer()
      const type = typeOfCode[kind]
      const own = groups.atText ? new Reader(groups.raw()) : undefined
      const before = own?.atText ? readCart(own, own.enter()) : undefined
      const argument = before ? 0 : (own ?? groups).integer()
      const changed = own && readChanged(own)
      if (kind === REFUND_DUE_FURTHER) {
        const subject = new Reader(groups.raw())
        const reference = subject.base64url()
        const id = name(reference.slice(0, PART_LENGTH), reference.slice(PART_LENGTH), sequence > after)
        const further = { paymentId: subject.text(), state: stateOfCode[subject.integer()]! }
        const event = {
          sequence,
          at,
          type: 'refund_due',
          id,
          reason: reasonOfCode[argument]!,
          further,
        } as const
        if (sequence > after) events.push(changed ? { ...event, changed } : event)
        sequence++
        continue
      }
      if (type === 'departed' || type === 'transferred') {
        const subject = new Reader(groups.raw())
        const reference = subject.base64url()
        const id = name(reference.slice(0, PART_LENGTH), reference.slice(PART_LENGTH), sequence > after)
        const event = {
          sequence,
          at,
          id,
          ...transferEvent(type, argument, subject),
          ...(changed && { changed }),
        }
        if (sequence++ > after) events.push(event as StoredEvent)
        continue
      }
      if (kind === REFUNDED_BY_KEY) {
        const subject = new Reader(groups.raw())
        const reference = subject.base64url()
        const id = name(reference.slice(0, PART_LENGTH), reference.slice(PART_LENGTH), sequence > after)
        const event = keyedRefundEvent({ sequence, at }, id, argument, subject)
        if (sequence++ > after) events.push(changed ? ({ ...event, changed } as StoredEvent) : event)
        continue
      }
      if (type === 'updated') {
        const event = updatedEvent({ sequence, at }, argument, groups.text())
        if (sequence++ > after) events.push(event)
        continue
      }
      if (type === 'bound') {
        const subject = new Reader(groups.raw())
        const event = { sequence, at, type, buyer: subject.text(), household: subject.text() } as const
        if (sequence++ > after) events.push(event)
        continue
      }
      const isPacked = type === 'restocked' || type === 'total_set' || type === 'moved'
      if (isPacked || !groups.atText) {
        const numbered = { sequence, at }
        const event = isPacked
          ? stockEvent(type, numbered, argument, new Reader(groups.raw()))
          : bareEvent(type, numbered, argument, groups.integer())
        if (sequence++ > after) events.push(event)
        continue
      }
      const references = groups.base64url()
      const nonces = references.length / 2
      for (let from = 0; from < nonces; from += PART_LENGTH, sequence++) {
        const bucket = references.slice(from, from + PART_LENGTH)
        const nonce = references.slice(nonces + from, nonces + from + PART_LENGTH)
        // The first entry may begin before the first requested event.
        const id = name(bucket, nonce, sequence > after)
        if (sequence <= after) continue
        if (!changed) events.push(reservationEvent(type, sequence, at, argument, id))
        else if (before) events.push({ sequence, at, type: 'amended', id, before, changed })
        else events.push({ ...reservationEvent(type, sequence, at, argument, id), changed } as StoredEvent)
      }
    }
  }
  return { events, reservations }
}

function readChanged(own: Reader): ChangedCart {
  const count = own.integer()
  return { cart: readCart(own, own.size), count }
}

type Numbered = { readonly sequence: number; readonly at: number }

function stockEvent(
  type: 'restocked' | 'total_set' | 'moved',
  numbered: Numbered,
  applied: number,
  subject: Reader,
): StoredEvent {
  const sku = subject.integer()
  switch (type) {
    case 'restocked':
      return { ...numbered, type, sku, quantity: subject.integer(), key: subject.text(), applied }
    case 'moved': {
      const [to, quantity] = [subject.integer(), subject.integer()]
      return { ...numbered, type, sku, to, quantity, key: subject.text(), applied }
    }
    case 'total_set': {
      const [total, key, countedAt] = [subject.integer(), subject.text(), subject.integer()]
      const [change, owed] = [subject.integer(), subject.integer()]
      return { ...numbered, type, sku, total, key, countedAt, change, applied, owed }
    }
  }
}

/** What an event of a transfer has beside its reservation. */
function transferEvent(type: 'departed' | 'transferred', expiresAt: number, subject: Reader): object {
  if (type === 'departed') return { type, to: subject.text() }
  const state = stateOfCode[subject.integer()]!
  const [from, sender] = [subject.text(), subject.text()]
  return from === '' ? { type: 'returned', state, expiresAt } : { type, state, expiresAt, from, sender }
}

function keyedRefundEvent(numbered: Numbered, id: string, argument: number, subject: Reader): StoredEvent {
  const restock = argument % IS_LAST === 1
  const event = { ...numbered, type: 'refunded', id, restock, key: subject.text() } as const
  const end = subject.enter()
  if (subject.at === end) return event
  const part = readCart(subject, end)
  return argument < IS_LAST ? { ...event, part } : { ...event, part, isLast: true }
}

function updatedEvent(numbered: Numbered, revision: number, changes: string): StoredEvent {
  return { ...numbered, type: 'updated', revision, changes: JSON.parse(changes) }
}

// This runs for every event of a busy sale: spreading a common object into each event costs fifty
// times as much.
function reservationEvent(
  type: StoredEvent['type'] | undefined,
  sequence: number,
  at: number,
  argument: number,
  id: string,
): StoredEvent {
  switch (type) {
    case 'reserved':
      return { sequence, at, type, id, expiresAt: at + argument }
    case 'extended':
      return { sequence, at, type, id, expiresAt: argument }
    case 'confirmed':
    case 'released':
    case 'expired':
    case 'settled':
      return { sequence, at, type, id }
    case 'paid':
      return { sequence, at, type, id, state: stateOfCode[argument]! }
    case 'refunded':
      return { sequence, at, type, id, restock: argument === 1 }
    case 'refund_due':
      return { sequence, at, type, id, reason: reasonOfCode[argument]! }
    default:
      throw new RangeError(`event ${sequence} has an unknown type`)
  }
}

function bareEvent(
  type: StoredEvent['type'] | undefined,
  numbered: Numbered,
  argument: number,
  sku: number,
): StoredEvent {
  switch (type) {
    // Both name the other partition beside the SKU.
    case 'sent':
      return { ...numbered, type, to: sku % 2_048, sku: Math.floor(sku / 2_048), quantity: argument }
    case 'received':
      return { ...numbered, type, from: sku % 2_048, sku: Math.floor(sku / 2_048), quantity: argument }
    case 'sold_out':
      return { ...numbered, type, sku }
    case 'debt_taken':
    case 'withheld':
      return { ...numbered, type, sku, quantity: argument }
    case 'redirected':
      return { ...numbered, type, sku: Math.floor(sku / 16_384), to: sku % 16_384, quantity: argument }
    case 'counted':
      return { ...numbered, type, sku, change: argument }
    case 'paused':
    case 'resumed':
    case 'ended':
      return { ...numbered, type }
    default:
      throw new RangeError(`event ${numbered.sequence} has an unknown type`)
  }
}
