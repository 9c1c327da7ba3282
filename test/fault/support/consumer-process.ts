// A consumer in a process of its own: a line of JSON for each event it has handled, until it is
// killed or told to end.
import { setTimeout as delay } from 'node:timers/promises'
import { FlashSale, redisEngine } from '../../../src/index.js'

export interface ConsumerConfig {
  readonly url: string
  readonly sale: string
  readonly group: string
  readonly leaseMs: number
  /** The share of calls in which the handler fails. */
  readonly failing: number
}

/** `begun`, then what was handled: partition, sequence, and what is handled in order. */
export type ConsumerWords = { readonly begun: number } | readonly [number, number, string]

const { url, sale, group, leaseMs, failing } = JSON.parse(process.argv[2]!) as ConsumerConfig

const engine = redisEngine(url)
const handle = new FlashSale(sale, { engine, deadlineMs: 60_000 })
const options = { group, leaseMs, maxAttempts: 1_000_000, retryDelayMs: 20, maxRetryDelayMs: 200 }
const consumer = handle.consume(options, async ({ partition, sequence, reservation }) => {
  if (Math.random() < 0.5) await delay(Math.random() * 5)
  if (Math.random() < failing) throw new Error('not this time')
  console.log(JSON.stringify([partition, sequence, reservation?.id ?? '']))
})
console.log(JSON.stringify({ begun: process.pid }))
process.stdin.once('data', async () => {
  await consumer.close()
  await handle.close()
  await engine.close()
  process.stdin.destroy()
})
