import type { Trim } from '../engine/groups.js'
import { type ConsumerContext, SETTLE_MS } from './consumer-context.js'
import { StreamWatch } from './stream-watch.js'

const tuning = {
  /** Between two trimmings while there is little to trim. ms */
  trimMs: 1_000,
  /** If one trimming removes this many events, there are more to trim. */
  muchTrimmed: 100,
}

/** When the stream of a partition is to be trimmed, and how far. */
export class Trimming {
  readonly #watch: StreamWatch
  readonly #rule: Trim
  #at = 0
  /** The last trimming removed many events: there are more. */
  #more = false

  constructor(partition: number, { source, settings, maxHoldMs, warn }: ConsumerContext) {
    this.#rule = { olderThanMs: maxHoldMs, maxEvents: settings.maxStreamLength }
    this.#watch = new StreamWatch(partition, settings.maxStreamLength, source, warn)
  }

  /** The trimming to request at that moment. */
  at(now: number): Trim | null {
    return now < this.#at ? null : this.#rule
  }

  /** Whether to call the engine for trimming alone. */
  isDue(now: number): boolean {
    return this.#more && now >= this.#at
  }

  /**
   * The stream was trimmed by a call that began at `at`.
   *
   * @param first The oldest event that is left.
   * @returns When to trim again, if there is more.
   */
  done(first: number, latest: number, at: number): number {
    this.#more = this.#watch.first > 0 && first - this.#watch.first >= tuning.muchTrimmed
    this.#at = at + (this.#more ? SETTLE_MS : tuning.trimMs)
    this.#watch.look(first, latest)
    return this.#more ? this.#at : Number.POSITIVE_INFINITY
  }
}
