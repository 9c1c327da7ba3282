export const percentiles = [
  ['p50', 0.5],
  ['p90', 0.9],
  ['p99', 0.99],
  ['p99.9', 0.999],
  ['max', 1],
] as const

/** Keeps every latency, so that percentiles are exact. */
export class Latencies {
  #values = new Float64Array(4_096)
  #length = 0

  add(ms: number): void {
    if (this.#length === this.#values.length) {
      const larger = new Float64Array(this.#length * 2)
      larger.set(this.#values)
      this.#values = larger
    }
    this.#values[this.#length++] = ms
  }

  /** The latency that this share of all did not exceed (nearest rank); NaN if there is none. */
  at(shares: readonly number[]): number[] {
    const sorted = this.#values.slice(0, this.#length).sort()
    return shares.map((share) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN)
  }
}
