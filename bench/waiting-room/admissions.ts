import type { Invariants } from '../../scripts/lib/load/invariants.js'
import {
  type AdmissionInput,
  type AdmissionResult,
  isNoShow,
  TWO_TABS,
  type Waiting,
  waitsBy,
} from './admission-visitors.js'

/** An admitted visitor, in server time. */
interface Admission {
  readonly n: number
  readonly place: number
  readonly at: number
}

/** Per second of the measured time. */
export interface Seconds {
  /** By the server's time: when passes were given. */
  readonly given: readonly number[]
  /** When the visitors got them. */
  readonly received: readonly number[]
}

/** What the visitors of all processes were told, put together. */
export class Admissions {
  /** In the order of their admission. */
  readonly all: readonly Admission[]
  readonly joined: number
  readonly #received: readonly number[]
  readonly #opensAt: number

  constructor(results: readonly AdmissionResult[], opensAt: number, passMs: number, invariants: Invariants) {
    this.#opensAt = opensAt
    const places = new Map<number, number>()
    for (const { joined } of results) {
      for (const [i, n] of joined.buyers.entries()) {
        const place = joined.positions[i]!
        invariants.check(
          'a visitor has the same place from both processes',
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
    const received = new Map<number, number>()
    for (const { admitted, error } of results) {
      invariants.check('no call failed', error === undefined, error)
      for (const [i, n] of admitted.buyers.entries()) {
        const expires = admitted.expires[i]!
        const known = expiries.get(n)
        invariants.check(
          'no visitor is admitted twice: both tabs get one pass',
          (known ?? expires) === expires,
        )
        expiries.set(n, expires)
        received.set(n, Math.min(received.get(n) ?? Number.POSITIVE_INFINITY, admitted.received[i]!))
      }
    }
    this.all = [...expiries]
      .map(([n, expires]) => ({ n, place: places.get(n)!, at: expires - passMs }))
      .sort((a, b) => a.at - b.at)
    this.#received = [...received.values()]
  }

  /** @param from The number of full seconds after the opening that do not count. */
  perSecond(from: number, seconds: number): Seconds {
    const count = (times: readonly number[]) => {
      const counts = new Array<number>(seconds).fill(0)
      for (const time of times) {
        const second = Math.floor((time - this.#opensAt) / 1_000) - from
        if (second >= 0 && second < seconds) counts[second]!++
      }
      return counts
    }
    return { given: count(this.all.map(({ at }) => at)), received: count(this.#received) }
  }

  /** How many more visitors were admitted at some moment than the token bucket allowed by then. */
  excess({ rate, burst }: AdmissionInput['pace']): number {
    let worst = Number.NEGATIVE_INFINITY
    for (const [i, { at }] of this.all.entries())
      worst = Math.max(worst, i + 1 - burst - ((at - this.#opensAt) * rate) / 1_000)
    return worst
  }

  /**
   * How much later a visitor was admitted than one behind them who waited in the same way, at most.
   * ms
   */
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

  /**
   * How many visitors kept polling, stood before the last admitted visitor, and were not admitted.
   */
  forgotten(
    input: Pick<AdmissionInput, 'seed' | 'noShows'>,
    results: readonly AdmissionResult[],
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
