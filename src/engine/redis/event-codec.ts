import type { RefundReason, StoredEvent, StoredReservation } from '../engine.js'
import { makeId } from '../id.js'
import { Reader } from './msgpack.js'
import { type Codec, type Details, nextNumber, readBucket, writeColumn } from './record-codec.js'

/** Bytes of a bucket, and of a nonce. */
const PART = 6

/** By the codes of `scripts/_records.lua`. */
const reasonOfCode: Record<number, RefundReason> = {
  6: 'sold_out',
  7: 'limit_exceeded',
  8: 'ended',
  9: 'released',
}

/** By the types of `scripts/_events.lua`. */
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
      const events = decodeEvents(from.next() as Buffer[], from).filter(({ sequence }) => sequence > op.after)
      const since = nextNumber(from)
      const stored = op.reservations ? readStored(from) : new Map<string, StoredReservation>()
      const reservations: StoredReservation[] = []
      for (const event of events) {
        const found = 'id' in event && stored.get(event.id)
        if (!found) continue
        reservations.push(found)
        stored.delete(found.id)
      }
      return { status: 'events', events, line: from.line, since, reservations }
    }),
}

/** What the events' buckets hold, and what of theirs lies in the archive, by id. */
function readStored(from: Details): Map<string, StoredReservation> {
  const stored = new Map<string, StoredReservation>()
  for (const pairs of [from.next() as Buffer[], from.next() as Buffer[]]) {
    for (let i = 0; i < pairs.length; i += 2)
      for (const one of readBucket(pairs[i]!, pairs[i + 1]!, from)) stored.set(one.id, one)
  }
  return stored
}

/** Reads stream entries: first sequence, packed groups, first sequence, packed groups, ... */
function decodeEvents(entries: readonly Buffer[], { partition }: Details): StoredEvent[] {
  const events: StoredEvent[] = []
  for (let i = 0; i < entries.length; i += 2) {
    let sequence = Number(entries[i])
    const groups = new Reader(entries[i + 1]!)
    const at = groups.integer()
    while (!groups.done) {
      const type = typeOfCode[groups.integer()]
      const argument = groups.integer()
      if (!groups.atText) {
        events.push(bareEvent(type, { sequence: sequence++, at }, argument, groups.integer()))
        continue
      }
      const references = groups.raw()
      if (type === 'restocked') {
        events.push(restockedEvent({ sequence: sequence++, at }, argument, new Reader(references)))
        continue
      }
      const nonces = references.length / 2
      for (let from = 0; from < nonces; from += PART) {
        const bucket = references.toString('base64url', from, from + PART)
        const nonce = references.toString('base64url', nonces + from, nonces + from + PART)
        events.push(reservationEvent(type, sequence++, at, argument, makeId(partition, bucket, nonce)))
      }
    }
  }
  return events
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
