import type { Limits } from '../batching/batcher-set.js'
import { Consumer } from '../consumer/consumer.js'
import { type ConsumerGroup, consumerGroups, removeGroup } from '../consumer/groups.js'
import type { ConsumeOptions, EventHandler } from '../consumer/options.js'
import type { EventSource } from '../consumer/source.js'
import type { Engine, Settled, StoredReservation } from '../engine/engine.js'
import { partitionIn } from '../engine/reservation-id.js'
import { invalid, StockholdError } from '../errors.js'
import {
  checkBoolean,
  checkId,
  checkInteger,
  checkOptionalId,
  checkOptions,
  MAX_SPAN_MS,
  MAX_UNITS,
  type Names,
  type SignalOption,
} from '../validation.js'
import { AcknowledgedMemory } from './acknowledgement-cache.js'
import { admit, checkDoor, type Door } from './admission-gate.js'
import { auditSale } from './audit-sale.js'
import { isLedger, type Ledger } from './ledger.js'
import { Written } from './ledger-barrier.js'
import { homeOf } from './partitions.js'
import { searchToRestock } from './rebalancing/with-rebalancing.js'
import { Recovering } from './recovery/recovery-session.js'
import { Settling } from './reservation-commands.js'
import { conflict, Reserving } from './reserve.js'
import { checkOrder, type Order, type ReserveRequest, type RuleBook } from './reserve-request.js'
import type {
  Audit,
  ConfirmResult,
  ExtendResult,
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
import { SaleAccess } from './sale-client.js'
import { WholeSale } from './sale-wide.js'
import { SoldOutMemory } from './sold-out-cache.js'

const OPTIONS: Names<FlashSaleOptions> = {
  engine: true,
  deadlineMs: true,
  maxInFlight: true,
  waitingRoom: true,
  durability: true,
}
const DURABILITY: Names<NonNullable<FlashSaleOptions['durability']>> = { ledger: true }
const RELEASE = { buyer: true, signal: true } as const
const CONFIRM = { ...RELEASE, paymentId: true } as const
const EXTEND = { holdMs: true, signal: true } as const
const REFUND = { restock: true, signal: true } as const
const RESTOCK = { sku: true, quantity: true, key: true } as const
const RECOVERY = { from: true, thaw: true } as const

/** What a sale shows to those who follow its events. Not for users: it is no part of the package's surface. */
export let sourceOf: (sale: FlashSale) => EventSource

export interface FlashSaleOptions {
  /** Where the sale lives: `redisEngine(...)` or `memoryEngine()`. */
  engine: Engine
  /** When a call is given up at the latest, in ms: as UNAVAILABLE if nothing was sent, else as UNKNOWN_OUTCOME. @default 2_000 */
  deadlineMs?: number | undefined
  /** Calls that may be open on this handle at a time; one more is OVERLOADED at once. @default 10_000 */
  maxInFlight?: number | undefined
  /** The `WaitingRoom` before this sale: who has no valid pass of it is `pass_rejected`. @default none */
  waitingRoom?: Door | undefined
  /**
   * `ledger`: reserve, confirm, release, extend, refund and restock are answered only when the ledger has the change, in groups. What it does not have
   * in time is UNKNOWN_OUTCOME: it was done, and the same key (or id) gives the answer once the ledger has caught up. @default what the engine keeps
   */
  durability?: { ledger: Ledger } | undefined
}

/**
 * A handle on one sale: any number of processes may have any number of them. A handle learns the sale's rules from the engine
 * with its first call; it needs no `create` of its own.
 *
 * Refusals are values with a `status`; faults are thrown as {@link StockholdError}. All methods may reject with
 * `INVALID_ARGUMENT`, `UNAVAILABLE`, `UNKNOWN_OUTCOME`, `OVERLOADED`, `NOT_FOUND`, `STATE_LOST`, `UNSAFE_CONFIG` and
 * `CLOSED`; further codes stand with the method.
 */
export class FlashSale {
  static {
    sourceOf = (sale) => sale.#access.source
  }

  readonly id: string
  readonly #access: SaleAccess
  readonly #whole: WholeSale
  readonly #soldOut: SoldOutMemory
  readonly #door: Door | undefined
  readonly #told = new AcknowledgedMemory()
  readonly #written: Written | undefined
  readonly #settling: Settling
  readonly #reserving: Reserving

  /** @throws {StockholdError} `INVALID_ARGUMENT` */
  constructor(id: string, options: FlashSaleOptions) {
    this.id = checkId(id, 'id')
    checkOptions(options, 'options', OPTIONS)
    const { engine, deadlineMs = 2_000, maxInFlight = 10_000, waitingRoom, durability } = options
    if (typeof engine?.partition !== 'function') {
      throw invalid('engine', 'must be an engine: redisEngine(...) or memoryEngine()')
    }
    this.#access = new SaleAccess(id, engine, {
      deadlineMs: checkInteger(deadlineMs, 'deadlineMs', 1, 3_600_000),
      maxInFlight: checkInteger(maxInFlight, 'maxInFlight', 1, 10_000_000),
    })
    this.#whole = new WholeSale(this.#access)
    this.#soldOut = new SoldOutMemory(engine.elapsed, engine.isLocal ? 0 : undefined)
    this.#door = waitingRoom === undefined ? undefined : checkDoor(waitingRoom, id)
    if (durability !== undefined) {
      const { ledger } = checkOptions(durability, 'durability', DURABILITY)
      if (!isLedger(ledger)) throw invalid('durability.ledger', 'must be a ledger: postgresLedger(...)')
      this.#written = new Written(this.#access, ledger.attach(this.#access.source), maxInFlight)
    }
    this.#settling = new Settling(this.#access, this.#told, this.#written)
    this.#reserving = new Reserving(
      this.#access,
      { soldOut: this.#soldOut, told: this.#told },
      (result, partition, call) => this.#settling.acknowledge(result, partition, call),
    )
  }

  /**
   * Makes the sale. The same rules again change nothing, so every process may call it at its start.
   *
   * @returns Whether it was this call that made it.
   * @throws {StockholdError} `RULES_CONFLICT`: there is a sale of this name with other rules. `STATE_LOST`: this handle has seen
   *   the sale before, and it is gone: it is never started afresh.
   */
  async create(rules: SaleRules, options?: SignalOption): Promise<{ created: boolean }> {
    const wanted = normalizeRules(rules)
    return { created: await this.#access.create(wanted, this.#access.call(options)) }
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
      return this.#access.book && !this.#written
        ? this.#reserving.reserve(order, this.#access.book, call)
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
    options: { buyer?: string | undefined; paymentId?: string | undefined } & SignalOption = {},
  ): Promise<ConfirmResult> {
    const given = checkOptions(options, 'options', CONFIRM)
    const buyer = checkOptionalId(given.buyer, 'buyer')
    const paymentId = checkOptionalId(given.paymentId, 'paymentId')
    const settle = (answer: Settled<'confirm'>, book: RuleBook): ConfirmResult => {
      // Only who is not the last to be asked answers that.
      if (answer.status === 'lacking') throw new Error('unreachable')
      return this.#settling.tell(answer, book, { refundDue: answer.status === 'refund_due' })
    }
    return this.#settling.settle(
      'confirm',
      reservationId,
      signalOf(options),
      { buyer, paymentId, final: true },
      settle,
    )
  }

  /** Gives a hold back before it lapses. `buyer`: whose it must be, anybody else's is `not_found`. */
  async release(
    reservationId: string,
    options: { buyer?: string | undefined } & SignalOption = {},
  ): Promise<ReleaseResult> {
    const buyer = checkOptionalId(checkOptions(options, 'options', RELEASE).buyer, 'buyer')
    return this.#settling.settle('release', reservationId, signalOf(options), { buyer }, (answer, book) => {
      this.#soldOut.forget()
      return this.#settling.tell(answer, book)
    })
  }

  /** Holds longer: to `holdMs` from now, at most `maxHoldMs` after the reservation was made, never shorter than before. */
  async extend(reservationId: string, options: { holdMs: number } & SignalOption): Promise<ExtendResult> {
    const holdMs = checkInteger(checkOptions(options, 'options', EXTEND).holdMs, 'holdMs', 1, MAX_SPAN_MS)
    return this.#settling.settle('extend', reservationId, signalOf(options), { holdMs }, (answer, book) => {
      if (answer.status === 'extended') this.#watch(answer.reservation)
      return this.#settling.tell(answer, book)
    })
  }

  /** Takes a confirmed reservation back. `restock`: its units go on sale again; otherwise they leave the sale. */
  async refund(reservationId: string, options: { restock: boolean } & SignalOption): Promise<RefundResult> {
    const restock = checkBoolean(checkOptions(options, 'options', REFUND).restock, 'restock')
    return this.#settling.settle('refund', reservationId, signalOf(options), { restock }, (answer, book) => {
      this.#soldOut.forget()
      return this.#settling.tell(answer, book, { restocked: restock })
    })
  }

  /** The reservation as it is now, or `undefined`. */
  async get(reservationId: string, options: SignalOption = {}): Promise<Reservation | undefined> {
    return this.#settling
      .settle('get', reservationId, options, {}, (answer, book) => {
        if (answer.status !== 'found') return { status: 'not_found' as const }
        this.#told.note(answer.reservation)
        return book.reservation(answer.reservation)
      })
      .then((found) => ('status' in found ? undefined : found))
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
    const given = checkOptions(restock, 'restock', RESTOCK)
    const sku = checkId(given.sku, 'sku')
    const quantity = checkInteger(given.quantity, 'quantity', -MAX_UNITS, MAX_UNITS)
    if (quantity === 0) throw invalid('quantity', 'must not be 0')
    const key = checkId(given.key, 'key')
    const call = this.#access.call(options)
    const book = await this.#access.rules(call)
    const op = { sku: book.place(sku, 'sku'), quantity, key, final: true }
    const home = homeOf(this.#access.partitions.token!, key, book.rules.partitions)
    await this.#written?.ready(call)
    const answer = this.#access.supply
      ? await this.#access.searching(call, (supply, ask) => searchToRestock(supply, ask, home, op, call))
      : await this.#access.ask(home, 'restock', op, call, (settled) => settled)
    if (answer.status === 'conflict') throw conflict()
    if (answer.status === 'lacking') throw new Error('unreachable')
    this.#told.noteRestock(op, answer.applied)
    this.#soldOut.forget()
    const result = { status: 'restocked', sku, applied: answer.applied, replayed: answer.replayed } as const
    return this.#settling.acknowledge(result, home, call)
  }

  /**
   * Stops new reservations; holds go on and can be confirmed. Answers the state the sale is in afterwards. Where not all partitions can be
   * reached, this, `resume` and `end` reject, and say in which it was done: the same call again completes it.
   */
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

  /**
   * State and counts, lapsed holds counted as available: at one instant, or, over several partitions, of each at an instant of its own. The
   * state is then the most restrictive one, and units that have left a partition and not arrived in another are `inTransit`.
   */
  async stats(options?: SignalOption): Promise<Stats> {
    const call = this.#access.call(options)
    const book = await this.#access.rules(call)
    const { state, skus } = await this.#whole.totals(call)
    return { state, skus: Object.fromEntries(skus.map((counts, place) => [book.sku(place), counts])) }
  }

  /**
   * Recounts every reservation and compares with the counts, while the sale goes on. Takes time and memory in proportion to
   * the number of reservations; each step of it has the handle's deadline.
   */
  async audit(options?: SignalOption): Promise<Audit> {
    const call = () => this.#access.call(options)
    const book = await this.#access.rules(call())
    await this.#whole.settle(call)
    return this.#access.whole((parts) => auditSale(parts, this.#access.partitions.token!, book, call))
  }

  /**
   * Ends the freeze after ROLLBACK_DETECTED, or makes the sale anew after STATE_LOST. Until then it sells nothing.
   *
   * - `accept`: Redis' state counts as it is. What it has forgotten is forgotten; a sale that is gone begins again with all of its stock.
   * - `replay`: first everything is put back that this handle has answered and still knows (its latest 50,000 reservations at least, fewer only where
   *   their carts take more than 64 MB, and its restocks).
   *   Where others bought the units meanwhile, it is `refused`: those buyers must be told.
   *
   * - a ledger: everything is put back that the ledger has, and then what this handle knows beyond that. Any process can do it, also one that
   *   has never seen the sale.
   *
   * With several processes, let each of them `replay` with `thaw: false`, and the last one without.
   *
   * @param recovery `thaw`: whether the sale goes on afterwards. @default true
   */
  async recover(
    recovery: { from: 'accept' | 'replay' | Ledger; thaw?: boolean | undefined },
    options?: SignalOption,
  ): Promise<Recovery> {
    checkOptions(recovery, 'recovery', RECOVERY)
    const { from, thaw = true } = recovery
    const ledger = isLedger(from) ? from : undefined
    if (from !== 'accept' && from !== 'replay' && !ledger)
      throw invalid('from', "must be 'accept', 'replay' or a ledger")
    const thaws = checkBoolean(thaw, 'thaw')
    const record = ledger && (await this.#access.recall(ledger, options))
    const book = await this.#access.rules(this.#access.call(options))
    const recovering = new Recovering(this.#access, book, options)
    await recovering.mend()
    const put =
      from === 'accept'
        ? { restored: 0, refused: [] }
        : await recovering.replay(record ? [await record.testify(), this.#told] : [this.#told])
    if (thaws) await recovering.thaw()
    this.#soldOut.forget()
    if (from === 'accept') this.#told.clear()
    return { ...put, forgotten: this.#told.forgotten }
  }

  /**
   * Follows the sale's events, as one consumer of a group: calls the handler with each at least once, in order for each reservation.
   *
   * Close the consumer before the sale: a closed handle ends its consumers as it stands, and their partitions stay theirs until the lease runs out.
   *
   * @throws {StockholdError} `INVALID_ARGUMENT`
   */
  consume(options: ConsumeOptions, handler: EventHandler): Consumer {
    return new Consumer(this.#access.source, options, handler)
  }

  /** The groups that follow this sale's events, and where they stand. */
  async consumerGroups(): Promise<ConsumerGroup[]> {
    return consumerGroups(this.#access.source)
  }

  /**
   * Forgets a group of consumers: its position, and what it has put aside. Events are kept no longer on its behalf; consumers that still run in it
   * end. Answers whether there was one.
   */
  async removeConsumerGroup(group: string): Promise<boolean> {
    return removeGroup(this.#access.source, checkId(group, 'group'))
  }

  /** Ends this handle: calls made from now on are CLOSED, those under way are answered. The engine and its client stay. */
  async close(): Promise<void> {
    this.#access.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #reserveAdmitted(door: Door, order: Order, call: Limits): Promise<ReserveResult> {
    const admission = await admit(door, order, call)
    if ('status' in admission) return admission
    const result = await this.#reserveLearning(order, call)
    // Whoever had their try makes room for another, or a unit could stand until the pass runs out.
    if (result.status === 'reserved' || result.status === 'sold_out' || result.status === 'limit_exceeded')
      admission.spend()
    return result
  }

  async #reserveLearning(order: Order, call: Limits): Promise<ReserveResult> {
    const book = await this.#access.rules(call)
    await this.#written?.ready(call)
    return this.#reserving.reserve(order, book, call)
  }

  #watch({ id, expiresAt }: StoredReservation): void {
    this.#access.watch(partitionIn(id), expiresAt)
  }

  async #control(action: 'pause' | 'resume' | 'end', options?: SignalOption): Promise<SaleState> {
    const call = this.#access.call(options)
    await this.#access.rules(call)
    const state = await this.#whole.control(action, call)
    if (action === 'end') this.#told.noteEnd()
    return state
  }
}

function signalOf({ signal }: SignalOption): SignalOption {
  return { signal }
}
