import type { Redis } from 'ioredis'
import { StockholdError, unavailable } from '../errors.js'
import { connectionOf } from './connection.js'
import { admitted, call, isUnknown, named } from './driver.js'
import { failure, isRefusedInside } from './failure.js'
import { type Evaluator, type Functions, isNotCalled } from './function-loading.js'
import { writeTogether } from './one-write.js'
import type { Script } from './script.js'

/**
 * How many replicas must have a write before it is acknowledged, and how long to wait for them in
 * ms.
 */
export interface Replication {
  readonly replicas: number
  readonly timeoutMs: number
}

/** Writes the present value once more. */
const WRITE_AGAIN = `#!lua flags=allow-oom
local live = redis.call('HGET', KEYS[1], 'live')
if live then redis.call('HSET', KEYS[1], 'live', live) end`

/**
 * Runs a script, and answers once enough replicas have its writes and all writes before it: its
 * answer may report a change that an earlier call made, by another connection. WAIT covers only the
 * writes of its own connection and, since Redis 7.2 and Valkey 8, none if that connection has
 * written nothing. So a small write goes in between, all three are sent together, and the result of
 * WAIT counts only if the connection is still the same. https://redis.io/docs/latest/commands/wait/
 *
 * @param admit See {@link run}.
 * @throws {StockholdError} Too few replicas have confirmed in time: `UNKNOWN_OUTCOME`, or
 *   `UNAVAILABLE` for a script that writes nothing.
 */
export async function runReplicated(
  client: Redis,
  functions: Functions,
  script: Script,
  keys: string[],
  argument: Buffer,
  replication: Replication,
  admit: () => Promise<void> | undefined,
  byText = false,
): Promise<unknown[]> {
  const { replicas, timeoutMs } = replication
  const evaluator = client as unknown as Evaluator
  writeTogether(client, argument.length)
  const before = connectionOf(client)
  const [ran, written, waited] = await Promise.allSettled([
    byText
      ? evaluator.evalBuffer(script.text, keys.length, ...keys, argument)
      : call(client, functions, script, keys, argument),
    evaluator.evalBuffer(WRITE_AGAIN, 1, keys[0]!),
    client.wait(replicas, timeoutMs),
  ])
  if (ran.status === 'rejected') {
    if (isRefusedInside(ran.reason) && connectionOf(client) === before)
      throw await named(ran.reason, client, script, keys)
    if (byText || !isUnknown(ran.reason)) throw ran.reason
    await admitted(client, script, before, admit)
    if (isNotCalled(ran.reason)) await functions.prepare(client)
    return runReplicated(client, functions, script, keys, argument, replication, admit, true)
  }
  const isHeard = written.status === 'fulfilled' && waited.status === 'fulfilled'
  const reached = isHeard && connectionOf(client) === before ? waited.value : 0
  if (reached >= replicas) return ran.value as unknown[]
  const failed = [written, waited].find((each) => each.status === 'rejected')
  const cause = failed ? failure(failed.reason) : new Error('Too few replicas have answered.')
  const why = `only ${reached} of ${replicas} replicas have it after ${timeoutMs} ms`
  if (script.effect === 'reads') throw unavailable(`What was read may not last: ${why}. Ask again.`, cause)
  throw new StockholdError(
    'UNKNOWN_OUTCOME',
    `It was written, but ${why}. Send the same key, or the same id, again.`,
    { cause },
  )
}
