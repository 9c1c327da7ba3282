import type { Redis } from 'ioredis'
import type { Effect } from '../engine/effects.js'
import { unknownOutcome } from '../engine/unknown-outcome.js'
import type { StockholdError } from '../errors.js'
import { connectionOf } from './connection.js'
import { denied, isRefusedInside, replyCode } from './failure.js'
import { type Evaluator, type Functions, isNotCalled } from './function-loading.js'
import { writeTogether } from './one-write.js'
import type { Script } from './script.js'
import { sendScript } from './send-script.js'

const firstRuns = new WeakMap<Redis, Map<string, Promise<unknown>>>()

/**
 * Runs a command. Strings are returned as buffers.
 *
 * @param admit The promise to wait for before the client's present connection may be used;
 *   `undefined` if it may be used now.
 */
export function run(
  client: Redis,
  functions: Functions,
  script: Script,
  keys: string[],
  argument: Buffer,
  admit: () => Promise<void> | undefined,
): Promise<unknown[]> {
  writeTogether(client, argument.length)
  const connection = connectionOf(client)
  const admission = () => admitted(client, script, connection, admit)
  const isResent = () => connectionOf(client) !== connection
  // The driver has resent it by another connection: the answer counts only if the present server
  // may be used.
  const counts = (reply: unknown[]) => (isResent() ? admission().then(() => reply) : reply)
  return call(client, functions, script, keys, argument).then(counts, async (error) => {
    try {
      return counts(await runAgain(client, functions, script, keys, argument, admission, error))
    } catch (refusal) {
      throw isRefusedInside(refusal) && !isResent() ? await named(refusal, client, script, keys) : refusal
    }
  })
}

/**
 * Waits until the client's present connection may be used.
 *
 * @param connection The connection by which a script was sent first. If the driver has resent it by
 *   another one, it may have been executed.
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

/** A server that has lost its functions, or does not know the script, gets them again. */
async function runAgain(
  client: Redis,
  functions: Functions,
  script: Script,
  keys: string[],
  argument: Buffer,
  admitted: () => Promise<void>,
  error: unknown,
): Promise<unknown[]> {
  // A server that does not know the command may be another one than before.
  if (isUnknown(error)) await admitted()
  if (isUnknownScript(error)) return firstRun(client, script, keys, argument)
  if (!isNotCalled(error)) throw error
  await functions.prepare(client)
  return call(client, functions, script, keys, argument).catch((error) => {
    if (!isUnknown(error)) throw error
    return firstRun(client, script, keys, argument)
  })
}

/** Calls what the server is thought to have: its function, or else its script by the SHA-1. */
export function call(
  client: Redis,
  functions: Functions,
  { name, sha }: Script,
  keys: string[],
  argument: Buffer,
): Promise<unknown[]> {
  const named = functions.nameOf(name, client)
  return named
    ? sendScript(client, 'fcall', named, keys, argument)
    : sendScript(client, 'evalsha', sha, keys, argument)
}

/**
 * Sends the text of a script. If many calls find it unknown, the first sends it and the others wait
 * for that.
 */
async function firstRun(client: Redis, script: Script, keys: string[], argument: Buffer): Promise<unknown[]> {
  const evaluator = client as unknown as Evaluator
  const byText = async () =>
    (await evaluator.evalBuffer(script.text, keys.length, ...keys, argument)) as unknown[]
  const running = firstRuns.get(client) ?? new Map<string, Promise<unknown>>()
  firstRuns.set(client, running)
  const first = running.get(script.sha)
  if (!first) {
    const mine = byText().finally(() => running.delete(script.sha))
    running.set(script.sha, mine)
    return mine
  }
  await first.catch(() => {})
  const again = sendScript(client, 'evalsha', script.sha, keys, argument)
  // After a SCRIPT FLUSH in between, the text is sent once more.
  return again.catch((error) => {
    if (!isUnknownScript(error)) throw error
    return byText()
  })
}

/** Every argument is one of the script's keys, whichever of them the command takes as keys. */
const FIRST_REFUSED = `#!lua flags=no-writes
local key = KEYS[1]
for _, command in ipairs(ARGV) do
  if not redis.acl_check_cmd(command, key, key, key, key) then return command end
end`

/**
 * The refusal with the name of the command. Scripts check their permissions before they write, so
 * nothing was written.
 */
export async function named(
  error: unknown,
  client: Redis,
  { text }: Script,
  keys: string[],
): Promise<unknown> {
  const commands = [...text.matchAll(/redis\.call\('([A-Z]+)'/g)].map(([, name]) => name!)
  const evaluator = client as unknown as Evaluator
  const refused = await evaluator.evalBuffer(FIRST_REFUSED, 1, keys[0]!, ...commands).catch(() => null)
  return refused === null ? error : denied(String(refused))
}

/** Whether the server has neither the function nor the script that was called. */
export function isUnknown(error: unknown): boolean {
  return isUnknownScript(error) || isNotCalled(error)
}

function isUnknownScript(error: unknown): boolean {
  return replyCode(error) === 'NOSCRIPT'
}
