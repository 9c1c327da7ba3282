import { firstCart, unitsBeyond } from '../../engine/carts.js'
import type {
  Cart,
  Op,
  PresentRules,
  RecordedReason,
  Rules,
  SaleState,
  StoredReservation,
} from '../../engine/engine.js'
import { LAYOUT } from '../../engine/layout.js'
import type { LogOffset } from '../../engine/port.js'
import { splitStock } from '../../engine/stock-split.js'
import { Groups } from '../groups/group-state.js'
import { type Moment, NEVER, type Time } from '../time.js'
import { Counts, type Moved } from './counts.js'
import type { Entry } from './entry.js'
import { EventLog, type News } from './event-log.js'
import { ExpiryHeap } from './expiry-heap.js'
import { ReservationIndex } from './reservation-index.js'
import { borrow, type Redirected, wereReturned } from './returns-to.js'
import { Stock } from './stock.js'
import { Transfers } from './stock-transfers.js'

/** The moment at which a command is executed. */
export interface Step extends Moment {
  /** The call's deadline has passed: nothing may be changed any more. */
  readonly overdue: boolean
  /** The call rebuilds lost data. */
  readonly bypassFreeze: boolean
}

export const retry = { status: 'retry' } as const

/**
 * The state of one partition. Its methods make the changes, each with its event; the commands
 * decide whether to make them.
 */
export class PartitionState {
  /** The latest time at which something was executed here. */
  time: Time = NEVER
  /** The layout in which it is stored. */
  layout = LAYOUT
  /** `null` until the sale is created, which sets the next three fields, too. */
  incarnation: string | null = null
  /** The rules that the sale was created with. */
  created!: Rules
  present!: PresentRules
  stock!: Stock
  /** All partitions of the sale exist. */
  complete = false
  readonly entries: Entry[] = []
  readonly events = new EventLog()
  readonly expiry = new ExpiryHeap()
  readonly sent = new Transfers()
  readonly received = new Transfers()
  /** Ids of reservations on their way, and of those that could not arrive; and whether any did. */
  readonly transfers = { departing: new Set<string>(), declined: new Set<string>(), arrived: false }
  /** The consumer groups that follow the events. */
  readonly groups = new Groups()
  /** How often units came back on sale. */
  returns = 0
  readonly restocks = new Map<string, { sku: number; quantity: number; applied: number }>()
  readonly moves = new Map<string, Moved>()
  readonly counts = new Counts()
  readonly householdByBuyer = new Map<string, string>()
  paused = false
  ended = false
  generation = 1
  /** The sequence at which the previous generation was left. */
  since = 0
  frozen = false
  /** The latest attempt to remove the sale that is known here, and whether it has sealed this. */
  seal = { attempt: 0, isSealed: false }
  readonly #index: number
  readonly #reservations = new ReservationIndex()

  /** @param index The index of the partition in the sale. */
  constructor(index = 0) {
    this.#index = index
  }

  get now(): number {
    return this.time.now
  }

  /** The rules in force. */
  get rules(): Rules {
    return this.present.rules
  }

  get offset(): LogOffset {
    return { generation: this.generation, sequence: this.events.sequence, batchId: this.events.batchId }
  }

  /** Whether a caller's `lastSeen` is part of this history. */
  remembers({ generation, sequence, batchId }: LogOffset): boolean {
    if (generation < this.generation || sequence === 0) return generation <= this.generation
    if (generation > this.generation || sequence > this.events.sequence) return false
    const entry = this.events.holding(sequence)
    return entry === undefined || entry.batchId === batchId
  }

  freeze(): void {
    this.frozen = true
    this.since = this.events.sequence
  }

  unfreeze(after: number): void {
    this.frozen = false
    this.generation = after > this.generation ? after + 2 : this.generation + 1
  }

