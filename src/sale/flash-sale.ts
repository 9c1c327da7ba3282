import { performance } from 'node:perf_hooks'
import {
  checkBoolean,
  checkId,
  checkInteger,
  checkObject,
  checkOptionalId,
  checkSignal,
  MAX_SPAN_MS,
  MAX_UNITS,
} from '../check.js'
import type { Command, Engine, Op, Settled } from '../engine/engine.js'
import { partitionOf } from '../engine/id.js'
import { invalid, StockholdError } from '../errors.js'
import { auditPartition } from './audit.js'
import { type Call, mintId, newToken, Partitions } from './partitions.js'
import { checkOrder, type Order, type ReserveRequest, RuleBook } from './reservation.js'
import type {
  Audit,
  ConfirmResult,
  ExtendResult,
  RefundResult,
  ReleaseResult,
  Reservation,
  ReserveResult,
  RestockResult,
  SaleState,
  Stats,
} from './results.js'
import { normalizeRules, type SaleRules } from './rules.js'
import { SoldOutMemory } from './sold-out.js'
import { Sweeper } from './sweeper.js'

export interface FlashSaleOptions {
  /** Where the sale lives: `redisEngine(...)` or `memoryEngine()`. */
  engine: Engine
  /** When a call is given up at the latest, in ms: as UNAVAILABLE if nothing was sent, else as UNKNOWN_OUTCOME. @default 2_000 */
  deadlineMs?: number
  /** Calls that may be open on this handle at a time; one more is OVERLOADED at once. @default 10_000 */
  maxInFlight?: number
}

export interface SignalOption {
  /**
   * Ends the wait. Before the request was sent: nothing is sent, and the call rejects with the signal's reason. Afterwards:
   * UNKNOWN_OUTCOME, since it may have been executed.
   */
  signal?: AbortSignal
}

/**
 * A handle on one sale: any number of processes may have any number of them. A handle learns the sale's rules from the engine
 * with its first call; it needs no `create` of its own.
 *
 * Refusals are values with a `status`; faults are thrown as {@link StockholdError}. All methods may reject with
 * `INVALID_ARGUMENT`, `UNAVAILABLE`, `UNKNOWN_OUTCOME`, `OVERLOADED`, `SALE_NOT_FOUND`, `STATE_LOST`, `UNSAFE_CONFIG` and
 * `CLOSED`; further codes stand with the method.
 */
export class FlashSale {
  readonly id: string
  readonly #partitions: Partitions
  readonly #deadlineMs: number
  readonly #soldOut: SoldOutMemory
  readonly #sweeper: Sweeper
  #book: RuleBook | undefined
  #learning: Promise<RuleBook> | undefined
  #closed = false

  /** @throws {StockholdError} `INVALID_ARGUMENT` */
  constructor(id: string, options: FlashSaleOptions) {
    this.id = checkId(id, 'id')
    const { engine, deadlineMs = 2_000, maxInFlight = 10_000 } = checkOptions(options)
    if (typeof engine?.partition !== 'function') {
      throw invalid('engine', 'must be an engine: redisEngine(...) or memoryEngine()')
    }
    this.#deadlineMs = checkInteger(deadlineMs, 'deadlineMs', 1, 3_600_000)
    this.#partitions = new Partitions(engine, id, checkInteger(maxInFlight, 'maxInFlight', 1, 10_000_000))
    this.#soldOut = new SoldOutMemory(engine.elapsed)
    const serverTime = () => this.#partitions.session(0).serverTime(performance.now())
    this.#sweeper = new Sweeper(() => this.#sweep(), serverTime)
  }

