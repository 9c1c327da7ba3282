import type { Cart } from '../engine/engine.js'
import type { ReserveResult } from './results.js'

/**
 * How long, in ms, a process may repeat the server's `sold_out` without asking again. Units that come back are sold within
 * this time; the age counts from the moment the remembered question was asked, not from its answer.
 */
export const SOLD_OUT_MEMORY_MS = 200

type SoldOut = Extract<ReserveResult, { status: 'sold_out' }>

/** The server's latest `sold_out` by SKU: after the sale, a million refusals should not cost a million questions. */
export class SoldOutMemory {
  readonly #elapsed: () => number
  readonly #known = new Map<number, { answer: SoldOut; until: number }>()

  constructor(elapsed: () => number) {
    this.#elapsed = elapsed
  }

  now(): number {
    return this.#elapsed()
  }

  remember(sku: number, answer: SoldOut, askedAt: number): void {
    const known = this.#known.get(sku)
    const until = askedAt + SOLD_OUT_MEMORY_MS
    if (!known || known.until < until) this.#known.set(sku, { answer, until })
  }

  /** Units came back by this process' own doing: ask again. */
  forget(): void {
    this.#known.clear()
  }

  recall(cart: Cart): SoldOut | undefined {
    if (this.#known.size === 0) return undefined
    const now = this.#elapsed()
    for (const [sku, quantity] of cart) {
      const known = this.#known.get(sku)
      if (!known || quantity <= known.answer.available) continue
      // A clock that went backwards makes no memory younger than it is.
      if (now < known.until && now >= known.until - SOLD_OUT_MEMORY_MS) return known.answer
      this.#known.delete(sku)
    }
    return undefined
  }
}
