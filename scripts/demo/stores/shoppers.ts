import type { FlashSale } from '../../../src/index.js'
import { unitsOf } from '../../fulfilment/warehouse.js'
import { retry } from '../../lib/retry.js'
import type { BuyerScheduler, Visit } from '../launch/buyer-scheduler.js'
import { type Plan, planOf } from '../launch/plan.js'
import type { ExpectedStores } from './expected-stores.js'
import type { Basket } from './store-plan.js'

/** A late payment comes after this share of the hold. */
const LATE = 1.02

export interface ShopperContext {
  readonly sales: readonly FlashSale[]
  readonly scheduler: BuyerScheduler
  readonly expected: ExpectedStores
  readonly seed: number
  readonly holdMs: number
  basket(order: number): Basket
  /** Called after a payment or a refund in that store. */
  onOrder(store: number): void
}

/**
 * The buyers of the stores. The stores have no waiting rooms: few buyers come to each, and there
 * are very many stores.
 */
export class Shoppers {
  readonly #context: ShopperContext

  constructor(streets: ShopperContext) {
    this.#context = streets
  }

  *arrivals(orders: number): Generator<Visit> {
    for (let order = 0; order < orders; order++) yield () => this.#shop(order)
  }

  async #shop(order: number): Promise<void> {
    const { seed, sales, expected } = this.#context
    const { store, items } = this.#context.basket(order)
    const plan = planOf(seed, order, -5)
    const request = { buyer: `shopper-${order}`, items, key: 'basket' }
    const click = () => this.#retry(() => sales[store]!.reserve(request))
    const answers = await Promise.all(plan.doubleClick ? [click(), click()] : [click()])
    expected.asked(answers)
    const answer = answers.find(({ status }) => status === 'reserved')
    if (answer?.status === 'reserved') this.#follow(plan, store, answer.reservation.id, unitsOf(items))
  }

  #follow(plan: Plan, store: number, id: string, units: number): void {
    const { scheduler, sales, holdMs } = this.#context
    const soon = holdMs * plan.after
    const pay = () => this.#pay(plan, store, id, units)
    const giveBack = async () => void (await this.#retry(() => sales[store]!.release(id)))
    if (plan.fate === 'pays') scheduler.after(soon, pay)
    else if (plan.fate === 'pays late') scheduler.after(holdMs * LATE + soon / 10, pay)
    else if (plan.fate !== 'lets it expire') scheduler.after(soon, giveBack)
  }

  async #pay(plan: Plan, store: number, id: string, units: number): Promise<void> {
    const { expected, sales, scheduler, holdMs } = this.#context
    const report = () => this.#retry(() => sales[store]!.confirm(id, { paymentId: `payment-${id}` }))
    const answers = await Promise.all(plan.reportedTwice ? [report(), report()] : [report()])
    expected.paid(store, id, units, answers)
    this.#context.onOrder(store)
    if (answers[0]!.status === 'confirmed' && plan.cancels)
      scheduler.after(holdMs * plan.pause, () => this.#cancel(store, id))
  }

  async #cancel(store: number, id: string): Promise<void> {
    const { sales, expected } = this.#context
    const { status } = await this.#retry(() => sales[store]!.refund(id, { restock: false }))
    if (status === 'refunded') expected.takenBack(store, id)
    this.#context.onOrder(store)
  }

  #retry<T>(ask: () => Promise<T>): Promise<T> {
    return retry(ask, () => {
      this.#context.expected.retries++
    })
  }
}
