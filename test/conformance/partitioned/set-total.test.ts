import { expect, test } from 'vitest'
import { StockholdError } from '../../../src/index.js'
import { onBothPartitioned, type PartitionedShop } from '../../support/partitioned.js'
import { setTotalOp } from '../../support/port-sale.js'
import { watched } from '../../support/watched-engine.js'
import { withPartitions } from '../../support/wrapped-engine.js'

const a = (quantity: number) => [{ sku: 'a', quantity }]
const count = (shop: PartitionedShop, total: number, key = 'k') =>
  shop.sale.setTotal({ sku: 'a', total, key })
const statsOf = async (shop: PartitionedShop) => (await shop.sale.stats()).skus.a!

/** Holds units for a new buyer of each of these partitions. */
async function holdIn(shop: PartitionedShop, partitions: readonly number[], quantity = 1) {
  const ids: string[] = []
  for (const partition of partitions) {
    const result = await shop.sale.reserve({ buyer: await shop.buyerIn(partition), items: a(quantity) })
    if (result.status !== 'reserved') expect.fail(JSON.stringify(result))
    ids.push(result.reservation.id)
  }
  return ids
}

/** How many units buyers of these partitions get, one each. */
async function sellIn(shop: PartitionedShop, partitions: readonly number[]): Promise<number> {
  let sold = 0
  for (const partition of partitions) {
    const { status } = await shop.sale.reserve({ buyer: await shop.buyerIn(partition), items: a(1) })
    if (status === 'reserved') sold++
  }
  return sold
}

const everywhere = [0, 1, 2, 3, 1, 2, 3, 0, 3, 2]

