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
  'PASS_INVALID',
  'PASS_EXPIRED',
])

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
      if (error === ABORTED) this.count(name, 'aborted')
      else if (error instanceof StockholdError && explained.has(error.code)) this.count(name, error.code)
      else throw new Error(`${name} failed as no fault makes it fail`, { cause: error })
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

function statusOf(answer: unknown): string {
  const status = (answer as { status?: unknown } | null | undefined)?.status
  return typeof status === 'string' ? status : 'answered'
}
