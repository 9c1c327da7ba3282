import { hash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Cluster } from 'ioredis'
import { expect, onTestFinished } from 'vitest'
import { type Random, random } from '../../scripts/lib/random.js'
import type { ClientOptions, RedisCluster } from '../../scripts/lib/servers/redis/cluster.js'
import { BatcherSet } from '../../src/batching/batcher-set.js'
import { Session as NewSession, type Session } from '../../src/batching/session.js'
import { saleEffects } from '../../src/engine/effects.js'

import type { Commands, Engine, FinalAnswer, Op, Rules, StoredReservation } from '../../src/engine/engine.js'
import { makeId, PART_LENGTH } from '../../src/engine/reservation-id.js'
import { splitStock } from '../../src/engine/stock-split.js'
import { type RedisEngineOptions, redisEngine, StockholdError } from '../../src/index.js'
import { partitionKeys } from '../../src/redis-engine/keys.js'
import { slotOf } from '../../src/redis-engine/slot.js'
import { watchDeadline } from './punctual.js'

/** One request to buy one unit, and what was heard of it. */
interface Order {
  readonly partition: number
  readonly buyer: string
  readonly key: string
  /** Of every answer `reserved`: all the same, if all is well. */
  readonly ids: string[]
  /** It was told UNKNOWN_OUTCOME once, or UNAVAILABLE only, or neither. */
  doubt: 'unknown' | 'nothing executed' | undefined
  confirmed?: 'told' | 'unknown'
}

interface Told {
  readonly partition: number
  readonly told: string
  readonly cause: string | undefined
  /** By this process' clock. */
  readonly ms: number
  /** It had not settled when its deadline had long passed. */
  readonly overdue: boolean
}

export interface ShopOptions {
  readonly partitions?: number
  /** One set of lanes for each. */
  readonly clients?: readonly ClientOptions[]
  readonly deadlineMs?: number
  readonly stock?: number
}

/**
 * However busy the machine is: a call that has nothing to do with what is wrong is answered in this
 * time.
 */
const PATIENT_MS = 60_000

let shops = 0

/** As their owners have them: ioredis' own defaults, and what brings out the worst in them. */
const usual: readonly ClientOptions[] = [
  {},
  {
    enableAutoPipelining: true,
    retryDelayOnFailover: 0,
    clusterNodeRetryStrategy: (times) => Math.min(20 * times, 200),
  },
]

/**
 * A sale on a cluster with a crowd at its doors, at the level of the engine's port and its lanes.
 * It ends with the test.
 */
export class ClusterShop {
  readonly told: Told[] = []
  /** Partitions whose buyers wait for less long than all others. */
  readonly #hurried = new Map<number, number>()
  readonly #orders: Order[] = []
  #stopping = false
  #running: Promise<unknown> = Promise.resolve()

  private constructor(
    readonly cluster: RedisCluster,
    readonly name: string,
    readonly rules: Rules,
    readonly token: string,
    readonly deadlineMs: number,
    readonly clients: readonly Cluster[],
    readonly engines: readonly Engine[],
  ) {}

  static async open(cluster: RedisCluster, options: ShopOptions = {}): Promise<ClusterShop> {
    const { partitions = 6, clients = usual, deadlineMs = PATIENT_MS, stock = 60_000 } = options
    const name = `sale-${++shops}`
    const skus = [{ sku: 'phone', stock, limit: null }]
    const never = { opensAt: null, closesAt: null }
    const rules = { skus, holdMs: 600_000, maxHoldMs: 600_000, ...never, partitions }
    const connected = clients.map((given) => cluster.client(given))
    onTestFinished(() => {
      for (const client of connected) client.disconnect()
    })
    const engines = connected.map((client) => redisEngine(client))
    const shop = new ClusterShop(cluster, name, rules, `token-${name}`, deadlineMs, connected, engines)
    const op = { rules, incarnation: shop.token, complete: true }
    await Promise.all(
      shop.partitions.map((p) => shop.ask(p, 'create', op, { deadlineMs: PATIENT_MS, via: engines[0]! })),
    )
    return shop
  }

  /** The same sale by clients that come only now. */
  static async join(
    shop: ClusterShop,
    options: RedisEngineOptions = {},
    given: ClientOptions = {},
  ): Promise<ClusterShop> {
    const client = shop.cluster.client(given)
    onTestFinished(() => client.disconnect())
    const { cluster, name, rules, token, deadlineMs } = shop
    return new ClusterShop(cluster, name, rules, token, deadlineMs, [client], [redisEngine(client, options)])
  }

  get partitions(): number[] {
    return Array.from({ length: this.rules.partitions }, (_, p) => p)
  }

