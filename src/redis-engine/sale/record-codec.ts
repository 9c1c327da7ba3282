import type {
  Answer,
  Cart,
  CartChanges,
  ChangedCart,
  Command,
  FurtherPayment,
  KeyedRefund,
  Line,
  Op,
  RecordedReason,
  ReservationState,
  SkuCounts,
  StoredReservation,
  TransferOrigin,
} from '../../engine/engine.js'
import {
  ID_LENGTH,
  ID_OFFSET,
  makeId,
  PART_LENGTH,
  withNonce,
  writeDigits,
} from '../../engine/reservation-id.js'
import { type Codec, type Head, RETRY } from '../define-port.js'
import { Reader, type Writer } from '../msgpack.js'

/** The head of a reply and its details, as `concerns/partition.lua` builds them. */
export interface Details extends Head {
  readonly partition: number
  readonly epoch: number
  /** Of the rules that the sale was created with: the hold 0 of a record. */
  readonly holdMs: number
  /** The present one. */
  readonly defaultHoldMs: number
  readonly statuses: Buffer
  /** The present generation of the history. */
  readonly generation: number
}

/** Bytes of a bucket; in base64url it has `PART_LENGTH` digits, and so has a nonce. */
export const PART_BYTES = 6

export type SaleCodec<C extends Command> = Codec<Op<C>, Answer<C>, Details>

/** The reasons for which a refund is due, by the codes of `concerns/stored_values.lua`. */
export const reasonOfCode: Readonly<Record<number, RecordedReason>> = {
  6: 'sold_out',
  7: 'limit_exceeded',
  8: 'ended',
  9: 'released',
  10: 'duplicate_payment',
}
export const codeOfReason = Object.fromEntries(
  Object.entries(reasonOfCode).map(([code, reason]) => [reason, Number(code)]),
) as Readonly<Record<RecordedReason, number>>
export const stateOfCode: readonly ReservationState[] = [
  'held',
  'confirmed',
  'released',
  'expired',
  'refunded',
  'confirmed', // late
  'expired', // refund due: sold_out
  'expired', // refund due: limit_exceeded
  'expired', // refund due: ended
  'released', // refund due: released
  'confirmed', // no state
  'transferred', // on its way
  'transferred',
]

/** Whether a packed record was confirmed after its hold had expired. */
export function isLateRecord(record: Buffer): boolean {
  return record[0] === 5
}

/** Decodes the record of `concerns/records.lua`. `id` is any id of its bucket. */
export function readRecord(record: Reader, id: string, from: Details): StoredReservation {
  const state = stateOfCode[record.integer()]!
  const paymentId = record.text()
  const createdAt = from.epoch + record.integer()
  const hold = record.integer()
  const nonce = record.base64url()
  const buyer = record.text()
  const origin = readOrigin(record)
  const key = origin ? '' : record.text()
  const cart = readCart(record, record.enter())
  const changed = record.enter()
  const reservation = {
    id: withNonce(id, nonce),
    buyer,
    cart,
    state,
    key: key === '' ? null : key,
    createdAt,
    expiresAt: createdAt + (hold === 0 ? from.holdMs : hold),
    paymentId: paymentId === '' ? null : paymentId,
  }
  const changes = record.at === changed ? undefined : readChanges(record, changed)
  const household = record.text()
  if (!changes && household === '' && !origin) return reservation
  return {
    ...reservation,
    ...(household !== '' && { household }),
    ...(changes && { changes }),
    ...(origin && { origin }),
  }
}

/**
 * What a record that was made by a transfer has in place of a key, see `stored_values.lua`. No
 * text begins with this byte.
 */
const ORIGIN = 0xff

function readOrigin(record: Reader): TransferOrigin | undefined {
  if (record.firstByte !== ORIGIN) return undefined
  const id = record.raw().toString('latin1', 1)
  const [transfers, at] = id.slice(ID_LENGTH).split(':')
  return { id: id.slice(0, ID_LENGTH), transfers: Number(transfers), at: Number(at) }
}

