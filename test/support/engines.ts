import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe } from 'vitest'
import { type RedisServer, startRedis } from '../../scripts/lib/servers/redis/server.js'
import type { Engine } from '../../src/engine/engine.js'
import { memoryEngine } from '../../src/memory-engine/memory-engine.js'
import { redisEngineWith } from '../../src/redis-engine/redis-engine.js'
import { type CountedEntries, countedEntries } from './counted-entries.js'
import { isFast } from './fast-run.js'
import { REDIS_CLOCK } from './redis-clock.js'
import { noteCommands } from './unanswered.js'

/** An engine whose time stands still until it is told otherwise. */
export interface TimedEngine {
  readonly engine: Engine
  /** Epoch ms. */
  now(): number
  /** Moves the clock, forwards or backwards. */
  advance(ms: number): Promise<void>
  /** What the keys of a Redis engine begin with. */
  readonly prefix?: string
  /** What a partition counts of its own keys, and what is in them: only Redis keeps both. */
  entries?(sale: string, index: number, partitions: number): Promise<CountedEntries>
  /** The same for engines whose scripts the server has to learn once for all of them. */
  readonly server?: object
}

/** What a suite that runs over both engines needs. */
export interface EngineKind {
  readonly name: 'memory' | 'redis'
  start(): Promise<void>
  make(): Promise<TimedEngine>
  stop(): Promise<void>
}

export const START = Date.UTC(2026, 0, 1, 20)

export function memoryKind(): EngineKind {
  const engines: Engine[] = []
  return {
    name: 'memory',
    start: async () => {},
    make: async () => {
      let now = START
      const advance = async (ms: number) => {
        now += ms
      }
      const engine = memoryEngine({ now: () => now })
      engines.push(engine)
      return { engine, now: () => now, advance }
    },
    stop: () => closeAll(engines),
  }
}

/** Else each goes on beating once a second, beside all files that follow in its worker. */
async function closeAll(engines: Engine[]): Promise<void> {
  await Promise.all(engines.splice(0).map((engine) => engine.close()))
}

let clocks = 0

/**
 * A Redis of its own, and for each engine a clock that is a key there: the scripts read it in place
 * of TIME.
 */
export function redisKind(): EngineKind & { server(): RedisServer; client(): Redis } {
  let server: RedisServer
  let client: Redis
  const engines: Engine[] = []
  return {
    name: 'redis',
    server: () => server,
    client: () => client,
    start: async () => {
      server = await startRedis()
      client = noteCommands(new Redis(server.socket))
    },
    make: async () => {
      const name = `clock-${process.pid}-${++clocks}`
      let now = START
      await client.set(name, now)
      const engine = redisEngineWith({ lua: REDIS_CLOCK, elapsed: () => now }, client, { prefix: name })
      engines.push(engine)
      const advance = async (ms: number) => {
        now += ms
        await client.set(name, now)
      }
      const entries = (...partition: [string, number, number]) => countedEntries(client, name, ...partition)
      return { engine, now: () => now, advance, prefix: name, entries, server: client }
    },
    stop: async () => {
      await closeAll(engines)
      client.disconnect()
      await server.stop()
    },
  }
}

export type RedisKind = ReturnType<typeof redisKind>

/** The engines a suite runs over: memory and Redis, or memory alone in the fast run. */
export function engineKinds(): EngineKind[] {
  return isFast ? [memoryKind()] : [memoryKind(), redisKind()]
}

/** The engines of a file, started before its tests and stopped after them. */
export function startedKinds(): EngineKind[] {
  const kinds = engineKinds()
  beforeAll(() => Promise.all(kinds.map((kind) => kind.start())))
  afterAll(() => Promise.all(kinds.map((kind) => kind.stop())))
  return kinds
}

/** A suite about what only Redis does. The fast run leaves it out: it has no server. */
export function onRedis(name: string, suite: (kind: RedisKind) => void): void {
  if (isFast) return
  describe(name, () => {
    const kind = redisKind()
    beforeAll(kind.start)
    afterAll(kind.stop)
    suite(kind)
  })
}
