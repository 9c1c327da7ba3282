import type { Redis } from 'ioredis'
import type { Paint } from '../../src/cli/terminal/style.js'
import { type Engine, memoryEngine, redisEngine } from '../../src/index.js'
import { onPath } from '../lib/servers/provision.js'
import { deleteKeys, withRedis } from '../lib/servers/redis/client.js'
import { redisServerBinary } from '../lib/servers/redis/provision.js'
import { startRedis } from '../lib/servers/redis/server.js'
import type { StoreOptions } from './options.js'

/** The engine of the sale, and why it is this one. */
export interface Store {
  readonly name: 'memory' | 'redis'
  readonly reason: readonly string[]
  readonly engine: Engine
  /** The server's time, in epoch ms. */
  now(): Promise<number>
  /** Ends what was started; answers which keys are left behind, if any. */
  close(): Promise<string | undefined>
}

/** Which engine it is, and why: the first lines of every run. */
export function title({ name, reason }: Store, paint: Paint): string[] {
  return [paint('bold', `stockhold demo on ${name}`), ...reason.map((line) => `  ${line}`)]
}

export async function openStore(options: StoreOptions, log: (line: string) => void): Promise<Store> {
  if (options.redis !== undefined) return openUrl(options.redis, options.keep)
  if (options.engine === 'memory') return openMemory('embedded, as --engine asks')
  if (options.engine === 'redis') return openServer(log)
  if (onPath('redis-server', 'valkey-server').length === 0)
    return openMemory('embedded: no redis-server on the PATH', 'and neither --engine nor --redis given')
  return openServer(log)
}

function openMemory(...reason: string[]): Store {
  const engine = memoryEngine()
  const close = async () => {
    await engine.close()
    return undefined
  }
  return { name: 'memory', reason, engine, now: localTime, close }
}

async function openServer(log: (line: string) => void): Promise<Store> {
  const { path, origin } = await redisServerBinary({ log })
  const server = await startRedis()
  const engine = redisEngine(server.url)
  return {
    name: 'redis',
    reason: [
      'started for this run',
      origin === 'path' ? `found on the PATH: ${path}` : 'no redis-server on the PATH: from the cache',
    ],
    engine,
    now: localTime,
    async close() {
      await engine.close()
      await server.stop()
      return undefined
    },
  }
}

/** Every run has its own prefix, so it meets no earlier run and can remove its keys. */
async function openUrl(url: string, keep: boolean): Promise<Store> {
  const prefix = `stockhold-demo-${Date.now().toString(36)}-${process.pid}`
  const { host } = new URL(url)
  await withRedis(url, (client) => client.ping())
  const engine = redisEngine(url, { prefix })
  return {
    name: 'redis',
    reason: [`${host}, as --redis asks`, `keys begin with {${prefix}:`],
    engine,
    now: () => withRedis(url, timeOf),
    async close() {
      await engine.close()
      if (keep) return `The sale is still on ${host}: its keys begin with {${prefix}:`
      await deleteKeys(url, `{${prefix}:`)
      return undefined
    },
  }
}

/** A server on this machine has its clock. */
async function localTime(): Promise<number> {
  return Date.now()
}

async function timeOf(client: Redis): Promise<number> {
  const [seconds, microseconds] = await client.time()
  return Number(seconds) * 1_000 + Math.floor(Number(microseconds) / 1_000)
}
