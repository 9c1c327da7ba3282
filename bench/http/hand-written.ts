import { Redis } from 'ioredis'
import type { Invariants } from '../../scripts/lib/load/invariants.js'
import { PLENTY } from '../../scripts/lib/load/sale.js'
import { LIMIT } from '../peers/peer.js'
import { PostgresUpdate } from '../peers/postgres-update.js'
import { knowPlainScripts, PlainSale } from '../plain/plain-sale.js'
import type { HandWritten, Told } from './shop.js'

const RULE = 'stock and orders of the shops written by hand are what their visitors were told'

/** Buyer and key together name a reservation: no other buyer can use the key. */
const idOf = (buyer: string, key: string) => `${buyer}.${key}`

/** One EVALSHA for each reservation and each payment. */
export class PlainShop implements HandWritten {
  readonly #client: Redis
  readonly #prefix: string
  #sale!: PlainSale

  constructor(url: string, prefix: string) {
    this.#client = knowPlainScripts(new Redis(url))
    this.#prefix = prefix
  }

  async open(sale: string): Promise<void> {
    this.#sale = new PlainSale(this.#client, `${this.#prefix}-${sale}`, LIMIT)
    await this.#sale.create(PLENTY)
  }

  async reserve(buyer: string, key: string, quantity: number): Promise<string | undefined> {
    const id = idOf(buyer, key)
    return (await this.#sale.reserve(id, buyer, quantity)) === 'refused' ? undefined : id
  }

  pay(reservation: string, payment: string): Promise<boolean> {
    return this.#sale.confirm(reservation, payment)
  }

  async finish({ reserved, confirmed }: Told, invariants: Invariants): Promise<void> {
    const { left, holds, pending } = await this.#sale.counts()
    invariants.check(
      RULE,
      left === PLENTY - reserved && holds === reserved && pending === reserved - confirmed,
      `plain: ${PLENTY - left} taken, ${holds} holds, ${pending} not paid; told ${reserved} and ${confirmed} paid`,
    )
    await this.#sale.remove()
  }
}

/**
 * One transaction for each reservation, with a conditional UPDATE of the stock, and one UPDATE for
 * each payment.
 */
export class PostgresShop implements HandWritten {
  readonly #tables: PaidTables

  constructor(url: string) {
    this.#tables = new PaidTables(url)
  }

  open(): Promise<void> {
    return this.#tables.create(PLENTY)
  }

  async reserve(buyer: string, key: string, quantity: number): Promise<string | undefined> {
    if (quantity !== 1) return undefined
    return (await this.#tables.reserve(buyer, key)) === 'reserved' ? idOf(buyer, key) : undefined
  }

  pay(reservation: string): Promise<boolean> {
    const [buyer, key] = reservation.split('.')
    return this.#tables.pay(buyer!, key!)
  }

  async finish({ reserved, confirmed }: Told, invariants: Invariants): Promise<void> {
    const { left, recorded } = await this.#tables.state()
    const paid = await this.#tables.paid()
    invariants.check(
      RULE,
      left === PLENTY - reserved && recorded === reserved && paid === confirmed,
      `PostgreSQL: ${PLENTY - left} taken, ${recorded} recorded, ${paid} paid; told ${reserved} and ${confirmed} paid`,
    )
  }
}

class PaidTables extends PostgresUpdate {
  async pay(buyer: string, key: string): Promise<boolean> {
    const text = `UPDATE reservations SET state = 'confirmed' WHERE buyer = $1 AND key = $2 AND state = 'held'`
    return (await this.pool.query({ name: 'pay', text, values: [buyer, key] })).rowCount === 1
  }

  async paid(): Promise<number> {
    const { rows } = await this.pool.query<{ paid: number }>(
      `SELECT count(*)::int AS paid FROM reservations WHERE state = 'confirmed'`,
    )
    return rows[0]!.paid
  }
}
