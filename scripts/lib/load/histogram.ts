/**
 * Each interval is 1 % wider than the one before, so its middle is off by half a percent at most.
 */
const GROWTH = 1.01
const PER_BUCKET = 1 / Math.log(GROWTH)
/** In ms; shorter ones count as this long. */
const SHORTEST = 1e-4
const LONGEST = 1e6
const BUCKETS = bucketOf(LONGEST) + 1

function bucketOf(ms: number): number {
  return ms <= SHORTEST ? 0 : Math.floor(Math.log(ms / SHORTEST) * PER_BUCKET)
}

/**
 * What a {@link Histogram} is when it comes from another process: its fields without its methods.
 */
export type HistogramData = Pick<Histogram, 'counts' | 'count' | 'max'>

/**
 * Durations in ms, any number of them in 9 KB, with percentiles that are off by at most half a
 * percent.
 */
export class Histogram {
  readonly counts = new Uint32Array(BUCKETS)
  count = 0
  /** Exact. */
  max = 0

  add(ms: number): void {
    this.counts[Math.min(bucketOf(ms), BUCKETS - 1)]!++
    this.count++
    if (ms > this.max) this.max = ms
  }

  merge(other: HistogramData): this {
    for (let i = 0; i < BUCKETS; i++) this.counts[i]! += other.counts[i]!
    this.count += other.count
    this.max = Math.max(this.max, other.max)
    return this
  }

  /** The duration that this share of all did not exceed (nearest rank), NaN if there is none. */
  at(share: number): number {
    if (this.count === 0) return Number.NaN
    const rank = Math.max(1, Math.ceil(share * this.count))
    if (rank === this.count) return this.max
    let seen = 0
    let bucket = -1
    while (seen < rank) seen += this.counts[++bucket]!
    return Math.min(this.max, SHORTEST * GROWTH ** (bucket + 0.5))
  }
}
