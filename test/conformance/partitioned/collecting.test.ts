import { expect, test } from 'vitest'
import type { Engine } from '../../../src/engine/engine.js'
import type { FlashSale } from '../../../src/index.js'
import { type Batch, type Fate, faultyEngine, mortalEngine } from '../../support/faulty-engine.js'
import { type OpenPartitioned, onBothPartitioned, type PartitionedShop } from '../../support/partitioned.js'

const cart = (units: Record<string, number>) =>
  Object.entries(units).map(([sku, quantity]) => ({ sku, quantity }))

/** A call that collects units of other partitions, and what must be so once it was repeated. */
interface Scenario {
  readonly shop: PartitionedShop
  call(sale: FlashSale): Promise<unknown>
  isDone(answer: unknown): Promise<void>
}

async function held(shop: PartitionedShop, units: Record<string, number>): Promise<string> {
  const buyer = await shop.buyerIn(1)
  const result = await shop.sale.reserve({ buyer, items: cart(units) })
  if (result.status !== 'reserved') expect.fail(result.status)
  return result.reservation.id
}

/** How often a reservation of partition 1 was changed so. */
async function events(shop: PartitionedShop, type: string): Promise<number> {
  const { events: found } = await shop.ask(1, 'events', { after: 0, reservations: false })
  return found.filter((event) => event.type === type).length
}

/** Every unit that is left is sold to a buyer who asks for it. */
async function sellsTheRest(shop: PartitionedShop, sku: string, units: number): Promise<void> {
  const sale = shop.handle()
  for (let i = 0; i < units; i++)
    expect(await sale.reserve({ buyer: `late ${sku} ${i}`, items: cart({ [sku]: 1 }) })).toMatchObject({
      status: 'reserved',
    })
  const none = await sale.reserve({ buyer: `late ${sku}`, items: cart({ [sku]: 1 }), key: 'k' })
  expect(none.status).toBe('sold_out')
}

const scenarios: Record<string, (open: OpenPartitioned) => Promise<Scenario>> = {
  async 'an amend'(open) {
    const shop = await open({ stock: { a: 5, b: 3 }, holdMs: 60_000 })
    const id = await held(shop, { a: 1 })
    await shop.gather(3, 0)
    await shop.gather(2, 1)
    return {
      shop,
      call: (sale) => sale.amend(id, { items: cart({ a: 4, b: 2 }) }),
      async isDone(answer) {
        expect(answer).toMatchObject({ status: 'amended', reservation: { id } })
        expect(await shop.sale.get(id)).toMatchObject({ state: 'held', items: cart({ a: 4, b: 2 }) })
        expect(await events(shop, 'amended')).toBe(1)
        await sellsTheRest(shop, 'a', 1)
        await sellsTheRest(shop, 'b', 1)
      },
    }
  },
  async 'a late payment whose units have come back as another SKU'(open) {
    const skus = { a: { returnsTo: 'back' } }
    const shop = await open({ stock: { a: 2, back: 3 }, skus })
    const id = await held(shop, { a: 2 })
    await shop.advance(1_000)
    await shop.sale.stats()
    await shop.gather(3, 1)
    return {
      shop,
      call: (sale) => sale.confirm(id, { paymentId: 'p1' }),
      async isDone(answer) {
        expect(answer).toMatchObject({ status: 'confirmed', late: true, reservation: { id } })
        expect(await events(shop, 'confirmed')).toBe(1)
        expect((await shop.sale.stats()).skus).toMatchObject({
          a: { total: 2, confirmed: 2 },
          back: { total: 3, available: 3 },
        })
        await sellsTheRest(shop, 'back', 3)
      },
    }
  },
  async 'a release to another SKU'(open) {
    const shop = await open({ stock: { a: 2, back: 0 }, skus: { a: { returnsTo: 'back' } }, holdMs: 60_000 })
    const id = await held(shop, { a: 2 })
    return {
      shop,
      call: (sale) => sale.release(id),
      async isDone(answer) {
        expect(answer).toMatchObject({ status: 'released', reservation: { id } })
        expect(await events(shop, 'redirected')).toBe(1)
        await sellsTheRest(shop, 'a', 0)
        await sellsTheRest(shop, 'back', 2)
      },
    }
  },
}

onBothPartitioned((open) => {
  /** The call meets the fault at its step of that number. Returns whether it has that step. */
  async function meets(make: () => Promise<Scenario>, fault: 'dies' | 'reply lost' | 'refused', at: number) {
    const { shop, call, isDone } = await make()
    let steps = 0
    const isLast = () => steps++ === at
    const asked = (fate: (batch: Batch) => Fate) => faultyEngine(shop.clock.engine, fate)
    const run = (engine: Engine) => call(shop.handle(engine)).catch(() => undefined)
    // The calls of a process that is dead are never answered.
    const untilDead = () =>
      new Promise<unknown>((resolve) => {
        const last = () => {
          const isOver = isLast()
          if (isOver) resolve(undefined)
          return isOver
        }
        void run(mortalEngine(shop.clock.engine, last).engine).then(resolve)
      })
    const answer = await (fault === 'dies' ? untilDead() : run(asked(() => (isLast() ? fault : 'answered'))))
    await isDone(answer ?? (await call(shop.handle())))
    await shop.audited()
    return steps > at
  }

  for (const [name, make] of Object.entries(scenarios)) {
    test.each(['dies', 'reply lost', 'refused'] as const)(
      `${name} is made once, and strands no unit, if the process or its connection fails at any step: %s`,
      async (fault) => {
        let step = 0
        while (await meets(() => make(open), fault, step)) step++
        // What the handle learns of the sale, and the call itself.
        expect(step).toBeGreaterThan(1)
      },
    )
  }
})
