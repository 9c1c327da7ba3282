import type { Cluster } from 'ioredis'
import { expect, onTestFinished } from 'vitest'
import type { ClusterNode, RedisCluster } from '../../../scripts/lib/servers/redis/cluster.js'
import { startWorker } from '../../../scripts/lib/workers.js'
import type { Answer, Command, Op } from '../../../src/engine/engine.js'
import { type Engine, FlashSale, redisEngine, type SaleRules, type WaitingRoom } from '../../../src/index.js'
import { partitionKeys } from '../../../src/redis-engine/keys.js'
import { slotOf } from '../../../src/redis-engine/slot.js'
import { partitionForBuyer } from '../../../src/sale/partitions.js'
import { type Buyer, Buyers, type Calls, type End } from './buyers.js'
import type { BuyersConfig, BuyersWords, Step } from './buyers-process.js'
import { everything } from './stored.js'

const PARTITIONS = 6
/** However busy the machine is: what the cluster can answer is answered in this time. */
const PATIENT_MS = 60_000

/** A handle with a client of its own. */
export interface Handle {
  readonly sale: FlashSale
  readonly engine: Engine
  readonly client: Cluster
  readonly buyers: Buyers
  /** The faults its buyers met, with the homes of those. */
  readonly faults: { readonly home: number; readonly code: string }[]
}

/** A process that asks on behalf of buyers. */
export interface BuyersProcess {
  /** Of its buyers so far; they stay when it is killed. */
  readonly ends: ReadonlyMap<string, End>
  readonly calls: Calls | undefined
  /** Resolves when all have their answer; answers false where the process has died before. */
  buy(buyers: readonly Buyer[]): Promise<boolean>
  kill(): Promise<void>
}

let stages = 0

/** A sale of six partitions on a cluster, two with each of three masters. It ends with the test. */
export class ClusterStage {
  #token = ''
  #named = 0

  private constructor(
    readonly cluster: RedisCluster,
    readonly name: string,
    readonly rules: SaleRules,
    readonly deadlineMs: number,
  ) {}

  static async open(cluster: RedisCluster, rules: SaleRules, deadlineMs = PATIENT_MS): Promise<ClusterStage> {
    const name = `launch-${++stages}`
    const whole = { partitions: PARTITIONS, ...rules }
    const stage = new ClusterStage(cluster, name, whole, deadlineMs)
    const { sale } = stage.handle()
    await sale.create(whole)
    stage.#token = (await stage.ask(0, 'describe', {})).incarnation
    return stage
  }

  handle(options: { deadlineMs?: number; atOnce?: number; waitingRoom?: WaitingRoom } = {}): Handle {
    const { deadlineMs = this.deadlineMs, atOnce = 100, ...rest } = options
    const client = this.cluster.client()
    const engine = redisEngine(client)
    const sale = new FlashSale(this.name, { engine, deadlineMs, ...rest })
    onTestFinished(async () => {
      buyers.stop()
      await sale.close()
      client.disconnect()
    })
    const faults: Handle['faults'] = []
    const onFault = (name: string, { code }: { code: string }) =>
      faults.push({ home: this.homeOf(name), code })
    const buyers = new Buyers(sale, deadlineMs, { atOnce, onFault })
    return { sale, engine, client, buyers, faults }
  }

  async process(dies?: Step, atOnce = 100): Promise<BuyersProcess> {
    const nodes = this.cluster.nodes.map(({ server: { host, port } }) => ({ host, port }))
    const { name: sale, deadlineMs } = this
    const config: BuyersConfig = { nodes, sale, deadlineMs, atOnce, ...(dies && { dies }) }
    const worker = startWorker<BuyersWords>('test/fault/support/buyers-process.ts', config)
    // One that has died by itself is dead enough.
    onTestFinished(() => worker.kill().catch(() => {}))
    await worker.next()
    const ends = new Map<string, End>()
    let calls: Calls | undefined
    let mayDie = dies !== undefined
    return {
      ends,
      get calls() {
        return calls
      },
      async buy(buyers) {
        worker.tell(JSON.stringify(buyers))
        for (;;) {
          const words = await worker.next().catch((error: unknown) => {
            if (mayDie) return undefined
            throw error
          })
          if (!words) return false
          if ('name' in words) ends.set(words.name, words)
          else if ('told' in words) {
            calls = words
            return true
          }
        }
      },
      kill() {
        mayDie = true
        return worker.kill()
      },
    }
  }

