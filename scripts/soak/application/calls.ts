import { setTimeout as delay } from 'node:timers/promises'
import { StockholdError, type StockholdErrorCode } from '../../../src/index.js'
import type { Answers } from '../messages.js'

/** What calls are aborted with. */
export const ABORTED = new Error('The buyer has closed the page.')

/** Between two attempts, ms. */
const RETRY_MS = 50

/** Errors that a fault may cause. Any other error is a defect of the library or of this script. */
const explained: ReadonlySet<StockholdErrorCode> = new Set([
  'UNAVAILABLE',
  'UNKNOWN_OUTCOME',
  'OVERLOADED',
  'TICKET_INVALID',
  'PASS_INVALID',
  'PASS_EXPIRED',
])

/** admin_shutdown, the error of a session that PostgreSQL ends. */
const SESSION_ENDED = '57P01'

/** Counts the answers of calls, and knows which calls are open. */
export class Calls {
  #answers: Record<string, Record<string, number>> = {}
  readonly #open = new Map<string, number>()

  /** Answers `undefined` if the call failed by a fault or an abort; any other error is thrown. */
  async ask<T>(name: string, call: () => Promise<T>): Promise<T | undefined> {
    this.#opened(name, 1)
    try {
      const answer = await call()
      this.count(name, statusOf(answer))
      return answer
    } catch (error) {
      const why = faultIn(error)
      if (why === undefined) throw new Error(`${name} failed, and no fault explains it.`, { cause: error })
      this.count(name, why)
      return undefined
    } finally {
      this.#opened(name, -1)
    }
  }

  /** Repeats the call until it is answered. */
  async insist<T>(name: string, call: () => Promise<T>): Promise<T> {
    for (;;) {
      let answer: { readonly value: T } | undefined
      await this.ask(name, async () => {
        const value = await call()
        answer = { value }
        return value
      })
      if (answer) return answer.value
      await delay(RETRY_MS)
    }
  }

  count(name: string, answer: string): void {
    this.#answers[name] ??= {}
    this.#answers[name][answer] = (this.#answers[name][answer] ?? 0) + 1
  }

  /** Such as `reserve, poll`. */
  get open(): string {
    return [...this.#open].flatMap(([name, count]) => (count > 0 ? [name] : [])).join(', ')
  }

  /** The answers since the last call of this function. */
  take(): Answers {
    const answers = this.#answers
    this.#answers = {}
    return answers
  }

  #opened(name: string, more: 1 | -1): void {
    this.#open.set(name, (this.#open.get(name) ?? 0) + more)
  }
}

/** Which fault or abort has caused the error, if one has. */
function faultIn(error: unknown): string | undefined {
  if (error === ABORTED) return 'aborted'
  if (error instanceof StockholdError) return explained.has(error.code) ? error.code : undefined
  // The methods of the ledger reject with errors of the database or its driver.
  const { code, message } = error as { code?: unknown; message?: unknown }
  return code === SESSION_ENDED || /^Connection terminated/.test(String(message))
    ? 'session ended'
    : undefined
}

function statusOf(answer: unknown): string {
  const status = (answer as { status?: unknown } | null | undefined)?.status
  return typeof status === 'string' ? status : 'answered'
}
