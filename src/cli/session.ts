import { hostname, userInfo } from 'node:os'
import { createInterface } from 'node:readline'
import type { Engine } from '../engine/engine.js'
import { Operations } from '../operations/operations.js'
import type { Actor } from '../operations/operations-log.js'
import type { PostgresLedger } from '../postgres/ledger.js'
import type { RedisClient } from '../redis-engine/connection.js'
import { redisEngine } from '../redis-engine/redis-engine.js'
import { BadUsage, type Command, type Given, type Surroundings } from './command.js'
import { checkPrefix, placeOf, reach } from './connection.js'
import { DONE, NO } from './exit-codes.js'
import { openLedger } from './ledger.js'
import { Screen } from './screen.js'
import { safe, safeJson } from './terminal/safe.js'

/** What a command has answered. */
interface Outcome {
  /** For `--json`. */
  readonly value: unknown
  /** For a person. */
  readonly print: (screen: Screen) => void
  /** @default 0 */
  readonly code?: number
}

/** What a command that is about sales and rooms works with. */
export interface Session {
  readonly operations: Operations
  readonly given: Given
  readonly actor: Actor
  readonly client: RedisClient
  readonly engine: Engine
  readonly ledger: PostgresLedger | undefined
  /** Tells something before the answer; on the standard error, where nothing is parsed. */
  note(text: string): void
  /** @throws {Declined} unless the question is answered with yes. */
  ask(question: string): Promise<void>
}

/** The question was answered with no. */
class Declined extends Error {}

/** The part of a command that differs between commands. */
type Execute = (session: Session) => Promise<Outcome>

/** Runs a command by an engine on the Redis that the options name, and prints what it answers. */
export function bySession(execute: Execute): Command['run'] {
  return (given, surroundings) =>
    inSession(given, surroundings, async (session) => {
      const { value, print, code = DONE } = await execute(session)
      if (given.flag('json')) surroundings.output.write(`${safeJson(value)}\n`)
      else print(new Screen(surroundings.output, surroundings.env))
      return code
    })
}

/** Opens what a command works with, and closes it when the work is done. */
export async function inSession(
  given: Given,
  surroundings: Surroundings,
  work: (session: Session) => Promise<number>,
): Promise<number> {
  const { env } = surroundings
  const prefix = checkPrefix(given.text('prefix') ?? 'stockhold')
  const place = await placeOf(given, env)
  const actor = actorOf(given, env)
  const ledger = await openLedger(given, env)
  try {
    const client = await reach(place)
    const engine = redisEngine(client, { prefix })
    const operations = new Operations({ engine, ledger: ledger?.ledger })
    try {
      return await work({
        ...{ operations, given, actor, client, engine, ledger: ledger?.ledger },
        note: (text) => void surroundings.errors.write(`${safe(text)}\n`),
        ask: (question) => ask(question, given, surroundings),
      })
    } catch (error) {
      if (error instanceof Declined) return NO
      throw error
    } finally {
      await operations.close()
      await engine.close()
      client.disconnect()
    }
  } finally {
    await ledger?.close()
  }
}

function actorOf(given: Given, env: NodeJS.ProcessEnv): Actor {
  const by = given.text('as') ?? `${loginOf(env)}@${hostname()}`
  if (by === '') throw new BadUsage('--as must not be empty')
  return { by, reason: given.text('reason') }
}

function loginOf(env: NodeJS.ProcessEnv): string {
  try {
    return userInfo().username
  } catch {
    // The user of a container may have no name.
    return env.USER ?? 'unknown'
  }
}

async function ask(question: string, given: Given, { input, errors }: Surroundings): Promise<void> {
  if (given.flag('yes')) return
  if (!input?.isTTY || given.flag('json'))
    throw new BadUsage(`${question} Without a terminal, --yes answers that. Nothing was executed.`)
  errors.write(`${safe(question)} [y/N] `)
  const lines = createInterface({ input })
  try {
    for await (const line of lines) {
      if (/^\s*y(es)?\s*$/i.test(line)) return
      break
    }
  } finally {
    lines.close()
  }
  errors.write('Nothing was executed.\n')
  throw new Declined()
}
