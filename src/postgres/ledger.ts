import type { EventSource } from '../consumer/source.js'
import { invalid, StockholdError } from '../errors.js'
import { type FlashSale, sourceOf } from '../sale/flash-sale.js'
import type { Ledger, LedgerRecord, LedgerWriter } from '../sale/ledger.js'
import type { RefundOptions } from '../sale/refund.js'
import { checkBoolean, checkId, checkInteger, checkOptions, type Names } from '../validation.js'
import {
  type LedgerReservation,
  type LedgerReservationsOptions,
  reservationsInLedger,
} from './buyer-reservations.js'
import { explain } from './failure.js'
import { Follower, type FollowOptions, type LedgerFollower } from './follower.js'
import { loadForRecovery } from './load-for-recovery.js'
import { migrate } from './migrate.js'
import {
  checkDeliverOptions,
  checkLedgerRefundOptions,
  checkPayoutOptions,
  checkShipOptions,
  type RefundStep,
} from './orders/options.js'
import { OrderSteps } from './orders/order-steps.js'
import { OrderTables } from './orders/order-tables.js'
import { Payouts } from './orders/payouts.js'
import type {
  DeliverOptions,
  DeliverResult,
  LedgerRefundOptions,
  LedgerRefundResult,
  Payout,
  PayoutOptions,
  ShipOptions,
  ShipResult,
} from './orders/results.js'
import { type LedgerPayment, type PaymentsOptions, readPayments } from './payments.js'
import type { SqlPool } from './pool.js'
import { type ReconcileOptions, type Reconciliation, reconcile } from './reconcile.js'
import { SaleWriter } from './sale-writer.js'
import { Tables } from './tables.js'

/** Options of `postgresLedger`. */
export interface PostgresLedgerOptions {
  /** The schema of the ledger's tables. @default 'stockhold' */
  schema?: string | undefined
}

/**
 * A ledger in PostgreSQL, created by {@link postgresLedger}. `sale.recover({ from })` and
 * `durability: { ledger }` also take it.
 */
export interface PostgresLedger extends Ledger {
  /**
   * Creates the schema and tables, or updates them. Every process may call it when it starts.
   *
   * @throws {StockholdError} `UNSAFE_CONFIG`: the database's encoding is not UTF8, or the tables
   *   are of a later version; `UNAVAILABLE`: PostgreSQL cannot be reached, or refuses.
   */
  migrate(): Promise<void>

  /**
   * Writes every change of a sale into the ledger from now on, exactly once, beginning where the
   * ledger left off. Any number of processes may follow the same sale: they share the work.
   *
   * @returns Once the ledger is reached and the sale is known.
   * @throws {StockholdError} `NOT_FOUND`; `STATE_LOST`: the ledger has followed another sale of
   *   this name; `UNSAFE_CONFIG`: the tables do not exist, see {@link migrate}; `UNAVAILABLE`:
   *   PostgreSQL cannot be reached, refuses the login, or the user lacks a right. Any other failure
   *   of PostgreSQL, such as a constraint of your own, is the driver's error.
   */
  follow(sale: FlashSale, options?: FollowOptions): Promise<LedgerFollower>

  /**
   * Compares a sale with the ledger, reservation by reservation, while both change. Changes that
   * are on their way to the ledger are waited for, not reported. The call writes the events that
   * the ledger lacks, so it needs no follower. It takes time in proportion to the reservations, and
   * memory for their ids.
   */
  reconcile(sale: FlashSale, options?: ReconcileOptions): Promise<Reconciliation>

  /**
   * Records that an order, or a part of it, was handed to a carrier. The sale is asked first, as
   * long as it exists; after its removal the ledger knows by itself. A refused shipment must not
   * leave. If an order is refunded after its shipment was recorded, the shipment stands.
   *
   * @throws {StockholdError} `IDEMPOTENCY_CONFLICT`: the order has another shipment with this
   *   reference. `NOT_FOUND`: the ledger has no sale of this name. `UNAVAILABLE`: nothing was
   *   recorded. `UNKNOWN_OUTCOME`: it may have been recorded; a repeated call has the answer. The
   *   sale's own errors, such as `STATE_LOST`: nothing was recorded.
   */
  ship(sale: FlashSale, id: string, options: ShipOptions): Promise<ShipResult>

