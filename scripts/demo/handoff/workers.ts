import { setTimeout as delay } from 'node:timers/promises'
import {
  type Consumer,
  type ConsumerStats,
  type Engine,
  type EventHandler,
  FlashSale,
} from '../../../src/index.js'
import { caughtUp } from '../../fulfilment/visit.js'

const GROUP = 'fulfilment'
/** Short, to see a takeover; ten seconds are the default. */
const LEASE_MS = 3_000
export const settings = { group: GROUP, leaseMs: LEASE_MS, retryDelayMs: 100, concurrency: 64, pollMs: 250 }
/** So long without any progress, and it is a finding. */
const PATIENCE_MS = 30_000

interface Worker {
  readonly sale: FlashSale
  readonly consumer: Consumer
}

/**
 * Two workers of the group `fulfilment`, each with a handle of its own as in processes of their own. One of them dies in the middle: it
 * says nothing any more, so what it has done and not told is done again by the other.
 */
export class Workers {
  readonly #workers: Worker[]
  #stats: ConsumerStats | undefined
  #asking: Promise<void> | undefined
  #diedAt: number | undefined
  /** From the death of the one to the moment the other went on, in ms. */
  takeoverMs: number | undefined

  constructor(engine: Engine, sale: string, handler: EventHandler) {
    this.#workers = ['worker-1', 'worker-2'].map((name) => {
      const own = new FlashSale(sale, { engine, deadlineMs: 5_000 })
      return { sale: own, consumer: own.consume({ ...settings, name }, handler) }
    })
  }

  /** Events the group has not handled yet, as far as is known. */
  get lag(): number {
    return this.#stats ? this.#stats.lag + this.#stats.parked : 0
  }

  get dead(): number {
    return this.#stats?.dead ?? 0
  }

  get died(): boolean {
    return this.#diedAt !== undefined
  }

  /** Asks how things stand, unless that is still under way. */
  sample(): Promise<void> {
    this.#asking ??= this.#look()
      // What was last known is good enough to be shown.
      .catch(() => {})
      .finally(() => {
        this.#asking = undefined
      })
    return this.#asking
  }

  async #look(): Promise<void> {
    this.#stats = await this.#last.consumer.stats()
    if (this.#diedAt !== undefined && this.#stats.leads > 0)
      this.takeoverMs ??= performance.now() - this.#diedAt
  }

  /** Ends the worker that is at work, as it stands: no goodbye, and its lease runs on. */
  async kill(): Promise<void> {
    if (this.died) return
    for (const worker of this.#workers) {
      const { leads } = await worker.consumer.stats()
      if (leads === 0 || this.died) continue
      this.#diedAt = performance.now()
      this.#workers.splice(this.#workers.indexOf(worker), 1)
      await worker.sale.close()
      return
    }
  }

  /** Whether everything was handled in the end. */
  async finish(): Promise<boolean> {
    const done = await caughtUp(this.#last.consumer, PATIENCE_MS)
    await this.#look()
    return done
  }

  /** After an end that nobody has waited for, no longer than a lease. */
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
