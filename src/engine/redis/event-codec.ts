import type { RefundReason, StoredEvent, StoredReservation } from '../engine.js'
import { makeId, PART_LENGTH } from '../id.js'
import { Reader } from './msgpack.js'
import { type Codec, type Details, nextNumber, readRecord, writeColumn } from './record-codec.js'

/** Bytes of a bucket; in base64url it has `PART_LENGTH` digits, and so has a nonce. */
const PART = 6

/** By the codes of `scripts/_records.lua`. */
const reasonOfCode: Record<number, RefundReason> = {
  6: 'sold_out',
  7: 'limit_exceeded',
  8: 'ended',
  9: 'released',
}

/** By the types of `scripts/_types.lua`. */
const typeOfCode: readonly (StoredEvent['type'] | undefined)[] = [
  undefined,
  'reserved',
  'confirmed',
  'released',
  'expired',
  'refunded',
  'extended',
  'refund_due',
  'restocked',
  'sold_out',
  'paused',
  'resumed',
  'ended',
  'sent',
  'received',
]

/** Pages of events, with the reservations they speak of. */
export const events: Codec<'events'> = {
  write(ops, to) {
    writeColumn(ops, to, (op) => op.after)
    writeColumn(ops, to, (op) => (op.reservations ? 1 : 0))
  },
  read: (ops, from) =>
    ops.map((op) => {
      const entries = from.next() as Buffer[]
      const since = nextNumber(from)
      const stored = op.reservations ? readStored(from) : undefined
      const { events, reservations } = decodeEvents(entries, from.partition, op.after, stored)
      return { status: 'events', events, line: from.line, since, reservations }
    }),
}

/** A reservation of a bucket, and the one before it there: nearly every bucket has one. */
interface Stored {
  readonly reservation: StoredReservation
  readonly before: Stored | undefined
  isSpokenOf: boolean
}

/** What the events' buckets hold, and what of theirs lies in the archive, by the bucket's digits. */
function readStored(from: Details): ReadonlyMap<string, Stored> {
  const stored = new Map<string, Stored>()
  const add = (bucket: string, records: Reader, end: number) => {
    const id = makeId(from.partition, bucket, '')
    let latest = stored.get(bucket)
    while (records.at < end)
      latest = { reservation: readRecord(records, id, from), before: latest, isSpokenOf: false }
    if (latest) stored.set(bucket, latest)
  }
  const buckets = (from.next() as Buffer).toString('base64url')
  const packed = new Reader(from.next() as Buffer)
  for (let at = 0; at < buckets.length; at += PART_LENGTH)
    add(buckets.slice(at, at + PART_LENGTH), packed, packed.enter())
  const archived = from.next() as Buffer[]
  for (let i = 0; i < archived.length; i += 2) {
    const record = archived[i + 1]!
    add(archived[i]!.toString('base64url', 0, PART), new Reader(record), record.length)
  }
  return stored
}

function findStored(latest: Stored | undefined, nonce: string): Stored | undefined {
  let one = latest
  while (one && !one.reservation.id.endsWith(nonce)) one = one.before
  return one
}

/**
 * Reads stream entries: first sequence, packed groups, first sequence, packed groups, ... An event takes its id from the reservation, so
 * that the two are found by one another without being compared.
 */
function decodeEvents(
  entries: readonly Buffer[],
  partition: number,
  after: number,
  stored: ReadonlyMap<string, Stored> | undefined,
): { events: StoredEvent[]; reservations: StoredReservation[] } {
  const events: StoredEvent[] = []
  const reservations: StoredReservation[] = []
  for (let i = 0; i < entries.length; i += 2) {
    let sequence = Number(entries[i])
    const groups = new Reader(entries[i + 1]!)
    const at = groups.integer()
    while (!groups.done) {
      const type = typeOfCode[groups.integer()]
      const argument = groups.integer()
      if (type === 'restocked' || !groups.atText) {
        const place = { sequence, at }
        const event =
          type === 'restocked'
            ? restockedEvent(place, argument, new Reader(groups.raw()))
            : bareEvent(type, place, argument, groups.integer())
        if (sequence++ > after) events.push(event)
        continue
      }
      const references = groups.base64url()
      const nonces = references.length / 2
      for (let from = 0; from < nonces; from += PART_LENGTH, sequence++) {
        // The first entry may begin before what is wanted.
        if (sequence <= after) continue
        const bucket = references.slice(from, from + PART_LENGTH)
        const nonce = references.slice(nonces + from, nonces + from + PART_LENGTH)
        const found = findStored(stored?.get(bucket), nonce)
        if (found && !found.isSpokenOf) {
          found.isSpokenOf = true
          reservations.push(found.reservation)
        }
        const id = found?.reservation.id ?? makeId(partition, bucket, nonce)
        events.push(reservationEvent(type, sequence, at, argument, id))
      }
    }
  }
  return { events, reservations }
}

type Place = { readonly sequence: number; readonly at: number }

function restockedEvent(place: Place, applied: number, subject: Reader): StoredEvent {
  const [sku, quantity] = [subject.integer(), subject.integer()]
  return { ...place, type: 'restocked', sku, quantity, key: subject.text(), applied }
}

// With every event of a busy sale: spreading a place into each object costs fifty times as much.
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
      return { sequence, at, type, id }
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
  place: Place,
  argument: number,
  sku: number,
): StoredEvent {
  switch (type) {
    // Both name the other partition beside the SKU.
    case 'sent':
      return { ...place, type, to: sku % 1_024, sku: Math.floor(sku / 1_024), quantity: argument }
    case 'received':
      return { ...place, type, from: sku % 1_024, sku: Math.floor(sku / 1_024), quantity: argument }
    case 'sold_out':
      return { ...place, type, sku }
    case 'paused':
    case 'resumed':
    case 'ended':
      return { ...place, type }
    default:
      throw new RangeError(`event ${place.sequence} has an unknown type`)
  }
}
