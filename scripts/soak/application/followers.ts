import { setTimeout as delay } from 'node:timers/promises'
import { type Consumer, type FlashSale, type SaleEvent, StockholdError } from '../../../src/index.js'
import type { PostgresLedger } from '../../../src/postgres.js'
import type { Random } from '../../lib/random.js'
import type { Calls } from './calls.js'
import { pause, type Until } from './context.js'

/** How long a consumer or a follower is open at most. ms */
const OPEN_MS = 1_500

/** Opens a consumer and closes it, again and again. */
export async function consume(
  sale: FlashSale,
  group: string,
  calls: Calls,
  dice: Random,
  until: Until,
): Promise<void> {
  while (!until.isOver) {
    const consumer = open(sale, group, calls, dice)
    await pause(OPEN_MS, dice, until)
    await calls.ask('consumer stats', () => consumer.stats())
    await calls.ask('dead letters', async () => {
      for await (const _ of consumer.deadLetters()) break
    })
    // The last consumer may be closed with its sale.
    if (until.isOver && dice() < 0.3) {
      void consumer.closed.catch((error) => calls.count('consumer', codeOf(error)))
      return
    }
    await calls.ask('close consumer', () => consumer.close(dice() < 0.5 ? {} : { timeoutMs: 20 }))
  }
}

export function open(sale: FlashSale, group: string, calls: Calls, dice: Random): Consumer {
  return sale.consume(
    {
      ...{
        group,
        leaseMs: 1_000,
        pollMs: 100,
        retryDelayMs: 20,
        maxRetryDelayMs: 100,
        handlerTimeoutMs: 300,
      },
      onDeadLetter: () => calls.count('event', 'given up'),
      onWarning: ({ type }) => calls.count('consumer', type),
      onError: (error) => calls.count('consumer', codeOf(error)),
    },
    (event, { signal }) => handle(event, signal, calls, dice),
  )
}

/** Handles an event with a warehouse that is slow, fails, or never answers. */
async function handle(event: SaleEvent, signal: AbortSignal, calls: Calls, dice: Random): Promise<void> {
  const luck = dice()
  if (luck < 0.1) throw new Error('The warehouse is closed.')
  if (luck < 0.12) await new Promise(() => {})
  if (luck < 0.3) await delay(dice() * 20, undefined, { signal })
  calls.count('event', event.type)
}

/** Follows a sale with the ledger, closes the follower, and opens another. */
export async function followWithLedger(
  ledger: PostgresLedger,
  sale: FlashSale,
  calls: Calls,
  dice: Random,
  until: Until,
): Promise<void> {
  while (!until.isOver) {
    const onError = (error: unknown) => calls.count('ledger', codeOf(error))
    const follower = await calls.ask('follow', () => ledger.follow(sale, { maxPauseMs: 100, onError }))
    if (!follower) continue
    await pause(OPEN_MS, dice, until)
    await calls.ask('ledger stats', () => follower.stats())
    await calls.ask('close follower', () => follower.close())
  }
}

function codeOf(error: unknown): string {
  return error instanceof StockholdError ? error.code : String(error)
}
