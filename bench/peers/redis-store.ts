import type { ChainableCommander, Redis } from 'ioredis'
import { HOLD_MS, LIMIT, SKU, type StoreState } from './peer.js'

/** What the peers on Redis store, as `single-evalsha.ts` names it. */
export interface StoreKeys {
  readonly stock: string
  readonly buyers: string
  readonly keys: string
  readonly reservations: string
  readonly expiry: string
  readonly events: string
}

export function storeKeys(name: string): StoreKeys {
  const key = (part: string) => `{${name}}:${part}`
  return {
    stock: key('stock'),
    buyers: key('buyers'),
    keys: key('keys'),
    reservations: key('reservations'),
    expiry: key('expiry'),
    events: key('events'),
  }
}

export async function clearStore(client: Redis, keys: StoreKeys): Promise<void> {
  await client.del(Object.values(keys))
}

export async function readState(client: Redis, keys: StoreKeys): Promise<StoreState> {
  const [left, recorded] = await Promise.all([client.hget(keys.stock, SKU), client.hlen(keys.reservations)])
  return { left: Number(left), recorded }
}

/** Everything that a decision in the application needs, in one round trip. */
export function readAll(pipeline: ChainableCommander, keys: StoreKeys, buyer: string, key: string) {
  return pipeline.hget(keys.keys, `${buyer}:${key}`).hget(keys.buyers, buyer).hget(keys.stock, SKU)
}

/** `results` are the last three of {@link readAll}. */
export function decide(results: readonly [Error | null, unknown][]): 'replayed' | 'refused' | 'take' {
  const [known, taken, available] = results.map(([error, value]) => {
    if (error) throw error
    return value
  })
  if (known) return 'replayed'
  return Number(taken ?? 0) + 1 > LIMIT || Number(available) < 1 ? 'refused' : 'take'
}

/** A background job would release expired holds by the expiry index; in a round no hold expires. */
export function writeAll(multi: ChainableCommander, keys: StoreKeys, id: string, buyer: string, key: string) {
  const expiresAt = Date.now() + HOLD_MS
  return multi
    .hincrby(keys.stock, SKU, -1)
    .hincrby(keys.buyers, buyer, 1)
    .hset(keys.keys, `${buyer}:${key}`, id)
    .hset(keys.reservations, id, JSON.stringify({ buyer, key, sku: SKU, quantity: 1, expiresAt }))
    .zadd(keys.expiry, expiresAt, id)
}
