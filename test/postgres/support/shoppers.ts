import { setTimeout as delay } from 'node:timers/promises'
import { type FlashSale, StockholdError } from '../../../src/index.js'

/** What a shopper was told last of a reservation. */
export type Told = 'reserved' | 'confirmed' | 'released' | 'refund_due' | 'refunded'

/**
 * Shoppers who reserve, pay, give back and repeat until they are told to stop; they remember every
 * answer.
 */
export class Shoppers {
  readonly told = new Map<string, Told>()
  readonly #sale: FlashSale
  readonly #pauseMs: number
  readonly #loops: Promise<void>[]
  #over = false

  constructor(sale: FlashSale, count: number, pauseMs = 10) {
    this.#sale = sale
    this.#pauseMs = pauseMs
    this.#loops = Array.from({ length: count }, (_, i) => this.#shop(`s${i}`))
  }

  /** Resolves once they were told of so many reservations more. */
  async hear(count: number): Promise<void> {
    const enough = this.told.size + count
    while (this.told.size < enough) await delay(20)
  }

  async stop(): Promise<void> {
    this.#over = true
    await Promise.all(this.#loops)
  }

  async #shop(name: string): Promise<void> {
    for (let round = 0; !this.#over; round++) {
      await delay(this.#pauseMs)
      const order = {
        buyer: `${name}-${round % 7}`,
        items: [{ sku: 'a', quantity: 1 + (round % 2) }],
        key: `${name}-${round}`,
      }
      const made = await this.#try(() => this.#sale.reserve(order))
      if (made?.status !== 'reserved') continue
      const { id } = made.reservation
      if (made.reservation.state === 'held') this.told.set(id, 'reserved')
      if (round % 4 === 0) continue
      if (round % 4 === 1) {
        const given = await this.#try(() => this.#sale.release(id))
        if (given?.status === 'released') this.told.set(id, 'released')
        if (round % 8 !== 1) continue
      }
      const paid = await this.#try(() => this.#sale.confirm(id, { paymentId: `p-${name}-${round}` }))
      if (paid?.status === 'confirmed' || paid?.status === 'refund_due') this.told.set(id, paid.status)
      if (paid?.status !== 'confirmed' || round % 4 !== 3) continue
      const back = await this.#try(() => this.#sale.refund(id, { restock: round % 8 === 3 }))
      if (back?.status === 'refunded') this.told.set(id, 'refunded')
    }
  }

  /** Until it is answered, or they go home: the same request again. */
  async #try<T>(ask: () => Promise<T>): Promise<T | undefined> {
    while (!this.#over) {
      try {
        return await ask()
      } catch (error) {
        if (!(error instanceof StockholdError) || !error.retryable) return undefined
        await delay(20)
      }
    }
    return undefined
  }
}
