import type { Cluster, Redis } from 'ioredis'
import type { ConsumerGroup } from '../../consumer/groups.js'
import type { Operations } from '../../operations/operations.js'
import type { ShownRoom, ShownSale } from '../../operations/results.js'
import { isCluster, type RedisClient } from '../../redis-engine/connection.js'
import type { SkuCounts } from '../../sale/results.js'
import { remedyOf } from '../exit-codes.js'

const tuning = {
  /** Readings from which the slope is taken. */
  samples: 31,
  /** After how many readings the waiting rooms of the sale are looked for again. */
  roomsEvery: 60,
}

/** Bytes of the fullest master. `limit`: maxmemory, or else the memory of the machine. */
interface Memory {
  readonly used: number
  readonly limit: number
}

/** Units of a SKU, and how they have changed. */
export interface WatchedSku extends SkuCounts {
  readonly sku: string
  /** By how many available units fewer there are each second, over the latest readings. */
  readonly perSecond: number
  /** ms until none is available at this rate; `null`: they do not become fewer. */
  readonly soldOutInMs: number | null
  /** Units taken between the latest readings, the latest last. */
  readonly taken: readonly number[]
}

/** A waiting room, and how many visitors it has admitted a second over the latest readings. */
type WatchedRoom = ShownRoom & { readonly admittedPerSecond: number }

/** All that is watched, at a moment. */
export interface Reading {
  /** By this machine's clock. */
  readonly at: number
  readonly sale: ShownSale | null
  readonly skus: readonly WatchedSku[]
  readonly groups: readonly ConsumerGroup[]
  readonly rooms: readonly WatchedRoom[]
  readonly memory: Memory
}

/** What an operator does about a sale that is frozen or lost, and about lost waiting rooms. */
export function remediesOf({ sale, rooms }: Reading): string[] {
  const all = [...(sale ? [sale] : []), ...rooms].map((shown) => remedyOf(shown))
  return [...new Set(all.filter((remedy) => remedy !== undefined))]
}

/** Counts over the latest readings. */
class History {
  readonly #samples: { readonly at: number; readonly counts: ReadonlyMap<string, number> }[] = []

  add(at: number, counts: ReadonlyMap<string, number>): void {
    this.#samples.push({ at, counts })
    if (this.#samples.length > tuning.samples) this.#samples.shift()
  }

  /** From one reading to the next, the latest last. */
  changes(name: string): number[] {
    const counts = this.#of(name)
    return counts.slice(1).map(({ count }, i) => count - counts[i]!.count)
  }

  /** By how much a count grows in a second, over all readings that have it. */
  perSecond(name: string): number {
    const counts = this.#of(name)
    const [first, last] = [counts[0], counts.at(-1)]
    return first && last && last.at > first.at
      ? ((last.count - first.count) * 1_000) / (last.at - first.at)
      : 0
  }

  #of(name: string): { readonly at: number; readonly count: number }[] {
    return this.#samples.flatMap(({ at, counts }) => {
      const count = counts.get(name)
      return count === undefined ? [] : [{ at, count }]
    })
  }
}

/** Reads a sale with the waiting rooms before it, or a waiting room with its sale. */
export class Watcher {
  readonly #operations: Operations
  readonly #client: RedisClient
  readonly #target: string
  readonly #now: () => number
  readonly #units = new History()
  readonly #admitted = new History()
  #rooms: readonly string[] = []
  #count = 0

  /** @param now ms of this machine's clock. */
  constructor(operations: Operations, client: RedisClient, target: string, now: () => number = Date.now) {
    this.#operations = operations
    this.#client = client
    this.#target = target
    this.#now = now
  }

  async read(): Promise<Reading> {
    const shown = await this.#operations.show(this.#target)
    const sale = shown.kind === 'sale' ? shown : await this.#saleOf(shown)
    const rooms = shown.kind === 'room' ? [shown] : await this.#roomsOf(shown.id)
    const at = this.#now()
    const counts = Object.entries(sale?.skus ?? {})
    if (sale?.skus) this.#units.add(at, new Map(counts.map(([sku, { available }]) => [sku, available])))
    const admitted = rooms.flatMap(({ id, stats }) => (stats ? [[id, stats.admitted] as const] : []))
    this.#admitted.add(at, new Map(admitted))
    return {
      ...{ at, sale, groups: sale?.groups ?? [], memory: await memoryOf(this.#client) },
      skus: counts.map(([sku, units]) => ({ sku, ...units, ...this.#slope(sku, units.available) })),
      rooms: rooms.map((room) => ({ ...room, admittedPerSecond: this.#admitted.perSecond(room.id) })),
    }
  }

  async #saleOf({ sale }: ShownRoom): Promise<ShownSale | null> {
    if (sale === null) return null
    return this.#operations.show(`sale:${sale}`).then(
      (shown) => shown as ShownSale,
      () => null,
    )
  }

  async #roomsOf(sale: string): Promise<ShownRoom[]> {
    if (this.#count++ % tuning.roomsEvery === 0)
      this.#rooms = (await this.#operations.list()).flatMap(({ kind, id }) => (kind === 'room' ? [id] : []))
    const shown = await Promise.all(
      this.#rooms.map((id) => this.#operations.show(`room:${id}`).catch(() => null)),
    )
    const rooms = shown.filter((room) => room?.kind === 'room' && room.sale === sale) as ShownRoom[]
    this.#rooms = rooms.map(({ id }) => id)
    return rooms
  }

  #slope(sku: string, available: number): Pick<WatchedSku, 'perSecond' | 'soldOutInMs' | 'taken'> {
    const perSecond = 0 - this.#units.perSecond(sku)
    const soldOutInMs = perSecond > 0 ? Math.round((available / perSecond) * 1_000) : null
    return { perSecond, soldOutInMs, taken: this.#units.changes(sku).map((change) => Math.max(0, -change)) }
  }
}

async function memoryOf(client: RedisClient): Promise<Memory> {
  const masters = isCluster(client) ? (client as Cluster).nodes('master') : [client as Redis]
  const all = await Promise.all(masters.map((master) => master.info('memory')))
  const memories = all.map((info) => {
    const field = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0)
    return { used: field('used_memory'), limit: field('maxmemory') || field('total_system_memory') }
  })
  const share = ({ used, limit }: Memory) => (limit > 0 ? used / limit : 0)
  return memories.sort((a, b) => share(b) - share(a))[0]!
}
