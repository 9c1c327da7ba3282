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
