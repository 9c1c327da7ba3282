import { expect, test } from 'vitest'
import type { Engine, SaleRules } from '../../../src/index.js'
import { faultyEngine, mortalEngine } from '../../support/faulty-engine.js'
import { onBothPartitioned, PartitionedShop } from '../../support/partitioned.js'
import { faultOf } from '../../support/secrets.js'
import { watched } from '../../support/watched-engine.js'
import { wrapped } from '../../support/wrapped-engine.js'

const rules: SaleRules = { stock: { a: 10, b: 1 }, holdMs: 1_000, partitions: 4 }
/** Look for each partition, make each, and complete the first. */
const STEPS = 9
const cart = (quantity = 1) => [{ sku: 'a', quantity }]

/** The engine, where one partition of the sale was never written. */
function withoutPartition(lost: number, engine: Engine): Engine {
  return wrapped(engine, {
    partition: (sale, index, count) => engine.partition(index === lost ? 'gone' : sale, index, count),
  })
}

onBothPartitioned((_, kind) => {
  const closed = async () => new PartitionedShop(await kind.make(), 4)
  /** All of it is for sale, once. */
  const isWhole = async (shop: PartitionedShop) => {
    const { skus } = await shop.handle().stats()
    expect(skus).toMatchObject({ a: { total: 10, available: 10 }, b: { total: 1, available: 1 } })
    expect(await shop.ask(0, 'describe', {})).toMatchObject({ complete: true })
  }

  test('the stock is dealt out: equal parts, and the rest one each, of every SKU elsewhere', async () => {
    const shop = await closed()
    expect(await shop.sale.create(rules)).toStrictEqual({ created: true })
    expect(await shop.available(0)).toEqual([3, 3, 2, 2])
    expect(await shop.available(1)).toEqual([0, 1, 0, 0])
    expect(await shop.sale.create(rules)).toStrictEqual({ created: false })
    expect(await shop.handle().create(rules)).toStrictEqual({ created: false })
    await isWhole(shop)
  })

  test.each([0, 1_025, 1.5, -1, '4', null])('partitions: %s is INVALID_ARGUMENT', async (partitions) => {
    const shop = await closed()
    const wrong = { ...rules, partitions: partitions as number }
    await expect(shop.sale.create(wrong)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })

  test('another number of partitions is RULES_CONFLICT, whether fewer or more, and the handle goes on', async () => {
    const shop = await closed()
    await shop.sale.create(rules)
    for (const partitions of [1, 3, 5, 1_024]) {
      const other = shop.handle()
      await expect(other.create({ ...rules, partitions })).rejects.toMatchObject({ code: 'RULES_CONFLICT' })
      await expect(shop.sale.create({ ...rules, partitions })).rejects.toMatchObject({
        code: 'RULES_CONFLICT',
      })
      expect((await other.stats()).skus.a).toMatchObject({ total: 10 })
    }
    await isWhole(shop)
  })

  test('several creators at once: one of them made it', async () => {
    for (let i = 0; i < 5; i++) {
      const shop = await closed()
      const handles = [shop.sale, shop.handle(), shop.handle(), shop.handle()]
      const results = await Promise.all([...handles, ...handles].map((handle) => handle.create(rules)))
      expect(results.filter(({ created }) => created)).toHaveLength(1)
      await isWhole(shop)
    }
  })

  test('several processes that create by different rules: one creates the sale, the others get RULES_CONFLICT', async () => {
    const shop = await closed()
    const counts = [2, 4, 8, 1]
    const results = await Promise.allSettled(
      counts.map((partitions) => shop.handle().create({ ...rules, partitions })),
    )
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const result of results)
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'RULES_CONFLICT' })
    expect((await shop.handle().stats()).skus.a).toMatchObject({ total: 10, available: 10 })
  })

  test('a process that creates is killed after any step: another finishes it, with its first call', async () => {
    const nexts = ['create', 'stats', 'reserve'] as const
    for (let steps = 1; steps <= STEPS; steps++) {
      const shop = await closed()
      let done = 0
      const mortal = mortalEngine(shop.clock.engine, () => ++done === steps)
      void shop
        .handle(mortal.engine)
        .create(rules)
        .catch(() => {})
      await expect.poll(() => done >= steps, { interval: 1 }).toBe(true)
      const next = nexts[steps % 3]!
      const other = shop.handle()
      if (next === 'create' || (await missing(shop))) await other.create(rules)
      else if (next === 'stats') await other.stats()
      else {
        const { status } = await other.reserve({ buyer: 'u', items: cart() })
        expect(status).toBe('reserved')
        await shop.advance(1_000)
      }
      await isWhole(shop)
    }
  })

  const missing = async (shop: PartitionedShop) =>
    shop
      .handle()
      .stats()
      .then(
        () => false,
        () => true,
      )

  test('lost replies: the same call again completes it', async () => {
    for (let lost = 0; lost < STEPS; lost++) {
      const shop = await closed()
      let batches = 0
      const engine = faultyEngine(shop.clock.engine, () => (batches++ === lost ? 'reply lost' : 'answered'))
      const sale = shop.handle(engine)
      await expect(sale.create(rules)).rejects.toMatchObject({ retryable: true })
      await sale.create(rules)
      await isWhole(shop)
    }
  })

  test('a sale that has lost its partition 0 is not begun afresh', async () => {
    const shop = await closed()
    await shop.sale.create(rules)
    const other = shop.handle(withoutPartition(0, shop.clock.engine))
    await faultOf(other.create(rules), 'STATE_LOST')
    expect(
      await shop.clock.engine
        .partition('gone', 0, 4)
        .run('describe', [{}], { incarnation: null, deadline: 9e15, minTime: 0 }),
    ).toMatchObject({
      outcome: 'missing',
    })
  })

  test('a complete sale of which another partition is gone is STATE_LOST to calls that need that one', async () => {
    const shop = await closed()
    await shop.sale.create(rules)
    const other = shop.handle(withoutPartition(2, shop.clock.engine))
    await other.create(rules)
    expect(await faultOf(other.stats(), 'STATE_LOST')).toMatchObject({
      message: expect.stringContaining('artition 2'),
    })
    await faultOf(other.reserve({ buyer: await shop.buyerIn(2), items: cart() }), 'STATE_LOST')
    expect(await other.reserve({ buyer: await shop.buyerIn(1), items: cart() })).toMatchObject({
      status: 'reserved',
    })
  })

  test('a sale of one partition is made by one call, a handle that comes later sends no sweeps at once', async () => {
    const shop = await closed()
    const one = watched(shop.clock.engine)
    await shop.handle(one.engine).create({ ...rules, partitions: 1 })
    expect(one.runs()).toBe(1)
    const wide = new PartitionedShop(await kind.make(), 1_024)
    await wide.sale.create({ ...rules, partitions: 1_024 })
    const later = watched(wide.clock.engine)
    const sale = wide.handle(later.engine)
    await sale.reserve({ buyer: await wide.buyerIn(700), items: cart(), key: 'k' })
    expect(later.runs('sweep')).toBe(0)
    expect((await sale.stats()).skus.a).toMatchObject({ total: 10, held: 1 })
  })
})
