import type { Cart } from '../engine/engine.js'
import type { ReserveResult } from './results.js'

/**
 * How long, in ms, a process may repeat the server's `sold_out` without asking again. Returned
 * units go on sale within this time. The age of an answer counts from its request.
 */
export const SOLD_OUT_CACHE_MS = 200
const tuning = {
  /** From this age on, in ms, one request asks the server again. */
  askAgainMs: 100,
}

type SoldOut = Extract<ReserveResult, { status: 'sold_out' }>

/**
 * The server's latest `sold_out` by SKU: after the sale, a million refusals should not cost a
 * million requests to the server.
 */
export class SoldOutCache {
  readonly #elapsed: () => number
  readonly #maxAgeMs: number
  readonly #known = new Map<number, { answer: SoldOut; unsold: number; askedAt: number; asking: boolean }>()
  /** How often this handle has returned units. Answers to earlier requests do not include them. */
  forgotten = 0

  /** @param maxAgeMs 0 disables the cache. */
  constructor(elapsed: () => number, maxAgeMs = SOLD_OUT_CACHE_MS) {
    this.#elapsed = elapsed
    this.#maxAgeMs = maxAgeMs
  }

  now(): number {
    return this.#elapsed()
  }

  /**
   * @param askedAt `now()` when the request was made.
   * @param forgotten `forgotten` when the request was made.
   * @param unsold The answer is valid for every request of more units than this.
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

  /** This handle has returned units, so the next requests ask the server. */
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
      // The clock may have gone backwards: the age is then unknown.
      if (age < 0 || age >= this.#maxAgeMs) {
        this.#known.delete(sku)
        return undefined
      }
      // One request asks early while the others use the cache; else all would ask at once when the
      // answer expires.
      if (age >= tuning.askAgainMs && !known.asking) {
        known.asking = true
        return undefined
      }
      return known.answer
    }
    return undefined
  }
}
