import pg from 'pg'
import type { Invariants } from '../../scripts/lib/load/invariants.js'
import { BenchSale } from '../../scripts/lib/load/sale.js'
import { ServerMeter } from '../../scripts/lib/load/server-meter.js'
import { type PostgresServer, startPostgres } from '../../scripts/lib/servers/postgres/server.js'
import { deleteKeys } from '../../scripts/lib/servers/redis/client.js'
import { type Engine, type FlashSale, redisEngine } from '../../src/index.js'
import { type PostgresLedger, postgresLedger } from '../../src/postgres.js'
import { TaskProcess } from '../load/task-process.js'
import type { Context } from '../part.js'
import type { Consumed, ConsumeTask } from './consume-worker.js'
import type { Followed, FollowTask } from './follow-worker.js'
import type { Reserved, ReserveTask, Setting } from './reserve-worker.js'

/** Application servers that make reservations. */
const RESERVERS = 2

/** The servers and the processes of this part; {@link close} ends all of them. */
export class TestBed {
  readonly context: Context
  readonly invariants: Invariants
  readonly engine: Engine
  readonly meter: ServerMeter
  readonly reservers: readonly TaskProcess<ReserveTask, Reserved>[]
  readonly consumer: TaskProcess<ConsumeTask, Consumed>
  /** Absent where PostgreSQL cannot be started. */
  readonly database: Database | undefined
  readonly #setting: Setting
  readonly #isOwn: boolean
  #sales = 0

  private constructor(
    context: Context,
    invariants: Invariants,
    setting: Setting,
    isOwn: boolean,
    processes: Pick<TestBed, 'reservers' | 'consumer' | 'database'>,
  ) {
    this.context = context
    this.invariants = invariants
    this.engine = redisEngine(setting.url, { prefix: setting.prefix })
    this.meter = new ServerMeter(setting.url)
    this.reservers = processes.reservers
    this.consumer = processes.consumer
    this.database = processes.database
    this.#setting = setting
    this.#isOwn = isOwn
  }

  static async open(context: Context, invariants: Invariants): Promise<TestBed> {
    const { url, own } = await context.redis()
    const postgres = await startPostgres({ log: (line) => context.progress.note(line) }).catch(
      (error: Error) => {
        context.progress.note(`without PostgreSQL: ${error.message}`)
        return undefined
      },
    )
    const setting = { url, prefix: context.prefix(), postgres: postgres?.url }
    const reservers = await Promise.all(
      Array.from({ length: RESERVERS }, () =>
        TaskProcess.open<ReserveTask, Reserved>('consumer/reserve-worker.ts', setting),
      ),
    )
    const consumer = await TaskProcess.open<ConsumeTask, Consumed>('consumer/consume-worker.ts', setting)
    const database = postgres && (await Database.open(postgres, setting))
    return new TestBed(context, invariants, setting, own, { reservers, consumer, database })
  }

  async sale(): Promise<BenchSale> {
    return BenchSale.open(this.engine, `sale-${++this.#sales}`)
  }

  /** An engine that knows nothing of the sale, as in a process that has just started. */
  freshEngine(): Engine {
    const { url, prefix } = this.#setting
    return redisEngine(url, { prefix })
  }

  /** Redis loses everything; a foreign Redis loses the keys of this part. */
  async loseRedis(): Promise<void> {
    if (this.#isOwn) await this.meter.client.flushall('SYNC')
    else await deleteKeys(this.#setting.url, this.#setting.prefix)
  }

  /** Deletes the sales of earlier rounds, which would make later rounds slower. */
  async clear(): Promise<void> {
    if (!this.#isOwn) return
    await this.meter.client.flushall('ASYNC')
    await this.meter.settled()
  }

  async close(): Promise<void> {
    for (const each of [...this.reservers, this.consumer]) each.stop()
    this.meter.close()
    await this.engine.close()
    await this.database?.close()
  }
}

/** PostgreSQL with its defaults (fsync is on), and a process that keeps a ledger there. */
export class Database {
  readonly pool: pg.Pool
  readonly follower: TaskProcess<FollowTask, Followed>
  readonly #server: PostgresServer
  #schemas = 0

  private constructor(server: PostgresServer, follower: TaskProcess<FollowTask, Followed>) {
    this.#server = server
    this.follower = follower
    this.pool = new pg.Pool({ connectionString: server.url, max: 4 })
    this.pool.on('error', () => {})
  }

  static async open(server: PostgresServer, setting: Setting): Promise<Database> {
    return new Database(server, await TaskProcess.open('consumer/follow-worker.ts', setting))
  }

  /** Makes empty tables for each round, so that no index is larger than in the round before. */
  async ledger(): Promise<{ readonly ledger: PostgresLedger; readonly schema: string }> {
    if (this.#schemas > 0) await this.pool.query(`DROP SCHEMA ledger_${this.#schemas} CASCADE`)
    const schema = `ledger_${++this.#schemas}`
    const ledger = postgresLedger(this.pool, { schema })
    await ledger.migrate()
    return { ledger, schema }
  }

  /** Checks that the ledger has what the sale has: each row, and each event once. */
  async check(
    ledger: PostgresLedger,
    schema: string,
    sale: FlashSale,
    expected: { readonly reservations: number; readonly events: number },
    invariants: Invariants,
  ): Promise<void> {
    const { rows } = await this.pool.query(
      `SELECT (SELECT count(*) FROM ${schema}.reservations WHERE sale = $1)::int AS reservations,
        (SELECT count(*) FROM ${schema}.events WHERE sale = $1)::int AS events`,
      [sale.id],
    )
    const { reservations, events } = rows[0]
    invariants.check(
      'the ledger has a row for each reservation the callers were told of, and no other',
      reservations === expected.reservations,
      `${sale.id}: ${reservations} rows, told ${expected.reservations}`,
    )
    invariants.check(
      'the ledger has each event once',
      events === expected.events,
      `${sale.id}: ${events} rows of ${expected.events} events`,
    )
    const { ok, checked, missing, differing, unknown } = await ledger.reconcile(sale)
    invariants.check(
      'reconcile finds that sale and ledger agree',
      ok && checked === expected.reservations,
      `${sale.id}: ${checked} compared, ${missing.count} missing, ${differing.count} differing, ${unknown.count} unknown`,
    )
  }

  async close(): Promise<void> {
    this.follower.stop()
    await this.pool.end()
    await this.#server.stop()
  }
}
