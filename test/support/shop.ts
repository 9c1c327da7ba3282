import { afterAll, beforeAll, describe, expect, onTestFinished } from 'vitest'
import type { Answer, Command, Engine, Op, Partition, Reply, StoredEvent } from '../../src/engine/engine.js'
import type { Call } from '../../src/engine/port.js'
import { makeId } from '../../src/engine/reservation-id.js'
import { withoutHeartbeat } from '../../src/heartbeat/without-heartbeat.js'
import { FlashSale, type Item, type Reservation, type SaleRules } from '../../src/index.js'
import { type EngineKind, engineKinds, type TimedEngine } from './engines.js'
import { haveSeveral } from './several.js'
import { type ClockedEngine, clocked, type TestClock } from './test-clock.js'

/** ms in which what a test waits for happens, or never does; and between two looks. */
const LIMIT_MS = 600_000
const STEP_MS = 5

export type OpenShop = (rules?: Partial<SaleRules>, id?: string) => Promise<Shop>

type Unplaced<E> = E extends unknown ? Omit<E, 'sequence' | 'at'> : never
/** An event without its place in the stream. */
export type News = Unplaced<StoredEvent>

/**
 * The same suite over every engine there is; `open` makes a sale on a fresh engine whose clock
 * stands still.
 */
export function onBothEngines(suite: (open: OpenShop, kind: EngineKind) => void): void {
  for (const kind of engineKinds()) {
    describe(`${kind.name} engine`, () => {
      beforeAll(kind.start)
      afterAll(kind.stop)
      const open: OpenShop = async (rules = {}, id = 'launch') => {
        const shop = new Shop(await kind.make(), id)
        await shop.sale.create({ stock: { a: 10 }, holdMs: 1_000, ...rules })
        return shop
      }
      suite(open, kind)
    })
  }
}

export type OpenClockedShop = (rules?: Partial<SaleRules>) => Promise<ClockedShop>

/**
 * The same suite over every engine there is, with timers that go off only while the test lets time
 * pass.
 */
export function onClockedEngines(suite: (open: OpenClockedShop) => void): void {
  onBothEngines((_, kind) =>
    suite(async (rules = {}) => {
      const shop = new ClockedShop(clocked(await kind.make()), 'launch')
      await shop.sale.create({ stock: { a: 10 }, holdMs: 1_000, ...rules })
      return shop
    }),
  )
}

/**
 * One sale, its clock, and its partition as the port shows it.
 *
 * Where sales have several partitions (see `four-partitions.ts`), the events are those of all of
 * them, less the transfers; a test that speaks to the port is about one partition: `testOfOne`.
 */
export class Shop {
  readonly sale: FlashSale
  readonly partition: Partition
  readonly #seen = new Set<string>()
  /** A beat would read the sale now and then, by the timers of the process. */
  readonly #quiet: Engine
  #described: Answer<'describe'> | undefined

  constructor(
    readonly clock: TimedEngine,
    readonly id: string,
  ) {
    this.#quiet = withoutHeartbeat(clock.engine)
    this.sale = this.handle()
    this.partition = clock.engine.partition(id, 0, 1)
  }

  /** One more handle on the same sale, as another process would have it. */
  handle(): FlashSale {
    const sale = new FlashSale(this.id, { engine: this.#quiet, deadlineMs: 60_000 })
    onTestFinished(() => sale.close())
    return sale
  }

  now(): number {
    return this.clock.now()
  }

  advance(ms: number): Promise<void> {
    return this.clock.advance(ms)
  }

  reserve(buyer: string, items: number | Item[] = 1, rest: { key?: string; holdMs?: number } = {}) {
    const cart = typeof items === 'number' ? [{ sku: 'a', quantity: items }] : items
    return this.sale.reserve({ buyer, items: cart, ...rest })
  }

  /** Reserves what must be there. */
  async hold(
    buyer: string,
    items: number | Item[] = 1,
    rest: { key?: string; holdMs?: number } = {},
  ): Promise<Reservation> {
    const result = await this.reserve(buyer, items, rest)
    if (result.status !== 'reserved') expect.fail(`${buyer} got ${JSON.stringify(result)}`)
    return result.reservation
  }

  /** A reservation whose hold has expired; the clock stands at the moment it did. */
  async expired(
    buyer: string,
    items: number | Item[] = 1,
    rest: { key?: string } = {},
  ): Promise<Reservation> {
    const held = await this.hold(buyer, items, rest)
    await this.advance(held.expiresAt - this.now())
    return { ...held, state: 'expired' }
  }

  async confirmed(buyer: string, items: number | Item[] = 1): Promise<Reservation> {
    const { id } = await this.hold(buyer, items)
    const result = await this.sale.confirm(id)
    if (result.status !== 'confirmed') expect.fail(JSON.stringify(result))
    return result.reservation
  }

  /** Counts of one SKU as `total available held confirmed`. */
  async counts(sku = 'a'): Promise<string> {
    const { total, available, held, confirmed, inTransit } = (await this.sale.stats()).skus[sku]!
    expect(inTransit).toBe(0)
    expect(available + held + confirmed).toBe(total)
    return `${total} ${available} ${held} ${confirmed}`
  }

  /** Fails unless the audit finds nothing; answers how many reservations it saw. */
  async audited(): Promise<number> {
    const audit = await this.sale.audit()
    expect(audit.violations).toEqual([])
    expect(audit.ok).toBe(true)
    return audit.reservations
  }

  /**
   * All events. In each partition their sequence has no gap, and their times never run backwards.
   */
  async events(): Promise<StoredEvent[]> {
    return (await this.#stream()).map(({ event }) => event)
  }

  /** What has happened since the last time it was asked. */
  async news(): Promise<News[]> {
    const fresh = (await this.#stream()).filter(({ name }) => !this.#seen.has(name))
    for (const { name } of fresh) this.#seen.add(name)
    return fresh.map(({ event: { sequence: _, at: __, ...event } }) => event)
  }

  async #stream(): Promise<{ readonly name: string; readonly event: StoredEvent }[]> {
    const count = await this.#partitions()
    const pages = await Promise.all(
      Array.from({ length: count }, async (_, partition) =>
        (await this.#eventsOf(partition, count)).map((event) => ({
          name: `${partition} ${event.sequence}`,
          event,
        })),
      ),
    )
    const [first = [], ...others] = pages
    return others.length === 0 ? first : pages.flat().sort((a, b) => a.event.at - b.event.at)
  }

  async #eventsOf(partition: number, count: number): Promise<StoredEvent[]> {
    const port = this.clock.engine.partition(this.id, partition, count)
    const events: StoredEvent[] = []
    for (;;) {
      const op = { after: events.length, reservations: false }
      const page = await port.run('events', [op], { ...anyTime, incarnation: await this.token() })
      if (page.outcome !== 'done') expect.fail(page.outcome)
      if (page.answers[0]!.events.length === 0) break
      events.push(...page.answers[0]!.events)
    }
    expect(events.map((event) => event.sequence)).toEqual(events.map((_, i) => i + 1))
    for (const [i, { at }] of events.entries()) {
      expect(at).toBeGreaterThanOrEqual(events[i - 1]?.at ?? 0)
      expect(at).toBeLessThanOrEqual(this.now())
    }
    if (count === 1) return events
    return events.filter(
      (event, i) =>
        !isTransfer(event) && !isSoldOutBySending(events, i) && !(partition > 0 && isOfTheSale(event)),
    )
  }

