import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import pg from 'pg'
import { type Engine, redisEngine } from '../../../src/index.js'
import { type PostgresLedger, postgresLedger } from '../../../src/postgres.js'
import type { ClosedSale, RoundReport, ToApplication } from '../messages.js'
import { Calls } from './calls.js'
import { type ApplicationContext, DEADLINE_MS } from './context.js'
import { LongLived } from './long-lived.js'
import { Round } from './round.js'
import { takeSample } from './sampler.js'

/** Connections to PostgreSQL. */
const CONNECTIONS = 4
/**
 * After the last answer sockets close, and the timers of deadlines end, which keep closed objects
 * reachable. ms
 */
const QUIET_MS = DEADLINE_MS + 500

/** An application of this library, from its start to its end. */
export class Application implements ApplicationContext {
  readonly calls = new Calls()
  readonly shutdown = new AbortController()
  readonly secret = 'a secret of this script, of thirty-two bytes'
  readonly seed: number
  readonly redis: string
  readonly client: Redis
  readonly shared: Engine
  readonly own: Engine
  readonly pool: pg.Pool
  readonly ledger: PostgresLedger
  readonly longLived: LongLived
  #selling: Promise<readonly ClosedSale[]> | undefined

  constructor({ seed, redis, postgres }: Extract<ToApplication, { type: 'start' }>) {
    this.seed = seed
    this.redis = redis
    this.client = new Redis(redis, { retryStrategy: (times) => Math.min(times * 20, 200) })
    this.client.on('error', () => {})
    this.shared = redisEngine(this.client, { durability: 'aof' })
    this.own = redisEngine(redis)
    this.pool = new pg.Pool({ connectionString: postgres, max: CONNECTIONS, idleTimeoutMillis: 0 })
    this.pool.on('error', () => {})
    this.ledger = postgresLedger(this.pool)
    this.longLived = new LongLived(this)
  }

  async open(): Promise<void> {
    await this.ledger.migrate()
    await this.longLived.open()
  }

  /** Sells for this time; a failure rejects {@link finishRound}. */
  sell(number: number, ms: number): void {
    const round = new Round(this, this.longLived, number)
    this.#selling = round.run(ms)
    this.#selling.catch(() => {})
  }

  async finishRound(): Promise<RoundReport> {
    const sales = await this.#selling!
    // The round itself must not be reachable when the sample is taken.
    this.#selling = undefined
    await this.longLived.recovered()
    await this.#fillPool()
    await delay(QUIET_MS)
    return { sample: await takeSample(this), answers: this.calls.take(), sales }
  }

  async close(): Promise<void> {
    await this.longLived.close()
    await this.shared.close()
    await this.own.close()
    this.client.disconnect()
    await this.pool.end()
  }

  /** Opens all connections of the pool, so that samples are alike however many were broken. */
  async #fillPool(): Promise<void> {
    const clients = await Promise.all(Array.from({ length: CONNECTIONS }, () => this.pool.connect()))
    for (const client of clients) client.release()
  }
}
