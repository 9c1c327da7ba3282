import { performance } from 'node:perf_hooks'

/** What one buyer was told of one press of Buy. Times are of this machine's {@link clock}. */
export interface Told {
  readonly sku: string
  readonly quantity: number
  /** The reservation; `undefined` while the outcome is not known. */
  id: string | undefined
  /** When the buyer was told of the units. */
  from: number
  /** Until then the hold has surely not expired: counted from before the request was sent. */
  heldUntil: number
  /** Epoch ms of the server's clock. */
  expiresAt: number
  /** What the buyer has asked for since, until the answer is known. */
  asking: 'payment' | 'release' | undefined
  /** When the buyer began to give the units back. */
  releasedFrom: number | undefined
  /** When the buyer was told that the units are paid. */
  paidFrom: number | undefined
  state: 'unknown' | 'refused' | 'held' | 'confirmed' | 'refund_due' | 'released' | 'expired'
}

/** How many units the stock may lack because of what the visitors were told. */
export interface Bounds {
  readonly least: number
  readonly most: number
}

/** The shop shows its stock late by this time, in ms: the routes and caches keep it. */
const LATE_MS = 2_000

/** Everything that all visitors were told about units. */
export class Book {
  readonly #all: Told[] = []

  /** A visitor presses Buy. */
  asks(sku: string, quantity: number): Told {
    const told: Told = {
      ...{ sku, quantity, id: undefined, from: 0, heldUntil: 0, expiresAt: 0 },
      ...{ asking: undefined, releasedFrom: undefined, paidFrom: undefined, state: 'unknown' },
    }
    this.#all.push(told)
    return told
  }

  /** Units by what became of them, as far as buyers know. */
  units(): Record<Told['state'], number> {
    const sums = { unknown: 0, refused: 0, held: 0, confirmed: 0, refund_due: 0, released: 0, expired: 0 }
    for (const { state, quantity } of this.#all) sums[state] += quantity
    return sums
  }

  /**
   * The most units that buyers had at one moment. Each counts from when the buyer was told, to when
   * the buyer began to give it back or the hold could expire: the shop had sold at least as many.
   */
  most(sku: string): number {
    const changes: (readonly [at: number, units: number])[] = []
    const add = (from: number, to: number, units: number) => {
      if (to > from) changes.push([from, units], [to, -units])
    }
    for (const told of this.#all) {
      if (told.sku !== sku || told.id === undefined) continue
      const { from, heldUntil, releasedFrom = Number.POSITIVE_INFINITY, paidFrom, quantity } = told
      // A payment may have taken the units of an expired hold again.
      const again = paidFrom ?? Number.POSITIVE_INFINITY
      if (again <= heldUntil) add(from, Number.POSITIVE_INFINITY, quantity)
      else {
        add(from, Math.min(heldUntil, releasedFrom), quantity)
        add(again, Number.POSITIVE_INFINITY, quantity)
      }
    }
    // Of changes at the same moment, units that go come first.
    changes.sort(([a, x], [b, y]) => a - b || x - y)
    let now = 0
    let most = 0
    for (const [, units] of changes) {
      now += units
      most = Math.max(most, now)
    }
    return most
  }

  /** @param now Of the server's clock, when it told the stock. */
  missing(sku: string, now: number): Bounds {
    let [least, most] = [0, 0]
    for (const told of this.#all) {
      if (told.sku !== sku) continue
      const [surely, perhaps] = isTaken(told, now)
      if (surely) least += told.quantity
      if (surely || perhaps) most += told.quantity
    }
    return { least, most }
  }
}

/** Whether the units are surely gone from the stock, and whether they may be. */
function isTaken({ state, asking, expiresAt }: Told, now: number): readonly [boolean, boolean] {
  switch (state) {
    case 'confirmed':
      return [true, true]
    case 'unknown':
      return [false, true]
    case 'held':
      return [expiresAt > now && asking !== 'release', expiresAt > now - LATE_MS || asking === 'payment']
    default:
      return [false, false]
  }
}

/** This machine's clock. */
export const clock = () => performance.now()
