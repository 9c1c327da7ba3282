/** What becomes of a reservation, once a buyer has one. */
export type Fate = 'pays' | 'pays late' | 'payment fails' | 'gives it back' | 'lets it lapse'

/** All that a buyer decides in one attempt to buy; the rest is up to the sale. */
export interface Plan {
  readonly quantity: number
  /** Sends the request twice at the same time, with the same key. */
  readonly doubleClick: boolean
  readonly fate: Fate
  /** From the reservation to the payment, or to giving up, as a share of the time it is held. */
  readonly after: number
  /** Asks for a much shorter hold than the sale's. */
  readonly express: boolean
  /** The payment provider reports the payment twice. */
  readonly reportedTwice: boolean
  /** After an ending that is no sale: with a new key once more. */
  readonly triesAgain: boolean
  /** After a sale: tries to get more than the limit. */
  readonly wantsMore: boolean
  /** Asks for less where that many are not to be had. */
  readonly settlesForLess: boolean
  /** How often this buyer comes back while units may return. */
  readonly patience: number
  /** After how long, as a share of the time a unit is held. */
  readonly pause: number
}

/**
 * A pure function of the seed: however the requests of the buyers fall together, each of them decides as in every other
 * run with this seed.
 */
export function planOf(seed: number, buyer: number, attempt: number): Plan {
  const random = dice(seed, buyer, attempt)
  const chance = (share: number) => random() < share
  // Always the same draws in the same order, whether or not they matter to this plan.
  return {
    quantity: pick(random(), [1, 0.7], [2, 0.27], [3, 0.03]),
    doubleClick: chance(0.08),
    fate: pick(
      random(),
      ['pays', 0.74],
      ['pays late', 0.06],
      ['payment fails', 0.08],
      ['gives it back', 0.06],
      ['lets it lapse', 0.06],
    ),
    after: 0.05 + 0.4 * random(),
    express: chance(0.1),
    reportedTwice: chance(0.1),
    triesAgain: chance(0.6),
    wantsMore: chance(0.03),
    settlesForLess: chance(0.7),
    patience: chance(0.15) ? 12 : 0,
    pause: 0.3 + 0.5 * random(),
  }
}

function pick<T>(random: number, ...choices: readonly (readonly [value: T, share: number])[]): T {
  let rest = random
  for (const [value, share] of choices) {
    rest -= share
    if (rest < 0) return value
  }
  return choices[0]![0]
}

/** mulberry32, seeded with a mixture of all three: neighbouring buyers have nothing in common. */
function dice(seed: number, buyer: number, attempt: number): () => number {
  let state = mix(mix(mix(seed) ^ buyer) ^ attempt)
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
