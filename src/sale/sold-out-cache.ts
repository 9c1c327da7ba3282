import type { Cart } from '../engine/engine.js'
import type { ReserveResult } from './results.js'

/**
 * How long, in ms, a process may repeat the server's `sold_out` without asking again. Units that
 * come back are sold within this time; the age counts from the moment the remembered question was
 * asked, not from its answer.
 */
export const SOLD_OUT_CACHE_MS = 200
const tuning = {
  /** From this age on, in ms, one request asks again. */
  askAgainMs: 100,
}

type SoldOut = Extract<ReserveResult, { status: 'sold_out' }>

/**
 * The server's latest `sold_out` by SKU: after the sale, a million refusals should not cost a
 * million questions.
 */
export class SoldOutCache {
  readonly #elapsed: () => number
  readonly #maxAgeMs: number
  readonly #known = new Map<number, { answer: SoldOut; unsold: number; askedAt: number; asking: boolean }>()
  /**
   * How often units came back by this process' own doing: what was asked before knows nothing of
   * them.
   */
  forgotten = 0

  /** @param maxAgeMs Where it is 0 nothing is ever answered from here. */
  constructor(elapsed: () => number, maxAgeMs = SOLD_OUT_CACHE_MS) {
    this.#elapsed = elapsed
    this.#maxAgeMs = maxAgeMs
  }

  now(): number {
    return this.#elapsed()
  }

  /**
   * @param askedAt `now()` when it was asked.
   * @param forgotten `forgotten` when it was asked.
   * @param unsold Who wants more than so many can be told the same.
   */
  remember(
    sku: number,
    answer: SoldOut,
    askedAt: number,
    forgotten = this.forgotten,
    unsold = answer.available,
  ): void {
    if (forgotten !== this.forgotten) return
    const known = this.#known.get(sku)
    if (!known || known.askedAt < askedAt) this.#known.set(sku, { answer, unsold, askedAt, asking: false })
  }

  /** Units came back by this process' own doing: ask again. */
  forget(): void {
    this.forgotten++
    this.#known.clear()
  }

  recall(cart: Cart): SoldOut | undefined {
    if (this.#known.size === 0) return undefined
    const now = this.#elapsed()
    for (const [sku, quantity] of cart) {
      const known = this.#known.get(sku)
      if (!known || quantity <= known.unsold) continue
      const age = now - known.askedAt
      // A clock that went backwards makes no memory younger than it is.
      if (age < 0 || age >= this.#maxAgeMs) {
        this.#known.delete(sku)
        return undefined
      }
      // One asks ahead of time, while the others still go by the memory: else all would ask at once
      // when it ends.
      if (age >= tuning.askAgainMs && !known.asking) {
        known.asking = true
        return undefined
      }
      return known.answer
    }
    return undefined
  }
}
