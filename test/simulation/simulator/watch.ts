import { partitionOf } from '../../../src/engine/reservation-id.js'
import type { PartitionState } from '../../../src/memory-engine/sale/partition-state.js'
import type { Item, Reservation } from '../../../src/sale/results.js'
import type { Answer, Call } from '../../model/call.js'
import { checkCounts } from '../../model/counts.js'
import { demand } from '../../model/violation.js'
import { onTheWay, whereNow } from './moves.js'
import type { SaleMachine } from './sale-machine.js'

interface Told {
  reservation: Reservation
  due: boolean
}

/** What could be had of each SKU, wherever it was, from that moment on until the next sample. */
interface Sample {
  readonly ms: number
  readonly units: readonly number[]
}

/**
 * Looks into the server after every step: do the counts add up, is everything still true that
 * anybody was told?
 */
export class Watch {
  readonly #machines: readonly SaleMachine[]
  readonly #clock: () => number
  readonly #elapsed: () => number
  readonly #told = new Map<string, Told>()
  readonly #samples: Sample[] = []
  /** The highest limits that were ever in force, of buyers and of households by SKU. */
  readonly #highest = new Map<string, number | null>()

  /** `elapsed`: the time of the world, `clock`: the server's. */
  constructor(machines: readonly SaleMachine[], clock: () => number, elapsed: () => number) {
    this.#machines = machines
    this.#clock = clock
    this.#elapsed = elapsed
  }

  hear(answer: Answer): void {
    const { reservation, status } = answer
    if (!reservation) return
    const before = this.#told.get(reservation.id)
    const isOver = reservation.state === 'expired' || reservation.state === 'released'
    const due = before?.due === true || (status === 'refund_due' && isOver)
    // Answers overtake each other: what is further on is the newer one.
    const newer = before && rank(before.reservation) > rank(reservation) ? before.reservation : reservation
    this.#told.set(reservation.id, { reservation: newer, due })
  }

  look(): void {
    const made = this.#machines.map(({ state }) => state).filter(({ incarnation }) => incarnation !== null)
    if (made.length === 0) return
    const taken = new Map<string, number>()
    for (const { rules } of made)
      for (const { sku, limit, householdLimit = null } of rules.skus) {
        this.#raise(sku, limit)
        this.#raise(`household ${sku}`, householdLimit)
      }
    for (const state of made) this.#recount(state, taken)
    this.#together(made)
    for (const told of this.#told.values()) this.#keep(told)
  }

  #raise(of: string, limit: number | null): void {
    const before = this.#highest.get(of)
    const isHigher = before === undefined || (before !== null && (limit === null || limit > before))
    if (isHigher) this.#highest.set(of, limit)
  }

  /** The removal was decided: no partition goes on, and no hold is lost unless that was meant. */
  removed(operations: readonly { readonly call: Call }[]): void {
    const isForced = operations.some(({ call }) => call.do === 'destroy' && call.force)
    for (const { state } of this.#machines) {
      if (state.incarnation === null) continue
      demand(state.seal.isSealed, 'promise', () => 'the sale is removed, and a partition is not sealed')
      const held = state.entries.filter(({ reservation }) => reservation.state === 'held')
      demand(isForced || held.length === 0, 'promise', () => `${held.length} holds were removed`)
    }
  }

  /**
   * Whoever was told so: there was a moment, since they asked, at which fewer units than that were
   * to be had anywhere.
   */
  soldOut(items: readonly Item[], sku: string, from: number, to: number): void {
    const { skus } = this.#machines[0]!.state.rules
    const place = skus.findIndex((rule) => rule.sku === sku)
    const wanted = items.reduce((sum, item) => sum + (item.sku === sku ? item.quantity : 0), 0)
    let fewest = Number.POSITIVE_INFINITY
    for (const [i, { ms, units }] of this.#samples.entries()) {
      const until = this.#samples[i + 1]?.ms ?? Number.POSITIVE_INFINITY
      if (ms <= to && until >= from) fewest = Math.min(fewest, units[place] ?? 0)
    }
    demand(
      fewest < wanted,
      'supply',
      () => `${wanted} ${sku} were sold out, while there were never fewer than ${fewest}`,
    )
  }

