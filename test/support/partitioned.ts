import { expect, onTestFinished } from 'vitest'
import type { Answer, Command, Engine, Op, SkuCounts } from '../../src/engine/engine.js'
import { withoutHeartbeat } from '../../src/heartbeat/without-heartbeat.js'
import { FlashSale, type SaleRules } from '../../src/index.js'
import { partitionForBuyer } from '../../src/sale/partitions.js'
import type { EngineKind, TimedEngine } from './engines.js'
import { anyTime, onBothEngines } from './shop.js'

/** One sale over several partitions, its clock, and each partition as the port shows it. */
export class PartitionedShop {
  readonly sale: FlashSale
  /** A beat would read the sale now and then, by the timers of the process. */
  readonly #quiet: Engine
  #token: string | undefined
  #named = 0

  constructor(
    readonly clock: TimedEngine,
    readonly partitions: number,
  ) {
    this.#quiet = withoutHeartbeat(clock.engine)
    this.sale = this.handle()
  }

  /** One more handle, as another process would have it; on a faulty engine, if one is given. */
  handle(engine: Engine = this.#quiet, deadlineMs = 60_000): FlashSale {
    const sale = new FlashSale('launch', { engine, deadlineMs })
    onTestFinished(() => sale.close())
    return sale
  }

  advance(ms: number): Promise<void> {
    return this.clock.advance(ms)
  }

  async ask<C extends Command>(partition: number, command: C, op: Op<C>): Promise<Answer<C>> {
    const port = this.clock.engine.partition('launch', partition, this.partitions)
    await port.ready()
    const incarnation = command === 'describe' ? null : await this.token()
    const reply = await port.run(command, [op], { ...anyTime, incarnation })
    if (reply.outcome !== 'done') expect.fail(`partition ${partition}: ${reply.outcome}`)
    return reply.answers[0]!
  }

  async token(): Promise<string> {
    this.#token ??= (await this.ask(0, 'describe', {})).incarnation
    return this.#token
  }

  /** Somebody has seen what the partition does not know. */
  async freeze(partition: number): Promise<void> {
    const port = this.clock.engine.partition('launch', partition, this.partitions)
    const lastSeen = { generation: 9, sequence: 1, batchId: 'x' }
    const reply = await port.run('stats', [{}], { ...anyTime, incarnation: await this.token(), lastSeen })
    expect(reply.outcome).toBe('rolled_back')
  }

  /** A buyer who has not been heard of before and lives there. */
  async buyerIn(partition: number): Promise<string> {
    const token = await this.token()
    for (;;) {
      const buyer = `buyer-${this.#named++}`
      if (partitionForBuyer(token, buyer, this.partitions) === partition) return buyer
    }
  }

  /** Counts of one partition, of the first SKU or another. */
  async counts(partition: number, sku = 0): Promise<SkuCounts> {
    const answer = await this.ask(partition, 'stats', {})
    if (answer.status === 'retry') expect.fail('retry')
    return answer.skus[sku]!
  }

  /** Units available in each partition. */
  async available(sku = 0): Promise<number[]> {
    const counts = Array.from({ length: this.partitions }, (_, index) => this.counts(index, sku))
    return (await Promise.all(counts)).map(({ available }) => available)
  }

  /** Moves units there as far as `send` gives them, so that the others have what is to be. */
  async gather(to: number, sku = 0, leave = 0): Promise<void> {
    for (let from = 0; from < this.partitions; from++) {
      if (from === to) continue
      const { available } = await this.counts(from, sku)
      if (available <= leave) continue
      const sent = await this.ask(from, 'send', { to, wants: [[sku, available - leave]], received: [] })
      if (sent.status !== 'sent') expect.fail(sent.status)
      await this.ask(to, 'receive', { from, sent: sent.sent })
    }
  }

  /** Nothing is in transit, and the audit finds nothing; answers how many reservations it saw. */
  async audited(): Promise<number> {
    const audit = await this.sale.audit()
    expect(audit.violations).toEqual([])
    for (const { inTransit } of Object.values(audit.skus)) expect(inTransit).toBe(0)
    return audit.reservations
  }
}

export type OpenPartitioned = (rules?: Partial<SaleRules>) => Promise<PartitionedShop>

/**
 * The same suite over every engine there is; `open` makes a sale of four partitions on a fresh
 * engine whose clock stands still.
 */
export function onBothPartitioned(suite: (open: OpenPartitioned, kind: EngineKind) => void): void {
  onBothEngines((_, kind) => {
    const open: OpenPartitioned = async (rules = {}) => {
      const { partitions = 4 } = rules
      const shop = new PartitionedShop(await kind.make(), partitions)
      await shop.sale.create({ stock: { a: 10 }, holdMs: 1_000, ...rules, partitions })
      return shop
    }
    suite(open, kind)
  })
}
