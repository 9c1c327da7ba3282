import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Engine } from '../../src/engine/engine.js'
import { type Consumer, FlashSale, type SaleEvent } from '../../src/index.js'
import { random } from '../../src/testing/random.js'
import { type VirtualEngine, virtualEngine } from '../../src/testing/virtual-engine.js'
import { type Handled, judge } from '../fault/support/shopping.js'
import { listed, type Mortal, mortal } from '../support/consumers.js'
import { seeded } from '../support/seeds.js'

type Step =
  | { readonly do: 'buy' | 'release' | 'refund'; readonly buyer: number; readonly of: number }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'begin' }
  | { readonly do: 'close' | 'kill' | 'cut' | 'mend'; readonly which: number }

const buyer = fc.nat({ max: 11 })
const which = fc.nat({ max: 3 })
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant('buy' as const), buyer, of: fc.integer({ min: 1, max: 6 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('release' as const, 'refund' as const),
      buyer,
      of: fc.constant(1),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 30, 150, 700, 3_000) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('begin' as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('close' as const, 'kill' as const, 'cut' as const, 'mend' as const),
      which,
    }),
  },
)
const story = fc.record({
  partitions: fc.integer({ min: 1, max: 3 }),
  failing: fc.constantFrom(0, 0.05, 0.4),
  slow: fc.constantFrom(0, 0.2),
  maxParked: fc.constantFrom(3, 1_000),
  maxAttempts: fc.constantFrom(3, 1_000_000),
  concurrency: fc.constantFrom(1, 2, 16),
  chance: fc.integer(),
  steps: fc.array(step, { maxLength: 60 }),
})
type Story = typeof story extends fc.Arbitrary<infer S> ? S : never

interface Worker {
  readonly life: Mortal
  readonly sale: FlashSale
  readonly consumer: Consumer
  /** Reservations that its handler has in hand. */
  readonly busy: Set<string>
  dead: boolean
}

/**
 * A sale, and its consumers of one group: each in a process of its own, that may die or be cut off.
 */
class World {
  readonly handled: Handled[] = []
  /** What one consumer handled two events of at a time. */
  readonly atOnce: string[] = []
  readonly workers: Worker[] = []
  readonly shop: FlashSale
  readonly #virtual: VirtualEngine = virtualEngine()
  readonly #random: () => number
  readonly #story: Story
  readonly #events: SaleEvent[] = []
  #auditor: Consumer | undefined
  readonly #bought = new Map<number, string>()

