import type { Foreseen } from './options.js'

/** How the sale is expected to go: people and units as a fluid, everybody as long as the mean. */
export interface Course {
  /** Made in all; more than units, where holds lapse and are taken again. */
  readonly reservations: number
  readonly confirmedUnits: number
  /** Left when nobody wants one any more. */
  readonly leftUnits: number
  /** People who were told that there is nothing left; of those in line, when the last unit was paid. */
  readonly refused: number
  /** Reservations unpaid at a time, at most. */
  readonly held: number
  /** People in line at a time, at most. */
  readonly waiting: number
  /** Seconds from the opening; `null` where it does not come about. */
  readonly firstGone: number | null
  readonly mostPaid: number | null
  readonly lastPaid: number | null
  /** When nobody holds anything any more. */
  readonly over: number
}

/** Of the units, when nearly everything is paid. */
const MOST = 0.99
/** Steps in which the shortest thing that matters is seen, and in which a hold is seen at most. */
const FINE = 20
const OF_A_HOLD = 2_000
/** Of all, less than this is nobody: so far off is what has been added up a million times. */
const NOBODY = 1e-9

export function courseOf(sale: Foreseen): Course {
  return new Flow(sale).run()
}

class Flow {
  readonly #sale: Foreseen
  readonly #step: number
  readonly #payAfter: number
  readonly #lapseAfter: number
  /** Reservations of each step. */
  readonly #made: number[] = []
  #available: number
  #line = 0
  #come = 0
  #reservations = 0
  #open = 0
  #paid = 0
  /** The share of the latest step after which nothing was left. */
  #goneAfter = 1

  constructor(sale: Foreseen) {
    this.#sale = sale
    const { units, cart, arrivals, within, rate, payIn, holdMs } = sale
    this.#available = units / cart
    const hold = holdMs / 1_000
    const takes = Math.max(this.#available / (rate ?? arrivals / within), within / 100)
    this.#step = Math.max(Math.min(takes, payIn, hold) / FINE, hold / OF_A_HOLD)
    this.#payAfter = Math.round(payIn / this.#step)
    this.#lapseAfter = Math.max(this.#payAfter, Math.round(hold / this.#step))
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
      this.#settle(step)
      // The last half unit is a whole one somewhere.
      if (this.#paid * cart >= units - 0.5) lastPaid ??= now
      if (this.#paid >= MOST * carts || lastPaid !== null) mostPaid ??= now
      this.#reserve(now)
      if (this.#available === 0) firstGone ??= now + this.#goneAfter * this.#step
      // Of a handful of units, the half that counts as paid may be all that was ever reserved.
      if (lastPaid !== null) firstGone ??= lastPaid
      seen.held = Math.max(seen.held, this.#open)
      seen.waiting = Math.max(seen.waiting, this.#line)
      const nobodyComes = this.#come > arrivals * (1 - NOBODY) && (this.#line === 0 || this.#available === 0)
      if (lastPaid !== null || (nobodyComes && this.#open < carts * NOBODY)) {
        // What rounding left of the last unit is as good as paid.
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

  /** What was reserved long enough ago is paid, or comes back. */
  #settle(step: number): void {
    const { paid } = this.#sale
    const payers = (this.#made[step - this.#payAfter] ?? 0) * paid
    const others = (this.#made[step - this.#lapseAfter] ?? 0) * (1 - paid)
    this.#paid += payers
    this.#open -= payers + others
    this.#available += others
  }

  #reserve(now: number): void {
    const { units, cart, arrivals, within, rate } = this.#sale
    const come = Math.min(arrivals - this.#come, (arrivals / within) * this.#step)
    this.#come += come
    const wants = this.#line + come
    // The bucket is full when the door opens.
    const enters = rate === undefined ? wants : Math.min(wants, rate * this.#step + (now === 0 ? rate : 0))
    const made = Math.min(enters, this.#available)
    this.#goneAfter = made / enters
    // Behind a door one waits for what comes back; without one nobody does.
    this.#line = rate === undefined ? 0 : wants - made
    if (this.#line < arrivals * NOBODY) this.#line = 0
    this.#available -= made
    if (this.#available < (units / cart) * NOBODY) this.#available = 0
    this.#made.push(made)
    this.#reservations += made
    this.#open += made
  }
}
