import type { Redis } from 'ioredis'
import { onTestFinished } from 'vitest'
import { type RedisOptions, type RedisServer, startRedis } from '../../../scripts/lib/servers/redis/server.js'
import { type Engine, FlashSale, redisEngine } from '../../../src/index.js'
import { type FaultyRedis, faultyRedis } from '../../../src/testing.js'
import { type ClientOptions, connectTo } from '../../support/client.js'
import { TestClock } from '../../support/test-clock.js'
import { Crowd, learnRules } from './crowd.js'
import type { Trial } from './verdict.js'

export interface TrialOptions extends Pick<RedisOptions, 'config' | 'functions'> {
  readonly stock?: number
  readonly deadlineMs?: number
  readonly shoppers?: number
  /** One handle with a client of its own for each; a URL's own client comes with them. */
  readonly clients?: readonly Client[]
  /** The handles send nothing by themselves, no beat and no sweep: their clock stands still. */
  readonly quiet?: boolean
}

type Client = ClientOptions & { readonly enableReadyCheck?: boolean }

/**
 * A sale on a Redis of its own, behind a proxy, with a crowd at its doors. All of it ends with the
 * test.
 */
export interface Stage extends Trial {
  readonly server: RedisServer
  readonly proxy: FaultyRedis
  readonly handles: readonly FlashSale[]
  readonly crowd: Crowd
  /** A connection past the proxy, for whoever makes trouble. */
  readonly admin: Redis
  /** One more handle, past the proxy unless told. */
  handle(engine?: Engine, deadlineMs?: number): FlashSale
}

/**
 * As their owners have them: ioredis' own defaults, which resend what was not answered, and
 * pipelines it makes itself.
 */
const usual: readonly ClientOptions[] = [{}, { enableAutoPipelining: true }]

export async function openTrial(options: TrialOptions = {}): Promise<Stage> {
  const { stock = 20_000, deadlineMs = 500, shoppers = 8, clients = usual, quiet } = options
  const limit = 4
  const server = await startRedis(options)
  onTestFinished(() => server.stop())
  const proxy = await faultyRedis(server.url)
  onTestFinished(() => proxy.close())
  const admin = connectTo(server, { retryStrategy: () => 20 })
  const own = redisEngine(proxy.url)
  onTestFinished(() => own.close())
  const retryStrategy = (times: number) => Math.min(times * 20, 200)
  const engines = [own, ...clients.map((given) => redisEngine(connectTo(proxy, { retryStrategy, ...given })))]
  const sale = 'launch'
  const handle = (engine: Engine = redisEngine(admin), limitMs = 60_000) => {
    const opened = new FlashSale(sale, { engine, deadlineMs: limitMs })
    onTestFinished(() => opened.close())
    return opened
  }
  await handle().create({ stock: { phone: stock }, limitPerBuyer: limit })
  const clock = new TestClock()
  const handles = engines.map((engine) => handle(quiet ? clock.drive(engine) : engine, deadlineMs))
  await Promise.all(handles.map(learnRules))
  const crowd = new Crowd({ name: 'main', handles, deadlineMs, limit, shoppers })
  onTestFinished(() => crowd.stop())
  return { server, proxy, handles, crowd, admin, handle, url: server.url, sale, stock, limit }
}