  constructor(its: Story) {
    this.#story = its
    this.#random = random(its.chance)
    this.shop = new FlashSale('launch', { engine: this.#engine() })
  }

  async open(): Promise<void> {
    const { partitions } = this.#story
    const made = this.shop.create({ stock: { a: 1_000_000 }, partitions, holdMs: 2_000, maxHoldMs: 4_000 })
    await Promise.all([made, this.wait(0)])
    // The group is there from now on: what it has not had is kept.
    this.begin()
    await this.wait(100)
    this.#auditor = this.shop.consume(
      { group: 'auditor', concurrency: 1 },
      (event) => void this.#events.push(event),
    )
  }

  wait(ms: number): Promise<void> {
    return this.#virtual.advance(ms)
  }

  begin(): void {
    const life = mortal(this.#engine())
    const sale = new FlashSale('launch', { engine: life.engine })
    const { concurrency, maxParked, maxAttempts } = this.#story
    const options = {
      leaseMs: 1_000,
      retryDelayMs: 50,
      maxRetryDelayMs: 400,
      concurrency,
      maxParked,
      maxAttempts,
    }
    const worker: Worker = {
      life,
      sale,
      consumer: sale.consume({ group: 'g', ...options }, (event) => this.#handle(event, worker)),
      busy: new Set(),
      dead: false,
    }
    this.workers.push(worker)
  }

  async #handle(event: SaleEvent, worker: Worker): Promise<void> {
    const key = `${event.partition} ${event.reservation?.id ?? ''}`
    if (worker.busy.has(key)) this.atOnce.push(key)
    worker.busy.add(key)
    try {
      await this.#deal(event, worker)
    } finally {
      worker.busy.delete(key)
    }
  }

  async #deal({ partition, sequence, reservation }: SaleEvent, worker: Worker): Promise<void> {
    const { failing, slow } = this.#story
    const took = this.#random() < slow ? this.#random() * 2_500 : 0
    if (took > 0) await new Promise<void>((done) => this.#virtual.engine.clock!.after(took, done))
    // Whoever is dead does nothing any more, and its promises never settle.
    if (worker.dead) return new Promise(() => {})
    if (this.#random() < failing) throw new Error('not this time')
    this.handled.push([partition, sequence, reservation?.id ?? ''])
    return undefined
  }

  async play(what: Step): Promise<void> {
    if (what.do === 'wait') return this.wait(what.ms)
    if (what.do === 'begin') return this.workers.length < 4 ? this.begin() : undefined
    if ('buyer' in what) {
      await Promise.all([this.#trade(what), this.wait(0)])
      return undefined
    }
    const worker = this.workers[what.which]
    if (!worker || worker.dead) return undefined
    if (what.do === 'close') void worker.consumer.close({ timeoutMs: 300 })
    if (what.do === 'cut') worker.life.die()
    if (what.do === 'mend') worker.life.revive()
    if (what.do === 'kill') {
      worker.dead = true
      worker.life.die()
    }
    return undefined
  }

  async #trade({ do: what, buyer, of }: Extract<Step, { buyer: number }>): Promise<void> {
    const id = this.#bought.get(buyer)
    if (what === 'release' && id) await this.shop.release(id)
    if (what === 'refund' && id) await this.shop.refund(id, { restock: true })
    if (what !== 'buy') return
    const orders = Array.from({ length: of }, (_, i) =>
      this.shop.reserve({ buyer: `u${buyer + i}`, items: [{ sku: 'a', quantity: 1 }] }),
    )
    for (const [i, result] of (await Promise.all(orders)).entries()) {
      if (result.status !== 'reserved') continue
      this.#bought.set(buyer + i, result.reservation.id)
      if (i % 2 === 0) await this.shop.confirm(result.reservation.id)
    }
  }

  /** Faults have ended: whatever is left is dealt with, and then nothing comes any more. */
  async settle(): Promise<Consumer> {
    for (const { consumer } of this.workers) void consumer.close({ timeoutMs: 0 })
    await this.wait(5_000)
    for (const worker of this.workers) worker.dead = true
    this.begin()
    const { consumer } = this.workers.at(-1)!
    for (let i = 0; i < 400; i++) {
      await this.wait(500)
      const [stats] = await Promise.all([consumer.stats(), this.wait(0)])
      const { lag, parked } = stats
      if (lag === 0 && parked === 0 && stats.leads === this.#story.partitions) return consumer
    }
    const [stats] = await Promise.all([consumer.stats(), this.wait(0)])
    throw new Error(`it does not come to an end: ${JSON.stringify(stats)}`)
  }

  /** Every event there was, as a group of its own saw them. */
  async everything(): Promise<SaleEvent[]> {
    const auditor = this.#auditor!
    for (;;) {
      const [{ lag, leads }] = await Promise.all([auditor.stats(), this.wait(0)])
      if (lag === 0 && leads === this.#story.partitions) break
      await this.wait(200)
    }
    await Promise.all([auditor.close(), this.wait(10)])
    return this.#events
  }

  #engine(): Engine {
    const { engine } = this.#virtual
    return { ...engine, clock: { ...engine.clock!, random: this.#random } }
  }
}

/**
 * A consumer that dies while events come every 30 ms: it has handled the latest, and not
 * acknowledged them.
 */
const killed: Story = {
  ...{ partitions: 1, failing: 0, slow: 0, maxParked: 1_000, maxAttempts: 3, concurrency: 16, chance: 1 },
  steps: [
    ...Array.from({ length: 12 }, (_, buyer): Step[] => [
      { do: 'buy', buyer, of: 1 },
      { do: 'wait', ms: 30 },
    ]).flat(),
    { do: 'kill', which: 0 },
    { do: 'begin' },
  ],
}

test('whatever fails, dies or is cut off: each reservation’s events in order, none missing', async () => {
  let again = 0
  let handled = 0
  await fc.assert(
    fc.asyncProperty(story, async (its) => {
      const world = new World({ ...its, maxAttempts: 1_000_000 })
      await world.open()
      for (const what of its.steps) await world.play(what)
      await world.settle()
      expect(world.atOnce).toEqual([])
      again += judge(world.handled, await world.everything()).again
      handled += world.handled.length
    }),
    { ...seeded(60), examples: [[killed]] },
  )
  // Crashes were tested, and what was done once is as a rule not done again.
  expect(again).toBeGreaterThan(0)
  expect(again).toBeLessThan(handled)
})

test('what is given up is kept: each event was handled, or is dead', async () => {
  let dead = 0
  await fc.assert(
    fc.asyncProperty(story, async (its) => {
      const world = new World({ ...its, maxAttempts: 3, maxParked: 1_000, failing: 0.4 })
      await world.open()
      for (const what of its.steps) await world.play(what)
      const consumer = await world.settle()
      const events = await world.everything()
      const [letters] = await Promise.all([listed(consumer.deadLetters()), world.wait(100)])
      dead += letters.length
      const dealtWith = new Set(world.handled.map(([partition, sequence]) => `${partition} ${sequence}`))
      for (const { event } of letters) dealtWith.add(`${event.partition} ${event.sequence}`)
      const missing = events.filter(({ partition, sequence }) => !dealtWith.has(`${partition} ${sequence}`))
      expect(missing).toEqual([])
    }),
    seeded(30),
  )
  expect(dead).toBeGreaterThan(0)
})
