import { setTimeout as delay } from 'node:timers/promises'
import type { ConsumeOptions, Consumer, EventHandler, FlashSale } from '../../src/index.js'

const LOOK_MS = 10

/**
 * Handles the events that a sale has now, and closes the consumer: an open consumer polls every
 * second.
 */
export async function visit(
  sale: FlashSale,
  options: ConsumeOptions,
  handler: EventHandler,
  stallMs = 30_000,
): Promise<void> {
  const consumer = sale.consume(options, handler)
  try {
    if (!(await caughtUp(consumer, stallMs)))
      throw new Error(`The sale ${sale.id} has events that could not be handled.`)
  } finally {
    await consumer.close()
  }
}

/**
 * Waits until the group has handled every event, retries included. Answers `false` if it makes no
 * progress for this long.
 */
export async function caughtUp(consumer: Consumer, stallMs: number): Promise<boolean> {
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
    } else if (now - since > stallMs) return false
  }
}
