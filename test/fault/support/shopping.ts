import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'vitest'
import { type FlashSale, type SaleEvent, StockholdError } from '../../../src/index.js'

/**
 * Buyers who reserve, pay, give back and are refunded, until they are stopped, whatever happens to
 * the server.
 */
export class Shopping {
  calls = 0
  readonly #sale: FlashSale
  readonly #buyers: Promise<void>[] = []
  #stopped = false

  constructor(sale: FlashSale, buyers = 5) {
    this.#sale = sale
    for (let i = 0; i < buyers; i++) this.#buyers.push(this.#shop(i))
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#buyers)
  }

  async #shop(number: number): Promise<void> {
    for (let i = 0; !this.#stopped; i++) {
      try {
        await this.#buy(`buyer-${number}-${i}`)
      } catch (error) {
        if (!(error instanceof StockholdError)) throw error
        await delay(20)
      }
      await delay(10)
    }
  }

  async #buy(buyer: string): Promise<void> {
    const sale = this.#sale
    const result = await sale.reserve({ buyer, key: 'k', items: [{ sku: 'a', quantity: 1 }] })
    this.calls++
    if (result.status !== 'reserved') return
    const { id } = result.reservation
    if (Math.random() < 0.3) await sale.extend(id, { holdMs: 700_000 })
    if (Math.random() < 0.3) await sale.release(id)
    else await sale.confirm(id, { paymentId: `p-${buyer}` })
    if (Math.random() < 0.3) await sale.refund(id, { restock: true })
  }
}

/** Every event there is, as a group of its own sees them afterwards. */
export async function everything(sale: FlashSale): Promise<SaleEvent[]> {
  const events: SaleEvent[] = []
  const consumer = sale.consume({ group: 'auditor', concurrency: 1 }, (event) => void events.push(event))
  for (;;) {
    await delay(50)
    const { lag, latest, parked } = await consumer.stats()
    if (latest > 0 && lag === 0 && parked === 0) break
  }
  await consumer.close()
  await sale.removeConsumerGroup('auditor')
  return events
}

/**
 * What was handled, in the order in which it was: partition, sequence, and the reservation if any.
 */
export type Handled = readonly [partition: number, sequence: number, key: string]

/** Every event was handled, and none of a reservation before those that came before it. */
export function judge(handled: readonly Handled[], events: readonly SaleEvent[]): { again: number } {
  const expected = new Map<string, number[]>()
  for (const { partition, sequence, reservation } of events) {
    const key = `${partition} ${reservation?.id ?? ''}`
    expected.set(key, [...(expected.get(key) ?? []), sequence])
  }
  const reached = new Map<string, number>()
  let again = 0
  for (const [partition, sequence, id] of handled) {
    const key = `${partition} ${id}`
    const place = expected.get(key)?.indexOf(sequence) ?? -1
    const next = reached.get(key) ?? 0
    expect(place, `${key} ${sequence} is no event`).toBeGreaterThanOrEqual(0)
    expect(place, `${key} ${sequence} came before its time`).toBeLessThanOrEqual(next)
    if (place === next) reached.set(key, next + 1)
    else again++
  }
  const missing = [...expected].filter(([key, sequences]) => (reached.get(key) ?? 0) < sequences.length)
  expect(missing).toEqual([])
  return { again }
}
