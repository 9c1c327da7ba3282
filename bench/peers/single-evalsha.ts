import { randomBytes } from 'node:crypto'
import type { Redis } from 'ioredis'
import source from './single-evalsha.lua'

/**
 * What a careful team without this library writes: one EVALSHA for each reservation, through
 * ioredis.
 */
export class SingleEvalsha {
  readonly #client: Redis
  readonly #keys: string[]
  #sha = ''

  constructor(client: Redis, name: string) {
    this.#client = client
    this.#keys = ['stock', 'buyers', 'keys', 'reservations', 'expiry', 'events'].map(
      (part) => `{${name}}:${part}`,
    )
  }

  async create(sku: string, units: number): Promise<void> {
    this.#sha = (await this.#client.script('LOAD', source)) as string
    await this.#client.hset(this.#keys[0]!, sku, units)
  }

  async reserve(buyer: string, key: string, sku: string): Promise<boolean> {
    const id = randomBytes(18).toString('base64url')
    const reply = await this.#client.evalsha(
      this.#sha,
      this.#keys.length,
      ...this.#keys,
      id,
      buyer,
      key,
      sku,
      1,
      2,
      600_000,
      Date.now() + 2_000,
    )
    return (reply as string[])[0] === 'reserved'
  }

  async available(sku: string): Promise<number> {
    return Number(await this.#client.hget(this.#keys[0]!, sku))
  }
}
