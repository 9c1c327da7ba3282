import { randomUUID } from 'node:crypto'
import { BatcherSet } from '../batching/batcher-set.js'
import { Session } from '../batching/session.js'
import { asText, fieldsOf } from '../common/untrusted.js'
import { type Clock, processClock, sleep } from '../engine/clock.js'
import { operationsLogEffects } from '../engine/effects.js'
import type { Engine } from '../engine/engine.js'
import type { LoggedOperation, OperationsLogCommands } from '../engine/operations-log.js'
import { isAway, StockholdError } from '../errors.js'
import { checkId, checkOptions, type Names } from '../validation.js'

/** The operator, and why they do it. */
export interface Actor {
  /** A name that other operators know: 1 to 256 bytes. */
  by: string
  /** 1 to 256 bytes. */
  reason?: string | undefined
}

/** An entry of the operations log. Times are epoch ms of the server's clock. */
export interface LogEntry {
  readonly id: string
  /** Counts the entries of the prefix from 1. */
  readonly number: number
  readonly at: number
  readonly by: string
  readonly reason: string | null
  /** The name of the operation: `pause`, `restock`, ... */
  readonly operation: string
  /** `sale:ID` or `room:ID`. */
  readonly target: string
  /** What was asked for. A long value is a text that ends with `…`. */
  readonly arguments: unknown
  /**
   * `done`; `failed`: nothing or a part was executed, as `result.message` says; `unknown`: the
   * operator did not learn the outcome; `begun`: the operation is under way, or the operator's
   * process has died in the middle.
   */
  readonly outcome: 'begun' | 'done' | 'failed' | 'unknown'
  /** What was answered; or `{ code, message }` of the error. */
  readonly result: unknown
  readonly endedAt: number | null
}

/** What is noted of an operation before it begins. */
type Begun = Pick<LogEntry, 'by' | 'reason' | 'operation' | 'target' | 'arguments'>
type Ended = Pick<LogEntry, 'outcome' | 'result'>

const tuning = {
  /** How long one attempt to write may take, in ms, and how long all attempts. */
  attemptMs: 1_000,
  patienceMs: 4_000,
  /** Between two attempts. ms */
  pauseMs: 50,
  /** The longest text of arguments or of a result, in characters. */
  longest: 2_000,
}

const OUTCOMES = ['done', 'failed', 'unknown'] as const
const ACTOR: Names<Actor> = { by: true, reason: true }

export function checkActor(actor: Actor): { readonly by: string; readonly reason: string | null } {
  const { by, reason } = checkOptions(actor, 'actor', ACTOR)
  return { by: checkId(by, 'by'), reason: reason === undefined ? null : checkId(reason, 'reason') }
}

/**
 * What operators have done, as the engine keeps it. An operation is noted before it begins, and
 * once more with its outcome: so the log shows it even if the operator's process dies in the
 * middle.
 */
export class OperationsLog {
  readonly #batchers: BatcherSet<OperationsLogCommands> | undefined
  readonly #clock: Clock

  constructor(engine: Engine) {
    this.#clock = engine.clock ?? processClock
    const gate = { max: Number.POSITIVE_INFINITY, open: 0 }
    const session = new Session('the operations log', gate, engine.clock)
    if (engine.operationsLog)
      this.#batchers = new BatcherSet(engine.operationsLog, operationsLogEffects, session)
  }

  /**
   * Does an operation, and notes it. A log that cannot be written keeps no operator from stopping a
   * sale: the operation is carried out, and `logged` is `false`.
   */
  async record<T>(
    begun: Begun,
    work: () => Promise<T>,
    summary: (result: T) => unknown,
  ): Promise<{ readonly result: T; readonly logged: boolean }> {
    const id = randomUUID()
    const text = JSON.stringify({ ...begun, arguments: shortened(begun.arguments) })
    // One attempt: the entry with the outcome makes up for this one.
    await this.#write(id, text, null, tuning.attemptMs)
    try {
      const result = await work()
      return { result, logged: await this.#end(id, text, { outcome: 'done', result: summary(result) }) }
    } catch (error) {
      const { code, message } = error as StockholdError
      const isUnknown = error instanceof StockholdError && code === 'UNKNOWN_OUTCOME'
      const result = { code: error instanceof StockholdError ? code : 'INTERNAL', message: String(message) }
      await this.#end(id, text, { outcome: isUnknown ? 'unknown' : 'failed', result })
      throw error
    }
  }

  /** @param before Only entries numbered below this. */
  async read(limit: number, before: number | null): Promise<LogEntry[]> {
    if (!this.#batchers) return []
    const call = { deadline: this.#clock.now() + tuning.attemptMs }
    const { entries } = await this.#batchers.ask('read', { before, limit }, call, (answer) => answer)
    return entries.map(entryOf)
  }

  #end(id: string, begun: string, ended: Ended): Promise<boolean> {
    return this.#write(id, begun, JSON.stringify({ ...ended, result: shortened(ended.result) }))
  }

  /** Returns whether it was written. The id makes a repeated call write nothing twice. */
  async #write(
    id: string,
    begun: string,
    ended: string | null,
    patienceMs: number = tuning.patienceMs,
  ): Promise<boolean> {
    if (!this.#batchers) return false
    const until = this.#clock.now() + patienceMs
    for (;;) {
      const deadline = Math.min(until, this.#clock.now() + tuning.attemptMs)
      try {
        await this.#batchers.ask('write', { id, begun, ended }, { deadline }, () => {})
        return true
      } catch (error) {
        if (!isAway(error) || !(error as StockholdError).retryable) return false
        if (this.#clock.now() + tuning.pauseMs >= until) return false
        await sleep(tuning.pauseMs, this.#clock)
      }
    }
  }
}

function entryOf({ id, number, begun, begunAt, ended, endedAt }: LoggedOperation): LogEntry {
  return { id, number, at: begunAt, ...begunOf(begun), ...endedOf(ended), endedAt }
}

/** What cannot be read is shown as `?`: the entry says at least that something was done. */
function begunOf(text: string): Begun {
  const told = fieldsOf(text) ?? {}
  return {
    by: asText(told.by) ?? '?',
    reason: asText(told.reason) ?? null,
    operation: asText(told.operation) ?? '?',
    target: asText(told.target, 300) ?? '?',
    arguments: told.arguments ?? null,
  }
}

function endedOf(text: string | null): Ended {
  if (text === null) return { outcome: 'begun', result: null }
  const told = fieldsOf(text) ?? {}
  return { outcome: OUTCOMES.find((one) => one === told.outcome) ?? 'unknown', result: told.result ?? null }
}

/** The value, or the beginning of its text if it is long. */
function shortened(value: unknown): unknown {
  const text = JSON.stringify(value) ?? 'null'
  return text.length <= tuning.longest ? (value ?? null) : `${text.slice(0, tuning.longest)}…`.toWellFormed()
}
