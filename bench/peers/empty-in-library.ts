import { Redis } from 'ioredis'
import { closedLoop } from '../../scripts/lib/load/drive.js'
import { CALLERS, PLENTY, reserveIn } from '../../scripts/lib/load/sale.js'
import type { Answer, Command, Engine, Op, Reply } from '../../src/engine/engine.js'
import { FlashSale, redisEngine } from '../../src/index.js'
import { partitionKeys } from '../../src/redis-engine/keys.js'

import { EMPTY } from './empty-script.js'
import { intercept } from './intercept.js'
import { HOLD_MS, LIMIT, SKU } from './peer.js'

/**
 * Where the time goes: stockhold itself with the same callers, except that the server runs an empty
 * script. The difference to stockhold is the cost of the script; the difference to the replayed
 * calls is the cost of the library.
 */
export class EmptyInLibrary {
  readonly #client: Redis
  readonly #prefix: string

  constructor(url: string, prefix: string) {
    this.#client = new Redis(url)
    this.#prefix = prefix
  }

  /** Answers a second. */
  async round(seconds: number): Promise<number> {
    const sha = await this.#client.script('LOAD', EMPTY)
    const client = this.#client.duplicate()
    const swap = (args: unknown[]) => {
      args[0] = sha
    }
    const engine = yes(intercept(client, redisEngine(client, { prefix: this.#prefix }), swap))
    const sale = new FlashSale('empty', { engine, deadlineMs: 60_000 })
    await sale.create({ stock: { [SKU]: PLENTY }, limitPerBuyer: LIMIT, holdMs: HOLD_MS })
    const tally = await closedLoop({ callers: CALLERS, limit: { seconds }, work: reserveIn(sale) })
    await sale.close()
    await client.del(partitionKeys(this.#prefix, 'empty', 0, 1))
    client.disconnect()
    if (tally.failed > 0) throw tally.error
    return tally.accepted / tally.seconds
  }

  async close(): Promise<void> {
    this.#client.disconnect()
  }
}

/**
 * The engine cannot decode the reply of the empty script, so each reservation is answered here
 * after the reply.
 */
function yes(inner: Engine): Engine {
  return {
    elapsed: inner.elapsed,
    close: () => inner.close(),
    room: (name) => inner.room(name),
    groups: (...place) => inner.groups(...place),
    lifecycle: inner.lifecycle,
    sales: () => inner.sales(),
    rooms: () => inner.rooms(),
    partition: (sale, index, partitions) => {
      const partition = inner.partition(sale, index, partitions)
      const run = async <C extends Command>(
        command: C,
        ops: readonly Op<C>[],
        call: Parameters<typeof partition.run>[2],
      ): Promise<Reply<C>> => {
        const reply = partition.run(command, ops, call)
        if (command !== 'reserve') return reply
        await reply.catch(() => {})
        const now = Date.now()
        const answers = (ops as readonly Op<'reserve'>[]).map((op): Answer<'reserve'> => {
          const { id, buyer, cart, key } = op
          const times = { createdAt: now, expiresAt: now + (op.holdMs ?? 0) }
          const reservation = { id, buyer, cart, state: 'held' as const, key, ...times, paymentId: null }
          return { status: 'reserved', reservation, replayed: false }
        })
        return { outcome: 'done', now, clock: now, sequence: 1, answers: answers as unknown as Answer<C>[] }
      }
      return { ready: () => partition.ready(), run }
    },
  }
}
