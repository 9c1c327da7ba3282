import type { StoredEvent, StoredReservation } from '../engine/engine.js'
import type { ParkedEvent } from '../engine/groups.js'
import type { Delivery, DeliveryBacklog, DeliveryOwner } from './delivery.js'
import { isInternal } from './events.js'
import type { KeyedOrder } from './keyed-order.js'

const tuning = {
  /**
   * Events of one partition that may be kept while one of them holds up the position, including
   * those that are done.
   */
  window: 8_192,
  /**
   * A handler that takes longer than this no longer holds up the position: its event is parked
   * while it runs. ms
   */
  slowMs: 1_000,
  /** The most events that one call parks. */
  maxParks: 256,
  /** Unused entries at the beginning of the window are removed once there are this many. */
  cutFrom: 1_024,
}

/** Events not done and not parked, over all partitions of a consumer: limits reading ahead. */
export interface Load {
  events: number
  /** A partition waits until there are fewer. */
  starved: boolean
}

/** What all backlogs of one partition share. */
export interface BacklogContext {
  readonly owner: DeliveryOwner
  readonly chains: KeyedOrder
  readonly load: Load
  readonly maxParked: number
  /** Converts a moment of the process's clock to server time. */
  readonly serverTime: (moment: number) => number
}

/** What to send to the engine. */
export interface Acknowledgement {
  readonly position: number
  readonly park: readonly ParkedEvent[]
  readonly unpark: readonly number[]
  /** Whether it contains anything new. */
  readonly news: boolean
  readonly parks: readonly Delivery[]
  readonly end: number
}

/**
 * The events of one partition that one consumer has in hand during one lease: which are done, which
 * wait for another try, which are dead letters, and what of that must be acknowledged. It has no
 * timers and makes no calls.
 *
 * The position is the last event up to which every event is done or parked. An event is parked if
 * it would hold up the position: because it failed, because it waits behind a parked one, or
 * because its handler takes long. Parked events lie at or before the position, so the consumer that
 * takes over finds each event once: either parked or after the position.
 */
export class Backlog implements DeliveryBacklog {
  /** The sequence up to which the partition was read. */
  read: number
  /** Dead letters in the engine, as far as is known. */
  dead = 0
  knowsDead = false
  running = 0
  over = false
  readonly owner: DeliveryOwner
  readonly #chains: KeyedOrder
  readonly #load: Load
  readonly #maxParked: number
  readonly #serverTime: (moment: number) => number
  #inHand = 0
  /** In stream order, from `#head`: the events that the position has not passed yet. */
  readonly #window: (Delivery | undefined)[] = []
  #head = 0
  /** Entries removed from the window's beginning: an index plus this stays the same. */
  #cut = 0
  #settled: number
  #lastDone = 0
  /** Events that are parked, or about to be, and not done, by sequence. */
  readonly #parked = new Map<number, Delivery>()
  /** Parked events of which the engine has an older state. */
  readonly #changed = new Set<Delivery>()
  readonly #unpark = new Set<number>()
  readonly #waiting = new Set<Delivery>()

  constructor(position: number, terms: BacklogContext) {
    this.read = position
    this.#settled = position
    this.owner = terms.owner
    this.#chains = terms.chains
    this.#load = terms.load
    this.#maxParked = terms.maxParked
    this.#serverTime = terms.serverTime
  }

  /** The position that the engine has acknowledged. */
  get settled(): number {
    return this.#settled
  }

  get parked(): number {
    return this.#parked.size
  }

  /** Whether no more may be parked. */
  get full(): boolean {
    return this.#parked.size + this.dead >= this.#maxParked
  }

  /** Whether so many events wait behind the position that further reading would not help. */
  get crowded(): boolean {
    return this.#window.length - this.#head >= tuning.window
  }

