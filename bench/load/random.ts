/** Answers a number from 0 to below 1, the next of its sequence. */
export type Random = () => number

/** mulberry32, seeded with a mixture of all the seeds: neighbouring seeds have nothing in common. */
export function random(...seeds: readonly number[]): Random {
  let state = 0
  for (const seed of seeds) state = mix(mix(state) + seed)
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let value = Math.imul(state ^ (state >>> 15), state | 1)
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61)
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32
  }
}

function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return mixed ^ (mixed >>> 16)
}

/** Popularity by rank: the second is asked for half as often as the first, the tenth a tenth as often. */
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
