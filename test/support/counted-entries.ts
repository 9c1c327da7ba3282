import type { Redis } from 'ioredis'
import { partitionKeys } from '../../src/redis-engine/keys.js'

/**
 * `live` as `src/redis-engine/sale/concerns/rollback_detection.lua` packs it, and the lengths of
 * the keys that it counts. Of the archive only whether there is one: a change may have several
 * fields there.
 */
const COUNTED = `
local live = { cmsgpack.unpack(redis.call('HGET', KEYS[1], 'live')) }
local counted = {
  archive = math.min(live[5], 1), buckets = live[6], expiries = live[7], restocks = live[8], transfers = live[12],
}
local there = {
  archive = math.min(redis.call('HLEN', KEYS[6]), 1), buckets = redis.call('HLEN', KEYS[3]), expiries = redis.call('ZCARD', KEYS[4]),
  restocks = redis.call('HLEN', KEYS[7]), transfers = redis.call('HLEN', KEYS[8]),
}
return cjson.encode({ counted, there })`

/** How many entries a partition believes it has, and how many there are. */
export interface CountedEntries {
  readonly counted: Readonly<Record<string, number>>
  readonly there: Readonly<Record<string, number>>
}

/**
 * A partition takes itself for lost when a key is gone though it counts entries of it, so that a
 * count that is wrong by one can end a sale long after the call that made it wrong.
 */
export async function countedEntries(
  client: Redis,
  prefix: string,
  ...partition: readonly [sale: string, index: number, partitions: number]
): Promise<CountedEntries> {
  const keys = partitionKeys(prefix, ...partition)
  const [counted, there] = JSON.parse((await client.eval(COUNTED, keys.length, ...keys)) as string)
  return { counted, there }
}