onBothPartitioned((open, kind) => {
  test('units of all partitions are taken before the call returns', async () => {
    const shop = await open({ stock: { a: 400 } })
    await holdIn(shop, [1, 2])
    expect(await count(shop, 7)).toMatchObject({ status: 'set', applied: -393, owed: 0 })
    expect(await shop.audited()).toBe(2)
    expect(await statsOf(shop)).toEqual({ total: 7, available: 5, held: 2, confirmed: 0, inTransit: 0 })
    expect(await sellIn(shop, everywhere)).toBe(5)
    expect(await shop.audited()).toBe(7)
  })

  test('units between two other partitions are taken too: only what is sold is owed', async () => {
    const shop = await open({ stock: { a: 40 } })
    await holdIn(shop, [1, 2])
    const sent = await shop.ask(1, 'send', { to: 2, wants: [[0, 9]], received: [] })
    expect(sent).toMatchObject({ sent: [[0, 9]], left: [[0, 0]] })
    expect(await count(shop, 1)).toMatchObject({ status: 'set', applied: -38, owed: 1 })
    expect(await statsOf(shop)).toMatchObject({ total: 2, available: 0, held: 2, inTransit: 0 })
    expect(await count(shop, 5, 'k2')).toMatchObject({ applied: 3, owed: 0 })
    expect(await sellIn(shop, everywhere)).toBe(3)
    expect(await shop.audited()).toBe(5)
  })

  test.each([
    ['transfers', 1],
    ['transfers', 2],
    ['receive', 2],
  ] as const)('while %s of partition %i fails the count is not complete', async (command, partition) => {
    const shop = await open({ stock: { a: 40 } })
    await holdIn(shop, [1, 2])
    await shop.ask(1, 'send', { to: 2, wants: [[0, 9]], received: [] })
    const faulty = withPartitions(shop.clock.engine, (port, index) => ({
      run: (asked, ops, call) => {
        if (asked !== command || index !== partition) return port.run(asked, ops, call)
        throw new StockholdError('UNAVAILABLE', 'refused', { retryable: false })
      },
    }))
    const given = shop.handle(faulty).setTotal({ sku: 'a', total: 1, key: 'k' })
    await expect(given).rejects.toMatchObject({
      code: 'UNKNOWN_OUTCOME',
      message: expect.stringContaining('Call again with the same key'),
    })
    expect(await count(shop, 1)).toMatchObject({ status: 'set', applied: -38, owed: 1 })
    expect(await statsOf(shop)).toMatchObject({ total: 2, available: 0, held: 2, inTransit: 0 })
  })

  test('a consumer hears of the count and its debt, and not of what partitions do for it', async () => {
    const shop = await open({ stock: { a: 8 } })
    const types: unknown[] = []
    const consumer = shop.sale.consume({ group: 'g' }, (event) => void types.push(event?.type))
    const ids = await holdIn(shop, [0, 1, 2, 3, 1, 2])
    await count(shop, 4)
    for (const id of ids.slice(0, 3)) await shop.sale.release(id)
    await shop.advance(1_000)
    await shop.audited()
    const isDone = async () => {
      await shop.advance(1_000)
      const { leads, lag, parked } = await consumer.stats()
      return [leads, lag, parked]
    }
    await expect.poll(isDone).toEqual([4, 0, 0])
    await consumer.close()
    expect(types).toContain('total_set')
    expect(types).toContain('debt_taken')
    expect(types).not.toContain(undefined)
  })

  test.each([1, 2, 3, 5, 64])('%i partitions: never more is sold than the count says', async (partitions) => {
    const shop = await open({ stock: { a: 10 }, partitions })
    const all = Array.from({ length: 8 }, (_, i) => i % partitions)
    const ids = await holdIn(shop, all)
    expect(await count(shop, 5)).toMatchObject({ applied: -2, owed: 3 })
    expect(await sellIn(shop, all)).toBe(0)
    for (const id of ids.slice(0, 3)) await shop.sale.release(id)
    expect(await sellIn(shop, all)).toBe(0)
    await shop.advance(1_000)
    expect(await sellIn(shop, [...all, ...all])).toBe(5)
    expect(await shop.audited()).toBe(13)
    expect(await statsOf(shop)).toMatchObject({ total: 5, held: 5, inTransit: 0 })
    expect((await statsOf(shop)).owed).toBeUndefined()
  })

  test('units that come back are withheld wherever they are, also those that are received', async () => {
    const shop = await open({ stock: { a: 8 }, holdMs: 60_000 })
    const [, one, two] = await holdIn(shop, [0, 1, 2, 3], 2)
    expect(await count(shop, 5)).toMatchObject({ applied: 0, owed: 3 })
    await shop.sale.confirm(one!)
    await shop.sale.refund(one!, { restock: true })
    expect(await shop.available()).toEqual([0, 0, 0, 0])
    expect((await shop.counts(1)).inTransit).toBe(2)
    await shop.sale.release(two!)
    expect(await shop.available()).toEqual([0, 0, 0, 0])
    expect(await statsOf(shop)).toMatchObject({ total: 5, available: 1, held: 4 })
    expect(await sellIn(shop, everywhere)).toBe(1)
    expect(await shop.audited()).toBe(5)
  })

  test('a restock anywhere lowers the debt first', async () => {
    const shop = await open({ stock: { a: 4 }, holdMs: 60_000 })
    await holdIn(shop, [0, 1, 2, 3])
    await count(shop, 1)
    for (let i = 0; i < 8; i++) await shop.sale.restock({ sku: 'a', quantity: 1, key: `r${i}` })
    await shop.audited()
    expect(await statsOf(shop)).toMatchObject({ total: 9, available: 5, held: 4 })
    expect(await sellIn(shop, everywhere)).toBe(5)
  })

  test('a claim that is out of date is dropped, and buyers there get units', async () => {
    const shop = await open({ stock: { a: 40 }, holdMs: 60_000 })
    await holdIn(shop, [0, 1, 2, 3], 10)
    expect(await count(shop, 4)).toMatchObject({ owed: 36 })
    expect(await count(shop, 50, 'k2')).toMatchObject({ applied: 10, owed: 0 })
    expect(await sellIn(shop, [1, 1, 2, 2, 3, 3, 0, 1, 2, 3])).toBe(10)
    expect(await sellIn(shop, everywhere)).toBe(0)
    expect(await shop.audited()).toBe(14)
  })

  test('a withhold that arrives after the debt was settled changes nothing', async () => {
    const shop = await open({ stock: { a: 8 }, holdMs: 60_000 })
    const withhold = (units: number, received: number) => shop.ask(1, 'withhold', { sku: 0, units, received })
    expect(await withhold(1, 0)).toEqual({ status: 'withheld', sent: 1 })
    await shop.gather(0)
    const sent = await shop.ask(0, 'send', { to: 1, wants: [[0, 4]], received: [] })
    if (sent.status !== 'sent') expect.fail(sent.status)
    const units = sent.sent[0]![1]
    await shop.ask(1, 'receive', { from: 0, sent: [[0, units]] })
    expect((await shop.counts(1)).available).toBe(units)
    expect(await withhold(9, 0)).toMatchObject({ sent: expect.anything() })
    expect((await shop.counts(1)).available).toBe(units)
    // What partition 0 had sent by then is received first, and passed on.
    expect(await withhold(2, units)).toMatchObject({ status: 'withheld' })
    expect((await shop.counts(1)).available).toBe(units - 2)
  })

  test('killed between two steps, at each of them: the same key completes the count', async () => {
    for (let steps = 1; ; steps++) {
      const shop = await open({ stock: { a: 10 } })
      await holdIn(shop, [0, 1, 2, 3, 0, 1, 2])
      let left = steps
      const dying = withPartitions(shop.clock.engine, (partition) => ({
        ready: () => partition.ready(),
        run: (command, ops, call) =>
          left-- > 0 ? partition.run(command, ops, call) : Promise.reject(new Error('killed')),
      }))
      const process = shop.handle(dying)
      const result = await process.setTotal({ sku: 'a', total: 4, key: 'k' }).catch(() => undefined)
      const again = await count(shop, 4)
      expect(again, `after ${steps} steps`).toMatchObject({ status: 'set', applied: -3, owed: 3 })
      expect(await sellIn(shop, everywhere)).toBe(0)
      await shop.advance(1_000)
      expect(await sellIn(shop, everywhere)).toBe(4)
      expect(await shop.audited()).toBe(11)
      if (result) {
        expect(again.replayed).toBe(true)
        break
      }
    }
  })

  test('killed between two steps: stats collects what is owed', async () => {
    const shop = await open({ stock: { a: 40 } })
    const { own } = (await shop.ask(0, 'setTotal', setTotalOp({ total: 5, basis: null, final: false }))) as {
      own: number
    }
    const basis = { own, others: 30 }
    expect(await shop.ask(0, 'setTotal', setTotalOp({ total: 5, basis, final: false }))).toMatchObject({
      ...{ status: 'set', change: -35, complete: false },
    })
    expect(await statsOf(shop)).toEqual({ total: 5, available: 5, held: 0, confirmed: 0, inTransit: 0 })
    expect(await count(shop, 5)).toMatchObject({ applied: -35, owed: 0, replayed: true })
  })

  test('a newer count completes the one before it', async () => {
    const shop = await open({ stock: { a: 40 } })
    const op = setTotalOp({ total: 5, basis: { own: 10, others: 30 }, final: false })
    await shop.ask(0, 'setTotal', op)
    expect(await count(shop, 100, 'k2')).toMatchObject({ status: 'set', owed: 0 })
    expect(await statsOf(shop)).toMatchObject({ total: 100, available: 100 })
    expect(await shop.ask(0, 'setTotal', { ...op, final: true })).toMatchObject({
      ...{ status: 'set', applied: -35, owed: 0, complete: true, replayed: true },
    })
  })

  test('while a count is under way, an older one hears what is owed in the end', async () => {
    const shop = await open({ stock: { a: 40 } })
    await holdIn(shop, [1, 2])
    const op = setTotalOp({ total: 1, basis: { own: 10, others: 30 }, final: false })
    await shop.ask(0, 'setTotal', op)
    const older = { sku: 'a', total: 9, key: 'older', countedAt: shop.clock.now() - 1 }
    expect(await shop.sale.setTotal(older)).toMatchObject({ status: 'superseded', owed: 1 })
    expect(await statsOf(shop)).toMatchObject({ total: 2, held: 2, owed: 1 })
  })

  test('what a count under way has a claim to is neither taken out nor moved', async () => {
    const shop = await open({ stock: { a: 40, b: 0 } })
    const op = setTotalOp({ total: 0, basis: { own: 10, others: 30 }, final: false })
    await shop.ask(0, 'setTotal', op)
    for (let i = 0; i < 8; i++) {
      expect(await shop.sale.restock({ sku: 'a', quantity: -3, key: `r${i}` })).toMatchObject({ applied: 0 })
      expect(await shop.sale.move({ from: 'a', to: 'b', quantity: 3, key: `m${i}` })).toMatchObject({
        applied: 0,
      })
    }
    expect(await statsOf(shop)).toEqual({ total: 0, available: 0, held: 0, confirmed: 0, inTransit: 0 })
  })

  test('a restock in the middle of a count makes it count again', async () => {
    const shop = await open({ stock: { a: 40 } })
    const uncounted = await shop.ask(0, 'setTotal', setTotalOp({ total: 5, basis: null, final: false }))
    expect(uncounted).toEqual({ status: 'uncounted', own: 10, owed: 0 })
    await shop.ask(0, 'restock', { sku: 0, quantity: 1, key: 'r', final: true })
    const op = setTotalOp({ total: 5, basis: { own: 10, others: 30 }, final: false })
    expect(await shop.ask(0, 'setTotal', op)).toEqual({ status: 'uncounted', own: 11, owed: 0 })
    expect(await count(shop, 5)).toMatchObject({ applied: -36 })
  })

  test('counts, buyers, restocks and releases at once: the last count is right', async () => {
    const shop = await open({ stock: { a: 40 }, holdMs: 60_000 })
    const handles = [shop.sale, shop.handle(), shop.handle()]
    const jobs: Promise<unknown>[] = []
    for (let i = 0; i < 30; i++) {
      const sale = handles[i % 3]!
      const items = a(1 + (i % 3))
      jobs.push(
        sale.reserve({ buyer: `u${i}`, items }).then((result) => {
          if (result.status === 'reserved' && i % 2 === 0) return sale.release(result.reservation.id)
          return undefined
        }),
      )
      if (i % 5 === 0) jobs.push(sale.setTotal({ sku: 'a', total: 10 + i, key: `c${i}` }))
      if (i % 7 === 0) jobs.push(sale.restock({ sku: 'a', quantity: 2, key: `r${i}` }))
    }
    await Promise.all(jobs)
    await count(shop, 12, 'last')
    await shop.audited()
    const { total, held, owed = 0 } = await statsOf(shop)
    expect(total - owed).toBe(12)
    expect(await sellIn(shop, everywhere)).toBe(Math.max(0, 12 - held) > 10 ? 10 : Math.max(0, 12 - held))
    await shop.audited()
  })

  test('a count asks each partition a few times, however many units move', async () => {
    const shop = await open({ stock: { a: 1_000_000 } })
    const { engine, runs } = watched(shop.clock.engine)
    expect(await shop.handle(engine).setTotal({ sku: 'a', total: 3, key: 'k' })).toMatchObject({ owed: 0 })
    expect([runs('setTotal'), runs('stats'), runs('withhold'), runs('debt')]).toEqual([3, 6, 3, 2])
  })

  test(`move gathers the units of all partitions (${kind.name})`, async () => {
    const shop = await open({ stock: { a: 40, b: 0 } })
    const move = (quantity: number, key: string) => shop.sale.move({ from: 'a', to: 'b', quantity, key })
    expect(await move(25, 'k1')).toEqual({ status: 'moved', applied: 25, replayed: false })
    expect(await move(25, 'k2')).toEqual({ status: 'moved', applied: 15, replayed: false })
    expect(await shop.sale.stats()).toMatchObject({
      skus: { a: { total: 0, available: 0 }, b: { total: 40, available: 40 } },
    })
    expect(await shop.audited()).toBe(0)
  })
})
