import type { FlashSale } from '../../../src/index.js'
import type { Payout, PostgresLedger } from '../../../src/postgres.js'
import { random } from '../../lib/random.js'
import { retry } from '../../lib/retry.js'

/** The share of the orders that buyers send back before the seller is paid, and after it. */
const SENT_BACK = { before: 0.03, after: 0.01 } as const
/** Orders of one batch of payouts. */
const BATCH = 5_000
const CARRIER = 'parcel-post'

/** Units and their price in cents. */
export interface Amount {
  readonly orders: number
  readonly units: number
  readonly cents: number
}

/** What has become of the parcels, and of the money. */
export interface Receipts {
  /** Units by the reservation's id. */
  readonly received: ReadonlyMap<string, number>
  readonly sentBack: {
    readonly before: ReadonlyMap<string, number>
    readonly after: ReadonlyMap<string, number>
  }
  /** Orders that could be shipped after their refund. */
  readonly shippedAgain: number
  /** What the ledger said to pay to the seller, and to take back. */
  readonly paidOut: Amount
  readonly deducted: Amount
  /** Orders that were in two batches. */
  readonly paidTwice: number
  /** Orders that the ledger has as paid for and not received. */
  readonly open: number
}

export interface ReceiptContext {
  readonly sale: FlashSale
  readonly ledger: PostgresLedger
  readonly openOrders: () => Promise<number>
  readonly seed: number
  /** Calls at a time. */
  readonly concurrency: number
}

/**
 * The price of a unit in this order: 99.00 less a voucher of up to 10.00. Prices are the shop's;
 * the library knows units.
 */
export function priceOf(reservation: string): number {
  let hash = 0
  for (const character of reservation) hash = (hash * 31 + character.charCodeAt(0)) % 1_000_003
  return 9_900 - (hash % 1_000)
}

export function amountOf(orders: ReadonlyMap<string, number>): Amount {
  let units = 0
  let cents = 0
  for (const [id, quantity] of orders) {
    units += quantity
    cents += quantity * priceOf(id)
  }
  return { orders: orders.size, units, cents }
}

/** The weeks after the sale, in some seconds. */
export class Receipt {
  readonly #context: ReceiptContext
  readonly #received = new Map<string, number>()

  constructor(context: ReceiptContext) {
    this.#context = context
  }

  /** The carrier takes the parcels, and delivers them. */
  async deliver(parcels: ReadonlyMap<string, number>): Promise<void> {
    const { sale, ledger } = this.#context
    const ids = [...parcels.keys()]
    await this.#each(ids, async (id) => {
      await ledger.ship(sale, id, { carrier: CARRIER, reference: `parcel-${id}` })
    })
    await this.#each(ids, async (id) => {
      const { status } = await ledger.deliver(sale, id)
      if (status === 'delivered') this.#received.set(id, parcels.get(id)!)
    })
  }

  /**
   * Some buyers send theirs back and get their money, and the seller is paid for the rest. Some
   * more come back after that: the next payout deducts them.
   */
  async payOut(): Promise<Receipts> {
    const { sale, ledger, openOrders } = this.#context
    const open = await openOrders()
    const sentBack = this.#sentBack()
    const money = new Money()
    let shippedAgain = 0
    for (const when of ['before', 'after'] as const) {
      const ids = [...sentBack[when].keys()]
      await this.#each(ids, (id) => ledger.refund(sale, id, { restock: false }))
      // A refunded order must not be shipped again. The answer comes once the ledger has the
      // refund, by which the payouts go.
      await this.#each(ids, async (id) => {
        const { status } = await ledger.ship(sale, id, { carrier: CARRIER, reference: `again-${id}` })
        if (status !== 'refunded') shippedAgain++
      })
      for (let batch = 1, more = true; more; batch++) {
        const options = { deliveredFor: 0, key: `${when}-${batch}`, limit: BATCH }
        const payout = await retry(() => ledger.payouts(options))
        money.add(payout)
        more = payout.more
      }
    }
    return { received: this.#received, sentBack, shippedAgain, ...money.totals(), open }
  }

  #sentBack(): Receipts['sentBack'] {
    const sentBack = { before: new Map<string, number>(), after: new Map<string, number>() }
    const dice = random(this.#context.seed, -7)
    for (const [id, units] of this.#received) {
      const luck = dice()
      if (luck < SENT_BACK.before) sentBack.before.set(id, units)
      else if (luck < SENT_BACK.before + SENT_BACK.after) sentBack.after.set(id, units)
    }
    return sentBack
  }

  async #each(ids: readonly string[], work: (id: string) => Promise<unknown>): Promise<void> {
    const { concurrency } = this.#context
    for (let at = 0; at < ids.length; at += concurrency)
      await Promise.all(ids.slice(at, at + concurrency).map((id) => retry(() => work(id))))
  }
}

/** Adds up payouts. */
class Money {
  readonly #paidOut = new Map<string, number>()
  readonly #deducted = new Map<string, number>()
  #paidTwice = 0

  add({ orders, refunded }: Payout): void {
    for (const { id, items } of orders) {
      if (this.#paidOut.has(id)) this.#paidTwice++
      else this.#paidOut.set(id, sum(items))
    }
    for (const { id, items } of refunded) this.#deducted.set(id, (this.#deducted.get(id) ?? 0) + sum(items))
  }

  totals(): Pick<Receipts, 'paidOut' | 'deducted' | 'paidTwice'> {
    return {
      paidOut: amountOf(this.#paidOut),
      deducted: amountOf(this.#deducted),
      paidTwice: this.#paidTwice,
    }
  }
}

function sum(items: readonly { readonly quantity: number }[]): number {
  return items.reduce((units, { quantity }) => units + quantity, 0)
}