/** Writes KEY of a record. */
export function writeKey(key: string | null, origin: TransferOrigin | undefined, to: Writer): void {
  if (origin) to.raw(Buffer.from(`\xff${origin.id}${origin.transfers}:${origin.at}`, 'latin1'))
  else to.text(key ?? '')
}

function readChanges(record: Reader, end: number): CartChanges {
  const count = record.integer()
  const ordered = readOrdered(record, record.enter())
  const changes = { first: readCart(record, end), count }
  return ordered ? { ...changes, ordered } : changes
}

function readOrdered(record: Reader, end: number): ChangedCart | undefined {
  if (record.at === end) return undefined
  const count = record.integer()
  return { cart: readCart(record, end), count }
}

/** The details of `limit_exceeded`. `id` is any id of the bucket. */
export function readLimitExceeded(id: string, from: Details) {
  const [sku, limit, taken] = [nextNumber(from), nextNumber(from), nextNumber(from)]
  const nonces = (from.next() as Buffer).toString('base64url')
  const reservations = Array.from({ length: nonces.length / PART_LENGTH }, (_, i) =>
    withNonce(id, nonces.slice(i * PART_LENGTH, (i + 1) * PART_LENGTH)),
  )
  const shared = new Reader(from.next() as Buffer)
  const household = String(from.next())
  const named = household === '' ? {} : { household }
  const found = { status: 'limit_exceeded', sku, limit, taken, reservations, ...named } as const
  if (shared.done) return found
  const skus: number[] = []
  while (!shared.done) skus.push(shared.integer())
  return { ...found, shared: skus }
}

/** Decodes ITEMS, up to the offset `end`. */
export function readCart(from: Reader, end: number): Cart {
  // Most carts have one line: an array that grows by `push` has room for 17.
  const cart: Line[] = [[from.integer(), from.integer()]]
  while (from.at < end) cart.push([from.integer(), from.integer()])
  return cart
}

/** Writes ITEMS. */
export function writeCart(cart: Cart, to: Writer): void {
  for (const [sku, quantity] of cart) {
    to.integer(sku)
    to.integer(quantity)
  }
}

/** Writes FIRST of a cart that was changed. */
export function writeChanges({ first, count, ordered }: CartChanges, to: Writer): void {
  const value = to.open()
  to.integer(count)
  if (ordered) {
    const before = to.open()
    to.integer(ordered.count)
    writeCart(ordered.cart, to)
    to.close(before)
  } else to.text('')
  writeCart(first, to)
  to.close(value)
}

export function nextRecord(id: string, from: Details): StoredReservation {
  return readRecord(new Reader(from.next() as Buffer), id, from)
}

export function nextText(from: Details): string {
  return String(from.next())
}

export function nextNumber(from: Details): number {
  return Number(from.next())
}

export function readCounts(packed: Reader): SkuCounts {
  const available = packed.integer()
  const held = packed.integer()
  const confirmed = packed.integer()
  const total = packed.integer()
  const inTransit = packed.integer()
  packed.integer() // the limit, which the rules hold too
  const owed = packed.integer()
  packed.raw() // the shared limits, the rules of the SKU alone, and where units return to
  packed.raw()
  packed.integer()
  const counts = { total, available, held, confirmed, inTransit }
  // Below zero: what a partition passes on, which only it needs to know.
  return owed > 0 ? { ...counts, owed } : counts
}

/** All records of a bucket, whose name is 6 bytes. */
export function readBucket(bucket: Buffer, packed: Buffer, from: Details): StoredReservation[] {
  const id = makeId(from.partition, bucket.toString('base64url', 0, PART_BYTES), '')
  const records = new Reader(packed)
  const reservations: StoredReservation[] = []
  while (!records.done) reservations.push(readRecord(records, id, from))
  return reservations
}

