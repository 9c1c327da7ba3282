import pLimit from 'p-limit'
import { isThenable } from '../common/callback.js'
import type { Delivery } from './delivery.js'
import { Queue } from './queue.js'

/**
 * The hands of a consumer: so many events at a time, of all its partitions, in the order in which
 * they were offered. A hand takes one event after the other as long as there are any: with a
 * hundred thousand a second, a limited call for each would cost more than the rest.
 */
export class WorkerPool {
  readonly #limit: ReturnType<typeof pLimit>
  readonly #handle: (delivery: Delivery) => unknown
  /**
   * Begun, or about to begin: p-limit itself counts a hand down a moment after it has found nothing
   * more to do.
   */
  #workers = 0
  readonly #offered = new Queue<Delivery>()
  /** In order of their sequence. A single hand takes all in the order of the stream. */
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
   * One that waited for another. It came before what has been offered since, so it takes its place
   * by its sequence.
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
