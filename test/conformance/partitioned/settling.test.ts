import { expect, test } from 'vitest'
import type { Op } from '../../../src/engine/engine.js'
import { faultyEngine, mortalEngine } from '../../support/faulty-engine.js'
import { onBothPartitioned, type PartitionedShop } from '../../support/partitioned.js'
import { faultOf } from '../../support/secrets.js'
import { TestClock } from '../../support/test-clock.js'
import { withPartitions } from '../../support/wrapped-engine.js'

const a = (quantity: number) => [{ sku: 'a', quantity }]

onBothPartitioned((open) => {
  async function hold(shop: PartitionedShop, home: number, quantity = 1, rest: { holdMs?: number } = {}) {
    const result = await shop.sale.reserve({ buyer: await shop.buyerIn(home), items: a(quantity), ...rest })
    if (result.status !== 'reserved') expect.fail(result.status)
    return result.reservation
  }

  test('ids route by themselves, from any handle; those of no partition are not_found', async () => {
    const shop = await open({ stock: { a: 40 } })
    for (const home of [0, 1, 2, 3]) {
      const { id } = await hold(shop, home)
      const other = shop.handle()
      expect(await other.get(id)).toMatchObject({ id, state: 'held' })
      expect(await other.extend(id, { holdMs: 5_000 })).toMatchObject({ status: 'extended' })
      expect(await other.confirm(id)).toMatchObject({ status: 'confirmed' })
      expect(await other.refund(id, { restock: true })).toMatchObject({ status: 'refunded' })
      const nowhere = `1AE${id.slice(3)}`
      expect(await other.get(nowhere)).toBeUndefined()
      expect(await other.confirm(nowhere)).toEqual({ status: 'not_found' })
      expect(await other.release(`1BA${id.slice(3)}`)).toEqual({ status: 'not_found' })
    }
    expect(await shop.audited()).toBe(4)
  })

  test('a limit and a key hold over all partitions and handles, for whatever buyer', async () => {
    const shop = await open({ stock: { a: 400 }, limitPerBuyer: 3 })
    const handles = [shop.sale, shop.handle(), shop.handle()]
    for (const home of [0, 1, 2, 3]) {
      const buyer = await shop.buyerIn(home)
      const some = await Promise.all(handles.map((sale) => sale.reserve({ buyer, items: a(2) })))
      expect(some.filter(({ status }) => status === 'reserved')).toHaveLength(1)
      const same = await Promise.all(handles.map((sale) => sale.reserve({ buyer, items: a(1), key: 'k' })))
      expect(
        new Set(same.map((one) => (one.status === 'reserved' ? one.reservation.id : one.status))).size,
      ).toBe(1)
      expect(await shop.sale.reserve({ buyer, items: a(1) })).toMatchObject({
        status: 'limit_exceeded',
        taken: 3,
      })
    }
    await shop.audited()
  })

  test('a key without a limit finds its reservation, too', async () => {
    const shop = await open({ stock: { a: 400 } })
    for (let i = 0; i < 8; i++) {
      const ask = () => shop.handle().reserve({ buyer: `u-${i}`, items: a(1), key: `k-${i}` })
      const [first, second] = [await ask(), await ask()]
      if (first.status !== 'reserved' || second.status !== 'reserved') expect.fail(second.status)
      expect(second.reservation.id).toBe(first.reservation.id)
      expect(second.replayed).toBe(true)
    }
  })

  test('a late payment gets units wherever they are', async () => {
    const shop = await open({ stock: { a: 8 } })
    const late = await hold(shop, 1, 3)
    await shop.advance(1_000)
    await shop.gather(2)
    expect(await shop.available()).toEqual([0, 0, 8, 0])
    expect(await shop.sale.confirm(late.id, { paymentId: 'p' })).toMatchObject({
      status: 'confirmed',
      late: true,
      reservation: { paymentId: 'p' },
    })
    expect(await shop.sale.confirm(late.id)).toMatchObject({
      status: 'confirmed',
      replayed: true,
      late: true,
    })
    await shop.audited()
  })

  test('with too few anywhere it is refund_due, for ever', async () => {
    const shop = await open({ stock: { a: 4 } })
    const late = await hold(shop, 1, 2)
    await shop.advance(1_000)
    const others = [await hold(shop, 2), await hold(shop, 0), await hold(shop, 3)]
    expect(await shop.sale.confirm(late.id)).toMatchObject({ status: 'refund_due', reason: 'sold_out' })
    for (const { id } of others) await shop.sale.release(id)
    expect(await shop.handle().confirm(late.id)).toMatchObject({ status: 'refund_due', reason: 'sold_out' })
    await shop.audited()
  })

  test('a late payment is not refused while units may lie in a partition that is away', async () => {
    const shop = await open({ stock: { a: 4 } })
    const late = await hold(shop, 1, 2)
    await shop.advance(1_000)
    await shop.gather(3)
    const clock = new TestClock()
    const engine = faultyEngine(clock.drive(shop.clock.engine), ({ partition }) =>
      partition === 3 ? 'refused' : 'answered',
    )
    await faultOf(clock.during(shop.handle(engine, 400).confirm(late.id)), 'UNAVAILABLE')
    expect(await shop.handle().confirm(late.id)).toMatchObject({ status: 'confirmed', late: true })
  })

  test('a late payment gets the unit that goes back from the SKU it returns to while it is looked for', async () => {
    const shop = await open({ stock: { a: 1, b: 0 }, skus: { a: { returnsTo: 'b' } } })
    const late = await hold(shop, 1)
    await shop.advance(1_000)
    let moved: Promise<unknown> | undefined
    const engine = withPartitions(shop.clock.engine, (port) => ({
      async run(command, ops, call) {
        const [{ skus = [] } = {}] = ops as unknown as Op<'stats'>[]
        if (command === 'stats' && skus.includes(1)) {
          moved ??= shop.sale.move({ from: 'b', to: 'a', quantity: 1, key: 'k' })
          await moved
        }
        return port.run(command, ops, call)
      },
    }))
    expect(await shop.handle(engine).confirm(late.id)).toMatchObject({ status: 'confirmed', late: true })
    expect(await moved).toMatchObject({ applied: 1 })
    await shop.audited()
  })

  test('a late cart of several SKUs', async () => {
    const shop = await open({ stock: { a: 4, b: 4 } })
    const items = [...a(4), { sku: 'b', quantity: 4 }]
    const held = await shop.sale.reserve({ buyer: await shop.buyerIn(0), items })
    if (held.status !== 'reserved') expect.fail(held.status)
    await shop.advance(1_000)
    await shop.gather(1, 0)
    await shop.gather(2, 1)
    expect(await shop.sale.confirm(held.reservation.id)).toMatchObject({ status: 'confirmed', late: true })
    expect(await shop.audited()).toBe(1)
  })

  test('a restock is on sale everywhere, once by its key', async () => {
    const shop = await open({ stock: { a: 0 } })
    for (let i = 0; i < 6; i++) {
      const restock = { sku: 'a', quantity: 2, key: `r-${i}` }
      expect(await shop.sale.restock(restock)).toMatchObject({ applied: 2, replayed: false })
      expect(await shop.handle().restock(restock)).toMatchObject({ applied: 2, replayed: true })
      await expect(shop.handle().restock({ ...restock, quantity: 3 })).rejects.toMatchObject({
        code: 'IDEMPOTENCY_CONFLICT',
      })
    }
    expect(await shop.sale.reserve({ buyer: 'u', items: a(12), key: 'k' })).toMatchObject({
      status: 'reserved',
    })
    expect((await shop.sale.stats()).skus.a).toMatchObject({ total: 12, held: 12 })
  })

  test('a negative restock takes what is available, in all partitions together', async () => {
    const shop = await open({ stock: { a: 40 } })
    await hold(shop, 1, 5)
    expect(await shop.sale.restock({ sku: 'a', quantity: -30, key: '1' })).toMatchObject({ applied: -30 })
    expect(await shop.handle().restock({ sku: 'a', quantity: -30, key: '2' })).toMatchObject({ applied: -5 })
    expect(await shop.handle().restock({ sku: 'a', quantity: -30, key: '2' })).toMatchObject({
      applied: -5,
      replayed: true,
    })
    expect(await shop.sale.restock({ sku: 'a', quantity: -1, key: '3' })).toMatchObject({ applied: 0 })
    expect((await shop.sale.stats()).skus.a).toMatchObject({ total: 5, available: 0, held: 5 })
    await shop.audited()
  })

  test('a process that takes units out is killed on the way: the same key again takes them out once', async () => {
    for (const step of ['send', 'receive', 'restock'] as const) {
      const shop = await open({ stock: { a: 40 } })
      const { engine, died } = mortalEngine(shop.clock.engine, ({ command }) => command === step)
      const restock = { sku: 'a', quantity: -39, key: 'k' }
      const dying = shop.handle(engine).restock(restock)
      dying.catch(() => {})
      await died
      expect(await shop.sale.restock(restock)).toMatchObject({ applied: -39 })
      expect((await shop.sale.stats()).skus.a).toMatchObject({ total: 1, available: 1 })
      await shop.audited()
    }
  })

  test('state and counts are those of all partitions, the state the most restrictive', async () => {
    const shop = await open({ stock: { a: 40, b: 3 } })
    await hold(shop, 2, 4)
    await shop.ask(1, 'control', { action: 'pause' })
    expect(await shop.sale.stats()).toStrictEqual({
      state: 'paused',
      skus: {
        a: { total: 40, available: 36, held: 4, confirmed: 0, inTransit: 0 },
        b: { total: 3, available: 3, held: 0, confirmed: 0, inTransit: 0 },
      },
    })
    expect(await shop.sale.resume()).toBe('open')
    await shop.ask(3, 'control', { action: 'end' })
    expect((await shop.sale.stats()).state).toBe('ended')
  })

  test('stats of a sale whose units are on the move: never negative, never lost', async () => {
    const shop = await open({ stock: { a: 40 } })
    let going = true
    const mover = async () => {
      for (let i = 0; going; i++) {
        const [from, to] = [i % 4, (i * 3 + 1) % 4]
        if (from === to) continue
        const answer = await shop.ask(from, 'send', { to, wants: [[0, 7]], received: [] })
        if (answer.status === 'sent') await shop.ask(to, 'receive', { from, sent: answer.sent })
      }
    }
    const moving = [mover(), mover()]
    const reader = shop.handle()
    for (let i = 0; i < 60; i++) {
      const { total, available, held, confirmed, inTransit } = (await reader.stats()).skus.a!
      expect([total, available + inTransit]).toEqual([40, 40])
      expect(Math.min(available, held, confirmed, inTransit)).toBeGreaterThanOrEqual(0)
    }
    going = false
    await Promise.all(moving)
    await shop.audited()
  })

  test('stats and control count as one call each, however many partitions', async () => {
    const shop = await open({ stock: { a: 1_024 }, partitions: 64 })
    const { FlashSale } = await import('../../../src/index.js')
    // Its time stands still: a sweep of its own would be a call too.
    const sale = new FlashSale('launch', { engine: new TestClock().drive(shop.clock.engine), maxInFlight: 2 })
    expect((await sale.stats()).skus.a).toMatchObject({ total: 1_024 })
    const three = await Promise.allSettled([sale.stats(), sale.pause(), sale.stats()])
    expect(three.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected'])
    expect(await sale.resume()).toBe('open')
    // Who waits for units counts too.
    await shop.gather(0)
    const buyers = await Promise.all([1, 2, 3].map((home) => shop.buyerIn(home)))
    const asked = await Promise.allSettled(buyers.map((buyer) => sale.reserve({ buyer, items: a(1) })))
    expect(asked.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected'])
    expect((await sale.stats()).skus.a).toMatchObject({ held: 2 })
    // And is gone when they have their answer: as many as before may ask now, and no more.
    const again = await Promise.allSettled([sale.stats(), sale.stats(), sale.stats()])
    expect(again.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected'])
    await sale.close()
  })
})