  /** So many buyers of one unit, or of a cart: of one home, or from everywhere. */
  crowd(
    size: number,
    rest: { home?: readonly number[]; cart?: Buyer['cart']; hesitates?: boolean } = {},
  ): Buyer[] {
    const { home, cart = [['phone', 1]], ...others } = rest
    const crowd: Buyer[] = []
    while (crowd.length < size) {
      const name = `u-${this.#named++}`
      if (!home || home.includes(this.homeOf(name))) crowd.push({ name, cart, ...others })
    }
    return crowd
  }

  get partitions(): number[] {
    return Array.from({ length: PARTITIONS }, (_, p) => p)
  }

  homeOf(name: string): number {
    return partitionForBuyer(this.#token, name, PARTITIONS)
  }

  slotOf(partition: number): number {
    return slotOf(this.keysOf(partition)[0]!)
  }

  keysOf(partition: number): string[] {
    return partitionKeys('stockhold', this.name, partition, PARTITIONS)
  }

  /** The master of each partition. */
  masters(): Promise<ClusterNode[]> {
    return Promise.all(this.partitions.map((p) => this.cluster.masterOf(this.slotOf(p))))
  }

  /** The master of a partition and of another one, and what is with the others. */
  async divide(partition = 0): Promise<{ victim: ClusterNode; hit: number[]; spared: number[] }> {
    const masters = await this.masters()
    const victim = masters[partition]!
    const hit = this.partitions.filter((p) => masters[p] === victim)
    const spared = this.partitions.filter((p) => masters[p] !== victim)
    expect([hit.length, spared.length]).toEqual([2, 4])
    return { victim, hit, spared }
  }

  readonly #port = { engine: undefined as Engine | undefined }

  /** One partition, as the port shows it, whatever any handle knows of the sale. */
  async ask<C extends Command>(partition: number, command: C, op: Op<C>): Promise<Answer<C>> {
    if (!this.#port.engine) {
      const client = this.cluster.client()
      onTestFinished(() => client.disconnect())
      this.#port.engine = redisEngine(client)
    }
    const port = this.#port.engine.partition(this.name, partition, PARTITIONS)
    await port.ready()
    const incarnation = command === 'describe' ? null : this.#token
    const reply = await port.run(command, [op], {
      deadline: Number.MAX_SAFE_INTEGER,
      minTime: 0,
      incarnation,
    })
    if (reply.outcome !== 'done') expect.fail(`partition ${partition}: ${reply.outcome}`)
    return reply.answers[0]!
  }

  /**
   * Units of the first SKU that are available, and those that have left one and not arrived in
   * another; nobody is asked to bring them home.
   */
  async stock(partitions = this.partitions): Promise<{ available: number; inTransit: number }> {
    const answers = await Promise.all(partitions.map((p) => this.ask(p, 'stats', {})))
    const counts = answers.map((answer) =>
      answer.status === 'retry' ? expect.fail('retry') : answer.skus[0]!,
    )
    const total = (of: 'available' | 'inTransit') => counts.reduce((sum, one) => sum + one[of], 0)
    return { available: total('available'), inTransit: total('inTransit') }
  }

  /**
   * Holds the sale to everything it has said, and to every invariant. Nobody may be asking any
   * more, and the cluster must be well. Answers how many units are confirmed of each SKU.
   *
   * @param told What buyers were told, in the order in which they were.
   */
  async verdict(told: readonly ReadonlyMap<string, End>[], calls: readonly (Calls | undefined)[]) {
    for (const each of calls) {
      if (!each) continue
      expect(Object.keys(each.told).filter((word) => !answers.has(word))).toEqual([])
      expect(each.overdue, 'calls that were overdue').toBe(0)
    }
    const { sale, engine } = this.handle({ deadlineMs: PATIENT_MS })
    const { violations, ok } = await sale.audit()
    expect(violations).toEqual([])
    expect(ok).toBe(true)
    const { skus } = await sale.stats()
    for (const [sku, { total, available, held, confirmed, inTransit }] of Object.entries(skus)) {
      expect(total).toBe(this.rules.stock[sku])
      expect(inTransit).toBe(0)
      expect(available + held + confirmed).toBe(total)
      expect(Math.min(available, held, confirmed)).toBeGreaterThanOrEqual(0)
    }
    expect((await this.stock()).inTransit).toBe(0)
    await this.#keptWord(told, engine)
    return Object.fromEntries(Object.entries(skus).map(([sku, { confirmed }]) => [sku, confirmed]))
  }

  async #keptWord(told: readonly ReadonlyMap<string, End>[], engine: Engine): Promise<void> {
    const ends = new Map<string, End>()
    for (const [name, end] of told.flatMap((some) => [...some])) {
      const before = ends.get(name)
      // Who was told "confirmed" stays so, under the same id, whoever is asked.
      if (before?.told === 'confirmed') expect(end).toEqual(before)
      ends.set(name, end)
    }
    const limit = this.rules.limitPerBuyer as number | undefined
    const stored = await everything(engine, this.name)
    const bought = new Map<string, string>()
    const taken = new Map<string, number>()
    for (const { id, buyer, state, cart } of stored) {
      expect(ends.has(buyer), `${buyer} has not asked`).toBe(true)
      if (state !== 'held' && state !== 'confirmed') continue
      expect(bought.has(buyer), `${buyer} has two`).toBe(false)
      bought.set(buyer, `${state} ${id}`)
      for (const [sku, quantity] of cart) {
        const units = (taken.get(`${sku} ${buyer}`) ?? 0) + quantity
        taken.set(`${sku} ${buyer}`, units)
        expect(units).toBeLessThanOrEqual(limit ?? Number.POSITIVE_INFINITY)
      }
    }
    for (const { name, told: word, id } of ends.values())
      expect(bought.get(name), `${name}, told ${word}`).toBe(
        word === 'confirmed' ? `confirmed ${id}` : undefined,
      )
  }
}

