import {
  checkBoolean,
  checkId,
  checkInteger,
  checkObject,
  checkOptionalId,
  MAX_SPAN_MS,
  MAX_UNITS,
} from '../check.js'
import type { Engine, Op, Settled, StoredReservation } from '../engine/engine.js'
import { partitionOf } from '../engine/id.js'
import type { Limits } from '../engine/lanes.js'
import { invalid, StockholdError } from '../errors.js'
import { SaleAccess, type SignalOption } from './access.js'
import { AcknowledgedMemory } from './acknowledged.js'
import { auditPartition } from './audit.js'
import type { Admission, Door } from './door.js'
import { mintId, newToken } from './partitions.js'
import { replay } from './recovery.js'
import { checkOrder, type Order, type Public, type ReserveRequest, RuleBook } from './reservation.js'
import type {
  Audit,
  ConfirmResult,
  ExtendResult,
  PassRefusal,
  Recovery,
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

export interface FlashSaleOptions {
  /** Where the sale lives: `redisEngine(...)` or `memoryEngine()`. */
  engine: Engine
  /** When a call is given up at the latest, in ms: as UNAVAILABLE if nothing was sent, else as UNKNOWN_OUTCOME. @default 2_000 */
  deadlineMs?: number
  /** Calls that may be open on this handle at a time; one more is OVERLOADED at once. @default 10_000 */
  maxInFlight?: number
  /** The `WaitingRoom` before this sale: who has no valid pass of it is `pass_rejected`. @default none */
  waitingRoom?: Door
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
  readonly #access: SaleAccess
  readonly #soldOut: SoldOutMemory
  readonly #door: Door | undefined
  readonly #told = new AcknowledgedMemory()

  /** @throws {StockholdError} `INVALID_ARGUMENT` */
  constructor(id: string, options: FlashSaleOptions) {
    this.id = checkId(id, 'id')
    const { engine, deadlineMs = 2_000, maxInFlight = 10_000, waitingRoom } = checkOptions(options)
    if (typeof engine?.partition !== 'function') {
      throw invalid('engine', 'must be an engine: redisEngine(...) or memoryEngine()')
    }
    this.#access = new SaleAccess(id, engine, {
      deadlineMs: checkInteger(deadlineMs, 'deadlineMs', 1, 3_600_000),
      maxInFlight: checkInteger(maxInFlight, 'maxInFlight', 1, 10_000_000),
    })
    this.#soldOut = new SoldOutMemory(engine.elapsed)
    this.#door = waitingRoom === undefined ? undefined : checkDoor(waitingRoom, id)
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
    const call = this.#access.call(options)
    const session = this.#access.session
    if (session.token !== null) {
      const { rules: known, token } = await this.#access.describe(call)
      if (token !== session.token) throw session.gone('lost')
      if (JSON.stringify(known) !== JSON.stringify(wanted)) throw this.#exists()
      return { created: false }
    }
    return this.#access.ask('create', { rules: wanted, token: newToken() }, call, ({ status, token }) => {
      if (status === 'conflict') throw this.#exists()
      this.#access.learn(token, new RuleBook(wanted))
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
      const call = this.#access.call(options)
      if (this.#door) return this.#reserveAdmitted(this.#door, order, call)
      return this.#access.book
        ? this.#reserve(order, this.#access.book, call)
        : this.#reserveLearning(order, call)
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
      this.#tell(answer, book, { refundDue: answer.status === 'refund_due' }),
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
      return this.#tell(answer, book)
    })
  }

  /** Holds longer: to `holdMs` from now, at most `maxHoldMs` after the reservation was made, never shorter than before. */
  async extend(reservationId: string, options: { holdMs: number } & SignalOption): Promise<ExtendResult> {
    const holdMs = checkInteger(checkOptions(options).holdMs, 'holdMs', 1, MAX_SPAN_MS)
    return this.#settle('extend', reservationId, options, { holdMs }, (answer, book) => {
      if (answer.status === 'extended') this.#access.watch(answer.reservation.expiresAt)
      return this.#tell(answer, book)
    })
  }

  /** Takes a confirmed reservation back. `restock`: its units go on sale again; otherwise they leave the sale. */
  async refund(reservationId: string, options: { restock: boolean } & SignalOption): Promise<RefundResult> {
    const restock = checkBoolean(checkOptions(options).restock, 'restock')
    return this.#settle('refund', reservationId, options, { restock }, (answer, book) => {
      this.#soldOut.forget()
      return this.#tell(answer, book, { restocked: restock })
    })
  }

  /** The reservation as it is now, or `undefined`. */
  async get(reservationId: string, options: SignalOption = {}): Promise<Reservation | undefined> {
    return this.#settle('get', reservationId, options, {}, (answer, book) => {
      if (answer.status !== 'found') return { status: 'not_found' as const }
      this.#told.note(answer.reservation)
      return book.reservation(answer.reservation)
    }).then((found) => ('status' in found ? undefined : found))
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
    const call = this.#access.call(options)
    const book = await this.#access.rules(call)
    const op = { sku: book.place(sku, 'sku'), quantity, key }
    return this.#access.ask('restock', op, call, (answer) => {
      if (answer.status === 'conflict') throw conflict()
      this.#told.noteRestock(op)
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
    const call = this.#access.call(options)
    const book = await this.#access.rules(call)
    return this.#access.ask('stats', {}, call, ({ status, skus }) => ({
      state: status,
      skus: Object.fromEntries(skus.map((counts, place) => [book.sku(place), counts])),
    }))
  }

  /**
   * Recounts every reservation and compares with the counts, while the sale goes on. Takes time and memory in proportion to
   * the number of reservations; each step of it has the handle's deadline.
   */
  async audit(options?: SignalOption): Promise<Audit> {
    const book = await this.#access.rules(this.#access.call(options))
    await this.stats(options)
    const source = {
      scan: (op: Op<'scan'>) => this.#access.ask('scan', op, this.#access.call(options), (answer) => answer),
      events: (op: Op<'events'>) =>
        this.#access.ask('events', op, this.#access.call(options), (answer) => answer),
      get: (id: string) =>
        this.#access.ask('get', { id }, this.#access.call(options), (answer) =>
          answer.status === 'found' ? answer.reservation : undefined,
        ),
    }
    return auditPartition(source, this.#access.session.sequence, book)
  }

  /**
   * Ends the freeze after ROLLBACK_DETECTED, or makes the sale anew after STATE_LOST. Until then it sells nothing.
   *
   * - `accept`: Redis' state counts as it is. What it has forgotten is forgotten; a sale that is gone begins again with all of its stock.
   * - `replay`: first everything is put back that this handle has answered and still knows (its latest 50,000 reservations at least, and its restocks).
   *   Where others bought the units meanwhile, it is `refused`: those buyers must be told.
   *
   * With several processes, let each of them `replay` with `thaw: false`, and the last one without.
   *
   * @param recovery `thaw`: whether the sale goes on afterwards. @default true
   */
  async recover(
    recovery: { from: 'accept' | 'replay'; thaw?: boolean },
    options?: SignalOption,
  ): Promise<Recovery> {
    const { from, thaw = true } = checkObject(recovery, 'recovery', 'with `from`')
    if (from !== 'accept' && from !== 'replay') throw invalid('from', "must be 'accept' or 'replay'")
    const thaws = checkBoolean(thaw, 'thaw')
    const book = await this.#access.rules(this.#access.call(options))
    // If nobody has noticed so far, this does, and freezes the sale.
    await this.stats(options).catch((error) => {
      if (!(error instanceof StockholdError) || error.retryable || error.code === 'CLOSED') throw error
    })
    const { session } = this.#access
    const recover = this.#access.recovering()
    const line = (session.tip?.line ?? 0) + 1
    const { token } = await recover('rebuild', { rules: book.rules, token: session.token!, line })
    if (token !== session.token) throw session.gone('lost')
    const { restored, refused } =
      from === 'accept'
        ? { restored: 0, refused: [] }
        : await replay(this.#told, recover, () => this.#access.serverNow(), book.rules.holdMs)
    if (thaws) await recover('control', { action: 'thaw' })
    this.#soldOut.forget()
    if (from === 'accept') this.#told.clear()
    return {
      restored,
      refused: refused.map(({ acknowledged, reason }) => ({
        reservation: book.reservation(acknowledged.reservation),
        reason,
      })),
      forgotten: from === 'accept' ? 0 : this.#told.forgotten,
    }
  }

  /** Ends this handle: calls made from now on are CLOSED, those under way are answered. The engine and its client stay. */
  async close(): Promise<void> {
    this.#access.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #reserveAdmitted(door: Door, order: Order, call: Limits): Promise<ReserveResult> {
    if (order.pass === null) return { status: 'pass_rejected', reason: 'missing' }
    let admission: Admission
    try {
      admission = await door.enter(order.pass, order.buyer)
    } catch (error) {
      const reason = error instanceof StockholdError ? refusals.get(error.code) : undefined
      if (reason === undefined) throw error
      return { status: 'pass_rejected', reason }
    }
    const result = await this.#reserveLearning(order, call)
    // Whoever had their try makes room for another, or a unit could stand until the pass runs out.
    if (result.status === 'reserved' || result.status === 'sold_out' || result.status === 'limit_exceeded')
      admission.spend()
    return result
  }

  async #reserveLearning(order: Order, call: Limits): Promise<ReserveResult> {
    return this.#reserve(order, await this.#access.rules(call), call)
  }

  #reserve(order: Order, book: RuleBook, call: Limits): Promise<ReserveResult> {
    const { buyer, key } = order
    const cart = book.cart(order.items)
    const holdMs = book.holdMs(order.holdMs)
    const remembered = key === null ? this.#soldOut.recall(cart) : undefined
    if (remembered) return Promise.resolve(remembered)
    const askedAt = this.#soldOut.now()
    const id = mintId(this.#access.session.token!, buyer, key, book.limited)
    const settle = (answer: Settled<'reserve'>): ReserveResult => {
      if (answer.status === 'conflict') throw conflict()
      if (answer.status === 'reserved') {
        this.#access.watch(answer.reservation.expiresAt)
        const { replayed } = answer
        this.#told.note(answer.reservation)
        return { status: 'reserved', reservation: book.reservation(answer.reservation), replayed }
      }
      if (answer.status !== 'sold_out' && answer.status !== 'limit_exceeded') return book.result(answer)
      const refusal = { ...answer, sku: book.sku(answer.sku) }
      if (refusal.status === 'sold_out') this.#soldOut.remember(answer.sku, refusal, askedAt)
      return refusal
    }
    return this.#access.ask('reserve', { id, buyer, cart, key, holdMs }, call, settle, cart.length)
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
    const call = this.#access.call(options)
    const book = this.#access.book ?? (await this.#access.rules(call))
    if (partitionOf(id) !== 0) return { status: 'not_found' }
    return this.#access.ask(command, { id, ...rest } as unknown as Op<C>, call, (answer) =>
      result(answer, book),
    )
  }

  async #control(action: 'pause' | 'resume' | 'end', options?: SignalOption): Promise<SaleState> {
    const call = this.#access.call(options)
    await this.#access.rules(call)
    return this.#access.ask('control', { action }, call, ({ status }) => {
      if (action === 'end') this.#told.noteEnd()
      return status
    })
  }

  /** An answer in public form, remembered. */
  #tell<A extends object>(
    answer: A,
    book: RuleBook,
    rest?: Parameters<AcknowledgedMemory['note']>[1],
  ): Public<A> {
    if ('reservation' in answer) this.#told.note(answer.reservation as StoredReservation, rest)
    return book.result(answer)
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
  checkObject(options, 'options', 'of options')
  return options
}

function checkDoor(room: Door, sale: string): Door {
  if (typeof room?.enter !== 'function') throw invalid('waitingRoom', 'must be a WaitingRoom')
  if (room.sale !== null && room.sale !== sale)
    throw invalid('waitingRoom', 'must be the room of this sale: it stands before another one')
  return room
}

const refusals: ReadonlyMap<string, PassRefusal> = new Map([
  ['PASS_INVALID', 'invalid'],
  ['PASS_EXPIRED', 'expired'],
])

function conflict(): StockholdError {
  return new StockholdError('IDEMPOTENCY_CONFLICT', 'the key was used for something else: use a new key')
}
