import { type Engine, redisEngine } from '../../src/index.js'
import type { Context } from '../part.js'

/** The part's engine, under a prefix of its own: on the suite's server, or on another one. */
export async function openEngine(context: Context, url?: string): Promise<Engine> {
  return redisEngine(url ?? (await context.redis()).url, { prefix: context.prefix() })
}
