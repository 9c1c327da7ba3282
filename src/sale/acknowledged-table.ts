import { tailHash } from '../common/tail-hash.js'
import type { Line, ReservationState, StoredReservation } from '../engine/engine.js'

const tuning = {
  /** Few at first: a process may have handles of ten thousand sales. */
  entries: 4,
  bytes: 256,
}

const STATES: readonly ReservationState[] = [
  'held',
  'expired',
  'released',
  'confirmed',
  'refunded',
  'transferred',
]
const STATE_OF = Object.fromEntries(STATES.map((state, code) => [state, code])) as Readonly<
  Record<ReservationState, number>
>

/** Added to the state if the reservation has a payment id. */
const PAID = 64
/** In place of a state. */
const REMOVED = 255

/** The numbers of an entry that stand beside its bytes. */
const OFFSET = 0
const ROOM = 1
const HASH = 2
const NUMBERS = 3
/** More than a length or a number takes. */
const MOST_DIGITS = 8

/** A reservation without what few have. */
export type PlainReservation = Omit<StoredReservation, 'changes' | 'origin'>

/**
 * The latest reservations as bytes. As objects they are the greatest part of what V8's garbage
 * collector has to copy and mark while a sale is on; the bytes it does not look at.
 *
 * Entries are numbered in the order in which they were added. An entry is found by the id, through
 * a table of entry numbers. Ids end in random characters, so their end is their hash.
 */
export class AcknowledgedTable {
  #size = 0
  #removed = 0
  /** 0: the slot is empty; otherwise the number of the entry, plus 1. */
  #slots = new Int32Array(2 * tuning.entries)
  #numbers = new Int32Array(NUMBERS * tuning.entries)
  #times = new Float64Array(2 * tuning.entries)
  #states = new Uint8Array(tuning.entries)
  #bytes = Buffer.allocUnsafe(tuning.bytes)
  #end = 0

  /** How many reservations it has. */
  get size(): number {
    return this.#size - this.#removed
  }

  /** The numbers of its entries, in order. */
  *entries(): Generator<number, void, undefined> {
    for (let entry = 0; entry < this.#size; entry++) if (this.#states[entry] !== REMOVED) yield entry
  }

  /** The bytes of all entries; of one that has grown also those that it had before. */
  get bytes(): number {
    return this.#end
  }

  /** The number of an entry, or -1. */
  find(id: string, hash = tailHash(id)): number {
    const mask = this.#slots.length - 1
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot]! - 1
      if (entry < 0) return -1
      const isCandidate = this.#numbers[NUMBERS * entry + HASH] === hash && this.#states[entry] !== REMOVED
      if (isCandidate && this.#hasId(entry, id)) return entry
    }
  }

