import { random } from '../../lib/random.js'

/** What the buyer does with a reservation. */
export type Fate = 'pays' | 'pays late' | 'payment fails' | 'gives it back' | 'lets it expire'

/** All decisions of a buyer in one attempt to buy. */
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
  /** After an end without a sale: tries again with a new key. */
  readonly triesAgain: boolean
  /** After a sale: tries to get more than the limit. */
  readonly wantsMore: boolean
  /** After a sale: gives the order back. */
  readonly cancels: boolean
  /** Asks for fewer units if there are too few. */
  readonly settlesForLess: boolean
  /** How often this buyer comes back while units may return. */
  readonly patience: number
  /** After how long, as a share of the time a unit is held. */
  readonly pause: number
}

/**
 * A pure function of the seed: each buyer decides as in every other run with this seed, whatever
 * the timing.
 */
export function planOf(seed: number, buyer: number, attempt: number): Plan {
  const dice = random(seed, buyer, attempt)
  const chance = (share: number) => dice() < share
  // Always the same draws in the same order, whether or not they matter to this plan.
  return {
    quantity: pick(dice(), [1, 0.7], [2, 0.27], [3, 0.03]),
    doubleClick: chance(0.08),
    fate: pick(
      dice(),
      ['pays', 0.74],
      ['pays late', 0.06],
      ['payment fails', 0.08],
      ['gives it back', 0.06],
      ['lets it expire', 0.06],
    ),
    after: 0.05 + 0.4 * dice(),
    express: chance(0.1),
    reportedTwice: chance(0.1),
    triesAgain: chance(0.6),
    wantsMore: chance(0.03),
    settlesForLess: chance(0.7),
    patience: chance(0.15) ? 12 : 0,
    pause: 0.3 + 0.5 * dice(),
    cancels: chance(0.01),
  }
}

function pick<T>(roll: number, ...choices: readonly (readonly [value: T, share: number])[]): T {
  let rest = roll
  for (const [value, share] of choices) {
    rest -= share
    if (rest < 0) return value
  }
  return choices[0]![0]
}
