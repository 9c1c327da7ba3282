import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import pg from 'pg'
import { type Engine, redisEngine } from '../../../src/index.js'
import { type PostgresLedger, postgresLedger } from '../../../src/postgres.js'
import type { ClosedSale, Order, Settled } from '../messages.js'
import { Calls } from './calls.js'
import { Lasting } from './lasting.js'
import { DEADLINE_MS, Round } from './round.js'
import { takeSample } from './sampler.js'

/** Connections to PostgreSQL. */
const CONNECTIONS = 4
/** After the last answer: sockets close, and the timers of deadlines run out, which until then hold what was closed. ms */
const QUIET_MS = DEADLINE_MS + 500

/** What an application of this library has from its start to its end. */
export class Application {
  readonly calls = new Calls()
  /** Passed to many calls, and never aborted: what listens to it must not stay. */
  readonly shutdown = new AbortController()
  readonly secret = 'a secret of this script, of thirty-two bytes'
  readonly seed: number
  readonly redis: string
  /** The application's own client, on which engines come and go. */
  readonly client: Redis
  readonly shared: Engine
  readonly own: Engine
  readonly pool: pg.Pool
  readonly ledger: PostgresLedger
  readonly lasting: Lasting
  #selling: Promise<readonly ClosedSale[]> | undefined

  constructor({ seed, redis, postgres }: Extract<Order, { type: 'start' }>) {
    this.seed = seed
    this.redis = redis
    this.client = new Redis(redis, { retryStrategy: (times) => Math.min(times * 20, 200) })
    this.client.on('error', () => {})
    this.shared = redisEngine(this.client, { durability: 'aof' })
    this.own = redisEngine(redis)
    this.pool = new pg.Pool({ connectionString: postgres, max: CONNECTIONS, idleTimeoutMillis: 0 })
    this.pool.on('error', () => {})
    this.ledger = postgresLedger(this.pool)
    this.lasting = new Lasting(this)
  }

  async open(): Promise<void> {
    await this.ledger.migrate()
    await this.lasting.open()
  }

  /** Sells for so long; what fails then is told by {@link settle}. */
  sell(number: number, ms: number): void {
    const round = new Round(this, number)
    this.#selling = round.run(ms)
    this.#selling.catch(() => {})
  }

  async settle(): Promise<Settled> {
    const sales = await this.#selling!
    // Of the round itself nothing must be left when the sample is taken.
    this.#selling = undefined
    await this.lasting.recovered()
    await this.#fillPool()
    await delay(QUIET_MS)
    return { sample: await takeSample(this), answers: this.calls.take(), sales }
  }

  async close(): Promise<void> {
    await this.lasting.close()
    await this.shared.close()
    await this.own.close()
    this.client.disconnect()
    await this.pool.end()
  }

  /** However many connections were broken: with all of them open, samples are alike. */
  async #fillPool(): Promise<void> {
    const clients = await Promise.all(Array.from({ length: CONNECTIONS }, () => this.pool.connect()))
    for (const client of clients) client.release()
  }
}
