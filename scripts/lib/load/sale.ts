import {
  type Engine,
  FlashSale,
  type ReserveRequest,
  type SaleRules,
  type WaitingRoom,
} from '../../../src/index.js'
import type { Work } from './drive.js'
import type { Invariants } from './invariants.js'

export const SKU = 'mango-me'
/** More than any round can take. */
export const PLENTY = 100_000_000
/** Enough callers to keep full batches under way, and few enough for answers to stay quick. */
export const CALLERS = 2_000

/** 12 characters, as the buyers of a real shop have. */
export const buyerName = (n: number) => `u${String(n).padStart(11, '0')}`
/** 24 characters, as generated keys have. */
export const keyName = (n: number) => `checkout-${String(n).padStart(15, '0')}`

export function requestOf(n: number): ReserveRequest {
  return { buyer: buyerName(n), items: [{ sku: SKU, quantity: 1 }], key: keyName(n) }
}

/** Reserves one unit for the `n`th buyer with the `n`th key. */
export const reserveIn = (sale: FlashSale): Work => {
  return async (n) => ((await sale.reserve(requestOf(n))).status === 'reserved' ? 'accepted' : 'refused')
}

/**
 * A sale, of one SKU unless its rules say otherwise, and the answers of its callers, which are
 * compared with the sale at the end. Its deadline is far away, since a slow answer is a figure
 * here, not a fault.
 */
export class BenchSale {
  readonly sale: FlashSale
  readonly #stock: Readonly<Record<string, number>>
  readonly #lines: number
  /** Reservations, not units. */
  held = 0
  confirmed = 0

  private constructor(sale: FlashSale, stock: Readonly<Record<string, number>>, lines: number) {
    this.sale = sale
    this.#stock = stock
    this.#lines = lines
  }

  /** @param options `lines`: of every reservation that will be made, each of one unit (1). */
  static async open(
    engine: Engine,
    id: string,
    rules: Partial<SaleRules> = {},
    { lines = 1, waitingRoom }: { lines?: number; waitingRoom?: WaitingRoom | undefined } = {},
  ): Promise<BenchSale> {
    const sale = new FlashSale(id, { engine, waitingRoom, deadlineMs: 60_000, maxInFlight: 10_000_000 })
    const all = { stock: { [SKU]: PLENTY }, limitPerBuyer: 2, ...rules }
    await sale.create(all)
    return new BenchSale(sale, all.stock, lines)
  }

  /** Reserves one unit for the `n`th buyer with the `n`th key. */
  readonly reserve: Work = async (n) =>
    (await this.hold(requestOf(n))) === undefined ? 'refused' : 'accepted'

  /** Answers the id of the reservation, or `undefined` for a refusal. */
  async hold(request: ReserveRequest): Promise<string | undefined> {
    const result = await this.sale.reserve(request)
    if (result.status !== 'reserved') return undefined
    if (!result.replayed) this.held++
    return result.reservation.id
  }

  async confirm(id: string): Promise<boolean> {
    const { status } = await this.sale.confirm(id, { paymentId: 'paid' })
    if (status !== 'confirmed') return false
    this.held--
    this.confirmed++
    return true
  }

  /**
   * Compares the counts of the sale with the answers of its callers, and closes the handle.
   *
   * @param audit Recounts every reservation too, which takes as long as making them did; so only
   * some of many sales do.
   */
  async finish(invariants: Invariants, { audit = true } = {}): Promise<void> {
    const { id } = this.sale
    const { skus } = await this.sale.stats()
    const sum = { held: 0, confirmed: 0 }
    for (const [sku, { available, held, confirmed, total, inTransit }] of Object.entries(skus)) {
      invariants.check(
        'the counts add up to the stock, none below zero',
        total === this.#stock[sku] &&
          available + held + confirmed + inTransit === total &&
          Math.min(available, held, confirmed, inTransit) >= 0,
        `${id}: ${available} of ${sku} available, ${held} held, ${confirmed} confirmed of ${total}`,
      )
      sum.held += held
      sum.confirmed += confirmed
    }
    const told = { held: this.held * this.#lines, confirmed: this.confirmed * this.#lines }
    invariants.check(
      'held and confirmed units are those the callers were told of',
      sum.held === told.held && sum.confirmed === told.confirmed,
      `${id}: ${sum.held} held and ${sum.confirmed} confirmed, told ${told.held} and ${told.confirmed}`,
    )
    if (audit) {
      const { ok, violations, reservations } = await this.sale.audit()
      invariants.check('the audit finds no violation', ok, `${id}: ${violations[0]?.message}`)
      invariants.check(
        'the audit finds every reservation the callers were told of, and no other',
        reservations === this.held + this.confirmed,
        `${id}: ${reservations} found, told ${this.held + this.confirmed}`,
      )
    }
    await this.sale.close()
  }
}
