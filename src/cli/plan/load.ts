import type { Course } from './course.js'
import { polling } from './figures.js'
import type { ForeseenSale } from './options.js'

/** The calls of the busiest second. */
export interface Load {
  readonly reserves: number
  readonly confirms: number
  readonly expiries: number
  readonly joins: number
  readonly polls: number
}

export function loadOf(sale: ForeseenSale, course: Course): Load {
  const { units, cart, paid, peak, rate } = sale
  // A full bucket and the rate of that second are admitted at once. A refusal of a request with a
  // key is a call too.
  const reserves = rate === undefined ? peak : Math.min(2 * rate, sale.arrivals)
  const accepted = Math.min(reserves, units / cart)
  return {
    reserves,
    confirms: accepted * paid,
    expiries: accepted * (1 - paid),
    joins: rate === undefined ? 0 : peak,
    polls: rate === undefined ? 0 : pollsOf(course.waiting, rate),
  }
}

/**
 * Polls a second of the queue: visitors at its head poll every second, visitors far behind seldom.
 */
function pollsOf(waiting: number, rate: number): number {
  const { perWait, least, most } = polling
  const near = Math.min(waiting, rate * perWait * least)
  const far = Math.max(0, waiting - rate * perWait * most)
  const between = waiting - near - far
  // Between the two, a visitor who waits x seconds polls perWait / x times a second.
  return near / least + perWait * rate * Math.log(1 + between / Math.max(near, 1)) + far / most
}

export function requestsOf({ reserves, confirms, joins, polls }: Load): number {
  return reserves + confirms + joins + polls
}
