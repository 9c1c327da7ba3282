import { setTimeout as delay } from 'node:timers/promises'
import { StockholdError, type StockholdErrorCode } from '../../../src/index.js'
import type { Answers } from '../messages.js'

/** What calls are aborted with. */
export const ABORTED = new Error('the buyer has closed the page')

/** Between two attempts, ms. */
const RETRY_MS = 50

/** What a fault may make a call say. Any other error is a defect, of the library or of this script. */
const explained: ReadonlySet<StockholdErrorCode> = new Set([
  'UNAVAILABLE',
  'UNKNOWN_OUTCOME',
  'OVERLOADED',
  'TICKET_INVALID',
  'PASS_INVALID',
  'PASS_EXPIRED',
])

/** admin_shutdown, what PostgreSQL says to a session that is ended. */
const SESSION_ENDED = '57P01'

/** Counts what calls are answered, and knows which are open. */
export class Calls {
  #answers: Record<string, Record<string, number>> = {}
  readonly #open = new Map<string, number>()

  /** Answers `undefined` where the call failed as faults and aborts make calls fail; any other error is thrown. */
  async ask<T>(name: string, call: () => Promise<T>): Promise<T | undefined> {
    this.#opened(name, 1)
    try {
      const answer = await call()
      this.count(name, statusOf(answer))
      return answer
    } catch (error) {
      const why = faultIn(error)
      if (why === undefined) throw new Error(`${name} failed as no fault makes it fail`, { cause: error })
      this.count(name, why)
      return undefined
    } finally {
      this.#opened(name, -1)
    }
  }

  /** Until it is answered. */
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

  /** Those since the last time. */
  take(): Answers {
    const answers = this.#answers
    this.#answers = {}
    return answers
  }

  #opened(name: string, more: 1 | -1): void {
    this.#open.set(name, (this.#open.get(name) ?? 0) + more)
  }
}

/** What a fault or an abort has made the call say, if it was one. */
function faultIn(error: unknown): string | undefined {
  if (error === ABORTED) return 'aborted'
  if (error instanceof StockholdError) return explained.has(error.code) ? error.code : undefined
  // The methods of the ledger reject with what the database says, or its driver.
  const { code, message } = error as { code?: unknown; message?: unknown }
  return code === SESSION_ENDED || /^Connection terminated/.test(String(message))
    ? 'session ended'
    : undefined
}

function statusOf(answer: unknown): string {
  const status = (answer as { status?: unknown } | null | undefined)?.status
  return typeof status === 'string' ? status : 'answered'
}
