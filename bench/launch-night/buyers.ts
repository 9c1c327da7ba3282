import { performance } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import type { Recorder } from '../../scripts/lib/load/recorder.js'
import type { Random } from '../../scripts/lib/random.js'
import { retry } from '../../scripts/lib/retry.js'
import { type Engine, FlashSale, type Reservation, type ReserveResult } from '../../src/index.js'
import { LIMIT, type NightPlan, type Order, saleName, skuOf } from './plan.js'

export interface Pace {
  /**
   * The hold of buyers of mango-me who pay late or walk away: the night is too short for the usual
   * ten minutes.
   */
  readonly shortHoldMs: number
  /** From the reservation to the payment, at most; 0: at once. */
  readonly payMs: number
}

/** What the buyers of one process were told. */
export interface Told {
  readonly reserved: number
  readonly confirmed: number
  readonly lateConfirmed: number
  readonly refundDue: number
  readonly released: number
  readonly doubleClicks: number
  /** Double clicks that got two reservations. */
  readonly doubled: number
  /** Paid in time, and not confirmed. */
  readonly cheated: number
  /** Orders that never got an answer. */
  readonly abandoned: number
  readonly operations: number
  /** Units by sale. */
  readonly confirmedUnits: Uint32Array
  /** Units by sale, held beyond the end of the night. */
  readonly heldUnits: Uint32Array
  /** Confirmed units of mango-me, by buyer. */
  readonly bought: ReadonlyMap<string, number>
}

/** The buyers of one application server; each carries out one order. */
export class Buyers {
  readonly told: { -readonly [K in keyof Told]: Told[K] } & { bought: Map<string, number> }
  readonly #plan: NightPlan
  readonly #engine: Engine
  readonly #pace: Pace
  readonly #recorder: Recorder
  readonly #random: Random
  readonly #sales: FlashSale[] = []
  readonly #waiting = new Set<Promise<void>>()

  constructor(plan: NightPlan, engine: Engine, pace: Pace, recorder: Recorder, random: Random) {
    this.#plan = plan
    this.#engine = engine
    this.#pace = pace
    this.#recorder = recorder
    this.#random = random
    const sales = plan.night.stores + 1
    this.told = {
      reserved: 0,
      confirmed: 0,
      lateConfirmed: 0,
      refundDue: 0,
      released: 0,
      doubleClicks: 0,
      doubled: 0,
      cheated: 0,
      abandoned: 0,
      operations: 0,
      confirmedUnits: new Uint32Array(sales),
      heldUnits: new Uint32Array(sales),
      bought: new Map(),
    }
  }

  /** Reserves, and answers the rest of the order to be carried out; `undefined` for a refusal. */
  async reserve(n: number): Promise<(() => Promise<void>) | undefined> {
    const order = this.#plan.order(n)
    const reservation = order.doubleClick ? await this.#clickTwice(order) : await this.#click(order)
    if (!reservation) return undefined
    this.told.reserved++
    return () => this.#finish(order, reservation)
  }

  /** Lets the rest of an order go on while the caller does not wait for it. */
  goOn(rest: Promise<void>): void {
    const kept = rest.catch(() => void this.told.abandoned++).finally(() => this.#waiting.delete(kept))
    this.#waiting.add(kept)
  }

  /** Waits for every order, and closes the handles. */
  async finish(): Promise<Told> {
    while (this.#waiting.size > 0) await Promise.all(this.#waiting)
    for (const sale of this.#sales) await sale?.close()
    return this.told
  }

  async #clickTwice(order: Order): Promise<Reservation | undefined> {
    this.told.doubleClicks++
    const results = await Promise.all([this.#ask(order), this.#ask(order)])
    const [first, second] = results.filter((result) => result.status === 'reserved')
    const twice = first && second
    if (twice && (first.reservation.id !== second.reservation.id || first.replayed === second.replayed)) {
      this.told.doubled++
    }
    return first?.reservation
  }

  async #click(order: Order): Promise<Reservation | undefined> {
    const result = await this.#ask(order)
    return result.status === 'reserved' ? result.reservation : undefined
  }

  #ask({ sale, buyer, quantity, key, fate }: Order): Promise<ReserveResult> {
    const items = [{ sku: skuOf(sale), quantity }]
    const isShort = fate === 'pays late' || (fate === 'walks away' && sale === 0)
    const request = { buyer, items, key, ...(isShort && { holdMs: this.#pace.shortHoldMs }) }
    return this.#retry(() => this.#sale(sale).reserve(request))
  }

  async #finish({ sale, fate, quantity, buyer }: Order, { id }: Reservation): Promise<void> {
    const { told } = this
    switch (fate) {
      case 'pays':
        if (this.#pace.payMs > 0) await delay(this.#random() * this.#pace.payMs)
        return this.#pay(sale, id, buyer, quantity, false)
      case 'pays late':
        this.goOn(this.#payLate(sale, id, buyer, quantity))
        return
      case 'releases':
        if (this.#pace.payMs > 0) await delay(this.#random() * this.#pace.payMs)
        await this.#retry(() => this.#sale(sale).release(id))
        told.released++
        return
      case 'walks away':
        if (sale !== 0) told.heldUnits[sale]! += quantity
    }
  }

  async #payLate(sale: number, id: string, buyer: string, quantity: number): Promise<void> {
    // The hold began before its answer came, so it has expired by then.
    await delay(this.#pace.shortHoldMs + 20)
    await this.#pay(sale, id, buyer, quantity, true)
  }

  async #pay(sale: number, id: string, buyer: string, quantity: number, isLate: boolean): Promise<void> {
    const { told } = this
    const result = await this.#retry(() => this.#sale(sale).confirm(id, { paymentId: `paid-${id}` }))
    if (result.status === 'confirmed' && (isLate || !result.late)) {
      told[isLate ? 'lateConfirmed' : 'confirmed']++
      told.confirmedUnits[sale]! += quantity
      if (sale === 0) told.bought.set(buyer, (told.bought.get(buyer) ?? 0) + quantity)
    } else if (result.status === 'refund_due' && isLate) told.refundDue++
    else told.cheated++
  }

  /**
   * Sends a call again that may succeed later, with the same key or id, as an application should.
   */
  #retry<T>(call: () => Promise<T>): Promise<T> {
    return retry(async () => {
      const startedAt = performance.now()
      this.told.operations++
      try {
        return await call()
      } catch (error) {
        this.#recorder.add('failed', startedAt, performance.now())
        throw error
      }
    })
  }

  #sale(index: number): FlashSale {
    this.#sales[index] ??= new FlashSale(saleName(index), { engine: this.#engine, deadlineMs: 60_000 })
    return this.#sales[index]
  }
}

/** The rules of a sale of the night. */
export function rulesOf(plan: NightPlan, sale: number) {
  return { stock: { [skuOf(sale)]: plan.stock(sale) }, limitPerBuyer: LIMIT }
}