  create(rules: Rules, incarnation: string, time: Time): void {
    this.created = rules
    this.present = { revision: 0, rules, everywhere: true }
    this.incarnation = incarnation
    this.stock = new Stock(this.#sharesOf(rules))
    this.time = time
    this.events.changedAt = time.now
  }

  /** Puts other rules in force. */
  update({ revision, rules, changes, everywhere }: Op<'update'>): void {
    if (rules.skus.length > this.rules.skus.length) this.returns++
    this.present = { revision, rules, everywhere }
    this.stock.update(this.#sharesOf(rules))
    this.append({ type: 'updated', revision, changes })
  }

  /** The rules with this partition's part of the stock. */
  #sharesOf(rules: Rules): Rules {
    const share = (stock: number, sku: number) => splitStock(stock, sku, this.#index, rules.partitions)
    return { ...rules, skus: rules.skus.map((rule, sku) => ({ ...rule, stock: share(rule.stock, sku) })) }
  }

  /** Moves on to `time`: every hold that has expired by then becomes `expired`. */
  advance(time: Time): void {
    this.time = time
    for (let entry = this.expiry.first(); entry; entry = this.expiry.first()) {
      if (time.now < entry.reservation.expiresAt) return
      this.giveBack(entry, 'expired')
    }
  }

  /** When the next hold expires. */
  nextExpiry(): number | null {
    return this.expiry.first()?.reservation.expiresAt ?? null
  }

  saleState(now = this.now): SaleState {
    const { opensAt, closesAt } = this.rules
    if (this.ended || (closesAt !== null && now >= closesAt)) return 'ended'
    if (opensAt !== null && now < opensAt) return 'not_started'
    return this.paused ? 'paused' : 'open'
  }

  find(id: string): Entry | undefined {
    return this.#reservations.find(id)
  }

  findByKey(buyer: string, key: string): Entry | undefined {
    return this.#reservations.findByKey(buyer, key)
  }

  /** A buyer's reservations in the order in which they were made. */
  ofBuyer(buyer: string): readonly Entry[] {
    return this.#reservations.ofBuyer(buyer)
  }

  hold(op: Op<'reserve'>): Entry {
    const { id, buyer, household, cart, key, changes, earlier, origin, createdAt = this.now } = op
    const expiresAt = op.expiresAt ?? this.now + (op.holdMs ?? this.rules.holdMs)
    const reservation: StoredReservation = {
      ...{ id, buyer, cart, state: 'held', key, createdAt, expiresAt, paymentId: null },
      ...(household !== undefined && { household }),
      ...{ ...(changes && { changes }), ...(origin && { origin }) },
    }
    const entry = this.add(reservation, { late: false, earlier: earlier ?? null })
    this.stock.take(reservation, cart, 'held')
    this.appendOf(entry, { type: 'reserved', id, expiresAt })
    this.announceSoldOut(cart)
    return entry
  }

  /** Adds a reservation, without its units and its event. */
  add(reservation: StoredReservation, rest: Pick<Entry, 'late' | 'earlier'>): Entry {
    const nothing = { refundDue: null, further: new Map(), refunds: new Map(), refundedParts: [] }
    const entry: Entry = { reservation, order: this.entries.length, ...rest, ...nothing }
    this.entries.push(entry)
    this.#reservations.add(entry)
    this.expiry.add(entry)
    return entry
  }

  extend(entry: Entry, expiresAt: number): void {
    this.change(entry, { expiresAt })
    this.appendOf(entry, { type: 'extended', id: entry.reservation.id, expiresAt })
  }

  /** Gives a reservation another cart. Only a hold has units. */
  amend(entry: Entry, cart: Cart, count: number): void {
    const { id, state, cart: before } = entry.reservation
    const [added, dropped] = [unitsBeyond(cart, before), unitsBeyond(before, cart)]
    if (state === 'held') {
      this.stock.giveBack(entry.reservation, dropped, 'held')
      this.stock.take(entry.reservation, added, 'held')
      if (dropped.length > 0) this.returns++
    }
    this.change(entry, { cart, changes: { first: firstCart(entry.reservation), count } })
    this.appendOf(entry, { type: 'amended', id, before } as News)
    if (state !== 'held') return
    this.announceSoldOut(added)
    wereReturned(this, dropped)
  }

  confirm(entry: Entry, paymentId: string | null, expiresAt = entry.reservation.expiresAt): void {
    const { id, cart } = entry.reservation
    this.stock.confirm(cart)
    this.change(entry, { state: 'confirmed', paymentId, expiresAt })
    this.appendOf(entry, { type: 'confirmed', id })
  }

  /**
   * Confirms a reservation whose hold has expired, with units that are available again.
   *
   * @param borrowed Units of other SKUs that are taken for it.
   */
  confirmLate(entry: Entry, paymentId: string | null, borrowed: readonly Redirected[]): void {
    const { id, cart } = entry.reservation
    borrow(this, borrowed)
    this.stock.take(entry.reservation, cart, 'confirmed')
    entry.late = true
    this.change(entry, { state: 'confirmed', paymentId })
    this.appendOf(entry, { type: 'confirmed', id })
    this.announceSoldOut(cart)
  }

  recordRefundDue(entry: Entry, reason: RecordedReason, paymentId: string | null): void {
    entry.refundDue = reason
    // In a recovery the reservation may have ended otherwise than when its payer was told.
    this.change(entry, { state: reason === 'released' ? 'released' : 'expired', paymentId })
    this.appendOf(entry, { type: 'refund_due', id: entry.reservation.id, reason })
  }

  /** A payment beside the reservation's own must be refunded. */
  recordFurtherPayment(entry: Entry, reason: RecordedReason, paymentId: string): void {
    const { id, state } = entry.reservation
    entry.further.set(paymentId, reason)
    this.appendOf(entry, { type: 'refund_due', id, reason, further: { paymentId, state } })
  }

  /** The id of the payment that was first reported without one. */
  recordPaymentId(entry: Entry, paymentId: string): void {
    const { id, state } = entry.reservation
    this.change(entry, { paymentId })
    this.appendOf(entry, { type: 'paid', id, state })
  }

  /** Ends a hold. */
  giveBack(entry: Entry, state: 'released' | 'expired', expiresAt = entry.reservation.expiresAt): void {
    const { id, cart } = entry.reservation
    this.stock.giveBack(entry.reservation, cart, 'held')
    this.returns++
    this.change(entry, { state, expiresAt })
    this.appendOf(entry, { type: state, id })
    wereReturned(this, cart)
  }

  /**
   * Shifts the target of a SKU, `total - owed`. Returns by how much `total` has changed: units that
   * are added free the debt first, and those that are lacking are added to it.
   */
  shift(sku: number, change: number): number {
    const owed = this.stock.owed(sku)
    const applied = this.stock.restock(sku, change > 0 ? Math.max(0, change - owed) : change)
    this.stock.setOwed(sku, owed + applied - change)
    this.append({ type: 'counted', sku, change })
    if (applied > 0) this.returns++
    if (applied < 0) this.announceSoldOut([[sku, -applied]])
    return applied
  }

  /**
   * Units of these SKUs have become available: what is owed of them leaves the sale, or is passed
   * on to partition 0. Without a debt or a claim nothing happens; with one nothing was available.
   * Returns how many units that took.
   */
  cameBack(cart: Cart): number {
    let taken = 0
    for (const [sku] of cart) {
      const owed = this.stock.owed(sku)
      const units = Math.min(this.stock.of(sku).available, Math.abs(owed))
      if (units === 0) continue
      taken += units
      this.stock.setOwed(sku, owed - Math.sign(owed) * units)
      if (owed < 0) {
        this.send(0, sku, units)
        continue
      }
      this.stock.restock(sku, -units)
      this.append({ type: 'debt_taken', sku, quantity: units })
      this.announceSoldOut([[sku, units]])
    }
    return taken
  }

  /**
   * Sends units to another partition. Units that are lacking were sold twice: they are added to the
   * sale.
   */
  send(to: number, sku: number, quantity: number): void {
    const taken = Math.min(quantity, this.stock.of(sku).available)
    this.stock.restock(sku, quantity - taken)
    this.stock.send(sku, quantity)
    this.sent.add(to, sku, quantity)
    this.append({ type: 'sent', to, sku, quantity })
    if (taken > 0) this.announceSoldOut([[sku, taken]])
  }

  /** Receives units from another partition. */
  receive(from: number, sku: number, quantity: number): void {
    this.stock.send(sku, -quantity)
    this.received.add(from, sku, quantity)
    this.append({ type: 'received', from, sku, quantity })
    // Partition 0 has units to send only when it owes none: a claim is out of date then.
    if (from === 0 && this.stock.owed(sku) < 0) this.stock.setOwed(sku, 0)
    this.cameBack([[sku, quantity]])
  }

  append(event: News): void {
    this.events.append(event, this.now)
  }

  /** Appends an event of a reservation: it has the cart if that was changed. */
  appendOf({ reservation: { cart, changes } }: Entry, event: News): void {
    this.append(changes ? ({ ...event, changed: { cart, count: changes.count } } as News) : event)
  }

  /** Appends `sold_out` after a change that took these units from the available ones. */
  announceSoldOut(taken: Cart): void {
    for (const [sku] of taken) {
      if (this.stock.of(sku).available === 0) this.append({ type: 'sold_out', sku })
    }
  }

  change(entry: Entry, change: Partial<StoredReservation>): void {
    entry.reservation = { ...entry.reservation, ...change }
  }
}
