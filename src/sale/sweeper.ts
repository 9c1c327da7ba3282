import type { Clock, Timer } from '../engine/clock.js'
import { isIncompatible, isNotFound } from '../errors.js'

const tuning = {
  /**
   * Time between two sweeps, in ms: minimum, maximum, and a random part so that many processes do
   * not sweep at the same time.
   */
  minMs: 500,
  maxMs: 60_000,
  jitterMs: 250,
  /** Time until the next sweep after a failed one, in ms. */
  retryMs: 6_000,
  /**
   * Minimum time between two sweeps for each partition of the sale, in ms: a handle that uses all
   * partitions sweeps at most 200 times a second.
   */
  aPartitionMs: 5,
}

/**
 * Frees expired holds, so that counts and events do not wait for the next buyer. Correctness does
 * not depend on it: expired units can be sold without a sweep. The sweeper has a timer only while
 * there are holds, and never keeps a process alive.
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
   * @param sweep Sweeps; returns when the next hold expires, `null` if there is none.
   * @param serverTime The server's clock, as far as it is known.
   * @param partitions How many partitions the sale has. Each has its own sweeper.
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

  /** Tells the sweeper of a hold that expires at this server time. */
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
    // The server may be reachable again at the next sweep. Callers see the error themselves, so the
    // sweeper need not report it.
    const next = await this.#sweep().catch((error) =>
      isIncompatible(error) || isNotFound(error) ? null : this.#serverTime() + tuning.retryMs,
    )
    if (next !== null) this.watch(next)
  }
}
