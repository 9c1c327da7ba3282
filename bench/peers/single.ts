import { Redis } from 'ioredis'
import { CALLERS, PLENTY } from '../../scripts/lib/load/sale.js'
import { ALL, type Peer, SKU } from './peer.js'
import { clearStore, readState, type StoreKeys, storeKeys } from './redis-store.js'
import { SingleEvalsha } from './single-evalsha.js'

/** One EVALSHA for each reservation, through one client. */
export class Single implements Peer {
  readonly name: string
  readonly label: string
  readonly promises = ALL
  readonly callers = CALLERS
  readonly plenty = PLENTY
  readonly #client: Redis
  readonly #keys: StoreKeys
  readonly #script: SingleEvalsha

  constructor(url: string, prefix: string, { autoPipelining }: { autoPipelining: boolean }) {
    this.name = autoPipelining ? 'single-auto-pipelining' : 'single'
    this.label = autoPipelining ? 'EVALSHA each, auto-pipelined' : 'EVALSHA each'
    this.#client = new Redis(url, { enableAutoPipelining: autoPipelining })
    this.#keys = storeKeys(prefix)
    this.#script = new SingleEvalsha(this.#client, prefix)
  }

  async create(units: number): Promise<void> {
    await clearStore(this.#client, this.#keys)
    await this.#script.create(SKU, units)
  }

  async reserve(buyer: string, key: string) {
    return (await this.#script.reserve(buyer, key, SKU)) ? 'reserved' : 'refused'
  }

  state() {
    return readState(this.#client, this.#keys)
  }

  async close(): Promise<void> {
    await clearStore(this.#client, this.#keys)
    this.#client.disconnect()
  }
}
