/** Returns the next number of its sequence, from 0 to below 1. */
export type Random = () => number

/** A random sequence: the same seed gives the same sequence. */
export function mulberry32(seed: number): Random {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let value = Math.imul(state ^ (state >>> 15), state | 1)
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61)
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A sequence of all the seeds together, mixed: the sequences of adjacent seeds are unrelated. */
export function random(...seeds: readonly number[]): Random {
  return mulberry32(seeds.reduce((state, seed) => mix(mix(state) + seed), 0))
}

function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return mixed ^ (mixed >>> 16)
}
