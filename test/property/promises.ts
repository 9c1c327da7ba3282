import type { Reservation } from '../../src/index.js'
import { type Answer, type Call, describeCall } from '../model/call.js'
import type { Present } from '../model/rules.js'
import { unitsIn } from '../model/sale.js'
import { demand } from '../model/violation.js'
import type { Sent } from './explain.js'

/**
 * What the callers were told, and nothing else: with no knowledge of what an answer should have
 * been, only of what may follow from the ones given so far.
 */
export class Promises {
  readonly #told: Map<string, Reservation>
  readonly #due: Set<string>
  /** Payments that were told `refund_due`: reservation, payment and reason. */
  readonly #payments: Map<string, unknown>
  /** The first id of reservations that were transferred, by each later one. */
  readonly #firstIds: Map<string, string>

  constructor(before?: Promises) {
    this.#told = new Map(before ? before.#told : [])
    this.#due = new Set(before ? before.#due : [])
    this.#payments = new Map(before ? before.#payments : [])
    this.#firstIds = new Map(before ? before.#firstIds : [])
  }

  /** What was promised after these answers too, given in this order. */
  after(sent: readonly Sent[]): Promises {
    const promises = new Promises(this)
    for (const { answer, call } of sent) promises.#hear(answer, call)
    return promises
  }

  #hear(answer: Answer, call: Call): void {
    const { reservation } = answer
    if (!reservation) return
    const asked = describeCall(call)
    if (call.do === 'transfer' && answer.status === 'transferred')
      this.#firstIds.set(reservation.id, this.#firstIdOf(call.id))
    const id = this.#firstIdOf(reservation.id)
    this.#hearPayment(answer, { ...reservation, id }, call)
    const { state } = reservation
    const before = this.#told.get(id)?.state
    const story = () => `${id} was told to be ${before}, then ${asked} answered ${answer.status}, ${state}`
    if (before === 'confirmed')
      demand(state === 'confirmed' || answer.status === 'refunded' || state === 'refunded', 'promise', story)
    if (before === 'released' || before === 'refunded') demand(state === before, 'promise', story)
    if (before === 'expired') demand(state === 'expired' || state === 'confirmed', 'promise', story)
    if (this.#due.has(id))
      demand(state !== 'confirmed' && state !== 'held', 'promise', () => `${story()} after refund_due`)
    if (answer.status === 'refund_due' && (state === 'expired' || state === 'released')) this.#due.add(id)
    this.#told.set(id, reservation)
  }

  #firstIdOf(id: string): string {
    return this.#firstIds.get(id) ?? id
  }

  /** A payment that was told `refund_due` is told so for ever, for the same reason. */
  #hearPayment({ status, reason }: Answer, { id, paymentId: own }: Reservation, call: Call): void {
    if (call.do !== 'confirm' || call.paymentId === null) return
    const payment = `${id} ${call.paymentId}`
    const before = this.#payments.get(payment)
    demand(
      before === undefined || (status === 'refund_due' && reason === before),
      'promise',
      () => `${payment} was told ${before}, then ${status} ${reason}`,
    )
    if (status === 'refund_due') this.#payments.set(payment, reason)
    const isOwn = own === call.paymentId
    const belongs = reason === 'duplicate_payment' ? !isOwn : status !== 'confirmed' || isOwn
    demand(belongs, 'promise', () => `${payment} was answered ${status} ${reason}, the own one is ${own}`)
  }

  /** No unit is promised twice, nobody has more than a limit that was ever in force. */
  keep(now: number, total: (sku: string) => number, limits: Present['highest']): void {
    const promised = [...this.#told.values()].filter(
      ({ state, expiresAt }) => state === 'confirmed' || (state === 'held' && now < expiresAt),
    )
    for (const [sku, limit] of limits) {
      const units = unitsOf(promised, sku)
      demand(units <= total(sku), 'oversell', () => `${units} ${sku} are promised, there are ${total(sku)}`)
      for (const buyer of new Set(promised.map((reservation) => reservation.buyer))) {
        const own = unitsOf(
          promised.filter((reservation) => reservation.buyer === buyer),
          sku,
        )
        demand(
          limit === null || own <= limit,
          'limit',
          () => `${buyer} has ${own} ${sku}, the limit is ${limit}`,
        )
      }
    }
  }
}

function unitsOf(reservations: readonly Reservation[], sku: string): number {
  return reservations.reduce((sum, { items }) => sum + unitsIn(items, sku), 0)
}
