import type { Refund, Refunding } from '../../fulfilment/bank.js'
import type { Order, Packing } from '../../fulfilment/warehouse.js'
import { type Random, random } from '../../lib/random.js'

/**
 * The share of requests that do not arrive, and of answers that are lost after the request was
 * carried out.
 */
const LOST_REQUESTS = 0.01
const LOST_ANSWERS = 0.005

/** The warehouse and the bank behind a network that loses messages. */
export class UnreliableServices implements Packing, Refunding {
  readonly #warehouse: Packing
  readonly #bank: Refunding
  readonly #dice: Random
  readonly #toLose: number
  readonly #lost = new Set<string>()
  failures = 0

  /** @param toLose Parcels that the warehouse claims to have packed, and has not. */
  constructor(warehouse: Packing, bank: Refunding, seed: number, toLose = 0) {
    this.#warehouse = warehouse
    this.#bank = bank
    this.#dice = random(seed, -2)
    this.#toLose = toLose
  }

  pack(order: Order): Promise<void> {
    // A lost parcel is not found at the second try either.
    if (this.#toLose > this.#lost.size) this.#lost.add(order.reservation)
    return this.#send(async () => {
      if (!this.#lost.has(order.reservation)) await this.#warehouse.pack(order)
    })
  }

  cancel(reservation: string): Promise<'cancelled' | 'shipped'> {
    return this.#send(() => this.#warehouse.cancel(reservation))
  }

  giveBack(refund: Refund): Promise<void> {
    return this.#send(() => this.#bank.giveBack(refund))
  }

  async #send<T>(request: () => Promise<T>): Promise<T> {
    const luck = this.#dice()
    if (luck < LOST_REQUESTS) this.#fail('was not reached')
    const answer = await request()
    if (luck < LOST_REQUESTS + LOST_ANSWERS) this.#fail('did not answer')
    return answer
  }

  #fail(how: string): never {
    this.failures++
    throw new Error(`The warehouse ${how}.`)
  }
}