  /**
   * What is true of the partitions as one: what has left one and not arrived in another is on its
   * way.
   */
  #together(made: readonly PartitionState[]): void {
    // A partition that an update has not reached has no unit of a new SKU.
    const skus = made.map(({ rules }) => rules.skus).sort((a, b) => b.length - a.length)[0]!
    const having = (place: number) => made.filter(({ rules }) => rules.skus.length > place)
    const carried = new Map<number, number>()
    for (const { entry, moved } of onTheWay(this.#machines)) {
      const { cart, expiresAt } = entry.reservation
      if (moved.state === 'held' && expiresAt <= this.#clock()) continue
      for (const [place, quantity] of cart) carried.set(place, (carried.get(place) ?? 0) + quantity)
    }
    const units = skus.map(({ sku }, place) => {
      const sumOf = (count: 'inTransit' | 'total') =>
        having(place).reduce((sum, { stock }) => sum + stock.of(place)[count], 0)
      demand(sumOf('inTransit') >= 0, 'conservation', () => `${sku}: ${sumOf('inTransit')} are in transit`)
      demand(sumOf('total') >= 0, 'conservation', () => `${sku}: there are ${sumOf('total')} in all`)
      // A hold that is over can be had by whoever asks, whether or not anything has noticed.
      const expired = made.reduce((sum, state) => sum + this.#expired(state, place), 0)
      const unsold = having(place).reduce((sum, { stock }) => {
        const { total, held, confirmed } = stock.of(place)
        return sum + total - held - confirmed
      }, 0)
      return unsold + expired - (carried.get(place) ?? 0)
    })
    const last = this.#samples.at(-1)
    if (last?.units.join() !== units.join()) this.#samples.push({ ms: this.#elapsed(), units })
  }

  /** Units of holds that are over, and will come back to a SKU. */
  #expired({ entries, now, rules }: PartitionState, place: number): number {
    const time = Math.max(now, this.#clock())
    let units = 0
    for (const { reservation } of entries) {
      if (reservation.state !== 'held' || time < reservation.expiresAt) continue
      for (const [line, quantity] of reservation.cart)
        if ((rules.skus[line]!.returnsTo ?? line) === place) units += quantity
    }
    return units
  }

  #recount({ rules, stock, entries }: PartitionState, taken: Map<string, number>): void {
    for (const [place, { sku }] of rules.skus.entries()) {
      const units = { held: 0, confirmed: 0 }
      for (const { reservation, moved } of entries) {
        const { state, buyer, household } = reservation
        // On its way it counts for its sender all the same.
        const isLeaving = moved !== undefined && !moved.settled
        if (state !== 'held' && state !== 'confirmed' && !isLeaving) continue
        for (const [line, quantity] of reservation.cart) {
          if (line !== place) continue
          if (state === 'held' || state === 'confirmed') units[state] += quantity
          for (const [owner, most] of [
            [buyer, this.#highest.get(sku)!],
            [`household ${household}`, this.#highest.get(`household ${sku}`)!],
          ] as const) {
            const slot = `${owner} ${sku}`
            const own = (taken.get(slot) ?? 0) + quantity
            taken.set(slot, own)
            demand(
              most === null || own <= most,
              'limit',
              () => `${owner} has ${own} ${sku}, the limit is ${most}`,
            )
          }
        }
      }
      checkCounts(sku, stock.of(place), units)
    }
  }

  #keep({ reservation: told, due }: Told): void {
    const entry = whereNow(this.#machines, told.id)
    demand(entry !== undefined, 'promise', () => `${told.id} was answered as ${told.state}, and is gone`)
    const { state } = this.#machines[partitionOf(entry.reservation.id)!]!
    const is = entry.reservation.state
    const story = () => `${told.id} was told to be ${told.state}, and is ${is}`
    if (told.state === 'confirmed') demand(is === 'confirmed' || is === 'refunded', 'promise', story)
    if (told.state === 'released' || told.state === 'refunded') demand(is === told.state, 'promise', story)
    if (told.state === 'held' && is === 'expired')
      demand(
        state.now >= told.expiresAt,
        'promise',
        () => `${story()}, ${told.expiresAt - state.now} ms early`,
      )
    if (due) demand(is !== 'confirmed' && is !== 'held', 'promise', () => `${story()} after refund_due`)
  }
}

function rank({ state }: Reservation): number {
  return { held: 0, expired: 1, released: 2, confirmed: 2, refunded: 3, transferred: 3 }[state]
}