  get position(): number {
    let at = this.#head
    while (at < this.#window.length && this.#isBehind(this.#window[at]!)) at++
    return this.#positionAt(at)
  }

  /** Adds the next event of the stream. Returns its delivery if it can be handled at once. */
  add(event: StoredEvent, reservation: StoredReservation | undefined): Delivery | undefined {
    this.read = event.sequence
    if (isInternal(event)) return undefined
    const delivery = this.#deliveryOf(event, reservation)
    this.#window.push(delivery)
    this.#count(1)
    return this.#chains.enter(delivery) ? delivery : undefined
  }

  /**
   * Adds an event that the engine has parked, unless it is in hand already. Returns its delivery if
   * it can be handled at once.
   */
  addParked(
    { event, attempts, error }: ParkedEvent,
    reservation: StoredReservation | undefined,
    retryAt: number,
  ): Delivery | undefined {
    if (this.knows(event.sequence)) return undefined
    const delivery = this.#deliveryOf(event, reservation)
    delivery.attempts = attempts
    delivery.error = error
    delivery.at = retryAt
    delivery.parked = true
    this.#parked.set(event.sequence, delivery)
    if (!this.#chains.enter(delivery)) return undefined
    if (attempts === 0) return delivery
    delivery.state = 'waiting'
    this.#waiting.add(delivery)
    return undefined
  }

  /** Whether a parked event is in hand, or was handled here. */
  knows(sequence: number): boolean {
    return this.#parked.has(sequence) || this.#unpark.has(sequence)
  }

  begin(delivery: Delivery, now: number): void {
    delivery.state = 'running'
    delivery.at = now
    this.running++
  }

  /** The event was handled. Returns the next delivery of its key. */
  done(delivery: Delivery): Delivery | undefined {
    this.running--
    const { state } = delivery
    if (state === 'running') {
      delivery.state = 'done'
      const { sequence } = delivery.event
      if (sequence > this.#lastDone) this.#lastDone = sequence
      if (delivery.parked) this.#forget(delivery)
      else this.#count(-1)
      this.#advance()
    }
    return this.#chains.leave(delivery)
  }

  /** The handler failed; the event is tried again at `retryAt`. */
  failed(delivery: Delivery, error: string, retryAt: number): Delivery | undefined {
    this.running--
    // After a lost lease the event is not tried again here. The next of its key may begin.
    if (delivery.state === 'dropped') return this.#chains.leave(delivery)
    delivery.attempts++
    delivery.error = error
    delivery.at = retryAt
    delivery.state = 'waiting'
    this.#waiting.add(delivery)
    if (delivery.parked) this.#changed.add(delivery)
    return undefined
  }

  /** The handler failed for the last time. Returns the next delivery of its key. */
  giveUp(delivery: Delivery, error: string): Delivery | undefined {
    this.running--
    if (delivery.state === 'running') {
      delivery.attempts++
      delivery.error = error
      delivery.state = 'dead'
      if (delivery.parked) this.#changed.add(delivery)
      else this.#count(-1)
    }
    return this.#chains.leave(delivery)
  }

  /** The deliveries that are due for another try. */
  *due(now: number): Generator<Delivery> {
    for (const delivery of this.#waiting) {
      if (delivery.at > now) continue
      this.#waiting.delete(delivery)
      delivery.state = 'ready'
      yield delivery
    }
  }

  /** When the next delivery is due for another try. */
  nextDue(): number {
    let next = Number.POSITIVE_INFINITY
    for (const { at } of this.#waiting) if (at < next) next = at
    return next
  }

  /** What to acknowledge now. The caller calls `keep` with it, or `revert` if the call failed. */
  acknowledge(now: number): Acknowledgement {
    // All of them: if an earlier call failed, the position must not pass an event that the engine
    // has not parked.
    const parks = [...this.#changed]
    this.#changed.clear()
    const room = parks.length + tuning.maxParks
    let end = this.#head
    for (; end < this.#window.length; end++) {
      const delivery = this.#window[end]!
      if (this.#isBehind(delivery)) continue
      if (this.full || parks.length >= room || !this.#holdsUp(delivery, now)) break
      this.#setAside(delivery)
      parks.push(delivery)
    }
    const unpark = [...this.#unpark]
    this.#unpark.clear()
    const position = this.#positionAt(end)
    const park = parks.map((delivery) => this.#record(delivery, now))
    const news = position > this.#settled || park.length > 0 || unpark.length > 0
    return { position, park, unpark, news, parks, end: end + this.#cut }
  }

  keep({ position, parks, end }: Acknowledgement): void {
    if (position > this.#settled) this.#settled = position
    for (const delivery of parks) {
      // A dead letter in the engine is out of this consumer's hands.
      if (delivery.state !== 'dead' || this.#changed.has(delivery)) continue
      if (this.#parked.delete(delivery.event.sequence)) this.dead++
    }
    while (this.#head < end - this.#cut) this.#window[this.#head++] = undefined
    this.#advance()
  }

  revert({ parks, unpark }: Acknowledgement): void {
    for (const delivery of parks) if (delivery.state !== 'done') this.#changed.add(delivery)
    for (const sequence of unpark) this.#unpark.add(sequence)
  }

  /** Whether anything is left to acknowledge. */
  hasNews(): boolean {
    return this.#changed.size > 0 || this.#unpark.size > 0 || this.position > this.#settled
  }

  /** The lease is lost: another consumer handles these events. */
  drop(): void {
    this.over = true
    this.#chains.drop()
    this.#waiting.clear()
    this.#count(-this.#inHand)
  }

  /** Moves the head past the events that are done, and keeps no reference to them. */
  #advance(): void {
    const window = this.#window
    while (this.#head < window.length && window[this.#head]!.state === 'done')
      window[this.#head++] = undefined
    if (this.#head < tuning.cutFrom) return
    // Not a slice: the old array would keep references to its events.
    window.splice(0, this.#head)
    this.#cut += this.#head
    this.#head = 0
  }

  #deliveryOf(event: StoredEvent, reservation: StoredReservation | undefined): Delivery {
    return {
      event,
      reservation,
      key: 'id' in event ? event.id : '',
      backlog: this,
      state: 'ready',
      attempts: 0,
      error: '',
      at: 0,
      parked: false,
      before: undefined,
      after: undefined,
    }
  }

  #count(more: number): void {
    this.#inHand += more
    this.#load.events += more
  }

  #positionAt(at: number): number {
    return at < this.#window.length ? this.#window[at]!.event.sequence - 1 : this.read
  }

  #isBehind({ state, parked }: Delivery): boolean {
    return state === 'done' || parked
  }

  /** Whether the position should move on without the event. */
  #holdsUp({ state, attempts, at, before, event }: Delivery, now: number): boolean {
    if (state === 'dead' || attempts > 0) return true
    if (event.sequence > this.#lastDone) return false
    if (state === 'queued') return before!.parked
    return (
      state === 'running' &&
      (now - at >= tuning.slowMs || (this.#window.length - this.#head) * 2 >= tuning.window)
    )
  }

  #setAside(delivery: Delivery): void {
    delivery.parked = true
    this.#parked.set(delivery.event.sequence, delivery)
    if (delivery.state !== 'dead') this.#count(-1)
  }

  #forget(delivery: Delivery): void {
    const { sequence } = delivery.event
    this.#parked.delete(sequence)
    this.#changed.delete(delivery)
    this.#unpark.add(sequence)
  }

  #record({ event, state, attempts, at, error }: Delivery, now: number): ParkedEvent {
    const retryAt = state === 'dead' ? null : this.#serverTime(state === 'waiting' ? Math.max(at, now) : now)
    return { event, attempts, retryAt, error }
  }
}
