import { performance } from 'node:perf_hooks'
import { Redis } from 'ioredis'
import { closedLoop } from '../../scripts/lib/load/drive.js'
import { CALLERS, PLENTY, reserveIn } from '../../scripts/lib/load/sale.js'
import { FlashSale, redisEngine } from '../../src/index.js'
import { partitionKeys } from '../../src/redis-engine/keys.js'

import { intercept } from './intercept.js'
import { HOLD_MS, LIMIT, SKU } from './peer.js'

/** ioredis has a buffer variant of every command; its types leave out those of EVAL. */
interface Evaluator {
  evalshaBuffer(sha: string, ...args: Argument[]): Promise<unknown>
}

type Argument = string | number | Buffer

/** One call as stockhold's engine made it, without what it calls. */
interface Batch {
  readonly args: readonly Argument[]
  readonly items: number
}

/** Calls under way, as many as the batcher of one command has. */
const CALLS = 2
export const EMPTY = "#!lua\nreturn redis.status_reply('OK')"

/**
 * The ceiling: a script that does nothing, called with the keys, arguments and batches that
 * stockhold's `reserve` was called with, through the same kind of client. The difference to
 * stockhold is what the script and the library cost together.
 */
export class EmptyScript {
  readonly #client: Redis
  readonly #prefix: string
  #batches: readonly Batch[] = []
  #sha = ''

  constructor(url: string, prefix: string) {
    this.#client = new Redis(url)
    this.#prefix = prefix
  }

  /** Sells with stockhold, and records every call that it makes. */
  async record(reservations: number): Promise<void> {
    const batches: Batch[] = []
    const client = this.#client.duplicate()
    const keep = (args: readonly unknown[], items: number) => {
      batches.push({ args: args.slice(1) as Argument[], items })
    }
    const engine = intercept(client, redisEngine(client, { prefix: this.#prefix }), keep)
    const sale = new FlashSale('recorded', { engine, deadlineMs: 60_000 })
    await sale.create({ stock: { [SKU]: PLENTY }, limitPerBuyer: LIMIT, holdMs: HOLD_MS })
    const tally = await closedLoop({
      callers: CALLERS,
      limit: { count: reservations },
      work: reserveIn(sale),
    })
    if (tally.accepted !== reservations)
      throw new Error(`${tally.accepted} of ${reservations} reserved`, { cause: tally.error })
    if (batches.length === 0) throw new Error('no call of the engine was seen')
    await sale.close()
    await client.del(partitionKeys(this.#prefix, 'recorded', 0, 1))
    client.disconnect()
    this.#batches = batches
    this.#sha = String(await this.#client.script('LOAD', EMPTY))
  }

  /** Items a second. */
  async round(seconds: number): Promise<number> {
    const evaluator = this.#client as unknown as Evaluator
    const start = performance.now()
    const stopAt = start + seconds * 1_000
    let next = 0
    let items = 0
    const caller = async () => {
      while (performance.now() < stopAt) {
        const batch = this.#batches[next++ % this.#batches.length]!
        await evaluator.evalshaBuffer(this.#sha, ...batch.args)
        items += batch.items
      }
    }
    await Promise.all(Array.from({ length: CALLS }, caller))
    return (items * 1_000) / (performance.now() - start)
  }

  async close(): Promise<void> {
    this.#client.disconnect()
  }
}
