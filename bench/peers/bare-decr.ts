import { Redis } from 'ioredis'
import { CALLERS, PLENTY } from '../../scripts/lib/load/sale.js'
import type { Peer } from './peer.js'

/**
 * The careless baseline: one DECR, sold if the counter did not go below zero. There is no limit, a
 * repeated request takes a second unit, the unit of a buyer who walks away is never sold again, and
 * refusals make the counter negative, so that returned units are lost. It guarantees nothing; what
 * it breaks is reported.
 */
export class BareDecr implements Peer {
  readonly name = 'decr'
  readonly label = 'bare DECR'
  readonly promises = []
  readonly callers = CALLERS
  readonly plenty = PLENTY
  readonly #client: Redis
  readonly #stock: string

  constructor(url: string, prefix: string) {
    this.#client = new Redis(url)
    this.#stock = `{${prefix}}:stock`
  }

  async create(units: number): Promise<void> {
    await this.#client.set(this.#stock, units)
  }

  async reserve() {
    return (await this.#client.decr(this.#stock)) >= 0 ? 'reserved' : 'refused'
  }

  async state() {
    return { left: Number(await this.#client.get(this.#stock)), recorded: null }
  }

  async close(): Promise<void> {
    await this.#client.del(this.#stock)
    this.#client.disconnect()
  }
}
