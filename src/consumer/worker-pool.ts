import pLimit from 'p-limit'
import { isThenable } from '../common/callback.js'
import type { Delivery } from './delivery.js'
import { Queue } from './queue.js'

/**
 * The workers of a consumer: `concurrency` events at a time, of all its partitions, in the order in
 * which they were offered. A worker takes one event after the other while there are any: at a
 * hundred thousand a second, a limited call for each would cost more than the rest.
 */
export class WorkerPool {
  readonly #limit: ReturnType<typeof pLimit>
  readonly #handle: (delivery: Delivery) => unknown
  /**
   * Workers that run or are about to: p-limit itself counts a worker down a moment after it has
   * found no more events.
   */
  #workers = 0
  readonly #offered = new Queue<Delivery>()
  /** In order of their sequence. A single worker takes all events in the order of the stream. */
  readonly #late = new Queue<Delivery>()

  constructor(concurrency: number, handle: (delivery: Delivery) => unknown) {
    this.#limit = pLimit(concurrency)
    this.#handle = handle
  }

  offer(delivery: Delivery): void {
    this.#offered.push(delivery)
    this.#call()
  }

  /**
   * Offers a delivery that waited for another. It is older than those offered since, so it is
   * inserted by its sequence.
   */
  offerLate(delivery: Delivery): void {
    this.#late.insert(delivery, (other) => other.event.sequence > delivery.event.sequence)
    this.#call()
  }

  #call(): void {
    if (this.#workers >= this.#limit.concurrency) return
    this.#workers++
    void this.#limit(() => this.#work())
  }

  async #work(): Promise<void> {
    for (let delivery = this.#take(); delivery; delivery = this.#take()) {
      const { owner } = delivery.backlog
      if (delivery.state !== 'ready' || !owner.begins(delivery)) continue
      try {
        const result = this.#handle(delivery)
        if (isThenable(result)) await result
      } catch (error) {
        await owner.failed(delivery, error)
        continue
      }
      owner.done(delivery)
    }
    this.#workers--
  }

  #take(): Delivery | undefined {
    const late = this.#late.first
    const next = this.#offered.first
    const isLate = late && (!next || late.event.sequence < next.event.sequence)
    return isLate ? this.#late.shift() : this.#offered.shift()
  }
}
