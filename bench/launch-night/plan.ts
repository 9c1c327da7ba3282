import { buyerName, keyName } from '../../scripts/lib/load/sale.js'
import { type Random, random } from '../../scripts/lib/random.js'
import { Zipf } from '../load/zipf.js'

/** How large the night is. */
export interface Night {
  readonly seed: number
  /** Units of mango-me. */
  readonly units: number
  /** Orders of mango-me, more than there are units for. */
  readonly phoneOrders: number
  readonly stores: number
  /** Orders of all other stores together. */
  readonly orders: number
}

type Fate = 'pays' | 'pays late' | 'releases' | 'walks away'

export interface Order {
  /** 0 is the launch of mango-me, then the other stores by popularity. */
  readonly sale: number
  readonly buyer: string
  readonly quantity: number
  readonly key: string
  readonly fate: Fate
  /** Sends the request twice at once, with the same key. */
  readonly doubleClick: boolean
}

export const LIMIT = 2
const LATE = 0.02
const DROP_OUTS = 0.2
const DOUBLE_CLICKS = 0.03
/** Of the orders: the others want one unit. */
const WANT_TWO = 0.2
const SHOPPERS = 1_000_000

export const saleName = (sale: number) =>
  sale === 0 ? 'mango-me-launch' : `store-${String(sale).padStart(5, '0')}`
export const skuOf = (sale: number) => (sale === 0 ? 'mango-me' : 'item')

/**
 * The night as a pure function of its size and seed, so that any number of processes can share it
 * without messages.
 */
export class NightPlan {
  readonly night: Night
  /** Of all orders. */
  readonly total: number
  readonly #popularity: Zipf

  constructor(night: Night) {
    this.night = night
    this.total = night.phoneOrders + night.orders
    this.#popularity = new Zipf(night.stores)
  }

  /** How many orders one of the processes carries out: `worker`, `worker + workers`, ... */
  ordersOf(worker: number, workers: number): number {
    return Math.floor((this.total - worker - 1) / workers) + 1
  }

  order(n: number): Order {
    const dice = random(this.night.seed, n)
    const isLaunch = this.#launchesBefore(n + 1) > this.#launchesBefore(n)
    return {
      sale: isLaunch ? 0 : 1 + this.#popularity.sample(dice),
      // Some buyers order again, and meet the limit.
      buyer: buyerName(Math.floor(dice() * (isLaunch ? this.night.phoneOrders : SHOPPERS))),
      quantity: dice() < WANT_TWO ? 2 : 1,
      key: keyName(n),
      fate: fateOf(dice),
      doubleClick: dice() < DOUBLE_CLICKS,
    }
  }

  /** Units of a sale: some stores have more than is ordered, some have less. */
  stock(sale: number): number {
    if (sale === 0) return this.night.units
    const asked = this.night.orders * this.#popularity.share(sale - 1) * (1 + WANT_TWO)
    return Math.ceil(asked * (0.6 + 0.8 * random(this.night.seed, -sale)()))
  }

  /** Most orders come at the opening, then evenly fewer until the end. */
  #launchesBefore(n: number): number {
    const share = n / this.total
    return Math.floor(this.night.phoneOrders * share * (2 - share))
  }
}

function fateOf(dice: Random): Fate {
  const share = dice()
  if (share < LATE) return 'pays late'
  if (share < LATE + DROP_OUTS / 2) return 'releases'
  return share < LATE + DROP_OUTS ? 'walks away' : 'pays'
}
