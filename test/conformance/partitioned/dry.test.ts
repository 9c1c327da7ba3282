import { expect, test } from 'vitest'
import { onBothPartitioned } from '../../support/partitioned.js'
import { clocked } from '../../support/test-clock.js'
import { watched } from '../../support/watched-engine.js'
import { withPartitions } from '../../support/wrapped-engine.js'

const a = (quantity: number) => [{ sku: 'a', quantity }]

onBothPartitioned((open) => {
  test.each([1, 2, 3, 5, 64])(
    '%i partitions: the exact last unit is sold, and not one more',
    async (partitions) => {
      const units = 3 * partitions + 2
      const shop = await open({ stock: { a: units }, partitions, limitPerBuyer: 1 })
      const handles = [shop.sale, shop.handle()]
      const ask = (i: number) => handles[i % 2]!.reserve({ buyer: `u-${i}`, items: a(1), key: 'k' })
      const results = await Promise.all(Array.from({ length: units }, (_, i) => ask(i)))
      expect(results.filter(({ status }) => status !== 'reserved')).toEqual([])
      const late = await Promise.all([1, 2, 3].map((i) => ask(units + i)))
      for (const result of late) {
        expect(result).toStrictEqual({ status: 'sold_out', sku: 'a', available: 0, mayReturn: true })
      }
      expect(await shop.audited()).toBe(units)
    },
  )

  test('one buyer after another, each gets a unit while there is one', async () => {
    const shop = await open({ stock: { a: 13 } })
    for (let i = 0; i < 13; i++)
      expect(await shop.sale.reserve({ buyer: `u-${i}`, items: a(1) })).toMatchObject({ status: 'reserved' })
    expect(await shop.sale.reserve({ buyer: 'late', items: a(1) })).toMatchObject({ status: 'sold_out' })
  })

  test('all units of all partitions in one cart', async () => {
    const shop = await open({ stock: { a: 10, b: 7 } })
    const buyer = await shop.buyerIn(3)
    const all = [...a(10), { sku: 'b', quantity: 7 }]
    const tooMany = [...a(10), { sku: 'b', quantity: 8 }]
    expect(await shop.sale.reserve({ buyer, items: tooMany, key: '1' })).toStrictEqual({
      status: 'sold_out',
      sku: 'b',
      available: 7,
      mayReturn: false,
    })
    expect(await shop.sale.reserve({ buyer, items: all, key: '2' })).toMatchObject({ status: 'reserved' })
    expect(await shop.audited()).toBe(1)
  })

  test('a cart that cannot be had as a whole moves nothing, whichever SKU is lacking', async () => {
    const shop = await open({ stock: { a: 8, b: 1 } })
    const buyer = await shop.buyerIn(3)
    const before = [await shop.available(0), await shop.available(1)]
    const cart = [...a(8), { sku: 'b', quantity: 2 }]
    expect(await shop.sale.reserve({ buyer, items: cart })).toMatchObject({
      status: 'sold_out',
      sku: 'b',
      available: 1,
    })
    expect([await shop.available(0), await shop.available(1)]).toEqual(before)
  })

  test('a cart of hundreds of SKUs collects what it lacks in one go', async () => {
    const names = Array.from({ length: 400 }, (_, i) => `s${i}`)
    const shop = await open({ stock: Object.fromEntries(names.map((sku) => [sku, 2])) })
    // Where replies are late, a transfer ends with what came first, and the next one asks again.
    const { engine, runs } = watched(clocked(shop.clock).engine)
    const items = names.map((sku) => ({ sku, quantity: 2 }))
    const sale = shop.handle(engine)
    expect(await sale.reserve({ buyer: 'u', items })).toMatchObject({ status: 'reserved' })
    expect([runs('reserve'), runs('stats'), runs('send')]).toEqual([2, 4, 3])
    expect(await shop.audited()).toBe(1)
  })

  test('what a partition gets beyond the want is half of what the source has: enough for a while', async () => {
    const shop = await open({ stock: { a: 400 } })
    await shop.gather(1)
    const buyer = await shop.buyerIn(2)
    expect(await shop.sale.reserve({ buyer, items: a(1) })).toMatchObject({ status: 'reserved' })
    expect(await shop.available()).toEqual([0, 200, 199, 0])
  })

  test('the richest is asked', async () => {
    const shop = await open({ stock: { a: 400 } })
    await shop.gather(0, 0, 10)
    const buyer = await shop.buyerIn(2)
    await shop.sale.reserve({ buyer, items: a(12) })
    expect(await shop.available()).toEqual([370 - 185, 10, 10 + 185 - 12, 10])
  })

  test('units that are left in no partition alone are brought together', async () => {
    const shop = await open({ stock: { a: 8 } })
    const results = await Promise.all(
      [0, 1, 2, 3].map(async (home) => shop.sale.reserve({ buyer: await shop.buyerIn(home), items: a(2) })),
    )
    expect(results.map(({ status }) => status)).toEqual(Array(4).fill('reserved'))
    expect(await shop.sale.reserve({ buyer: 'v', items: a(1), key: 'k' })).toMatchObject({
      status: 'sold_out',
    })
    await shop.audited()
  })

  test('fewer units than wanted are left: sold_out says how many, and moves nothing', async () => {
    const shop = await open({ stock: { a: 8 } })
    const before = await shop.available()
    expect(await shop.sale.reserve({ buyer: 'u', items: a(9) })).toStrictEqual({
      status: 'sold_out',
      sku: 'a',
      available: 8,
      mayReturn: false,
    })
    expect(await shop.available()).toEqual(before)
  })

  test('units on hold in another partition may return, and do', async () => {
    const shop = await open({ stock: { a: 1 } })
    const [there, here] = [await shop.buyerIn(3), await shop.buyerIn(1)]
    const held = await shop.sale.reserve({ buyer: there, items: a(1) })
    if (held.status !== 'reserved') expect.fail(held.status)
    const refused = await shop.sale.reserve({ buyer: here, items: a(1), key: 'k' })
    expect(refused).toMatchObject({ status: 'sold_out', mayReturn: true })
    await shop.advance(1_000)
    expect(await shop.sale.reserve({ buyer: here, items: a(1), key: 'k' })).toMatchObject({
      status: 'reserved',
    })
    expect(await shop.sale.get(held.reservation.id)).toMatchObject({ state: 'expired' })
    await shop.sale.confirm(
      ((await shop.sale.reserve({ buyer: here, items: a(1), key: 'k' })) as typeof held).reservation.id,
    )
    expect(await shop.sale.reserve({ buyer: there, items: a(1), key: 'k' })).toMatchObject({
      status: 'sold_out',
      mayReturn: false,
    })
  })

  test('what this handle gives back itself is on sale for it at once, wherever', async () => {
    const shop = await open({ stock: { a: 1 } })
    const held = await shop.sale.reserve({ buyer: await shop.buyerIn(3), items: a(1) })
    if (held.status !== 'reserved') expect.fail(held.status)
    const buyer = await shop.buyerIn(1)
    expect(await shop.sale.reserve({ buyer, items: a(1) })).toMatchObject({ status: 'sold_out' })
    await shop.sale.release(held.reservation.id)
    expect(await shop.sale.reserve({ buyer, items: a(1) })).toMatchObject({ status: 'reserved' })
  })

  test('a remembered sold_out is told only to a buyer who wants more than there can have been', async () => {
    const shop = await open({ stock: { a: 4 } })
    expect(await shop.sale.reserve({ buyer: 'u', items: a(5) })).toMatchObject({
      status: 'sold_out',
      available: 4,
    })
    expect(await shop.sale.reserve({ buyer: 'u', items: a(4) })).toMatchObject({ status: 'reserved' })
  })

  test('competing carts over the same SKUs: as many as there are units for are served', async () => {
    const shop = await open({ stock: { a: 12, b: 12, c: 12 } })
    const handles = [shop.sale, shop.handle()]
    const carts = ['ab', 'bc', 'ca', 'abc']
    const results = await Promise.all(
      Array.from({ length: 16 }, (_, i) =>
        handles[i % 2]!.reserve({
          buyer: `u-${i}`,
          items: [...carts[i % 4]!].map((sku) => ({ sku, quantity: 1 })),
        }),
      ),
    )
    expect(results.map(({ status }) => status)).toEqual(Array(16).fill('reserved'))
    expect(Object.values((await shop.sale.stats()).skus).map(({ available }) => available)).toEqual([0, 0, 0])
    expect(await shop.audited()).toBe(16)
  })

  test('a lone partition has no other to ask: sold_out costs one call', async () => {
    const shop = await open({ stock: { a: 1 }, partitions: 1 })
    // A sweep would be a call, too.
    const { engine, runs } = watched(clocked(shop.clock).engine)
    const sale = shop.handle(engine)
    await sale.reserve({ buyer: 'u', items: a(1) })
    const before = runs()
    expect(await sale.reserve({ buyer: 'v', items: a(1) })).toMatchObject({ status: 'sold_out' })
    expect(runs()).toBe(before + 1)
  })

  test('many calls that are refused at once share two snapshots', async () => {
    const shop = await open({ stock: { a: 0 } })
    const { engine, runs } = watched(shop.clock.engine)
    const sale = shop.handle(engine)
    await sale.stats()
    const before = runs('stats')
    const ask = (i: number) => sale.reserve({ buyer: `u-${i}`, items: a(1), key: 'k' })
    const results = await Promise.all(Array.from({ length: 300 }, (_, i) => ask(i)))
    expect(new Set(results.map(({ status }) => status))).toEqual(new Set(['sold_out']))
    expect(runs('stats') - before).toBeLessThanOrEqual(3 * 4)
  })

  test('a snapshot that was begun before a request says nothing of what came back before it', async () => {
    const shop = await open({ stock: { a: 1 } })
    const held = await shop.sale.reserve({ buyer: await shop.buyerIn(0), items: a(1) })
    if (held.status !== 'reserved') expect.fail(held.status)
    let isSlow = false
    let heard = 0
    let go = () => {}
    const gate = new Promise<void>((resolve) => {
      go = resolve
    })
    const slow = withPartitions(shop.clock.engine, (port, index) => ({
      async run(command, ops, call) {
        if (isSlow && command === 'stats' && index === 3) await gate
        const reply = await port.run(command, ops, call)
        if (isSlow && command === 'stats' && index === 0) heard++
        return reply
      },
    }))
    const sale = shop.handle(slow)
    expect(await sale.reserve({ buyer: 'u', items: a(1) })).toMatchObject({ status: 'sold_out' })
    isSlow = true
    const before = sale.reserve({ buyer: await shop.buyerIn(2), items: a(1), key: 'k' })
    await expect.poll(() => heard, { interval: 1 }).toBe(1)
    // That survey has read the partition to which the unit comes back now.
    await shop.sale.release(held.reservation.id)
    const after = sale.reserve({ buyer: await shop.buyerIn(1), items: a(1), key: 'k' })
    await new Promise((resolve) => setTimeout(resolve, 50))
    go()
    expect(await before).toMatchObject({ status: 'sold_out' })
    expect(await after).toMatchObject({ status: 'reserved' })
  })

  test('the same key twice at once, for the last unit: both are told of the one reservation', async () => {
    const shop = await open({ stock: { a: 1 } })
    let go = () => {}
    const gate = new Promise<void>((resolve) => {
      go = resolve
    })
    const late = withPartitions(shop.clock.engine, (port) => ({
      async run(command, ops, call) {
        if (command === 'stats') await gate
        return port.run(command, ops, call)
      },
    }))
    const request = { buyer: await shop.buyerIn(2), items: a(1), key: 'k' }
    const { engine: counted, runs } = watched(late)
    const first = shop.handle(counted).reserve(request)
    await expect.poll(() => runs('stats'), { interval: 1 }).toBe(4)
    const second = await shop.sale.reserve(request)
    go()
    const answer = await first
    if (answer.status !== 'reserved' || second.status !== 'reserved') expect.fail(answer.status)
    expect(answer.reservation.id).toBe(second.reservation.id)
    expect(answer.replayed).toBe(true)
  })
})
