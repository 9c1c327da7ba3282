import type { FlashSale } from '../../../src/index.js'
import { retry } from '../../lib/retry.js'
import type { OrderState, Outcome } from './outcome.js'
import type { OrderLine } from './read.js'

interface Sold {
  readonly order: string
  readonly reservation: string
  readonly cart: readonly Item[]
}

interface Item {
  readonly sku: string
  readonly quantity: number
}

/** Every SKU's stock: a share of what the file wants of it, at least 1. */
export function stockFor(lines: readonly OrderLine[], share: number): Record<string, number> {
  const wanted = new Map<string, number>()
  for (const { sku, quantity } of lines) wanted.set(sku, (wanted.get(sku) ?? 0) + Math.max(0, quantity))
  return Object.fromEntries([...wanted].map(([sku, units]) => [sku, Math.max(1, Math.round(share * units))]))
}

/** Sends the orders of the file to the sale, one after the other. */
export class Shop {
  readonly #sale: FlashSale
  /** The lines of each order, in the order of the orders' first lines. */
  readonly #orders = new Map<string, OrderLine[]>()
  /** By buyer, the oldest first. */
  readonly #bought = new Map<string, Sold[]>()
  readonly #refusedCarts = new Set<string>()
  readonly #reservations = new Map<string, string | undefined>()
  done = 0
  readonly tally = {
    accepted: 0,
    soldOut: 0,
    refunded: 0,
    returns: 0,
    void: 0,
    wanted: 0,
    taken: 0,
    returned: 0,
    corrected: 0,
  }

  constructor(sale: FlashSale, lines: readonly OrderLine[]) {
    this.#sale = sale
    for (const line of lines) {
      const own = this.#orders.get(line.order)
      if (own) own.push(line)
      else this.#orders.set(line.order, [line])
    }
  }

  get size(): number {
    return this.#orders.size
  }

  async run(): Promise<void> {
    for (const [order, lines] of this.#orders) {
      const wanted = lines.filter(({ quantity }) => quantity > 0)
      const returned = lines.filter(({ cancels }) => cancels)
      const corrected = lines.filter(({ quantity, cancels }) => quantity < 0 && !cancels)
      if (wanted.length > 0) await this.#buy(order, wanted)
      if (returned.length > 0) await this.#cancel(returned)
      for (const line of corrected) this.tally.corrected -= await this.#restock(line, line.quantity)
      this.done++
    }
  }

  async #buy(order: string, lines: readonly OrderLine[]): Promise<void> {
    const { buyer: customer } = lines[0]!
    const buyer = customer === null ? `guest of ${order}` : `customer ${customer}`
    const units = lines.reduce((sum, { quantity }) => sum + quantity, 0)
    this.tally.wanted += units
    // As in the file: the library adds up the lines of a SKU.
    const items = lines.map(({ sku, quantity }) => ({ sku, quantity }))
    const answer = await retry(() => this.#sale.reserve({ buyer, key: order, items }))
    if (answer.status !== 'reserved') {
      if (answer.status !== 'sold_out') throw new Error(`order ${order} was answered ${answer.status}`)
      this.#reservations.set(order, undefined)
      this.tally.soldOut++
      if (customer !== null) this.#refusedCarts.add(cartName(customer, lines))
      return
    }
    const { id, items: cart } = answer.reservation
    const paid = await retry(() => this.#sale.confirm(id, { buyer, paymentId: order }))
    if (paid.status !== 'confirmed')
      throw new Error(`the payment of order ${order} was answered ${paid.status}`)
    this.#reservations.set(order, id)
    this.tally.accepted++
    this.tally.taken += units
    if (customer === null) return
    const bought = this.#bought.get(customer) ?? []
    bought.push({ order, reservation: id, cart })
    this.#bought.set(customer, bought)
  }

  /** Refunds a whole order; all other returns are added to the stock. */
  async #cancel(lines: readonly OrderLine[]): Promise<void> {
    const { buyer } = lines[0]!
    if (buyer !== null) {
      const name = cartName(buyer, lines)
      const bought = this.#bought.get(buyer) ?? []
      const at = bought.findLastIndex(({ cart }) => cartName(buyer, cart) === name)
      if (at !== -1) {
        const [{ order, reservation }] = bought.splice(at, 1) as [Sold]
        const answer = await retry(() => this.#sale.refund(reservation, { restock: true }))
        if (answer.status !== 'refunded')
          throw new Error(`the refund of ${order} was answered ${answer.status}`)
        this.tally.refunded++
        return
      }
      if (this.#refusedCarts.has(name)) {
        this.tally.void++
        return
      }
    }
    this.tally.returns++
    for (const line of lines) this.tally.returned += await this.#restock(line, -line.quantity)
  }

  /** The line's number is the key: each line counts once, however often it has to be sent. */
  async #restock({ line, sku }: OrderLine, quantity: number): Promise<number> {
    const restock = { sku, quantity, key: `line ${line}` }
    return (await retry(() => this.#sale.restock(restock))).applied
  }

  /** The state of each SKU and each order in the sale, after all orders. */
  async outcome(): Promise<Outcome> {
    const { skus } = await this.#sale.stats()
    const orders = new Map<string, OrderState>()
    for (const [order, id] of this.#reservations) {
      const state = id === undefined ? 'sold_out' : (await retry(() => this.#sale.get(id)))?.state
      // Any other state differs from every expected one.
      orders.set(order, state as OrderState)
    }
    return { skus: new Map(Object.entries(skus)), orders }
  }
}

/** The same for the same units of the same buyer, however the lines are ordered and split. */
function cartName(buyer: string, lines: readonly Item[]): string {
  const units = new Map<string, number>()
  for (const { sku, quantity } of lines) units.set(sku, (units.get(sku) ?? 0) + Math.abs(quantity))
  return JSON.stringify([buyer, ...[...units].sort(([a], [b]) => (a < b ? -1 : 1))])
}
