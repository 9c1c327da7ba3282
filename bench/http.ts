/**
 * What is left of the speed behind HTTP? Poll, join, reserve and the whole way of a visitor, on
 * Fastify and Hono, beside an empty route of the same framework and beside the same shop written by
 * hand: with one EVALSHA for each request, and with one transaction of PostgreSQL.
 *
 * Each shop is a process, and so is the load generator, on a CPU that it keeps. In each round all
 * shops are driven, in another order each time: first by callers that wait for their answers, then
 * by open arrivals at half of the rate that these reached. Ratios are taken within a round.
 */
import { allAccepted, Invariants } from '../scripts/lib/load/invariants.js'
import { Recorder } from '../scripts/lib/load/recorder.js'
import type { PostgresServer } from '../scripts/lib/servers/postgres/server.js'
import type { Driven, DriverTask } from './http/driver.js'
import { type Measured, type OpenLoad, type Round, report } from './http/report.js'
import type { ServerAnswer, ServerSetting, ServerTask } from './http/server.js'
import { type Framework, frameworks, type Scene, type ShopName, shops } from './http/shop.js'
import type { Operation } from './http/visits.js'
import { lastCpu } from './load/pinning.js'
import { postgresIfAny } from './load/postgres-if-any.js'
import { TaskProcess } from './load/task-process.js'
import type { Context, Part, PartResult } from './part.js'

export const part: Part = {
  name: 'http',
  question: 'What is left of the speed behind HTTP, beside an empty route and beside shops written by hand?',
  run: (context) => measure(context, context.quick ? quick : long),
}

export interface Sizes {
  readonly rounds: number
  /** Of a drive; slow ones have fewer. */
  readonly requests: number
}

const long: Sizes = { rounds: 5, requests: 10_000 }
const quick: Sizes = { rounds: 2, requests: 1_500 }

/** What is opened and driven together. */
interface Stand {
  readonly shop: ShopName
  readonly scene: Scene
  readonly operations: readonly Operation[]
}

const stands: readonly Stand[] = [
  { shop: 'empty', scene: 'empty', operations: ['empty', 'post'] },
  { shop: 'stockhold', scene: 'queue', operations: ['join', 'poll'] },
  { shop: 'stockhold', scene: 'stock', operations: ['reserve'] },
  { shop: 'plain', scene: 'stock', operations: ['reserve'] },
  { shop: 'postgres', scene: 'stock', operations: ['reserve'] },
  { shop: 'stockhold', scene: 'way', operations: ['way'] },
  { shop: 'plain', scene: 'way', operations: ['way'] },
  { shop: 'postgres', scene: 'way', operations: ['way'] },
]

/** A whole way is several requests, and PostgreSQL is slow. */
const shareOf = (shop: ShopName, operation: Operation) =>
  (shop === 'postgres' ? 0.1 : 1) * (operation === 'way' ? 0.25 : 1)

/** As many as the connections; visitors who wait in the queue between their polls are more. */
const CALLERS = 128
const VISITORS = 1_000
/** Of what the closed loop reached. */
const OPEN_SHARE = 0.5

export async function measure(context: Context, sizes: Sizes): Promise<PartResult> {
  const bench = await HttpBench.open(context, sizes)
  try {
    const measured: Measured = new Map(frameworks.map((framework) => [framework, []]))
    const total = (sizes.rounds + 1) * frameworks.length
    // The first round warms up.
    for (let round = 0; round <= sizes.rounds; round++) {
      for (const [index, framework] of frameworks.entries()) {
        context.progress.update(framework, round * frameworks.length + index, total, 'rounds')
        const found = await bench.round(framework, round)
        if (round > 0) measured.get(framework)!.push(found)
      }
    }
    return report(measured, bench.invariants)
  } finally {
    await bench.close()
  }
}

type Server = TaskProcess<ServerTask, ServerAnswer>
type Driver = TaskProcess<DriverTask, Driven>

class HttpBench {
  readonly invariants = new Invariants()
  readonly #sizes: Sizes
  readonly #seed: number
  readonly #driver: Driver
  readonly #postgres: PostgresServer | undefined
  readonly #servers = new Map<ShopName, Server>()

  private constructor(sizes: Sizes, seed: number, driver: Driver, postgres: PostgresServer | undefined) {
    this.#sizes = sizes
    this.#seed = seed
    this.#driver = driver
    this.#postgres = postgres
  }

  static async open(context: Context, sizes: Sizes): Promise<HttpBench> {
    const postgres = await postgresIfAny(context.progress)
    const driver: Driver = await TaskProcess.open('http/driver.ts', null, { cpus: await lastCpu() })
    const bench = new HttpBench(sizes, context.seed, driver, postgres)
    const { url } = await context.redis()
    for (const shop of shops.filter((shop) => shop !== 'postgres' || postgres !== undefined)) {
      const setting: ServerSetting = { shop, url, prefix: context.prefix(), postgres: postgres?.url }
      bench.#servers.set(shop, await TaskProcess.open('http/server.ts', setting))
    }
    return bench
  }

  async round(framework: Framework, round: number): Promise<Round> {
    const open = stands.filter(({ shop }) => this.#servers.has(shop))
    const found: Round = new Map()
    for (let turn = 0; turn < open.length; turn++) {
      await this.#drive(framework, open[(round + turn) % open.length]!, round, found)
    }
    return found
  }

  async close(): Promise<void> {
    for (const server of this.#servers.values()) server.stop()
    this.#driver.stop()
    await this.#postgres?.stop()
  }

  async #drive(framework: Framework, stand: Stand, round: number, found: Round): Promise<void> {
    const { shop, scene, operations } = stand
    const server = this.#servers.get(shop)!
    const name = `${framework}-${scene}-${round}`
    const port = (await server.run({ type: 'open', framework, scene, name })).value
    const hasQueue = shop === 'stockhold' && scene === 'way'
    let told = { joined: 0, reserved: 0, confirmed: 0 }
    for (const operation of operations) {
      const count = Math.ceil(this.#sizes.requests * shareOf(shop, operation))
      const common = { port, hasQueue, operation, count, scene: `${shop} ${name}` }
      const callers = operation === 'way' ? VISITORS : CALLERS
      const before = (await server.run({ type: 'cpu' })).value
      const closed = await this.#driver.run({ ...common, load: { callers } })
      const cpu = (await server.run({ type: 'cpu' })).value - before
      const perSecond = closed.tally.accepted / closed.tally.seconds
      const seeds = [this.#seed, round, operations.indexOf(operation)]
      const load = { perSecond: Math.max(1, perSecond * OPEN_SHARE), seeds }
      const opened = await this.#driver.run({ ...common, load })
      for (const { tally } of [closed, opened]) allAccepted(tally, this.invariants)
      const made = closed.tally.accepted + closed.tally.refused
      found.set(`${shop}.${operation}`, {
        perSecond,
        cpu: cpu / Math.max(1, made),
        requests: closed.requests / Math.max(1, made),
        open: openLoadOf(load.perSecond, opened),
      })
      told = opened.told
    }
    const audit = round === this.#sizes.rounds
    this.invariants.add((await server.run({ type: 'close', told, audit })).invariants)
  }
}

function openLoadOf(perSecond: number, { latency, lateness }: Driven): OpenLoad {
  const recorder = new Recorder(latency.intervalMs).merge(latency)
  return { perSecond, latency: recorder.latency(), late: lateness?.max ?? 0 }
}
