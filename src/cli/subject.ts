import type { Engine } from '../engine/engine.js'
import { memoryEngine } from '../memory-engine/memory-engine.js'
import type { RedisClient } from '../redis-engine/connection.js'
import { partitionKeys } from '../redis-engine/keys.js'
import { redisEngine } from '../redis-engine/redis-engine.js'

/** The engine to verify. */
export interface Subject {
  /** Its name in the output; without secrets. */
  readonly name: string
  makeEngine(): Engine
  /** The command-line arguments that select it again. */
  readonly again: string
  /** Removes the remaining sales, and reports those it could not remove. */
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

/** How many sales may wait to be deleted: a long run leaves no more at a time. */
const MOST = 100

/**
 * The Redis engine on a client. Its sales are deleted key by key, by the exact names that the
 * engine was asked for.
 */
export function redisSubject(client: RedisClient, prefix: string, name: string): Subject {
  const waiting = new Set<string>()
  let kept = ''
  const clear = async (sales: readonly string[]) => {
    const keys = sales.flatMap((sale) => partitionKeys(prefix, sale, 0, 1))
    if (keys.length === 0 || kept !== '') return
    for (const sale of sales) waiting.delete(sale)
    await client.unlink(...keys).catch((error: Error) => {
      // The user may not delete, or the server is unreachable: the sales stay, and are reported.
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
        groups: (...partition) => engine.groups(...partition),
        // The sales are not entered in the index of the prefix: they leave nothing behind there.
        lifecycle: undefined,
        sales: () => engine.sales(),
        rooms: () => engine.rooms(),
        partition(sale, index, partitions) {
          // One sale is played at a time, so all earlier ones are finished.
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

/** Redis repeats arguments in some messages, so only its error code is shown. */
function firstWord({ message }: Error): string {
  return /^\w+/.exec(message)?.[0] ?? 'no answer'
}
