import { RateSamples } from './rate-samples.js'

/** Door time between the two samples from which the speed is computed, in ms. */
const SPEED_MS = 10_000
/** The configured rate counts as observed for this time, in ms. */
const LEAN_MS = 5_000

/** How fast the queues of a room move, all of them together. */
export class QueueSpeed {
  readonly #samples = new RateSamples(SPEED_MS, 0, 0)

  sample(doorTime: number, called: number): void {
    this.#samples.take(doorTime, called)
  }

  /** Measures the speed from now on only. */
  restart(doorTime: number, called: number): void {
    this.#samples.restart(doorTime, called)
  }

  /**
   * Ranks called per 1,000 seconds: the observed speed, weighted with the configured rate while
   * there are few observations.
   */
  of(doorTime: number, called: number, rate: number): number {
    const { at, values: before } = this.#samples.older
    return Math.floor(((called - before) * 1e6 + rate * LEAN_MS) / (doorTime - at + LEAN_MS))
  }
}
