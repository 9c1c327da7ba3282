import { setTimeout as delay } from 'node:timers/promises'
import { type Random, random } from '../../../scripts/lib/random.js'
import { type FlashSale, StockholdError } from '../../../src/index.js'
import { watchDeadline } from '../../support/punctual.js'
import { type Call, type Order, type Report, SHORT_MS } from './orders.js'

export interface CrowdOptions {
  /** Sets the keys of one crowd apart from those of another. */
  readonly name: string
  readonly handles: readonly FlashSale[]
  readonly deadlineMs: number
  readonly limit: number
  /** Who asks at a time, on each handle. */
  readonly shoppers: number
}

/** How long a shopper rests between two orders, at most, in ms. */
const REST_MS = 50

/**
 * Buyers who reserve, confirm, release, walk away and ask again, without end; and who write down
 * what they are told.
 */
export class Crowd implements Report {
  readonly orders: Order[] = []
  readonly calls: Call[] = []
  readonly #options: CrowdOptions
  #stopping = false
  #running: Promise<unknown> = Promise.resolve()

  constructor(options: CrowdOptions) {
    this.#options = options
  }

  start(): this {
    const { handles, shoppers } = this.#options
    this.#stopping = false
    const all = handles.flatMap((handle, i) =>
      Array.from({ length: shoppers }, (_, j) => this.#shop(handle, random(i, j, this.orders.length))),
    )
    this.#running = Promise.all(all)
    return this
  }

  /** Resolves when every call has been settled. */
  async stop(): Promise<void> {
    this.#stopping = true
    await this.#running
  }

  /** How many calls were told this: a status, a code, or a fault with this cause. */
  count(told: string): number {
    return this.calls.filter((call) => call.told === told || call.cause === told).length
  }

  /** One order out of the usual: asked once, and held to like all the others. */
  async ask(handle: FlashSale, rest: Partial<Order> = {}): Promise<Order> {
    const order = this.#order({
      buyer: `${this.#options.name}-order-${this.orders.length}`,
      quantity: 1,
      ...rest,
    })
    await this.#reserve(handle, order)
    return order
  }

  async settle(handle: FlashSale, order: Order, wish: 'confirm' | 'release'): Promise<Order> {
    order.wish = wish
    await this.#settle(handle, order)
    return order
  }

  /**
   * Resolves once that many calls more were told this; who waits in vain hears of it from the
   * test's own time limit.
   */
  async hears(told: string, times = 1): Promise<void> {
    const enough = this.count(told) + times
    while (this.count(told) < enough) await delay(20)
  }

  /**
   * Through every handle there was: a buyer buys and pays at last. Clients take their time to
   * connect again.
   */
  async buysOnEveryHandle(): Promise<void> {
    await Promise.all(this.#options.handles.map((handle, i) => this.#buyAtLast(handle, i)))
  }

  async #buyAtLast(handle: FlashSale, index: number): Promise<void> {
    const { limit, name } = this.#options
    const order = this.#order({
      buyer: `${name}-again-${index}-${this.orders.length}`,
      quantity: limit,
      wish: 'confirm',
    })
    while (order.wishTold !== 'confirmed') {
      if (order.told !== 'reserved') await this.#reserve(handle, order)
      else await this.#settle(handle, order)
      await delay(5)
    }
  }

  async #shop(handle: FlashSale, draw: Random): Promise<void> {
    const { limit } = this.#options
    while (!this.#stopping) {
      const order = this.#order({
        // The same ones in every crowd; a few come again and again, and meet their limit.
        buyer: `u-${Math.floor(draw() * (draw() < 0.1 ? 20 : 8_000))}`,
        quantity: 1 + Math.floor(draw() * limit),
        ...(draw() < 0.2 ? { holdMs: SHORT_MS } : {}),
        ...(draw() < 0.4 ? { wish: 'confirm' } : draw() < 0.6 ? { wish: 'release' } : {}),
      })
      await this.#reserve(handle, order)
      // Half of them try once more where they were not told; the others leave it to the verdict.
      if (order.told === 'UNKNOWN_OUTCOME' && draw() < 0.5) await this.#reserve(handle, order)
      if (order.told === 'reserved' && order.wish) await this.#settle(handle, order)
      await delay(draw() * REST_MS)
    }
  }

  #order(rest: Partial<Order> & Pick<Order, 'buyer' | 'quantity'>): Order {
    const order: Order = {
      key: `${this.#options.name}-${this.orders.length}`,
      holdMs: null,
      ids: [],
      ...rest,
    }
    this.orders.push(order)
    return order
  }

  async #reserve(handle: FlashSale, order: Order): Promise<void> {
    const { buyer, key, quantity, holdMs } = order
    const items = [{ sku: 'phone', quantity }]
    const request = holdMs === null ? { buyer, key, items } : { buyer, key, items, holdMs }
    order.told = latest(
      order.told,
      await this.#call('reserve', async () => {
        const result = await handle.reserve(request)
        if ('reservation' in result) order.ids.push(result.reservation.id)
        return result.status
      }),
    )
  }

  async #settle(handle: FlashSale, order: Order): Promise<void> {
    const id = order.ids.at(-1)!
    const what = order.wish!
    order.wishTold = latest(
      order.wishTold,
      await this.#call(what, async () => (await handle[what](id)).status),
    )
  }

  async #call(what: Call['what'], ask: () => Promise<string>): Promise<string> {
    const at = performance.now()
    const settled = watchDeadline(this.#options.deadlineMs)
    let cause: string | undefined
    const told = await ask().catch((error: unknown) => {
      if (!(error instanceof StockholdError)) return `threw ${error}`
      if (error.cause instanceof Error) cause = error.cause.message
      return error.code
    })
    const call = { what, at, overdue: settled(), told }
    this.calls.push(cause === undefined ? call : { ...call, cause })
    return told
  }
}

/**
 * The first call connects, and learns the rules: on a busy machine that may take longer than one
 * deadline.
 */
export async function learnRules(handle: FlashSale): Promise<void> {
  while (!(await handle.stats().catch(() => undefined))) await delay(20)
}

/** "Nothing was executed" speaks of the last attempt: it ends no doubt about one before. */
function latest(before: string | undefined, now: string): string {
  return before === 'UNKNOWN_OUTCOME' && now === 'UNAVAILABLE' ? before : now
}
