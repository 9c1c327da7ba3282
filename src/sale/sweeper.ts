import type { Clock, Timer } from '../engine/clock.js'
import { isIncompatible } from '../errors.js'

const tuning = {
  /**
   * Between two sweeps, in ms: at least, at most, and a random part so that many processes do not
   * sweep in step.
   */
  minMs: 500,
  maxMs: 60_000,
  jitterMs: 250,
  /** After a sweep that failed. */
  retryMs: 6_000,
  /**
   * For each partition of the sale: a handle that uses a thousand sweeps 200 times a second at
   * most.
   */
  aPartitionMs: 5,
}

/**
 * Gives back expired holds nobody asks for, so that counts and events do not wait for the next
 * buyer. Correctness does not need it: an expired hold is sellable without. It has a timer only
 * while there are holds, and never keeps a process alive.
 */
export class Sweeper {
  readonly #sweep: () => Promise<number | null>
  readonly #serverTime: () => number
  readonly #clock: Clock
  readonly #minMs: number
  #timer: Timer | undefined
  #dueAt = Number.POSITIVE_INFINITY
  #stopped = false

  /**
   * @param sweep Sweeps; answers when the next hold expires, `null` if there is none.
   * @param serverTime The server's clock, as far as it is known.
   * @param partitions How many the sale has, each with a sweeper of its own.
   */
  constructor(
    sweep: () => Promise<number | null>,
    serverTime: () => number,
    clock: Clock,
    partitions: number,
  ) {
    this.#sweep = sweep
    this.#serverTime = serverTime
    this.#clock = clock
    this.#minMs = Math.max(tuning.minMs, tuning.aPartitionMs * partitions)
  }

  /** There is a hold that expires at this server time. */
  watch(expiresAt: number): void {
    if (expiresAt >= this.#dueAt || this.#stopped) return
    this.#timer?.cancel()
    this.#dueAt = expiresAt
    const wait = Math.min(tuning.maxMs, Math.max(this.#minMs, expiresAt - this.#serverTime()))
    this.#timer = this.#clock.after(wait + this.#clock.random() * tuning.jitterMs, () => void this.#run())
    this.#timer.keepAlive(false)
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  async #run(): Promise<void> {
    this.#dueAt = Number.POSITIVE_INFINITY
    // A server that is away now may be back next time; whoever calls it hears of it, the sweeper
    // need not tell.
    const next = await this.#sweep().catch((error) =>
      isIncompatible(error) ? null : this.#serverTime() + tuning.retryMs,
    )
    if (next !== null) this.watch(next)
  }
}
