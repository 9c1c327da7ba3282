import type { FlashSale } from '../../../src/index.js'
import { unitsOf } from '../../fulfilment/warehouse.js'
import { patiently } from '../../lib/retry.js'
import type { Crowd, Visit } from '../launch/crowd.js'
import { type Plan, planOf } from '../launch/plan.js'
import type { StoreBooks } from './store-books.js'
import type { Basket } from './store-plan.js'

/** A late payment comes after this share of the hold. */
const LATE = 1.02

export interface Streets {
  readonly sales: readonly FlashSale[]
  readonly crowd: Crowd
  readonly books: StoreBooks
  readonly seed: number
  readonly holdMs: number
  basket(order: number): Basket
  /** Something was paid for or given back in that store. */
  onOrder(store: number): void
}

/** Those who buy in the stores: no waiting room, no crowd in front of any of them, but very many of them. */
export class Shoppers {
  readonly #streets: Streets

  constructor(streets: Streets) {
    this.#streets = streets
  }

  *arrivals(orders: number): Generator<Visit> {
    for (let order = 0; order < orders; order++) yield () => this.#shop(order)
  }

  async #shop(order: number): Promise<void> {
    const { seed, sales, books } = this.#streets
    const { store, items } = this.#streets.basket(order)
    const plan = planOf(seed, order, -5)
    const request = { buyer: `shopper-${order}`, items, key: 'basket' }
    const click = () => this.#patiently(() => sales[store]!.reserve(request))
    const answers = await Promise.all(plan.doubleClick ? [click(), click()] : [click()])
    books.asked(answers)
    const answer = answers.find(({ status }) => status === 'reserved')
    if (answer?.status === 'reserved') this.#follow(plan, store, answer.reservation.id, unitsOf(items))
  }

  #follow(plan: Plan, store: number, id: string, units: number): void {
    const { crowd, sales, holdMs } = this.#streets
    const soon = holdMs * plan.after
    const pay = () => this.#pay(plan, store, id, units)
    const giveBack = async () => void (await this.#patiently(() => sales[store]!.release(id)))
    if (plan.fate === 'pays') crowd.after(soon, pay)
    else if (plan.fate === 'pays late') crowd.after(holdMs * LATE + soon / 10, pay)
    else if (plan.fate !== 'lets it lapse') crowd.after(soon, giveBack)
  }

  async #pay(plan: Plan, store: number, id: string, units: number): Promise<void> {
    const { books, sales, crowd, holdMs } = this.#streets
    const report = () => this.#patiently(() => sales[store]!.confirm(id, { paymentId: `payment-${id}` }))
    const answers = await Promise.all(plan.reportedTwice ? [report(), report()] : [report()])
    books.paid(store, id, units, answers)
    this.#streets.onOrder(store)
    if (answers[0]!.status === 'confirmed' && plan.cancels)
      crowd.after(holdMs * plan.pause, () => this.#cancel(store, id))
  }

  async #cancel(store: number, id: string): Promise<void> {
    const { sales, books } = this.#streets
    const { status } = await this.#patiently(() => sales[store]!.refund(id, { restock: false }))
    if (status === 'refunded') books.takenBack(store, id)
    this.#streets.onOrder(store)
  }

  #patiently<T>(ask: () => Promise<T>): Promise<T> {
    return patiently(ask, () => {
      this.#streets.books.retries++
    })
  }
}