  slotOf(partition: number): number {
    return slotOf(this.keysOf(partition)[0]!)
  }

  keysOf(partition: number): string[] {
    return partitionKeys('stockhold', this.name, partition, this.rules.partitions)
  }

  /** Those whose keys lie with this node now. */
  async partitionsOn(node: { readonly id: string }): Promise<number[]> {
    const masters = await Promise.all(this.partitions.map((p) => this.cluster.masterOf(this.slotOf(p))))
    return this.partitions.filter((p) => masters[p]!.id === node.id)
  }

  readonly #lanes = new Map<Engine, BatcherSet<Commands>[]>()

  lanes(engine: Engine, partition: number): BatcherSet<Commands> {
    const of = this.#lanes.get(engine) ?? []
    this.#lanes.set(engine, of)
    of[partition] ??= new BatcherSet(
      engine.partition(this.name, partition, this.rules.partitions),
      saleEffects,
      this.#session(),
    )
    return of[partition]
  }

  #session(): Session {
    const session = new NewSession(this.name, { max: 100_000, open: 0 })
    session.history.incarnation = this.token
    return session
  }

  ask<C extends keyof Commands>(
    partition: number,
    command: C,
    op: Op<C>,
    { deadlineMs = this.deadlineMs, via = this.engines[0]! } = {},
  ): Promise<FinalAnswer<C>> {
    const lanes = this.lanes(via, partition)
    return lanes.ask(
      command,
      op,
      { deadline: performance.now() + deadlineMs },
      (answer) => answer,
    ) as Promise<FinalAnswer<C>>
  }

  /**
   * From now on a call to these partitions, which will have no answer, is given up after so long.
   */
  hurry(partitions: readonly number[], deadlineMs = 500): void {
    for (const p of partitions) this.#hurried.set(p, deadlineMs)
  }

  /** How long a call to this partition waits for its answer. ms */
  deadlineOf(partition: number): number {
    return this.#hurried.get(partition) ?? this.deadlineMs
  }

  start(shoppers = 3): void {
    this.#stopping = false
    const all = this.engines.flatMap((engine, e) =>
      this.partitions.flatMap((p) =>
        Array.from({ length: shoppers }, (_, i) =>
          this.#shop(engine, p, random(e, p, i, this.#orders.length)),
        ),
      ),
    )
    this.#running = Promise.all(all)
  }

  async stop(): Promise<void> {
    this.#stopping = true
    await this.#running
  }

  count(told: string, partitions: readonly number[] = this.partitions): number {
    return this.told.filter(
      (call) => partitions.includes(call.partition) && [call.told, call.cause].includes(told),
    ).length
  }

  /**
   * Resolves once each of these partitions has told that so many times more; who waits in vain
   * hears of it from the test's own time limit.
   */
  async hears(told: string, times = 1, partitions: readonly number[] = this.partitions): Promise<void> {
    const enough = partitions.map((p) => this.count(told, [p]) + times)
    while (partitions.some((p, i) => this.count(told, [p]) < enough[i]!)) await delay(20)
  }

  async #shop(engine: Engine, partition: number, draw: Random): Promise<void> {
    while (!this.#stopping) {
      const order = this.order(partition)
      await this.reserve(order, engine)
      if (order.doubt === 'unknown' && draw() < 0.5) await this.reserve(order, engine)
      if (order.ids.length > 0 && draw() < 0.5) await this.#confirm(order, engine)
      await delay(draw() * 50)
    }
  }

  order(partition: number): Order {
    const at = this.#orders.length
    const order: Order = { partition, buyer: `u-${at % 997}`, key: `k-${at}`, ids: [], doubt: undefined }
    this.#orders.push(order)
    return order
  }

  /** The same order, so the same key, each time under another id. Answers what was told. */
  async reserve(
    order: Order,
    engine: Engine,
    deadlineMs = this.deadlineOf(order.partition),
  ): Promise<string> {
    const { partition, buyer, key } = order
    const op = {
      id: makeId(partition, digits(`${this.name} ${buyer} ${key}`), digits(`${Math.random()}`)),
      buyer,
      key,
      cart: [[0, 1]] as const,
      holdMs: 600_000,
    }
    const told = await this.#note(order, deadlineMs, async () => {
      const answer = await this.ask(partition, 'reserve', op, { deadlineMs, via: engine })
      if (answer.status === 'reserved') order.ids.push(answer.reservation.id)
      return answer.status
    })
    if (told === 'UNKNOWN_OUTCOME') order.doubt = 'unknown'
    else if (told === 'UNAVAILABLE') order.doubt ??= 'nothing executed'
    else order.doubt = undefined
    return told
  }

  async #confirm(order: Order, engine: Engine): Promise<void> {
    const op = { id: order.ids[0]!, buyer: null, paymentId: 'p', final: true }
    const deadlineMs = this.deadlineOf(order.partition)
    const told = await this.#note(order, deadlineMs, async () => {
      return (await this.ask(order.partition, 'confirm', op, { deadlineMs, via: engine })).status
    })
    if (told === 'confirmed') order.confirmed = 'told'
    if (told === 'UNKNOWN_OUTCOME') order.confirmed = 'unknown'
  }

  async #note({ partition }: Order, deadlineMs: number, call: () => Promise<string>): Promise<string> {
    const at = performance.now()
    const settled = watchDeadline(deadlineMs)
    let cause: string | undefined
    const told = await call().catch((error: unknown) => {
      if (!(error instanceof StockholdError)) return `threw ${error}`
      if (error.cause instanceof Error) cause = error.cause.message
      return error.code
    })
    this.told.push({ partition, told, cause, ms: performance.now() - at, overdue: settled() })
    return told
  }

  /** Every buyer who asks is served at last, on every partition, through every client. */
  async servesEverybody(): Promise<void> {
    await Promise.all(
      this.engines.flatMap((engine) =>
        this.partitions.map(async (p) => {
          const order = this.order(p)
          while ((await this.reserve(order, engine, 2_000)) !== 'reserved') await delay(20)
        }),
      ),
    )
  }

  /**
   * Holds the sale to everything it has said. The crowd must have stopped, and the cluster must be
   * well.
   */
  async verdict(): Promise<void> {
    const allowed = ['reserved', 'confirmed', 'UNAVAILABLE', 'UNKNOWN_OUTCOME']
    expect(this.told.filter(({ told }) => !allowed.includes(told)).slice(0, 3)).toEqual([])
    expect(this.told.filter(({ overdue }) => overdue).slice(0, 3)).toEqual([])
    const client = this.cluster.client()
    onTestFinished(() => client.disconnect())
    const engine = redisEngine(client)
    // Whoever was left in the dark asks again.
    const doubtful = this.#orders.filter(({ doubt, ids }) => doubt === 'unknown' || ids.length > 1)
    for (let at = 0; at < doubtful.length; at += 500)
      await Promise.all(doubtful.slice(at, at + 500).map((order) => this.reserve(order, engine, PATIENT_MS)))
    for (const partition of this.partitions) await this.#judge(partition, engine)
  }

  async #judge(partition: number, engine: Engine): Promise<void> {
    const late = { deadlineMs: PATIENT_MS, via: engine }
    const stored = await this.#everything(partition, engine)
    const asked = new Map(
      this.#orders
        .filter((order) => order.partition === partition)
        .map((order) => [`${order.buyer} ${order.key}`, order]),
    )
    const found = new Set<string>()
    for (const { id, buyer, key, state } of stored) {
      const order = asked.get(`${buyer} ${key}`)
      expect(order, `${id}: nobody asked for it`).toBeDefined()
      expect(order!.doubt, `${id} exists, and its buyer was told that nothing was executed`).toBeUndefined()
      expect(found.has(`${buyer} ${key}`), `${buyer} ${key} has two`).toBe(false)
      expect(new Set([...order!.ids, id]).size, `ids of ${buyer} ${key}`).toBe(1)
      found.add(`${buyer} ${key}`)
      const states =
        order!.confirmed === 'told' ? ['confirmed'] : order!.confirmed ? ['confirmed', 'held'] : ['held']
      expect(states).toContain(state)
    }
    for (const order of asked.values())
      if (order.ids.length > 0)
        expect(found.has(`${order.buyer} ${order.key}`), `${order.ids[0]} is gone`).toBe(true)
    const units = splitStock(this.rules.skus[0]!.stock, 0, partition, this.rules.partitions)
    const { skus } = await this.ask(partition, 'stats', {}, late)
    const confirmed = stored.filter(({ state }) => state === 'confirmed').length
    const held = stored.filter(({ state }) => state === 'held').length
    const available = units - held - confirmed
    expect(skus).toEqual([{ total: units, available, held, confirmed, inTransit: 0 }])
    expect(available).toBeGreaterThanOrEqual(0)
  }

  async #everything(partition: number, engine: Engine): Promise<StoredReservation[]> {
    const found = new Map<string, StoredReservation>()
    let cursor = '0'
    do {
      const page = await this.ask(partition, 'scan', { cursor }, { deadlineMs: PATIENT_MS, via: engine })
      for (const reservation of page.reservations) found.set(reservation.id, reservation)
      cursor = page.cursor
    } while (cursor !== '0')
    return [...found.values()]
  }
}

function digits(text: string): string {
  return hash('sha256', text, 'base64url').slice(0, PART_LENGTH)
}
