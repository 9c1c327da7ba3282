import type {
  Cart,
  Op,
  RefundReason,
  Rules,
  SaleState,
  StoredEvent,
  StoredReservation,
  Tip,
} from '../engine.js'
import { ExpiryHeap } from './expiry-heap.js'
import { Stock } from './stock.js'

/** A reservation, and what only the engine knows of it. */
export interface Entry {
  /** Handed out as it is, so it is replaced and never mutated. */
  reservation: StoredReservation
  /** Its place in order of creation. */
  readonly order: number
  /** It was confirmed after its hold had lapsed. */
  late: boolean
  /** The `refund_due` that was answered and recorded. */
  refundDue: RefundReason | null
}

/** The moment at which a command is carried out. */
export interface Step {
  readonly now: number
  /** The call's deadline has passed: nothing may be changed any more. */
  readonly overdue: boolean
  /** Puts back what was lost. */
  readonly recovers: boolean
}

export const retry = { status: 'retry' } as const

type Unnumbered<E> = E extends unknown ? Omit<E, 'sequence' | 'at'> : never

/** Everything one partition knows. Its methods are the changes, each with its event; whether one is due is decided elsewhere. */
export class PartitionState {
  /** The greatest time at which something was carried out here. */
  now = 0
  /** `null` until the sale is created. The two fields after it are set then too; no command looks at them before. */
  token: string | null = null
  rules!: Rules
  stock!: Stock

  readonly entries: Entry[] = []
  readonly events: StoredEvent[] = []
  readonly restocks = new Map<string, { sku: number; quantity: number; applied: number }>()
  paused = false
  ended = false
  /** The marks of the batches that wrote events, each with the number of its last one. */
  readonly marks: { readonly sequence: number; readonly mark: string }[] = []
  line = 1
  frozen = false

  readonly #byId = new Map<string, Entry>()
  readonly #byKey = new Map<string, Entry>()
  readonly #expiry = new ExpiryHeap()

  get tip(): Tip {
    return { line: this.line, sequence: this.events.length, mark: this.marks.at(-1)?.mark ?? '' }
  }

  /** The events written since the last mark bear this one. */
  leaveMark(mark: string): void {
    const sequence = this.events.length
    if (sequence > (this.marks.at(-1)?.sequence ?? 0)) this.marks.push({ sequence, mark })
  }

  /** Whether what somebody has seen is part of this history. */
  remembers({ line, sequence, mark }: Tip): boolean {
    if (line < this.line || sequence === 0) return line <= this.line
    if (line > this.line || sequence > this.events.length) return false
    let at = this.marks.length - 1
    while (at > 0 && this.marks[at - 1]!.sequence >= sequence) at--
    return this.marks[at]!.mark === mark
  }

  create(rules: Rules, token: string, now: number): void {
    this.rules = rules
    this.token = token
    this.stock = new Stock(rules.skus)
    this.now = now
  }

  /** Moves on to `now`: every hold that has lapsed by then becomes `expired`. */
  advance(now: number): void {
    this.now = now
    for (let entry = this.#expiry.first(); entry; entry = this.#expiry.first()) {
      if (now < entry.reservation.expiresAt) return
      this.giveBack(entry, 'expired')
    }
  }

  /** When the next hold lapses. */
  nextExpiry(): number | null {
    return this.#expiry.first()?.reservation.expiresAt ?? null
  }

  saleState(): SaleState {
    const { opensAt, closesAt } = this.rules
    if (this.ended || (closesAt !== null && this.now >= closesAt)) return 'ended'
    if (opensAt !== null && this.now < opensAt) return 'not_started'
    return this.paused ? 'paused' : 'open'
  }

  find(id: string): Entry | undefined {
    return this.#byId.get(id)
  }

  findByKey(buyer: string, key: string): Entry | undefined {
    return this.#byKey.get(keyOf(buyer, key))
  }

  hold({ id, buyer, cart, key, holdMs }: Op<'reserve'>): Entry {
    const { now } = this
    const expiresAt = now + holdMs
    const entry: Entry = {
      reservation: { id, buyer, cart, state: 'held', key, createdAt: now, expiresAt, paymentId: null },
      order: this.entries.length,
      late: false,
      refundDue: null,
    }
    this.entries.push(entry)
    this.#byId.set(id, entry)
    if (key !== null) this.#byKey.set(keyOf(buyer, key), entry)
    this.#expiry.add(entry)
    this.stock.take(buyer, cart, 'held')
    this.append({ type: 'reserved', id, expiresAt })
    this.#announceSoldOut(cart)
    return entry
  }

  extend(entry: Entry, expiresAt: number): void {
    this.#change(entry, { expiresAt })
    this.append({ type: 'extended', id: entry.reservation.id, expiresAt })
  }

  confirm(entry: Entry, paymentId: string | null): void {
    const { id, cart } = entry.reservation
    this.stock.confirm(cart)
    this.#change(entry, { state: 'confirmed', paymentId })
    this.append({ type: 'confirmed', id })
  }

  /** Confirms a reservation whose hold has lapsed, with units that are available again. */
  confirmLate(entry: Entry, paymentId: string | null): void {
    const { id, buyer, cart } = entry.reservation
    this.stock.take(buyer, cart, 'confirmed')
    entry.late = true
    this.#change(entry, { state: 'confirmed', paymentId })
    this.append({ type: 'confirmed', id })
    this.#announceSoldOut(cart)
  }

  recordRefundDue(entry: Entry, reason: RefundReason, paymentId: string | null): void {
    entry.refundDue = reason
    this.#change(entry, { paymentId })
    this.append({ type: 'refund_due', id: entry.reservation.id, reason })
  }

  /** Ends a hold. */
  giveBack(entry: Entry, state: 'released' | 'expired'): void {
    const { id, buyer, cart } = entry.reservation
    this.stock.giveBack(buyer, cart, 'held')
    this.#change(entry, { state })
    this.append({ type: state, id })
  }

  refund(entry: Entry, restock: boolean): void {
    const { id, buyer, cart } = entry.reservation
    if (restock) this.stock.giveBack(buyer, cart, 'confirmed')
    else this.stock.remove(buyer, cart)
    this.#change(entry, { state: 'refunded' })
    this.append({ type: 'refunded', id, restock })
  }

  restock({ sku, quantity, key }: Op<'restock'>): number {
    const applied = this.stock.restock(sku, quantity)
    this.restocks.set(key, { sku, quantity, applied })
    this.append({ type: 'restocked', sku, applied })
    if (applied < 0) this.#announceSoldOut([[sku, -applied]])
    return applied
  }

  append(event: Unnumbered<StoredEvent>): void {
    this.events.push({ sequence: this.events.length + 1, at: this.now, ...event })
  }

  /** After a change that took these units from the available ones. */
  #announceSoldOut(taken: Cart): void {
    for (const [sku] of taken) {
      if (this.stock.of(sku).available === 0) this.append({ type: 'sold_out', sku })
    }
  }

  #change(entry: Entry, change: Partial<StoredReservation>): void {
    entry.reservation = { ...entry.reservation, ...change }
  }
}

/** The length keeps apart what only looks the same when joined. */
function keyOf(buyer: string, key: string): string {
  return `${buyer.length}:${buyer}${key}`
}