/** The fields and values of further payments, see `concerns/further_payments.lua`. */
export function readFurtherPayments(pairs: readonly Buffer[], from: Details): FurtherPayment[] {
  return readNamed(pairs, from, (id, paymentId, reason) => ({
    id,
    paymentId,
    reason: reasonOfCode[Number(reason)]!,
  }))
}

/** The fields and values of refunds with a key, see `concerns/keyed_refunds.lua`. */
export function readKeyedRefunds(pairs: readonly Buffer[], from: Details): KeyedRefund[] {
  return readNamed(pairs, from, (id, key, packed) => {
    const value = new Reader(packed)
    const restock = value.integer() === 1
    const end = value.enter()
    return value.at === end ? { id, key, restock } : { id, key, restock, cart: readCart(value, end) }
  })
}

/** Fields of the archive that name a reservation, by bucket and nonce, and a text beside it. */
function readNamed<T>(
  pairs: readonly Buffer[],
  from: Details,
  read: (id: string, text: string, value: Buffer) => T,
): T[] {
  const found: T[] = []
  for (let i = 0; i < pairs.length; i += 2) {
    const field = pairs[i]!
    const bucket = field.toString('base64url', 0, PART_BYTES)
    const id = makeId(from.partition, bucket, field.toString('base64url', PART_BYTES, 2 * PART_BYTES))
    found.push(read(id, field.toString('utf8', 2 * PART_BYTES), pairs[i + 1]!))
  }
  return found
}

/** A held reservation whose hold is over is `expired`, whether or not a call has swept it. */
export function asAt(stored: StoredReservation, now: number): StoredReservation {
  const expired = stored.state === 'held' && now >= stored.expiresAt
  return expired ? { ...stored, state: 'expired' } : stored
}

/** Buckets, or buckets and nonces, of ids: `parts` times six bytes each. */
export function writeIds(ops: readonly { readonly id: string }[], parts: 1 | 2, to: Writer): void {
  to.array(ops.length)
  for (const { id } of ops) {
    const at = to.bytesOf(6 * parts)
    writeDigits(id, ID_OFFSET.bucket, PART_LENGTH * parts, to.bytes, at)
  }
}

/** @param value A cart is written as ITEMS. */
export function writeColumn<T>(
  ops: readonly T[],
  to: Writer,
  value: (op: T) => string | number | Cart,
): void {
  to.array(ops.length)
  for (const op of ops) {
    const cell = value(op)
    if (typeof cell === 'string') to.text(cell)
    else if (typeof cell === 'number') to.integer(cell)
    else writeNested(cell, to)
  }
}

function writeNested(cart: Cart, to: Writer): void {
  const items = to.open()
  writeCart(cart, to)
  to.close(items)
}

/** Writes each item as a row of `width` values. */
export function writeRows<T>(ops: readonly T[], to: Writer, width: number, writeRow: (op: T) => void): void {
  to.array(ops.length)
  for (const op of ops) {
    to.array(width)
    writeRow(op)
  }
}

/** Decodes answers that tell what was applied, also to a key that comes again, or is lacking. */
export function readApplied<C extends 'restock' | 'move', S extends string>(
  command: C,
  status: S,
  ops: readonly Op<C>[],
  skuOf: (op: Op<C>) => number,
  from: Details,
) {
  return ops.map((op, i) => {
    const letter = String.fromCharCode(from.statuses[i]!)
    if (letter === 'T') return RETRY
    if (letter === 'C') return { status: 'conflict' } as const
    if (letter === 'K') return { status: 'lacking', sku: skuOf(op), available: nextNumber(from) } as const
    if (letter !== 'R' && letter !== 'P') throw unknownStatus(command, from.statuses[i])
    return { status, applied: nextNumber(from), replayed: letter === 'P' }
  })
}

export function unknownStatus(command: Command, status: number | undefined): RangeError {
  return new RangeError(`${command} answered the unknown status ${status}`)
}
