import { randomUUID } from 'node:crypto'
import type { FlashSale, WaitingRoom } from '../../src/index.js'

/** Other visitors, so that there is a queue to wait in. Every second one pays. */
export class Crowd {
  readonly #sale: FlashSale
  readonly #room: WaitingRoom
  readonly #pay: (reservation: string) => Promise<void>
  readonly #over = new AbortController()
  #came = 0

  constructor(sale: FlashSale, room: WaitingRoom, pay: (reservation: string) => Promise<void>) {
    this.#sale = sale
    this.#room = room
    this.#pay = pay
  }

  /** Resolves when they are in the queue. */
  async come(size: number): Promise<void> {
    for (let i = 0; i < size; i++) {
      const buyer = `crowd-${randomUUID()}`
      const joined = await this.#room.join(buyer)
      if (joined.status === 'joined') this.#buy(buyer, joined.ticket, this.#came++ % 2 === 0).catch(() => {})
    }
  }

  close(): void {
    this.#over.abort()
  }

  async #buy(buyer: string, ticket: string, pays: boolean): Promise<void> {
    for await (const turn of this.#room.updates(ticket, { signal: this.#over.signal })) {
      if (turn.status === 'closed') return
      if (turn.status !== 'admitted') continue
      const items = [{ sku: 'mango-me', quantity: 1 }]
      const held = await this.#sale.reserve({ buyer, items, pass: turn.pass })
      if (pays && held.status === 'reserved') await this.#pay(held.reservation.id)
    }
  }
}
