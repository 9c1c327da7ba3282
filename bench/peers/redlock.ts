import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { Redis, type Result } from 'ioredis'
import { PLENTY } from '../../scripts/lib/load/sale.js'
import { ALL, type Peer, SKU } from './peer.js'
import { clearStore, decide, readAll, readState, type StoreKeys, storeKeys, writeAll } from './redis-store.js'

declare module 'ioredis' {
  interface RedisCommander<Context> {
    releaseLock(lock: string, token: string): Result<number, Context>
  }
}

const TTL_MS = 2_000
/** What clocks may disagree by, as the algorithm reckons it: 1 % and 2 ms. */
const DRIFT_MS = TTL_MS * 0.01 + 2
const RETRY_MS = 2
const JITTER_MS = 4

/**
 * A lock around read and write, on one instance:
 * https://redis.io/docs/latest/develop/clients/patterns/distributed-locks/ Its usual wait of 200 ms
 * between tries would leave a hot lock idle most of the time; this one waits a few.
 */
export class Redlock implements Peer {
  readonly name = 'redlock'
  readonly label = 'Redlock around read and write'
  readonly promises = ALL
  readonly callers = 4
  readonly plenty = PLENTY
  readonly #client: Redis
  readonly #keys: StoreKeys
  readonly #lock: string

  constructor(url: string, prefix: string) {
    this.#client = new Redis(url)
    this.#keys = storeKeys(prefix)
    this.#lock = `{${prefix}}:lock`
    this.#client.defineCommand('releaseLock', {
      numberOfKeys: 1,
      // Only its owner may release it: the lock may have expired and belong to another caller.
      lua: `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) else return 0 end`,
    })
  }

  async create(units: number): Promise<void> {
    await clearStore(this.#client, this.#keys)
    await this.#client.hset(this.#keys.stock, SKU, units)
  }

  async reserve(buyer: string, key: string) {
    for (;;) {
      const token = randomUUID()
      const validUntil = performance.now() + TTL_MS - DRIFT_MS
      const locked = await this.#client.set(this.#lock, token, 'PX', TTL_MS, 'NX')
      if (locked === null) {
        await delay(RETRY_MS + Math.random() * JITTER_MS)
        continue
      }
      try {
        const outcome = await this.#whileLocked(validUntil, buyer, key)
        if (outcome !== 'expired') return outcome
      } finally {
        await this.#client.releaseLock(this.#lock, token)
      }
    }
  }

  async #whileLocked(validUntil: number, buyer: string, key: string) {
    const results = (await readAll(this.#client.pipeline(), this.#keys, buyer, key).exec())!
    const decision = decide(results)
    if (decision !== 'take') return decision === 'replayed' ? 'reserved' : 'refused'
    if (performance.now() >= validUntil) return 'expired'
    await writeAll(this.#client.multi(), this.#keys, randomUUID(), buyer, key).exec()
    return 'reserved'
  }

  state() {
    return readState(this.#client, this.#keys)
  }

  async close(): Promise<void> {
    await clearStore(this.#client, this.#keys)
    this.#client.disconnect()
  }
}
