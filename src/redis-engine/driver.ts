import type { Redis } from 'ioredis'
import type { Effect } from '../engine/effects.js'
import { unknownOutcome } from '../engine/unknown-outcome.js'
import type { StockholdError } from '../errors.js'
import { connectionOf } from './connection.js'
import { denied, isRefusedInside, replyCode } from './failure.js'
import type { Script } from './script.js'

/** ioredis has a buffer variant of every command; its types leave out those of EVAL. */
export interface Evaluator {
  evalBuffer(text: string, keyCount: number, ...rest: (string | Buffer)[]): Promise<unknown>
  evalshaBuffer(sha: string, keyCount: number, ...rest: (string | Buffer)[]): Promise<unknown>
}

const firstRuns = new WeakMap<Redis, Map<string, Promise<unknown>>>()

/**
 * Runs a script. Strings come back as buffers.
 *
 * @param admit What to wait for before the client's present connection may be used; `undefined` if
 *   it may be now.
 */
export async function run(
  client: Redis,
  script: Script,
  keys: string[],
  argument: Buffer,
  admit: () => Promise<void> | undefined,
): Promise<unknown[]> {
  const connection = connectionOf(client)
  const isResent = () => connectionOf(client) !== connection
  const admission = () => admitted(client, script, connection, admit)
  const reply = await runOnce(client, script, keys, argument, admission).catch(async (error) => {
    throw isRefusedInside(error) && !isResent() ? await named(error, client, script, keys) : error
  })
  // The driver has sent it again, by another connection: the answer counts if the server that is
  // there now may be used.
  if (isResent()) await admission()
  return reply
}

/**
 * Waits until the client's present connection may be used.
 *
 * @param connection By which a script was sent first. If the driver has sent it again by another
 *   one, it may have been executed.
 */
export async function admitted(
  client: Redis,
  { effect }: Script,
  connection: object,
  admit: () => Promise<void> | undefined,
): Promise<void> {
  await admit()?.catch((cause) => {
    throw connectionOf(client) === connection ? cause : unknownOf(effect, cause)
  })
}

function unknownOf(effect: Effect, cause: unknown): StockholdError {
  const what = 'The connection failed before the answer came, and the server that is there now cannot be used'
  return unknownOutcome(what, effect, cause)
}

/**
 * By its SHA; the text travels only to a server that has not seen it, and once: of many calls that
 * find it unknown, the first sends it and the others wait for that.
 */
async function runOnce(
  client: Redis,
  script: Script,
  keys: string[],
  argument: Buffer,
  admitted: () => Promise<void>,
): Promise<unknown[]> {
  const evaluator = client as unknown as Evaluator
  const bySha = async () =>
    (await evaluator.evalshaBuffer(script.sha, keys.length, ...keys, argument)) as unknown[]
  const byText = async () =>
    (await evaluator.evalBuffer(script.text, keys.length, ...keys, argument)) as unknown[]
  try {
    return await bySha()
  } catch (error) {
    if (!isUnknownScript(error)) throw error
  }
  // A server that has not seen it may be another one than before.
  await admitted()
  const running = firstRuns.get(client) ?? new Map<string, Promise<unknown>>()
  firstRuns.set(client, running)
  const first = running.get(script.sha)
  if (!first) {
    const mine = byText().finally(() => running.delete(script.sha))
    running.set(script.sha, mine)
    return mine
  }
  await first.catch(() => {})
  // A SCRIPT FLUSH in between: then the text once more.
  return bySha().catch((error) => {
    if (!isUnknownScript(error)) throw error
    return byText()
  })
}

/** Whatever a command takes for a key is one. */
const FIRST_REFUSED = `#!lua flags=no-writes
local key = KEYS[1]
for _, command in ipairs(ARGV) do
  if not redis.acl_check_cmd(command, key, key, key, key) then return command end
end`

/**
 * The refusal with the name of the command. Scripts ask for the right to write before they do, so
 * nothing was written.
 */
export async function named(
  error: unknown,
  client: Redis,
  { text }: Script,
  keys: string[],
): Promise<unknown> {
  const commands = [...text.matchAll(/(?:redis\.call|is_there)\('([A-Z]+)'/g)].map(([, name]) => name!)
  const evaluator = client as unknown as Evaluator
  const refused = await evaluator.evalBuffer(FIRST_REFUSED, 1, keys[0]!, ...commands).catch(() => null)
  return refused === null ? error : denied(String(refused))
}

export function isUnknownScript(error: unknown): boolean {
  return replyCode(error) === 'NOSCRIPT'
}
