import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { PLENTY } from '../../scripts/lib/load/sale.js'
import { ALL, type Peer, SKU } from './peer.js'
import { clearStore, decide, readAll, readState, type StoreKeys, storeKeys, writeAll } from './redis-store.js'

/**
 * Optimistic: read under WATCH, decide, write in MULTI; a caller that was overtaken begins again. A
 * WATCH belongs to a connection, so each caller has its own. Two round trips an attempt, which is
 * the least there can be.
 */
export class WatchMulti implements Peer {
  readonly name = 'watch'
  readonly label = 'WATCH and MULTI'
  readonly promises = ALL
  readonly callers = 4
  readonly plenty = PLENTY
  readonly #idle: Redis[]
  readonly #clients: readonly Redis[]
  readonly #keys: StoreKeys

  constructor(url: string, prefix: string) {
    this.#clients = Array.from({ length: this.callers }, () => new Redis(url))
    this.#idle = [...this.#clients]
    this.#keys = storeKeys(prefix)
  }

  async create(units: number): Promise<void> {
    await clearStore(this.#clients[0]!, this.#keys)
    await this.#clients[0]!.hset(this.#keys.stock, SKU, units)
  }

  async reserve(buyer: string, key: string) {
    const client = this.#idle.pop()
    if (!client) throw new Error(`at most ${this.callers} callers at a time`)
    try {
      for (let attempt = 0; ; attempt++) {
        const outcome = await this.#attempt(client, buyer, key)
        if (outcome !== 'overtaken') return outcome
        await delay(Math.random() * Math.min(2 ** attempt, 32))
      }
    } finally {
      this.#idle.push(client)
    }
  }

  async #attempt(client: Redis, buyer: string, key: string) {
    // Every reservation changes the stock, so to watch it is to watch everything.
    const results = (await readAll(client.pipeline().watch(this.#keys.stock), this.#keys, buyer, key).exec())!
    const decision = decide(results.slice(1))
    if (decision !== 'take') {
      await client.unwatch()
      return decision === 'replayed' ? 'reserved' : 'refused'
    }
    const written = await writeAll(client.multi(), this.#keys, randomUUID(), buyer, key).exec()
    return written === null ? 'overtaken' : 'reserved'
  }

  state() {
    return readState(this.#clients[0]!, this.#keys)
  }

  async close(): Promise<void> {
    await clearStore(this.#clients[0]!, this.#keys)
    for (const client of this.#clients) client.disconnect()
  }
}