  /** Adds a reservation that is not in the table. */
  add(reservation: PlainReservation, hash = tailHash(reservation.id)): number {
    if (this.#size === this.#states.length) this.#grow()
    const entry = this.#size++
    this.#numbers[NUMBERS * entry + HASH] = hash
    this.#append(entry, reservation)
    this.#link(entry, hash)
    return entry
  }

  /** Stores a later state. */
  replace(entry: number, reservation: PlainReservation): void {
    const at = NUMBERS * entry
    const [start, room, end] = [this.#numbers[at + OFFSET]!, this.#numbers[at + ROOM]!, this.#end]
    this.#append(entry, reservation)
    const size = this.#end - end
    if (size > room) return
    this.#bytes.copyWithin(start, end, this.#end)
    this.#end = end
    this.#numbers[at + OFFSET] = start
    this.#numbers[at + ROOM] = room
  }

  /** The entry keeps its slot, so that others are still found behind it. */
  remove(entry: number): void {
    this.#states[entry] = REMOVED
    this.#removed++
  }

  /** Removes all entries. The memory stays for those to come. */
  clear(): void {
    this.#slots.fill(0)
    this.#size = 0
    this.#removed = 0
    this.#end = 0
  }

  at(entry: number): PlainReservation {
    const from = new Texts(this.#bytes, this.#numbers[NUMBERS * entry + OFFSET]!)
    const id = from.text()
    const buyer = from.text()
    const key = from.text()
    const paymentId = from.text()
    const household = from.text()
    const cart: Line[] = new Array(from.number())
    for (let i = 0; i < cart.length; i++) cart[i] = [from.number(), from.number()]
    const { state, expiresAt } = this.progressOf(entry)
    const reservation = {
      id,
      buyer,
      cart,
      state,
      key: key === '' ? null : key,
      createdAt: this.#times[2 * entry]!,
      expiresAt,
      paymentId: paymentId === '' ? null : paymentId,
    }
    return household === '' ? reservation : { ...reservation, household }
  }

  /** How far a reservation is, without reading its bytes. */
  progressOf(entry: number): { state: ReservationState; expiresAt: number; isPaid: boolean } {
    return {
      state: STATES[this.#states[entry]! & ~PAID]!,
      expiresAt: this.#times[2 * entry + 1]!,
      isPaid: (this.#states[entry]! & PAID) !== 0,
    }
  }

  #hasId(entry: number, id: string): boolean {
    const from = new Texts(this.#bytes, this.#numbers[NUMBERS * entry + OFFSET]!)
    return from.isNext(id)
  }

  #append(entry: number, reservation: PlainReservation): void {
    const { id, buyer, household, cart, state, key, createdAt, expiresAt, paymentId } = reservation
    this.#states[entry] = STATE_OF[state] | (paymentId === null ? 0 : PAID)
    this.#times[2 * entry] = createdAt
    this.#times[2 * entry + 1] = expiresAt
    const texts = id.length + buyer.length + lengthOf(key) + lengthOf(paymentId) + lengthOf(household)
    this.#reserve(2 * texts + MOST_DIGITS * (6 + 2 * cart.length))
    const bytes = this.#bytes
    const start = this.#end
    let end = writeText(bytes, start, id)
    end = writeText(bytes, end, buyer)
    // No id is empty.
    end = writeText(bytes, end, key ?? '')
    end = writeText(bytes, end, paymentId ?? '')
    end = writeText(bytes, end, household ?? '')
    end = writeNumber(bytes, end, cart.length)
    for (const [sku, quantity] of cart) end = writeNumber(bytes, writeNumber(bytes, end, sku), quantity)
    this.#end = end
    this.#numbers[NUMBERS * entry + OFFSET] = start
    this.#numbers[NUMBERS * entry + ROOM] = end - start
  }

  #reserve(bytes: number): void {
    if (this.#end + bytes <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(2 * this.#bytes.length, this.#end + bytes))
    this.#bytes.copy(larger, 0, 0, this.#end)
    this.#bytes = larger
  }

  #link(entry: number, hash: number): void {
    const mask = this.#slots.length - 1
    let slot = hash & mask
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask
    this.#slots[slot] = entry + 1
  }

  /** Makes room for twice as many entries. */
  #grow(): void {
    const entries = 2 * this.#size
    const [numbers, times, states] = [this.#numbers, this.#times, this.#states]
    this.#numbers = new Int32Array(NUMBERS * entries)
    this.#numbers.set(numbers)
    this.#times = new Float64Array(2 * entries)
    this.#times.set(times)
    this.#states = new Uint8Array(entries)
    this.#states.set(states)
    this.#slots = new Int32Array(2 * entries)
    for (let entry = 0; entry < this.#size; entry++) this.#link(entry, numbers[NUMBERS * entry + HASH]!)
  }
}

function lengthOf(text: string | null | undefined): number {
  return text ? text.length : 0
}

/**
 * The length and the kind as one number; then a byte a character, or two if one needs that. Returns
 * where it ends.
 */
function writeText(bytes: Buffer, start: number, value: string): number {
  const { length } = value
  const at = writeNumber(bytes, start, 2 * length)
  for (let i = 0; i < length; i++) {
    const unit = value.charCodeAt(i)
    if (unit > 255) {
      const wide = writeNumber(bytes, start, 2 * length + 1)
      return wide + bytes.write(value, wide, 'utf16le')
    }
    bytes[at + i] = unit
  }
  return at + length
}

/**
 * Seven bits a byte, the lowest first; all but the last have the eighth bit. Returns where it ends.
 */
function writeNumber(bytes: Buffer, start: number, value: number): number {
  let at = start
  let rest = value
  while (rest > 127) {
    bytes[at++] = (rest & 127) | 128
    rest = Math.floor(rest / 128)
  }
  bytes[at++] = rest
  return at
}

/** Reads the texts and numbers of an entry, one after another. */
class Texts {
  readonly #bytes: Buffer
  #at: number

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes
    this.#at = at
  }

  text(): string {
    const kind = this.number()
    const start = this.#at
    this.#at += kind % 2 === 0 ? kind / 2 : kind - 1
    return this.#bytes.toString(kind % 2 === 0 ? 'latin1' : 'utf16le', start, this.#at)
  }

  /** Whether the next text is this one. */
  isNext(value: string): boolean {
    const kind = this.number()
    if (kind % 2 === 1) return this.#bytes.toString('utf16le', this.#at, this.#at + kind - 1) === value
    if (kind !== 2 * value.length) return false
    for (let i = 0; i < value.length; i++) if (this.#bytes[this.#at + i] !== value.charCodeAt(i)) return false
    return true
  }

  number(): number {
    let value = 0
    for (let factor = 1; ; factor *= 128) {
      const digit = this.#bytes[this.#at++]!
      value += (digit & 127) * factor
      if (digit < 128) return value
    }
  }
}
