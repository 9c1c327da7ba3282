import type { Invariants } from '../../scripts/lib/load/invariants.js'
import {
  type DoorInput,
  type DoorResult,
  isNoShow,
  TWO_TABS,
  type Waiting,
  waitsBy,
} from './door-visitors.js'

/** One who was let in, in server time. */
interface Admission {
  readonly n: number
  readonly place: number
  readonly at: number
}

/** Per second of the measured time. */
export interface Seconds {
  /** By the server's time: when passes were given. */
  readonly given: readonly number[]
  /** When visitors heard of it. */
  readonly heard: readonly number[]
}

/** What the processes before a door saw, put together. */
export class Admissions {
  /** In the order in which they were let in. */
  readonly all: readonly Admission[]
  readonly joined: number
  readonly #heard: readonly number[]
  readonly #opensAt: number

  constructor(results: readonly DoorResult[], opensAt: number, passMs: number, invariants: Invariants) {
    this.#opensAt = opensAt
    const places = new Map<number, number>()
    for (const { joined } of results) {
      for (const [i, n] of joined.buyers.entries()) {
        const place = joined.positions[i]!
        invariants.check(
          'the same buyer has one place from both processes',
          (places.get(n) ?? place) === place,
        )
        places.set(n, place)
      }
    }
    this.joined = places.size
    const distinct = new Set(places.values())
    invariants.check('no place is given twice', distinct.size === places.size)
    invariants.check('no place is left out', maxOf(distinct) === places.size)

    const expiries = new Map<number, number>()
    const heard = new Map<number, number>()
    for (const { admitted, error } of results) {
      invariants.check('no call failed', error === undefined, error)
      for (const [i, n] of admitted.buyers.entries()) {
        const expires = admitted.expires[i]!
        const known = expiries.get(n)
        invariants.check('nobody is admitted twice: both tabs get one pass', (known ?? expires) === expires)
        expiries.set(n, expires)
        heard.set(n, Math.min(heard.get(n) ?? Number.POSITIVE_INFINITY, admitted.heard[i]!))
      }
    }
    this.all = [...expiries]
      .map(([n, expires]) => ({ n, place: places.get(n)!, at: expires - passMs }))
      .sort((a, b) => a.at - b.at)
    this.#heard = [...heard.values()]
  }

  /** @param from Full seconds after the opening that do not count. */
  perSecond(from: number, seconds: number): Seconds {
    const count = (times: readonly number[]) => {
      const counts = new Array<number>(seconds).fill(0)
      for (const time of times) {
        const second = Math.floor((time - this.#opensAt) / 1_000) - from
        if (second >= 0 && second < seconds) counts[second]!++
      }
      return counts
    }
    return { given: count(this.all.map(({ at }) => at)), heard: count(this.#heard) }
  }

  /** How many more were in at some moment than the bucket could have let in by then. */
  excess({ rate, burst }: DoorInput['pace']): number {
    let worst = Number.NEGATIVE_INFINITY
    for (const [i, { at }] of this.all.entries())
      worst = Math.max(worst, i + 1 - burst - ((at - this.#opensAt) * rate) / 1_000)
    return worst
  }

  /** How long somebody was let in after one who stood behind them and waited in the same way, in ms. */
  overtaken(waiting: Waiting, from: number): number {
    const since = this.#opensAt + from * 1_000
    const some = this.all.filter(({ n, at }) => waitsBy(n) === waiting && n % TWO_TABS !== 0 && at >= since)
    let worst = 0
    let first = Number.POSITIVE_INFINITY
    for (const { at } of some.toSorted((a, b) => b.place - a.place)) {
      worst = Math.max(worst, at - first)
      first = Math.min(first, at)
    }
    return worst
  }

  /** How many who kept coming, and stood before the last who was let in, were not let in. */
  forgotten(
    input: Pick<DoorInput, 'seed' | 'noShows'>,
    results: readonly DoorResult[],
    behindMs: number,
  ): number {
    const end = this.all.at(-1)!.at - behindMs
    const last = maxOf(this.all.filter(({ at }) => at <= end).map(({ place }) => place))
    const inside = new Set(this.all.map(({ n }) => n))
    const missing = new Set<number>()
    for (const { joined } of results) {
      for (const [i, n] of joined.buyers.entries()) {
        if (joined.positions[i]! <= last && !isNoShow(n, input) && !inside.has(n)) missing.add(n)
      }
    }
    return missing.size
  }
}

function maxOf(values: Iterable<number>): number {
  let max = 0
  for (const value of values) max = Math.max(max, value)
  return max
}
