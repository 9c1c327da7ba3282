import type { Answer, Cart, CartChanges, Moved, Op, StoredReservation } from '../../engine/engine.js'
import { ID_OFFSET, PART_LENGTH, partitionIn, withNonce, writeDigits } from '../../engine/reservation-id.js'
import type { Departure, TransferCommands } from '../../engine/transfer-commands.js'
import { type Definitions, RETRY } from '../define-port.js'
import { Reader, type Writer } from '../msgpack.js'
import {
  type Details,
  isLateRecord,
  nextRecord,
  nextText,
  readLimitExceeded,
  readRecord,
  unknownStatus,
  writeCart,
  writeChanges,
  writeColumn,
  writeIds,
  writeKey,
  writeRows,
} from './record-codec.js'
import arrive from './scripts/arrive.lua'
import settle from './scripts/settle.lua'
import transfer from './scripts/transfer.lua'

/** The details of `moved`, see `concerns/transferred_records.lua`. `any`: any id of the bucket. */
export function readMoved(any: string, from: Details): Moved {
  const id = withNonce(any, (from.next() as Buffer).toString('base64url'))
  const [next, to, receiver] = [nextText(from), nextText(from), nextText(from)]
  return { status: 'moved', id, next, to, receiver, settled: from.next() === 1 }
}

function writeReference(id: string | undefined, to: Writer): void {
  const at = to.bytesOf(id === undefined ? 0 : 12)
  if (id !== undefined) writeDigits(id, ID_OFFSET.bucket, 2 * PART_LENGTH, to.bytes, at)
}

/** A record that a recovery restores, or ''. */
function writeRecord(record: StoredReservation | undefined, earlier: string, to: Writer): void {
  if (!record) {
    to.text('')
    return
  }
  const { buyer, household, key, paymentId, createdAt, expiresAt, cart, changes, origin } = record
  to.array(9)
  to.text(paymentId ?? '')
  to.integer(createdAt)
  to.integer(expiresAt)
  to.text(buyer)
  writeKey(key, origin, to)
  writeItems(cart, changes, to)
  to.text(household ?? '')
  to.text(earlier)
}

/** ITEMS and FIRST of a record. */
function writeItems(cart: Cart, changes: CartChanges | undefined, to: Writer): void {
  const items = to.open()
  writeCart(cart, to)
  to.close(items)
  if (changes) writeChanges(changes, to)
  else to.text('')
}

const statusOfEnded: Readonly<Record<string, 'expired' | 'already_released' | 'already_refunded'>> = {
  X: 'expired',
  B: 'already_released',
  C: 'already_refunded',
}

function readTransfer({ id, wish }: Op<'transfer'>, status: number, from: Details): Answer<'transfer'> {
  const letter = String.fromCharCode(status)
  switch (letter) {
    case 'M':
      return { status: 'not_found' }
    case 'T':
      return RETRY
    case 'R':
      return {
        status: 'transferred',
        reservation: nextRecord(wish!.newId, from),
        replayed: false,
        before: nextRecord(id, from),
      }
    case 'P':
      return { status: 'transferred', reservation: nextRecord(id, from), replayed: true }
    case 'G': {
      const record = from.next() as Buffer
      const [to, receiver, earlier, household] = [
        nextText(from),
        nextText(from),
        nextText(from),
        nextText(from),
      ]
      const reservation = readRecord(new Reader(record), id, from)
      const departure = { reservation, late: isLateRecord(record), earlier: earlier || null }
      return { status: 'departed', departure, to, receiver, ...(household !== '' && { household }) }
    }
    case 'V':
      return readMoved(id, from)
    case 'L':
      return readLimitExceeded(wish!.newId, from)
  }
  const ended = statusOfEnded[letter]
  if (!ended) throw unknownStatus('transfer', status)
  return { status: ended, reservation: nextRecord(id, from) }
}

function readArrive({ id }: Op<'arrive'>, status: number, from: Details): Answer<'arrive'> {
  switch (String.fromCharCode(status)) {
    case 'T':
      return RETRY
    case 'A':
      return { status: 'arrived', reservation: nextRecord(id, from) }
    case 'D':
      return { status: 'declined' }
    case 'L':
      return readLimitExceeded(id, from)
    default:
      throw unknownStatus('arrive', status)
  }
}

/** Codes of `concerns/stored_values.lua`. */
function stateOf({ reservation, late }: Departure): number {
  return reservation.state === 'held' ? 0 : late ? 5 : 1
}

/** The steps of a transfer. */
export const transferCommands: Definitions<TransferCommands, Details> = {
  transfer: {
    script: transfer,
    flags: 'allow-oom',
    encode(ops, to) {
      writeIds(ops, 2, to)
      writeRows(ops, to, 8, ({ id, wish }) => {
        to.text(id)
        to.text(wish?.receiver ?? '')
        writeReference(wish?.newId, to)
        to.text(wish?.newId ?? '')
        to.text(wish?.from ?? '')
        const other = wish ? partitionIn(wish.newId) : -1
        to.integer(other === partitionIn(id) ? -1 : other)
        to.text(wish?.household ?? '')
        writeRecord(wish?.record, wish?.earlier ?? '', to)
      })
    },
    decode: (ops, from) => ops.map((op, i) => readTransfer(op, from.statuses[i]!, from)),
  },
  arrive: {
    script: arrive,
    flags: 'allow-oom',
    encode(ops, to) {
      writeIds(ops, 2, to)
      writeRows(ops, to, 13, ({ receiver, household, departure }) => {
        const { id, buyer, paymentId, createdAt, expiresAt, cart, changes, origin } = departure.reservation
        to.text(id)
        to.integer(partitionIn(id))
        to.text(buyer)
        to.text(receiver)
        to.integer(stateOf(departure))
        to.text(paymentId ?? '')
        to.integer(createdAt)
        to.integer(expiresAt)
        writeItems(cart, changes, to)
        to.text(departure.earlier ?? '')
        to.text(household ?? '')
        writeKey(null, origin, to)
      })
    },
    decode: (ops, from) => ops.map((op, i) => readArrive(op, from.statuses[i]!, from)),
  },
  settle: {
    script: settle,
    flags: 'allow-oom',
    encode(ops, to) {
      writeIds(ops, 2, to)
      writeColumn(ops, to, (op) => op.id)
      writeRows(ops, to, 4, (op) => {
        to.text(op.to)
        to.integer(partitionIn(op.to))
        to.integer(op.arrived ? 1 : 0)
        to.text(op.latest ?? '')
      })
    },
    decode: (ops, from) =>
      ops.map((_, i): Answer<'settle'> => {
        const letter = from.statuses[i]
        if (letter === 0x54 /* T */) return RETRY
        if (letter !== 0x47 /* G */) throw unknownStatus('settle', letter)
        return { status: 'settled' }
      }),
  },
}
