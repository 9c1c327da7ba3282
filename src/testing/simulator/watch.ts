import type { Reservation } from '../../sale/results.js'
import type { Answer } from '../history/operation.js'
import type { SaleMachine } from './sale-machine.js'
import { demand } from './violation.js'

interface Told {
  reservation: Reservation
  due: boolean
}

/** Looks into the server after every step: do the counts add up, is everything still true that anybody was told? */
export class Watch {
  readonly #machine: SaleMachine
  readonly #told = new Map<string, Told>()

  constructor(machine: SaleMachine) {
    this.#machine = machine
  }

  hear(answer: Answer): void {
    const { reservation, status } = answer
    if (!reservation) return
    const before = this.#told.get(reservation.id)
    const due = before?.due === true || (status === 'refund_due' && answer.reason !== 'refunded')
    // Answers overtake each other: what is further on is the newer one.
    const newer = before && rank(before.reservation) > rank(reservation) ? before.reservation : reservation
    this.#told.set(reservation.id, { reservation: newer, due })
  }

  look(): void {
    if (this.#machine.state.token === null) return
    this.#recount()
    for (const told of this.#told.values()) this.#keep(told)
  }

  #recount(): void {
    const { rules, stock, entries } = this.#machine.state
    const taken = new Map<string, number>()
    for (const [place, { sku, limit }] of rules.skus.entries()) {
      const units = { held: 0, confirmed: 0 }
      for (const { reservation } of entries) {
        const { state, buyer } = reservation
        if (state !== 'held' && state !== 'confirmed') continue
        for (const [line, quantity] of reservation.cart) {
          if (line !== place) continue
          units[state] += quantity
          const slot = `${buyer} ${sku}`
          const own = (taken.get(slot) ?? 0) + quantity
          taken.set(slot, own)
          demand(
            limit === null || own <= limit,
            'limit',
            () => `${buyer} has ${own} ${sku}, the limit is ${limit}`,
          )
        }
      }
      const { total, available, held, confirmed, inTransit } = stock.of(place)
      const told = () =>
        `${sku}: ${JSON.stringify(stock.of(place))}, held are ${units.held}, confirmed ${units.confirmed}`
      demand(Math.min(total, available, held, confirmed, inTransit) >= 0, 'conservation', told)
      demand(total === available + held + confirmed + inTransit, 'conservation', told)
      demand(held === units.held && confirmed === units.confirmed, 'conservation', told)
    }
  }

  #keep({ reservation: told, due }: Told): void {
    const { state } = this.#machine
    const entry = state.find(told.id)
    demand(entry !== undefined, 'promise', () => `${told.id} was answered as ${told.state}, and is gone`)
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
  return { held: 0, expired: 1, released: 2, confirmed: 2, refunded: 3 }[state]
}
