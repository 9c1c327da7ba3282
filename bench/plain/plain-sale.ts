/**
 * What a developer writes in an afternoon: one script call for each reservation and each payment,
 * through ioredis. The scripts keep stock, limit, key, expiry and event; nothing sweeps expired
 * holds, and no answer says which hold it is about.
 */
import type { Redis, Result } from 'ioredis'
import confirm from './confirm.lua'
import reserve from './reserve.lua'

declare module 'ioredis' {
  interface RedisCommander<Context> {
    plainReserve(...keysAndArguments: (string | number)[]): Result<number, Context>
    plainConfirm(...keysAndArguments: (string | number)[]): Result<number, Context>
  }
}

const PARTS = ['stock', 'holds', 'expiry', 'buyers', 'events']
const HOLD_MS = 600_000

/** What a sale has counted. */
export interface PlainCounts {
  readonly left: number
  readonly holds: number
  /** Holds that are not confirmed. */
  readonly pending: number
  readonly events: number
}

/** Has the client know the scripts, which it calls by EVALSHA. */
export function knowPlainScripts(client: Redis): Redis {
  client.defineCommand('plainReserve', { numberOfKeys: PARTS.length, lua: reserve })
  client.defineCommand('plainConfirm', { numberOfKeys: PARTS.length, lua: confirm })
  return client
}

/** Has all commands of one turn of the event loop leave in one write. Call it when connected. */
export function corkWrites(client: Redis): Redis {
  const { stream } = client
  const write = stream.write.bind(stream) as (...args: unknown[]) => boolean
  let isCorked = false
  stream.write = (...args: unknown[]) => {
    if (!isCorked) {
      isCorked = true
      stream.cork()
      setImmediate(() => {
        isCorked = false
        stream.uncork()
      })
    }
    return write(...args)
  }
  return client
}

export class PlainSale {
  readonly #client: Redis
  readonly #keys: string[]
  readonly #limit: number

  /** @param client One that {@link knowPlainScripts}. */
  constructor(client: Redis, name: string, limit: number) {
    this.#client = client
    this.#keys = PARTS.map((part) => `{${name}}:${part}`)
    this.#limit = limit
  }

  async create(units: number): Promise<void> {
    await this.#client.set(this.#keys[0]!, units)
  }

  /** `repeated`: the id has a hold already. */
  async reserve(id: string, buyer: string, quantity = 1): Promise<'reserved' | 'repeated' | 'refused'> {
    const answer = await this.#client.plainReserve(...this.#keys, id, buyer, quantity, HOLD_MS, this.#limit)
    return answer === 1 ? 'reserved' : answer === 2 ? 'repeated' : 'refused'
  }

  async confirm(id: string, payment: string): Promise<boolean> {
    return (await this.#client.plainConfirm(...this.#keys, id, payment)) === 1
  }

  async counts(): Promise<PlainCounts> {
    const [stock, holds, expiry, , events] = this.#keys as [string, string, string, string, string]
    const [left, ...others] = await Promise.all([
      this.#client.get(stock),
      this.#client.hlen(holds),
      this.#client.zcard(expiry),
      this.#client.xlen(events),
    ])
    const [held, pending, written] = others as [number, number, number]
    return { left: Number(left), holds: held, pending, events: written }
  }

  async remove(): Promise<void> {
    await this.#client.unlink(...this.#keys)
  }
}
