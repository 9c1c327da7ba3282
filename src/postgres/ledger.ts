import type { EventSource } from '../consumer/source.js'
import { invalid } from '../errors.js'
import { type FlashSale, sourceOf } from '../sale/flash-sale.js'
import type { Ledger, LedgerRecord, LedgerWriter } from '../sale/ledger.js'
import { checkBoolean, checkId, checkInteger, checkOptions, type Names } from '../validation.js'
import { explain } from './failure.js'
import { Follower, type FollowOptions, type LedgerFollower } from './follower.js'
import { loadForRecovery } from './load-for-recovery.js'
import { migrate } from './migrate.js'
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
  /** Creates the schema and tables, or updates them. Every process may call it when it starts. */
  migrate(): Promise<void>

  /**
   * Writes every change of a sale into the ledger from now on, exactly once, beginning where the
   * ledger left off. Any number of processes may follow the same sale: they share the work.
   *
   * @returns Once the ledger is reached and the sale is known.
   * @throws {StockholdError} `NOT_FOUND`; `STATE_LOST`: the ledger has followed another sale of
   *   this name; `UNSAFE_CONFIG`: the tables do not exist, see {@link migrate}; `UNAVAILABLE`:
   *   PostgreSQL refuses the login, or the user lacks a right. Any other failure of PostgreSQL is
   *   the driver's error.
   */
  follow(sale: FlashSale, options?: FollowOptions): Promise<LedgerFollower>

  /**
   * Compares a sale with the ledger, reservation by reservation, while both change. Changes that
   * are on their way to the ledger are waited for, not reported. The call writes the events that
   * the ledger lacks, so it needs no follower. It takes time in proportion to the reservations, and
   * memory for their ids.
   */
  reconcile(sale: FlashSale, options?: ReconcileOptions): Promise<Reconciliation>
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
  /**
   * One for each handle of a sale: all callers that wait for the same partition are served by the
   * same transactions.
   */
  readonly #writers = new WeakMap<EventSource, SaleWriter>()

  constructor(pool: SqlPool, schema: string) {
    this.#pool = pool
    this.#schema = schema
    this.#tables = new Tables(pool, schema)
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
    return reconcile(this.#writerOf(sourceOf(sale)), {
      repair: checkBoolean(repair, 'repair'),
      timeoutMs: checkInteger(timeoutMs, 'timeoutMs', 1, 3_600_000),
    })
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
}