/** What a call may be told while nothing but the cluster is at fault. */
const answers = new Set([
  ...['reserved', 'key_spent', 'sold_out', 'confirmed', 'released', 'UNAVAILABLE', 'UNKNOWN_OUTCOME'],
  // Where acknowledged history was lost, which other tests than these never see.
  ...['ROLLBACK_DETECTED', 'STATE_LOST'],
])

/**
 * Kills a master in mid-sale whose replica has everything: from one moment on it writes nothing, so
 * what it is asked meanwhile is lost with it, unexecuted and unanswered.
 */
export async function killInStep({ admin, server }: ClusterNode): Promise<void> {
  await admin.call('CLIENT', 'PAUSE', '60000', 'WRITE')
  // What is counted after this is but pings.
  const written = Number(/master_repl_offset:(\d+)/.exec(await admin.info('replication'))![1])
  const replicated = async () => Number(/,offset=(\d+)/.exec(await admin.info('replication'))?.[1] ?? 0)
  await expect.poll(replicated).toBeGreaterThanOrEqual(written)
  await server.kill()
  // What is asked by a connection that has not noticed waits until the node is back.
  await expect.poll(() => admin.status).not.toBe('ready')
}

/**
 * Shuts a master's replica out, which has no more of what is written from now on. Answers how to
 * put it in the master's place.
 */
export async function runAhead(cluster: RedisCluster, master: ClusterNode): Promise<() => Promise<void>> {
  const [replica] = await cluster.replicasOf(master)
  await replica!.server.kill('SIGSTOP')
  // What a stopped process has not read would be there for it when it goes on.
  await master.admin.call('CLIENT', 'KILL', 'TYPE', 'REPLICA')
  return async () => {
    await master.server.kill()
    await replica!.server.kill('SIGCONT')
    await cluster.takeOver(master)
  }
}
