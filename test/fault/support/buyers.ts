import { setTimeout as delay } from 'node:timers/promises'
import { type FlashSale, StockholdError, type StockholdErrorCode } from '../../../src/index.js'
import { watchDeadline } from '../../support/punctual.js'

/**
 * Somebody who reserves a cart and pays for it. Whoever asks for them once more asks with the same
 * keys. Plain data, fit for JSON.
 */
export interface Buyer {
  readonly name: string
  readonly cart: readonly (readonly [sku: string, quantity: number])[]
  /** Reserves it under another key first, and gives that back. */
  readonly hesitates?: boolean
}

/** What a buyer was told last. */
export interface End {
  readonly name: string
  /** A status, or the code of a fault that asking again will not mend. */
  readonly told: string
  readonly id?: string
}

/**
 * Calls by what they were told, and how many had not settled when their deadline had long passed.
 */
export interface Calls {
  readonly told: Readonly<Record<string, number>>
  readonly overdue: number
}

/** Asking again will not mend it, or was not tried again: `stopped`. */
interface Fault {
  readonly status: StockholdErrorCode | 'stopped'
}

/** Whoever cannot be served now asks again after so long at most, in ms. */
const REST_MS = 50

interface Crowd {
  /** How many ask at a time. */
  readonly atOnce?: number
  readonly onEnd?: (end: End) => void
  readonly onFault?: (name: string, error: StockholdError) => void
}

/** Asks on behalf of buyers, until each of them has an answer that is final. */
export class Buyers {
  /** By name. */
  readonly ends = new Map<string, End>()
  readonly #sale: FlashSale
  readonly #deadlineMs: number
  readonly #crowd: Crowd
  readonly #told: Record<string, number> = {}
  #overdue = 0
  #stopped = false

  constructor(sale: FlashSale, deadlineMs: number, crowd: Crowd = {}) {
    this.#sale = sale
    this.#deadlineMs = deadlineMs
    this.#crowd = crowd
  }

  get calls(): Calls {
    return { told: this.#told, overdue: this.#overdue }
  }

  count(told: string): number {
    return this.#told[told] ?? 0
  }

  /** Resolves when all have their answer. */
  async buy(buyers: readonly Buyer[]): Promise<void> {
    this.#stopped = false
    const { atOnce = 100 } = this.#crowd
    const queue = buyers.values()
    const serve = async () => {
      for (const buyer of queue) {
        if (this.#stopped) return
        await this.#serve(buyer)
      }
    }
    await Promise.all(Array.from({ length: atOnce }, serve))
  }

  /**
   * Nobody asks again, nor for the first time: `buy` resolves when every call has been answered.
   */
  stop(): void {
    this.#stopped = true
  }

  async #serve(buyer: Buyer): Promise<void> {
    const { name, cart, hesitates = false } = buyer
    const items = cart.map(([sku, quantity]) => ({ sku, quantity }))
    if (hesitates) {
      const first = await this.#insist(name, () => this.#sale.reserve({ buyer: name, key: 'first', items }))
      if (first.status === 'reserved') {
        const { id } = first.reservation
        await this.#insist(name, () => this.#sale.release(id))
      } else if (first.status !== 'key_spent') return this.#end({ name, told: first.status })
    }
    const reserved = await this.#insist(name, () => this.#sale.reserve({ buyer: name, key: 'k', items }))
    if (reserved.status !== 'reserved') return this.#end({ name, told: reserved.status })
    const { id } = reserved.reservation
    const confirmed = await this.#insist(name, () => this.#sale.confirm(id, { paymentId: `p-${name}` }))
    this.#end({ name, told: confirmed.status, id })
  }

  #end(end: End): void {
    this.ends.set(end.name, end)
    this.#crowd.onEnd?.(end)
  }

  async #insist<T extends { readonly status: string }>(
    name: string,
    ask: () => Promise<T>,
  ): Promise<T | Fault> {
    for (;;) {
      if (this.#stopped) return { status: 'stopped' }
      const settled = watchDeadline(this.#deadlineMs)
      const result = await ask().catch((error: unknown) => {
        if (error instanceof StockholdError) return error
        throw error
      })
      if (settled()) this.#overdue++
      const told = result instanceof StockholdError ? result.code : result.status
      this.#told[told] = this.count(told) + 1
      if (!(result instanceof StockholdError)) return result
      this.#crowd.onFault?.(name, result)
      if (!result.retryable) return { status: result.code }
      await delay(Math.random() * REST_MS)
    }
  }
}
