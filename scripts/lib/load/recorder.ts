import { performance } from 'node:perf_hooks'
import { Histogram, type HistogramData } from './histogram.js'

/** A refusal is an answer, such as "sold out"; a failure is an error, such as a timeout. */
export type Outcome = 'accepted' | 'refused' | 'failed'

interface Interval {
  accepted: number
  refused: number
  failed: number
  /** Of all three: latencies without late failures would flatter. */
  readonly latency: Histogram
}

/** What a {@link Recorder} is when it comes from another process. */
export interface RecorderData {
  readonly intervalMs: number
  readonly intervals: readonly (Omit<Interval, 'latency'> & { readonly latency: HistogramData })[]
}

/** The outcomes of requests by interval: a request counts in the interval in which it ended. */
export class Recorder {
  readonly intervalMs: number
  readonly intervals: Interval[] = []
  readonly #origin: number

  /**
   * @param origin By `performance.now()`. Requests that began earlier are not recorded: they warm
   * up.
   */
  constructor(intervalMs: number, origin = performance.now()) {
    this.intervalMs = intervalMs
    this.#origin = origin
  }

  add(outcome: Outcome, startedAt: number, endedAt: number): void {
    if (startedAt < this.#origin) return
    const interval = this.#at(Math.floor((endedAt - this.#origin) / this.intervalMs))
    interval[outcome]++
    interval.latency.add(endedAt - startedAt)
  }

  /**
   * Adds the intervals of a recorder with the same origin; or, with `offset`, behind that many
   * intervals.
   */
  merge(other: RecorderData, offset = 0): this {
    for (const [index, { accepted, refused, failed, latency }] of other.intervals.entries()) {
      const interval = this.#at(index + offset)
      interval.accepted += accepted
      interval.refused += refused
      interval.failed += failed
      interval.latency.merge(latency)
    }
    return this
  }

  count(outcome: Outcome): number {
    return this.intervals.reduce((sum, interval) => sum + interval[outcome], 0)
  }

  /** Of the whole time. */
  latency(): Histogram {
    return this.intervals.reduce((all, { latency }) => all.merge(latency), new Histogram())
  }

  /** The end of each interval, in seconds. */
  seconds(): number[] {
    return this.intervals.map((_, index) => ((index + 1) * this.intervalMs) / 1_000)
  }

  perSecond(outcome: Outcome): number[] {
    return this.intervals.map((interval) => (interval[outcome] * 1_000) / this.intervalMs)
  }

  /** A percentile over time; a gap where nothing ended. */
  percentile(share: number): (number | null)[] {
    return this.intervals.map(({ latency }) => (latency.count > 0 ? latency.at(share) : null))
  }

  #at(index: number): Interval {
    while (this.intervals.length <= index) {
      this.intervals.push({ accepted: 0, refused: 0, failed: 0, latency: new Histogram() })
    }
    return this.intervals[index]!
  }
}