  /**
   * Records that the buyer has received an order, or one of its shipments. What was not shipped
   * cannot be received. The sale is not asked: what has left arrives, also after a refund.
   *
   * @throws {StockholdError} `NOT_FOUND`, `UNAVAILABLE` and `UNKNOWN_OUTCOME`, as {@link ship}.
   */
  deliver(sale: FlashSale, id: string, options?: DeliverOptions): Promise<DeliverResult>

  /**
   * Refunds an order, or a part of it: by `sale.refund` as long as the sale exists, and after its
   * removal in the ledger alone.
   *
   * @throws {StockholdError} `IDEMPOTENCY_CONFLICT`: the key was used for another refund of the
   *   order. Otherwise as `sale.refund` and {@link ship}.
   */
  refund(sale: FlashSale, id: string, options: LedgerRefundOptions): Promise<LedgerRefundResult>

  /**
   * A batch of orders whose money may go to the seller, of all sales: the buyer has received all of
   * the order, `deliveredFor` is over, and what was refunded is not paid out. The same key gives
   * the same batch for ever, and no order is in two batches. If an order is refunded after its
   * payout, the next batch names the units to deduct.
   *
   * @throws {StockholdError} `IDEMPOTENCY_CONFLICT`: the key was used with other options.
   *   `UNAVAILABLE`, `UNKNOWN_OUTCOME`: a repeated call with the key gives the batch.
   */
  payouts(options: PayoutOptions): Promise<Payout>

  /**
   * Payments, and what became of each: those of a sale, those of a payment id, those that must be
   * refunded. The ledger knows them also after the sale was removed.
   *
   * @throws {StockholdError} `UNAVAILABLE`.
   */
  payments(options?: PaymentsOptions): Promise<LedgerPayment[]>

  /**
   * A page of a buyer's reservations, the latest first, with the shipments of orders. The ledger
   * knows them also after the sale was removed; before that it may be behind the sale.
   *
   * @throws {StockholdError} `NOT_FOUND`: the ledger has no sale of this name. `UNAVAILABLE`.
   */
  reservationsOf(
    sale: FlashSale,
    buyer: string,
    options?: LedgerReservationsOptions,
  ): Promise<LedgerReservation[]>
}

const SCHEMA: Names<PostgresLedgerOptions> = { schema: true }
const FOLLOW: Names<FollowOptions> = { group: true, maxEvents: true, maxPauseMs: true, onError: true }
const RECONCILE: Names<ReconcileOptions> = { repair: true, timeoutMs: true }

/** The longest name in PostgreSQL, in bytes. PostgreSQL cuts longer names off. */
const MAX_NAME_BYTES = 63

/**
 * Creates a ledger: a record of sales in PostgreSQL (15 or later) that contains every change
 * exactly once. It can be read with SQL, compared with the sale, and used to recover the sale.
 *
 * @param pool A `Pool` of `pg`. The ledger never closes it.
 */
export function postgresLedger(pool: SqlPool, options: PostgresLedgerOptions = {}): PostgresLedger {
  if (typeof pool?.query !== 'function' || typeof pool.connect !== 'function')
    throw invalid('pool', 'must be a Pool of pg')
  const schema = checkId(checkOptions(options, 'options', SCHEMA).schema ?? 'stockhold', 'schema')
  if (Buffer.byteLength(schema) > MAX_NAME_BYTES || schema.includes('\0') || schema.startsWith('pg_'))
    throw invalid('schema', `must be a name of at most ${MAX_NAME_BYTES} bytes that does not begin with pg_`)
  return new LedgerInPostgres(pool, schema)
}

class LedgerInPostgres implements PostgresLedger {
  readonly #pool: SqlPool
  readonly #schema: string
  readonly #tables: Tables
  readonly #orders: OrderTables
  readonly #payouts: Payouts
  readonly #steps = new WeakMap<EventSource, OrderSteps>()
  /**
   * One for each handle of a sale: all callers that wait for the same partition are served by the
   * same transactions.
   */
  readonly #writers = new WeakMap<EventSource, SaleWriter>()

