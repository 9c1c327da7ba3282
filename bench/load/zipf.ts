import type { Random } from '../../scripts/lib/random.js'

/**
 * Popularity by rank: the second is drawn half as often as the first, the tenth a tenth as often.
 */
export class Zipf {
  /** The share of all requests that goes to the ranks up to and with this one. */
  readonly #shares: Float64Array

  /** @param exponent 1 is Zipf's own law, a larger one favours the first ranks even more. */
  constructor(ranks: number, exponent = 1) {
    const shares = new Float64Array(ranks)
    let sum = 0
    for (let rank = 0; rank < ranks; rank++) {
      sum += 1 / (rank + 1) ** exponent
      shares[rank] = sum
    }
    this.#shares = shares.map((share) => share / sum)
  }

  /** The share of this rank, from 0. */
  share(rank: number): number {
    return this.#shares[rank]! - (this.#shares[rank - 1] ?? 0)
  }

  /** A rank, from 0. */
  sample(random: Random): number {
    const wanted = random()
    let low = 0
    let high = this.#shares.length - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#shares[middle]! > wanted) high = middle
      else low = middle + 1
    }
    return low
  }
}
