import { Redis } from 'ioredis'
import { redisEngineWith } from '../../src/redis-engine/redis-engine.js'
import { type Alteration, AlteredScripts, type Before } from './altered-scripts.js'
import { countedEntries } from './counted-entries.js'
import { START, type TimedEngine } from './engines.js'
import { REDIS_CLOCK } from './redis-clock.js'

let clocks = 0

/** Makes engines whose scripts are altered, each with a clock that is a key of the server. */
export interface AlteredMaker {
  make(): Promise<TimedEngine>
  /** How often an altered script ran. */
  runs(): number
  stop(): void
}

export function alteredMaker(
  socket: string,
  alterations: readonly Alteration[],
  before?: (client: Redis) => Before,
): AlteredMaker {
  const client = new Redis(socket)
  const scripts = new AlteredScripts(client, alterations, before?.(client))
  return {
    runs: () => scripts.runs,
    stop: () => client.disconnect(),
    make: async () => {
      const name = `altered-clock-${process.pid}-${++clocks}`
      let now = START
      await client.set(name, now)
      scripts.expect(REDIS_CLOCK)
      const engine = redisEngineWith({ lua: REDIS_CLOCK, elapsed: () => now }, client, { prefix: name })
      const advance = async (ms: number) => {
        now += ms
        await client.set(name, now)
      }
      const entries = (...partition: [string, number, number]) => countedEntries(client, name, ...partition)
      return { engine, now: () => now, advance, prefix: name, entries, server: client }
    },
  }
}