  /**
   * Makes the sale. The same rules again change nothing, so every process may call it at its start.
   *
   * @returns Whether it was this call that made it.
   * @throws {StockholdError} `SALE_EXISTS`: there is a sale of this name with other rules. `STATE_LOST`: this handle has seen
   *   the sale before, and it is gone: it is never started afresh.
   */
  async create(rules: SaleRules, options?: SignalOption): Promise<{ created: boolean }> {
    const wanted = normalizeRules(rules)
    const call = this.#call(options)
    const session = this.#partitions.session(0)
    if (session.token !== null) {
      const { rules: known, token } = await this.#describe(call)
      if (token !== session.token) throw session.gone('lost')
      if (JSON.stringify(known) !== JSON.stringify(wanted)) throw this.#exists()
      return { created: false }
    }
    return this.#ask('create', { rules: wanted, token: newToken() }, call, ({ status, token }) => {
      if (status === 'conflict') throw this.#exists()
      this.#learned(token, new RuleBook(wanted))
      return { created: status === 'created' }
    })
  }

  /**
   * Holds units for a buyer, all of a cart or nothing.
   *
   * @returns `reserved`, or why not: see {@link ReserveResult}. Without a `key`, `sold_out` may be up to 200 ms old.
   * @throws {StockholdError} `IDEMPOTENCY_CONFLICT`: the key made a reservation of another cart.
   */
  reserve(request: ReserveRequest, options?: SignalOption): Promise<ReserveResult> {
    try {
      const order = checkOrder(request)
      const call = this.#call(options)
      return this.#book ? this.#reserve(order, this.#book, call) : this.#reserveLearning(order, call)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * Settles a payment: as `confirmed` or as `refund_due`, the same for ever, however often it is repeated. To be called by
   * whatever learns that the buyer has paid, also after the hold has lapsed.
   *
   * @param options `buyer`: whose reservation it must be, anybody else's is `not_found`. `paymentId`: kept with it.
   */
  async confirm(
    reservationId: string,
    options: { buyer?: string; paymentId?: string } & SignalOption = {},
  ): Promise<ConfirmResult> {
    const given = checkOptions(options)
    const buyer = checkOptionalId(given.buyer, 'buyer')
    const paymentId = checkOptionalId(given.paymentId, 'paymentId')
    return this.#settle('confirm', reservationId, options, { buyer, paymentId }, (answer, book) =>
      book.result(answer),
    )
  }

  /** Gives a hold back before it lapses. `buyer`: whose it must be, anybody else's is `not_found`. */
  async release(
    reservationId: string,
    options: { buyer?: string } & SignalOption = {},
  ): Promise<ReleaseResult> {
    const buyer = checkOptionalId(checkOptions(options).buyer, 'buyer')
    return this.#settle('release', reservationId, options, { buyer }, (answer, book) => {
      this.#soldOut.forget()
      return book.result(answer)
    })
  }

  /** Holds longer: to `holdMs` from now, at most `maxHoldMs` after the reservation was made, never shorter than before. */
  async extend(reservationId: string, options: { holdMs: number } & SignalOption): Promise<ExtendResult> {
    const holdMs = checkInteger(checkOptions(options).holdMs, 'holdMs', 1, MAX_SPAN_MS)
    return this.#settle('extend', reservationId, options, { holdMs }, (answer, book) => {
      if (answer.status === 'extended') this.#sweeper.watch(answer.reservation.expiresAt)
      return book.result(answer)
    })
  }

  /** Takes a confirmed reservation back. `restock`: its units go on sale again; otherwise they leave the sale. */
  async refund(reservationId: string, options: { restock: boolean } & SignalOption): Promise<RefundResult> {
    const restock = checkBoolean(checkOptions(options).restock, 'restock')
    return this.#settle('refund', reservationId, options, { restock }, (answer, book) => {
      this.#soldOut.forget()
      return book.result(answer)
    })
  }

  /** The reservation as it is now, or `undefined`. */
  async get(reservationId: string, options: SignalOption = {}): Promise<Reservation | undefined> {
    return this.#settle('get', reservationId, options, {}, (answer, book) =>
      answer.status === 'found' ? book.reservation(answer.reservation) : { status: 'not_found' as const },
    ).then((found) => ('status' in found ? undefined : found))
  }

  /**
   * Puts units on sale, or takes unsold ones out with a negative quantity (what is available, and no more).
   *
   * @param restock `key`: the same key again changes nothing and gives the first answer.
   * @throws {StockholdError} `IDEMPOTENCY_CONFLICT`: the key was used with another SKU or quantity.
   */
  async restock(
    restock: { sku: string; quantity: number; key: string },
    options?: SignalOption,
  ): Promise<RestockResult> {
    const given = checkObject(restock, 'restock', 'with `sku`, `quantity` and `key`')
    const sku = checkId(given.sku, 'sku')
    const quantity = checkInteger(given.quantity, 'quantity', -MAX_UNITS, MAX_UNITS)
    if (quantity === 0) throw invalid('quantity', 'must not be 0')
    const key = checkId(given.key, 'key')
    const call = this.#call(options)
    const book = await this.#rules(call)
    return this.#ask('restock', { sku: book.place(sku, 'sku'), quantity, key }, call, (answer) => {
      if (answer.status === 'conflict') throw conflict(key)
      this.#soldOut.forget()
      return { status: 'restocked', sku, applied: answer.applied, replayed: answer.replayed }
    })
  }

  /** Stops new reservations; holds go on and can be confirmed. Answers the state the sale is in afterwards. */
  pause(options?: SignalOption): Promise<SaleState> {
    return this.#control('pause', options)
  }

  /** Ends a pause. Answers the state the sale is in afterwards. */
  resume(options?: SignalOption): Promise<SaleState> {
    return this.#control('resume', options)
  }

  /** Ends the sale for good. Holds can be confirmed until they lapse. */
  end(options?: SignalOption): Promise<SaleState> {
    return this.#control('end', options)
  }

  /** State and counts at one instant, lapsed holds counted as available. */
  async stats(options?: SignalOption): Promise<Stats> {
    const call = this.#call(options)
    const book = await this.#rules(call)
    return this.#ask('stats', {}, call, ({ status, skus }) => ({
      state: status,
      skus: Object.fromEntries(skus.map((counts, place) => [book.sku(place), counts])),
    }))
  }

  /**
   * Recounts every reservation and compares with the counts, while the sale goes on. Takes time and memory in proportion to
   * the number of reservations; each step of it has the handle's deadline.
   */
  async audit(options?: SignalOption): Promise<Audit> {
    const book = await this.#rules(this.#call(options))
    await this.stats(options)
    const source = {
      scan: (op: Op<'scan'>) => this.#ask('scan', op, this.#call(options), (answer) => answer),
      events: (op: Op<'events'>) => this.#ask('events', op, this.#call(options), (answer) => answer),
      get: (id: string) =>
        this.#ask('get', { id }, this.#call(options), (answer) =>
          answer.status === 'found' ? answer.reservation : undefined,
        ),
    }
    return auditPartition(source, this.#partitions.session(0).sequence, book)
  }

  /** Ends this handle: calls made from now on are CLOSED, those under way are answered. The engine and its client stay. */
  async close(): Promise<void> {
    this.#closed = true
    this.#sweeper.stop()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #reserveLearning(order: Order, call: Call): Promise<ReserveResult> {
    return this.#reserve(order, await this.#rules(call), call)
  }

  #reserve(order: Order, book: RuleBook, call: Call): Promise<ReserveResult> {
    const { buyer, key } = order
    const cart = book.cart(order.items)
    const holdMs = book.holdMs(order.holdMs)
    const remembered = key === null ? this.#soldOut.recall(cart) : undefined
    if (remembered) return Promise.resolve(remembered)
    const askedAt = this.#soldOut.now()
    const id = mintId(this.#partitions.session(0).token!, buyer, key, book.limited)
    const settle = (answer: Settled<'reserve'>): ReserveResult => {
      if (answer.status === 'conflict') throw conflict(key!)
      if (answer.status === 'reserved') this.#sweeper.watch(answer.reservation.expiresAt)
      if (answer.status !== 'sold_out' && answer.status !== 'limit_exceeded') return book.result(answer)
      const refusal = { ...answer, sku: book.sku(answer.sku) }
      if (refusal.status === 'sold_out') this.#soldOut.remember(answer.sku, refusal, askedAt)
      return refusal
    }
    return this.#partitions.ask(0, 'reserve', { id, buyer, cart, key, holdMs }, call, settle, cart.length)
  }

  /** What confirm, release, extend, refund and get share: an id that routes, and `not_found` for one that cannot be ours. */
  async #settle<C extends 'confirm' | 'release' | 'extend' | 'refund' | 'get', T>(
    command: C,
    reservationId: string,
    options: SignalOption,
    rest: Omit<Op<C>, 'id'>,
    result: (answer: Settled<C>, book: RuleBook) => T,
  ): Promise<T | { status: 'not_found' }> {
    const id = checkId(reservationId, 'reservationId')
    const call = this.#call(options)
    const book = this.#book ?? (await this.#rules(call))
    if (partitionOf(id) !== 0) return { status: 'not_found' }
    return this.#ask(command, { id, ...rest } as unknown as Op<C>, call, (answer) => result(answer, book))
  }

  async #control(action: 'pause' | 'resume' | 'end', options?: SignalOption): Promise<SaleState> {
    const call = this.#call(options)
    await this.#rules(call)
    return this.#ask('control', { action }, call, ({ status }) => status)
  }

  #ask<C extends Command, T>(
    command: C,
    op: Op<C>,
    call: Call,
    result: (answer: Settled<C>) => T,
  ): Promise<T> {
    return this.#partitions.ask(0, command, op, call, result)
  }

  /** The sale's rules, learned with the first call. Who aborts leaves the others waiting. */
  #rules(call: Call): Promise<RuleBook> {
    if (this.#book) return Promise.resolve(this.#book)
    this.#learning ??= this.#describe({ ...call, signal: undefined })
      .then(({ token, rules }) => this.#learned(token, new RuleBook(rules)))
      .finally(() => {
        this.#learning = undefined
      })
    return unlessAborted(this.#learning, call.signal)
  }

  #describe(call: Call): Promise<Settled<'describe'>> {
    return this.#ask('describe', {}, call, (answer) => answer)
  }

  #learned(token: string, book: RuleBook): RuleBook {
    if (this.#book) return this.#book
    this.#partitions.session(0).token = token
    this.#book = book
    // Somebody else's holds may be waiting to be swept.
    this.#sweeper.watch(0)
    return book
  }

  #sweep(): Promise<number | null> {
    return this.#ask('sweep', {}, this.#call(), ({ next }) => next)
  }

  #call(options?: SignalOption): Call {
    const signal = checkSignal(options?.signal)
    if (this.#closed)
      throw new StockholdError('CLOSED', `this handle of the sale was closed. Nothing was sent.`)
    signal?.throwIfAborted()
    return { deadline: performance.now() + this.#deadlineMs, signal }
  }

  #exists(): StockholdError {
    const name = JSON.stringify(this.id)
    return new StockholdError(
      'SALE_EXISTS',
      `there is a sale ${name} with other rules: use another id, or the same rules`,
    )
  }
}

function checkOptions<T>(options: T): T {
  checkObject(options, 'options', '')
  return options
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort)
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

function conflict(key: string): StockholdError {
  const name = JSON.stringify(key)
  return new StockholdError(
    'IDEMPOTENCY_CONFLICT',
    `the key ${name} was used for something else: use a new key`,
  )
}
