import type { Context } from '../../bench/part.js'
import type { OwnRedis } from './own-redis.js'

let prefixes = 0

/** What a part of the bench is given for its smallest run, on a Redis of the test's own. */
export function benchContext(redis: OwnRedis, change: Partial<Context> = {}): Context {
  return {
    quick: true,
    realTime: false,
    seed: 1,
    progress: { update: () => {}, note: () => {} },
    redis: async () => ({ url: redis.url, own: true }),
    ownRedis: () => Promise.reject(new Error('not needed')),
    prefix: () => `bench-${++prefixes}`,
    ...change,
  }
}
