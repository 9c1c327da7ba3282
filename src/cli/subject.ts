import type { Engine } from '../engine/engine.js'
import { memoryEngine } from '../memory-engine/memory-engine.js'
import type { RedisClient } from '../redis-engine/connection.js'
import { partitionKeys } from '../redis-engine/keys.js'
import { redisEngine } from '../redis-engine/redis-engine.js'

/** What is verified. */
export interface Subject {
  /** As it is called in the output; without secrets. */
  readonly name: string
  makeEngine(): Engine
  /** What is needed on the command line to have it again. */
  readonly again: string
  /** Removes what is left of the sales, and tells what it could not. */
  clean(): Promise<string>
}

export function memorySubject(): Subject {
  return {
    name: 'the memory engine',
    again: '--engine memory',
    makeEngine: () => memoryEngine(),
    clean: async () => '',
  }
}

/** Sales that may wait to be deleted: a long run leaves no more than so many at a time. */
const MOST = 100

/**
 * The Redis engine on a client; its sales are deleted key by key, by the exact names it was asked
 * for.
 */
export function redisSubject(client: RedisClient, prefix: string, name: string): Subject {
  const waiting = new Set<string>()
  let kept = ''
  const clear = async (sales: readonly string[]) => {
    const keys = sales.flatMap((sale) => partitionKeys(prefix, sale, 0, 1))
    if (keys.length === 0 || kept !== '') return
    for (const sale of sales) waiting.delete(sale)
    await client.unlink(...keys).catch((error: Error) => {
      // Somebody who may not delete, or a server that went away: what is there stays, and is said
      // to.
      kept = `Left behind: small sales below {${prefix}:stockhold-check-...}, for they could not be deleted (${firstWord(error)}).`
    })
  }
  return {
    name,
    again: prefix === 'stockhold-verify' ? '--redis URL' : `--redis URL --prefix ${JSON.stringify(prefix)}`,
    makeEngine() {
      const engine = redisEngine(client, { prefix })
      return {
        elapsed: engine.elapsed,
        room: (room) => engine.room(room),
        groups: (...place) => engine.groups(...place),
        partition(sale, index, partitions) {
          // One sale is played at a time: all those before it are over.
          if (waiting.size >= MOST && !waiting.has(sale)) void clear([...waiting])
          waiting.add(sale)
          return engine.partition(sale, index, partitions)
        },
        close: () => engine.close(),
      }
    },
    async clean() {
      await clear([...waiting])
      return kept
    },
  }
}

/** Redis repeats arguments in some messages; its code is all that is needed here. */
function firstWord({ message }: Error): string {
  return /^\w+/.exec(message)?.[0] ?? 'no answer'
}
