import type { Refund, Refunding } from '../../fulfilment/bank.js'
import type { Order, Packing } from '../../fulfilment/warehouse.js'
import { type Random, random } from '../../lib/random.js'

/** Requests that do not arrive, and answers that get lost: then it was done, and nobody knows. */
const LOST_REQUESTS = 0.01
const LOST_ANSWERS = 0.005

/** The way to the warehouse and to the bank, on which things go wrong. */
export class Trouble implements Packing, Refunding {
  readonly #warehouse: Packing
  readonly #bank: Refunding
  readonly #dice: Random
  #toLose: number
  failures = 0

  /** @param toLose Parcels that the warehouse says it has packed, and has not. */
  constructor(warehouse: Packing, bank: Refunding, seed: number, toLose = 0) {
    this.#warehouse = warehouse
    this.#bank = bank
    this.#dice = random(seed, -2)
    this.#toLose = toLose
  }

  pack(order: Order): Promise<void> {
    return this.#send(async () => {
      if (this.#toLose > 0) this.#toLose--
      else await this.#warehouse.pack(order)
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
    if (luck < LOST_REQUESTS) this.#fail('is not reached')
    const answer = await request()
    if (luck < LOST_REQUESTS + LOST_ANSWERS) this.#fail('does not answer')
    return answer
  }

  #fail(how: string): never {
    this.failures++
    throw new Error(`the warehouse ${how}`)
  }
}