  constructor(pool: SqlPool, schema: string) {
    this.#pool = pool
    this.#schema = schema
    this.#tables = new Tables(pool, schema)
    this.#orders = new OrderTables(schema)
    this.#payouts = new Payouts(pool, schema)
  }

  async migrate(): Promise<void> {
    await migrate(this.#pool, this.#schema)
  }

  async follow(sale: FlashSale, options: FollowOptions = {}): Promise<LedgerFollower> {
    const given = checkOptions(options, 'options', FOLLOW) as FollowOptions
    const { group = `ledger:${this.#schema}`, maxEvents = 1_000_000, maxPauseMs = 1_000, onError } = given
    if (onError !== undefined && typeof onError !== 'function') throw invalid('onError', 'must be a function')
    const checked = {
      group: checkId(group, 'group'),
      maxEvents: maxEvents === null ? null : checkInteger(maxEvents, 'maxEvents', 1, 1_000_000_000),
      maxPauseMs: checkInteger(maxPauseMs, 'maxPauseMs', 20, 3_600_000),
      onError: onError ?? (() => {}),
    }
    const writer = this.#writerOf(sourceOf(sale))
    return new Follower(writer, await writer.open(), checked)
  }

  async reconcile(sale: FlashSale, options: ReconcileOptions = {}): Promise<Reconciliation> {
    const { repair = false, timeoutMs = 60_000 } = checkOptions(
      options,
      'options',
      RECONCILE,
    ) as ReconcileOptions
    const checked = {
      repair: checkBoolean(repair, 'repair'),
      timeoutMs: checkInteger(timeoutMs, 'timeoutMs', 1, 3_600_000),
    }
    const shippedUnpaid = () => this.#orders.shippedUnpaid(this.#pool, sale.id)
    return reconcile(this.#writerOf(sourceOf(sale)), checked, shippedUnpaid)
  }

  async ship(sale: FlashSale, id: string, options: ShipOptions): Promise<ShipResult> {
    const step = checkShipOptions(options)
    return this.#stepsOf(sourceOf(sale)).ship(checkId(id, 'id'), step)
  }

  async deliver(sale: FlashSale, id: string, options: DeliverOptions = {}): Promise<DeliverResult> {
    const step = checkDeliverOptions(options)
    return this.#stepsOf(sourceOf(sale)).deliver(checkId(id, 'id'), step)
  }

  async refund(sale: FlashSale, id: string, options: LedgerRefundOptions): Promise<LedgerRefundResult> {
    const step = checkLedgerRefundOptions(options)
    checkId(id, 'id')
    const source = sourceOf(sale)
    try {
      await source.describe()
      return await sale.refund(id, inSale(step))
    } catch (error) {
      if (!(error instanceof StockholdError) || error.code !== 'NOT_FOUND') throw error
      return this.#stepsOf(source).refund(id, step)
    }
  }

  async payouts(options: PayoutOptions): Promise<Payout> {
    return this.#payouts.payouts(checkPayoutOptions(options))
  }

  async payments(options: PaymentsOptions = {}): Promise<LedgerPayment[]> {
    return readPayments(this.#pool, this.#schema, options)
  }

  async reservationsOf(
    sale: FlashSale,
    buyer: string,
    options: LedgerReservationsOptions = {},
  ): Promise<LedgerReservation[]> {
    return reservationsInLedger(this.#pool, this.#schema, sale.id, buyer, options)
  }

  attach(source: EventSource): LedgerWriter {
    return this.#writerOf(source)
  }

  loadForRecovery(sale: string): Promise<LedgerRecord | undefined> {
    return loadForRecovery(this.#tables, sale).catch(explain)
  }

  #writerOf(source: EventSource): SaleWriter {
    const known = this.#writers.get(source)
    if (known) return known
    const writer = new SaleWriter(source, this.#tables)
    this.#writers.set(source, writer)
    return writer
  }

  #stepsOf(source: EventSource): OrderSteps {
    const known = this.#steps.get(source)
    if (known) return known
    const steps = new OrderSteps(this.#writerOf(source), this.#pool, this.#orders)
    this.#steps.set(source, steps)
    return steps
  }
}

/** The options of the sale's own refund. */
function inSale({ restock, items, key }: RefundStep): RefundOptions {
  if (key === null) return { restock }
  return items ? { restock, items, key } : { restock, key }
}
