import type { ForeseenSale } from './options.js'

/**
 * The expected course of the sale: people and units as a fluid, every payment after the mean time.
 */
export interface Course {
  /** Reservations in all; more than there are units if holds expire and are taken again. */
  readonly reservations: number
  readonly confirmedUnits: number
  /** Units left after the last buyer has gone. */
  readonly leftUnits: number
  /**
   * People who were told that the sale is sold out; those in the queue, when the last unit was
   * paid.
   */
  readonly refused: number
  /** Unpaid reservations at a time, at most. */
  readonly held: number
  /** People in the queue at a time, at most. */
  readonly waiting: number
  /** Seconds from the opening; `null` if it never happens. */
  readonly firstGone: number | null
  readonly mostPaid: number | null
  readonly lastPaid: number | null
  /** When the last hold has ended. */
  readonly over: number
}

/** The share of the units that counts as nearly all. */
const MOST = 0.99
/** Steps of the shortest duration that matters, and of a hold at most. */
const FINE = 20
const OF_A_HOLD = 2_000
/** A share below this is nothing: the rounding error of a million additions. */
const NEGLIGIBLE = 1e-9

export function courseOf(sale: ForeseenSale): Course {
  return new Flow(sale).run()
}

class Flow {
  readonly #sale: ForeseenSale
  readonly #step: number
  readonly #payAfter: number
  readonly #expireAfter: number
  /** Reservations of each step. */
  readonly #made: number[] = []
  #available: number
  #queue = 0
  #come = 0
  #reservations = 0
  #open = 0
  #paid = 0
  /** The share of the latest step after which nothing was left. */
  #goneAfter = 1

  constructor(sale: ForeseenSale) {
    this.#sale = sale
    const { units, cart, arrivals, within, rate, payIn, holdMs } = sale
    this.#available = units / cart
    const hold = holdMs / 1_000
    const takes = Math.max(this.#available / (rate ?? arrivals / within), within / 100)
    this.#step = Math.max(Math.min(takes, payIn, hold) / FINE, hold / OF_A_HOLD)
    this.#payAfter = Math.round(payIn / this.#step)
    this.#expireAfter = Math.max(this.#payAfter, Math.round(hold / this.#step))
  }

  run(): Course {
    const { units, cart, arrivals } = this.#sale
    const carts = units / cart
    const seen = { held: 0, waiting: 0 }
    let firstGone: number | null = null
    let mostPaid: number | null = null
    let lastPaid: number | null = null
    for (let step = 0; ; step++) {
      const now = step * this.#step
      this.#resolve(step)
      // The last half unit counts as a whole one.
      if (this.#paid * cart >= units - 0.5) lastPaid ??= now
      if (this.#paid >= MOST * carts || lastPaid !== null) mostPaid ??= now
      this.#reserve(now)
      if (this.#available === 0) firstGone ??= now + this.#goneAfter * this.#step
      // With a few units, the half that counts as paid may be all that was ever reserved.
      if (lastPaid !== null) firstGone ??= lastPaid
      seen.held = Math.max(seen.held, this.#open)
      seen.waiting = Math.max(seen.waiting, this.#queue)
      const isOver = this.#come > arrivals * (1 - NEGLIGIBLE) && (this.#queue === 0 || this.#available === 0)
      if (lastPaid !== null || (isOver && this.#open < carts * NEGLIGIBLE)) {
        // What rounding leaves of the last unit counts as paid.
        const confirmedUnits = lastPaid === null ? this.#paid * cart : units
        return {
          reservations: Math.round(this.#reservations),
          confirmedUnits: Math.round(confirmedUnits),
          leftUnits: units - Math.round(confirmedUnits),
          refused: Math.max(0, arrivals - Math.round(this.#reservations)),
          held: Math.round(seen.held),
          waiting: Math.round(seen.waiting),
          firstGone,
          mostPaid,
          lastPaid,
          over: now,
        }
      }
    }
  }

  /** Reservations that were made long enough ago are paid, or expire. */
  #resolve(step: number): void {
    const { paid } = this.#sale
    const payers = (this.#made[step - this.#payAfter] ?? 0) * paid
    const others = (this.#made[step - this.#expireAfter] ?? 0) * (1 - paid)
    this.#paid += payers
    this.#open -= payers + others
    this.#available += others
  }

  #reserve(now: number): void {
    const { units, cart, arrivals, within, rate } = this.#sale
    const come = Math.min(arrivals - this.#come, (arrivals / within) * this.#step)
    this.#come += come
    const wants = this.#queue + come
    // The token bucket is full when the room opens.
    const enters = rate === undefined ? wants : Math.min(wants, rate * this.#step + (now === 0 ? rate : 0))
    const made = Math.min(enters, this.#available)
    this.#goneAfter = made / enters
    // In a waiting room people wait for units that come back; without a room they leave.
    this.#queue = rate === undefined ? 0 : wants - made
    if (this.#queue < arrivals * NEGLIGIBLE) this.#queue = 0
    this.#available -= made
    if (this.#available < (units / cart) * NEGLIGIBLE) this.#available = 0
    this.#made.push(made)
    this.#reservations += made
    this.#open += made
  }
}
