import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { FlashSale, redisEngine } from '../../src/index.js'
import { BUNDLES } from '../bundle.mjs'
import { repositoryRoot } from '../lib/servers/machine.js'
import { startPostgres } from '../lib/servers/postgres/server.js'
import { cacheFolder } from '../lib/servers/provision.js'
import { startRedis } from '../lib/servers/redis/server.js'
import { until } from '../lib/until.js'
import type { Program } from '../lib/workers.js'
import { Operator } from './operator.js'
import { type Record, Server, STATES } from './server.js'

type Told = Extract<Record, { readonly id: string }>

const SALE = 'launch'

/** What the answers of all application servers, and the sale, say at the end. */
export interface Books {
  /** Reservations that buyers were told of, and payments. */
  readonly acknowledged: number
  readonly confirmed: number
  /** Of these, the reservations that the sale does not have as they were told. */
  readonly missing: readonly string[]
  /** Orders that no consumer has got. */
  readonly unhandled: readonly string[]
  /** The exit codes of `audit` and `reconcile`. */
  readonly audit: number
  readonly reconcile: number
}

/** A Redis, a PostgreSQL, application servers and an operator. */
export class Stage {
  readonly servers: Server[] = []
  readonly operator: Operator
  readonly #program: Program

  private constructor(
    readonly redis: Awaited<ReturnType<typeof startRedis>>,
    readonly postgres: Awaited<ReturnType<typeof startPostgres>>,
    readonly folder: string,
  ) {
    // The programs are bundled once for all processes.
    this.#program = { root: repositoryRoot(), env: { [BUNDLES]: folder, ...process.env } }
    this.operator = new Operator(this.#program, { redis: redis.url, postgres: postgres.url })
  }

  static async open(): Promise<Stage> {
    // Below the repository, where programs find their packages.
    const folder = await mkdtemp(join(cacheFolder(''), 'drill-'))
    const [redis, postgres] = await Promise.all([startRedis(), startPostgres()])
    return new Stage(redis, postgres, folder)
  }

  /** Starts servers, of this version or of another one, and waits until they sell. */
  async start(names: readonly string[], of = this.#program): Promise<Server[]> {
    const { folder, redis, postgres } = this
    const launch = async (name: string) => {
      const config = { name, redis: redis.url, postgres: postgres.url, visitors: 3, partitions: 2 }
      const server = new Server(folder, config, of)
      this.servers.push(server)
      await server.open()
      return server
    }
    const [first, ...others] = names
    // It bundles the program for all.
    const opened = await launch(first!)
    return [opened, ...(await Promise.all(others.map(launch)))]
  }

  /** Waits until each of these servers has sold `count` more. */
  async sell(count: number, servers: readonly Server[] = this.servers): Promise<void> {
    await Promise.all(
      servers.map(async (server) => {
        const before = await server.sold()
        const hasSold = async () => (await server.sold()) >= before + count
        await server.meanwhile(until(`each server has sold ${count} more`, hasSold))
      }),
    )
  }

  /** Lets these servers leave as a deployment does: their visitors first. */
  async leave(servers: readonly Server[]): Promise<void> {
    await Promise.all(servers.map((server) => server.stop()))
    await Promise.all(servers.map((server) => server.end()))
  }

  /** Ends the selling, waits for the consumers, and compares all that was said. */
  async closeBooks(running: readonly Server[] = this.servers): Promise<Books> {
    await Promise.all(running.map((server) => server.stop()))
    const records = async () => (await Promise.all(this.servers.map((server) => server.records()))).flat()
    const client = new Redis(this.redis.url)
    const engine = redisEngine(client, { heartbeat: false })
    const sale = new FlashSale(SALE, { engine, deadlineMs: 60_000 })
    try {
      await until('the consumers have every event', async () => {
        const groups = await sale.consumerGroups()
        return groups.every(({ lag, parked }) => lag + parked === 0)
      })
      await Promise.all(running.map((server) => server.end()))
      const all = await records()
      const told = latestOf(all)
      const handled = new Set(
        all.flatMap((one) => ('handled' in one && one.type === 'confirmed' ? [one.handled] : [])),
      )
      const found = await Promise.all(
        [...told].map(async ([id, state]) => ({ id, state, now: await sale.get(id) })),
      )
      const orders = found.filter(({ state }) => state === 'confirmed' || state === 'refunded')
      const [audit, reconcile] = await Promise.all(
        ['audit', 'reconcile'].map((command) => this.operator.stockhold(`${command} ${SALE}`)),
      )
      return {
        acknowledged: told.size,
        confirmed: orders.length,
        missing: found.filter(({ state, now }) => now?.state !== state).map(({ id }) => id),
        // After a transfer the order has another id than the reservation had.
        unhandled: orders.filter(({ now }) => !handled.has(now?.id ?? '')).map(({ id }) => id),
        audit: audit!.code,
        reconcile: reconcile!.code,
      }
    } finally {
      await sale.close()
      await engine.close()
      client.disconnect()
    }
  }

  async close(): Promise<void> {
    await this.operator.close()
    await Promise.all(this.servers.map((server) => server.kill()))
    await Promise.all([this.redis.stop(), this.postgres.stop()])
    await rm(this.folder, { recursive: true, force: true })
  }
}

/** The latest that buyers were told of each reservation, whichever process told it. */
function latestOf(records: readonly Record[]): Map<string, Told['state']> {
  const told = new Map<string, Told['state']>()
  for (const one of records.filter((each): each is Told => 'id' in each)) {
    const before = told.get(one.id)
    if (!before || STATES.indexOf(before) < STATES.indexOf(one.state)) told.set(one.id, one.state)
  }
  return told
}

/** What is wrong in the books. */
export function faultsOf({ missing, unhandled, audit, reconcile }: Books): string[] {
  return [
    ...(missing.length > 0 ? [`${missing.length} reservations are not as they were told`] : []),
    ...(unhandled.length > 0 ? [`${unhandled.length} orders have reached no consumer`] : []),
    ...(audit === 0 ? [] : ['the audit has found faults']),
    ...(reconcile === 0 ? [] : ['the ledger differs']),
  ]
}