  /** Runs a batch on the port, by default without a deadline. */
  async run<C extends Command>(
    command: C,
    ops: readonly Op<C>[],
    call: Partial<Call> = {},
  ): Promise<Reply<C>> {
    const incarnation = call.incarnation === undefined ? await this.token() : call.incarnation
    if (haveSeveral && incarnation !== null && (await this.#partitions()) > 1)
      expect.fail('a test that speaks to one partition is a `testOfOne`')
    return this.partition.run(command, ops, { ...anyTime, ...call, incarnation })
  }

  /** Runs a batch that must be carried out. */
  async done<C extends Command>(command: C, ops: readonly Op<C>[], call: Partial<Call> = {}) {
    const reply = await this.run(command, ops, call)
    if (reply.outcome !== 'done') expect.fail(reply.outcome)
    expect(reply.answers).toHaveLength(ops.length)
    return reply
  }

  async ask<C extends Command>(command: C, op: Op<C>, call: Partial<Call> = {}): Promise<Answer<C>> {
    return (await this.done(command, [op], call)).answers[0]!
  }

  /** The sale's incarnation. */
  async token(): Promise<string> {
    return (await this.#describe()).incarnation
  }

  async #partitions(): Promise<number> {
    return (await this.#describe()).rules.partitions
  }

  async #describe(): Promise<Answer<'describe'>> {
    if (this.#described === undefined) {
      const reply = await this.partition.run('describe', [{}], { ...anyTime, incarnation: null })
      if (reply.outcome !== 'done') expect.fail(reply.outcome)
      this.#described = reply.answers[0]!
    }
    return this.#described
  }
}

/** A sale whose handles wait by a clock of the test: `pass` moves it, `advance` the server's. */
export class ClockedShop extends Shop {
  constructor(
    override readonly clock: ClockedEngine,
    id: string,
  ) {
    super(clock, id)
  }

  get timers(): TestClock {
    return this.clock.clock
  }

  pass(ms: number): Promise<void> {
    return this.timers.advance(ms)
  }

  until(check: () => boolean | Promise<boolean>): Promise<void> {
    return this.timers.until(check)
  }

  /**
   * Lets time pass for server and process alike, until the condition holds; answers how much it
   * was. ms
   */
  async live(check: () => boolean | Promise<boolean>): Promise<number> {
    for (let ms = 0; ms <= LIMIT_MS; ms += STEP_MS) {
      if (await check()) return ms
      await this.advance(STEP_MS)
      await this.pass(STEP_MS)
    }
    return expect.fail(`${check} did not become true`)
  }
}

function isTransfer({ type }: StoredEvent): boolean {
  return type === 'sent' || type === 'received' || type === 'withheld'
}

/** Every partition writes it; one of them tells. */
function isOfTheSale({ type }: StoredEvent): boolean {
  return type === 'paused' || type === 'resumed' || type === 'ended' || type === 'updated'
}

/** Sold out where it was sent from, not in the sale. */
function isSoldOutBySending(events: readonly StoredEvent[], at: number): boolean {
  if (events[at]!.type !== 'sold_out') return false
  const before = events.slice(0, at).findLast(({ type }) => type !== 'sold_out')
  return before?.type === 'sent'
}

export const anyTime: Omit<Call, 'incarnation'> = {
  deadline: Number.MAX_SAFE_INTEGER,
  minTime: 0,
}

/** The id of reservation `number` in the bucket of that name. */
export function idIn(bucket: string, number: number): string {
  return makeId(0, bucket.padEnd(8, 'A'), String(number).padStart(8, 'A'))
}

/** A `reserve` for the port. */
export function order(id: string, rest: Partial<Op<'reserve'>> = {}): Op<'reserve'> {
  return { id, buyer: 'u', cart: [[0, 1]], key: null, holdMs: 1_000, ...rest }
}
