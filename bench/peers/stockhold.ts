import { Redis } from 'ioredis'
import { CALLERS, PLENTY } from '../../scripts/lib/load/sale.js'
import { FlashSale, redisEngine } from '../../src/index.js'
import { partitionKeys } from '../../src/redis-engine/keys.js'

import { ALL, HOLD_MS, LIMIT, type Peer, SKU } from './peer.js'

export class Stockhold implements Peer {
  readonly name = 'stockhold'
  readonly label = 'stockhold'
  readonly promises = ALL
  readonly callers = CALLERS
  readonly plenty = PLENTY
  readonly #client: Redis
  readonly #prefix: string
  #sale: FlashSale | undefined
  #rounds = 0

  constructor(url: string, prefix: string) {
    this.#client = new Redis(url)
    this.#prefix = prefix
  }

  async create(units: number): Promise<void> {
    await this.#clear()
    const engine = redisEngine(this.#client, { prefix: this.#prefix })
    this.#sale = new FlashSale(`round-${++this.#rounds}`, { engine, deadlineMs: 60_000 })
    await this.#sale.create({ stock: { [SKU]: units }, limitPerBuyer: LIMIT, holdMs: HOLD_MS })
  }

  async reserve(buyer: string, key: string) {
    const { status } = await this.#sale!.reserve({ buyer, items: [{ sku: SKU, quantity: 1 }], key })
    return status === 'reserved' ? status : 'refused'
  }

  async state() {
    const { skus, reservations, violations } = await this.#sale!.audit()
    const left = skus[SKU]!.available
    return { left, recorded: reservations, ...(violations[0] && { fault: violations[0].message }) }
  }

  async close(): Promise<void> {
    await this.#clear()
    this.#client.disconnect()
  }

  async #clear(): Promise<void> {
    if (!this.#sale) return
    await this.#sale.close()
    await this.#client.del(partitionKeys(this.#prefix, this.#sale.id, 0, 1))
    this.#sale = undefined
  }
}
