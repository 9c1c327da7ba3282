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
  /** Where its tables are. @default 'stockhold' */
  schema?: string | undefined
}

/**
 * Made by {@link postgresLedger}. Also what `sale.recover({ from })` and `durability: { ledger }`
 * take.
 */
export interface PostgresLedger extends Ledger {
  /**
   * Makes its schema and tables, or brings them up to date. Every process may call it at its start.
   */
  migrate(): Promise<void>

  /**
   * Writes every change of a sale into the ledger from now on, exactly once, beginning where the
   * ledger left off. Any number of processes may follow the same sale: they share the work.
   *
   * @returns Once the ledger is reached and the sale is known.
   * @throws {StockholdError} `NOT_FOUND`; `STATE_LOST`: the ledger has followed another sale of
   *   this name; `UNSAFE_CONFIG`: the tables are not there, see {@link migrate}; `UNAVAILABLE`:
   *   PostgreSQL refuses the login, or the user lacks a right. What else PostgreSQL fails with is
   *   the driver's error.
   */
  follow(sale: FlashSale, options?: FollowOptions): Promise<LedgerFollower>

  /**
   * Compares a sale with the ledger, reservation by reservation, while it goes on: what is on its
   * way is waited for, not reported. It writes what the ledger does not have yet, so it needs no
   * follower. Takes time in proportion to the reservations, and memory for their ids.
   */
  reconcile(sale: FlashSale, options?: ReconcileOptions): Promise<Reconciliation>
}

const SCHEMA: Names<PostgresLedgerOptions> = { schema: true }
const FOLLOW: Names<FollowOptions> = { group: true, maxEvents: true, maxPauseMs: true, onError: true }
const RECONCILE: Names<ReconcileOptions> = { repair: true, timeoutMs: true }

/** Longest name of anything in PostgreSQL, in bytes; what is longer it cuts off. */
const MAX_NAME_BYTES = 63

/**
 * A record of sales in PostgreSQL (15 or later) that has every change exactly once: it can be read
 * with SQL, proves that it agrees with the sale, and can make the sale anew.
 *
 * @param pool A `Pool` of `pg`. It stays yours.
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
   * One for each handle of a sale: whoever waits for the same partition is served by the same
   * transactions.
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
