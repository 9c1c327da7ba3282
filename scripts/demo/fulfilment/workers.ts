import { setTimeout as delay } from 'node:timers/promises'
import {
  type Consumer,
  type ConsumerStats,
  type Engine,
  type EventHandler,
  FlashSale,
} from '../../../src/index.js'
import { caughtUp } from '../../fulfilment/visit.js'
import { sampler } from '../sampler.js'

const GROUP = 'fulfilment'
/** Short, so that the takeover can be seen; the default is ten seconds. */
const LEASE_MS = 3_000
export const settings = { group: GROUP, leaseMs: LEASE_MS, retryDelayMs: 100, concurrency: 64, pollMs: 250 }
/** Without any progress for this long the fulfilment is stuck. */
const STALL_MS = 30_000

interface Worker {
  readonly sale: FlashSale
  readonly consumer: Consumer
}

/**
 * Two workers of the group `fulfilment`, each with its own handle, as in two processes. One of them
 * crashes in the middle of the sale. The other one repeats what the crashed worker had done and not
 * acknowledged.
 */
export class Workers {
  readonly #workers: Worker[]
  #stats: ConsumerStats | undefined
  /** Samples the group. */
  readonly sample = sampler(() => this.#look())
  #crashedAt: number | undefined
  /** From the crash of one worker until the other went on, in ms. */
  takeoverMs: number | undefined

  constructor(engine: Engine, sale: string, handler: EventHandler) {
    this.#workers = ['worker-1', 'worker-2'].map((name) => {
      const own = new FlashSale(sale, { engine, deadlineMs: 20_000 })
      return { sale: own, consumer: own.consume({ ...settings, name }, handler) }
    })
  }

  /** Events that the group has not handled, by the latest sample. */
  get lag(): number {
    return this.#stats ? this.#stats.lag + this.#stats.parked : 0
  }

  get dead(): number {
    return this.#stats?.dead ?? 0
  }

  get crashed(): boolean {
    return this.#crashedAt !== undefined
  }

  async #look(): Promise<void> {
    this.#stats = await this.#last.consumer.stats()
    if (this.#crashedAt !== undefined && this.#stats.leads > 0)
      this.takeoverMs ??= performance.now() - this.#crashedAt
  }

  /** Crashes the worker that leads: it releases nothing, and its lease runs on. */
  async kill(): Promise<void> {
    if (this.crashed) return
    for (const worker of this.#workers) {
      const { leads } = await worker.consumer.stats()
      if (leads === 0 || this.crashed) continue
      this.#crashedAt = performance.now()
      this.#workers.splice(this.#workers.indexOf(worker), 1)
      await worker.sale.close()
      return
    }
  }

  /** Waits until every event is handled; answers `false` if the group is stuck. */
  async finish(): Promise<boolean> {
    const done = await caughtUp(this.#last.consumer, STALL_MS)
    await this.#look()
    return done
  }

  /** Closes the workers, each within the duration of a lease. */
  async close(): Promise<void> {
    for (const { consumer, sale } of this.#workers) {
      await Promise.race([consumer.close(), delay(LEASE_MS, undefined, { ref: false })])
      await sale.close()
    }
  }

  get #last(): Worker {
    return this.#workers.at(-1)!
  }
}
