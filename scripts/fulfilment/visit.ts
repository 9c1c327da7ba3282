import { setTimeout as delay } from 'node:timers/promises'
import type { ConsumeOptions, Consumer, EventHandler, FlashSale } from '../../src/index.js'

const LOOK_MS = 10

/** Hands on what a sale has by now, and is gone again: a consumer that stays asks for news every second. */
export async function visit(
  sale: FlashSale,
  options: ConsumeOptions,
  handler: EventHandler,
  patienceMs = 30_000,
): Promise<void> {
  const consumer = sale.consume(options, handler)
  try {
    if (!(await caughtUp(consumer, patienceMs)))
      throw new Error(`the sale ${sale.id} has events that nobody could handle`)
  } finally {
    await consumer.close()
  }
}

/**
 * Waits until the group has dealt with everything, what is tried again included. Answers `false` if for so long nothing was handled.
 */
export async function caughtUp(consumer: Consumer, patienceMs: number): Promise<boolean> {
  let progress = ''
  let since = performance.now()
  for (let waitMs = LOOK_MS; ; waitMs = Math.min(4 * LOOK_MS, waitMs * 2)) {
    await delay(waitMs)
    const { lag, parked, position } = await consumer.stats()
    if (lag === 0 && parked === 0) return true
    const now = performance.now()
    if (progress !== `${position} ${parked}`) {
      progress = `${position} ${parked}`
      since = now
    } else if (now - since > patienceMs) return false
  }
}
