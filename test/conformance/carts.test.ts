import { expect, test } from 'vitest'
import { onRedis } from '../support/engines.js'
import { idAt, openPort } from '../support/port-sale.js'
import { onBothEngines } from '../support/shop.js'

onBothEngines((open) => {
  test('the same SKU on two lines is summed before anything is checked', async () => {
    const shop = await open({ stock: { a: 3 }, limitPerBuyer: 3 })
    const twice = (first: number, second: number) => [
      { sku: 'a', quantity: first },
      { sku: 'a', quantity: second },
    ]
    expect(await shop.reserve('u', twice(2, 2))).toStrictEqual({
      status: 'limit_exceeded',
      sku: 'a',
      limit: 3,
      taken: 0,
      reservations: [],
    })
    const unlimited = await open({ stock: { a: 3 } })
    expect(await unlimited.reserve('u', twice(2, 2))).toMatchObject({ status: 'sold_out', available: 3 })
    const held = await shop.hold('u', twice(2, 1))
    expect(held.items).toStrictEqual([{ sku: 'a', quantity: 3 }])
    expect(await shop.counts()).toBe('3 0 3 0')
    await shop.sale.release(held.id)
    expect(await shop.counts()).toBe('3 3 0 0')
  })

  test('neither the order of lines nor their splitting matters, for the key either', async () => {
    const shop = await open({ stock: { a: 9, b: 9, 10: 9, 9: 9 } })
    const cart = [
      { sku: 'b', quantity: 2 },
      { sku: 'a', quantity: 3 },
      { sku: '10', quantity: 1 },
    ]
    const split = [
      { sku: 'a', quantity: 1 },
      { sku: '10', quantity: 1 },
      { sku: 'b', quantity: 1 },
      { sku: 'a', quantity: 2 },
      { sku: 'b', quantity: 1 },
    ]
    const held = await shop.hold('u', cart, { key: 'k' })
    expect(held.items.map(({ sku }) => sku)).toEqual(['10', 'a', 'b'])
    expect(await shop.reserve('u', split, { key: 'k' })).toStrictEqual({
      status: 'reserved',
      reservation: held,
      replayed: true,
    })
    expect(await shop.reserve('u', [...cart].reverse(), { key: 'k' })).toMatchObject({ replayed: true })
  })

  test('a cart may name fewer SKUs than there are, an unknown one is INVALID_ARGUMENT', async () => {
    const shop = await open({ stock: { a: 1, b: 1 } })
    const unknown = [
      { sku: 'a', quantity: 1 },
      { sku: 'c', quantity: 1 },
    ]
    await expect(shop.reserve('u', unknown)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('items[1].sku'),
    })
    await shop.hold('u', [{ sku: 'b', quantity: 1 }])
    expect(await shop.counts('a')).toBe('1 1 0 0')
  })

  test('a cart of 600 SKUs through its whole life', async () => {
    const names = Array.from({ length: 600 }, (_, i) => `sku-${String(i).padStart(3, '0')}`)
    const shop = await open({ stock: Object.fromEntries(names.map((sku, i) => [sku, i + 1])) })
    const items = names.map((sku, i) => ({ sku, quantity: i + 1 }))
    const held = await shop.hold('u', [...items].reverse(), { key: 'k' })
    expect(held.items).toStrictEqual(items)
    const news = await shop.news()
    expect(news).toHaveLength(601)
    expect(news.slice(1)).toEqual(items.map((_, sku) => ({ type: 'sold_out', sku })))
    expect(await shop.reserve('u', items, { key: 'k' })).toMatchObject({ replayed: true })
    expect(await shop.reserve('v', items, { key: 'k' })).toMatchObject({ status: 'sold_out', sku: 'sku-000' })
    expect(await shop.sale.confirm(held.id)).toMatchObject({ status: 'confirmed' })
    expect(await shop.counts('sku-599')).toBe('600 0 0 600')
    expect(await shop.sale.refund(held.id, { restock: true })).toMatchObject({ status: 'refunded' })
    const expired = await shop.expired('w', items)
    expect(await shop.sale.confirm(expired.id)).toMatchObject({ status: 'confirmed', late: true })
    expect(await shop.counts('sku-300')).toBe('301 0 0 301')
    expect(await shop.audited()).toBe(2)
  })

  test('many large carts at once', async () => {
    const names = Array.from({ length: 100 }, (_, i) => `s${i}`)
    const shop = await open({ stock: Object.fromEntries(names.map((sku) => [sku, 50])), limitPerBuyer: 2 })
    const items = names.map((sku) => ({ sku, quantity: 1 }))
    const results = await Promise.all(Array.from({ length: 60 }, (_, i) => shop.reserve(`u${i}`, items)))
    expect(results.filter(({ status }) => status === 'reserved')).toHaveLength(50)
    expect(results.filter(({ status }) => status === 'sold_out')).toHaveLength(10)
    expect(await shop.counts('s42')).toBe('50 0 50 0')
    expect(await shop.audited()).toBe(50)
  })

  test('carts that overlap never take the same unit', async () => {
    const shop = await open({ stock: { a: 7, b: 5, c: 9 } })
    const pick = (i: number) => ['a', 'b', 'c'].filter((_, place) => (i >> place) & 1)
    const asked = Array.from({ length: 70 }, (_, i) =>
      shop.reserve(
        `u${i}`,
        pick(1 + (i % 7)).map((sku) => ({ sku, quantity: 1 + (i % 2) })),
        { key: 'k' },
      ),
    )
    await Promise.all(asked)
    for (const sku of ['a', 'b', 'c']) await shop.counts(sku)
    await shop.audited()
  })
})

onRedis('redis engine', (kind) => {
  /** How often the server reads fields while that happens. */
  async function reads(work: () => Promise<unknown>): Promise<number> {
    await kind.client().config('RESETSTAT')
    await work()
    const [, calls] = /cmdstat_hmget:calls=(\d+)/.exec(await kind.client().info('commandstats'))!
    return Number(calls)
  }

  test('the counts of a cart are read together, however many lines it has', async () => {
    const stock = Object.fromEntries(
      Array.from({ length: 100 }, (_, i) => [`s${String(i).padStart(3, '0')}`, 9]),
    )
    const [one] = await openPort(await kind.make(), { stock })
    const settled = async (lines: number) => {
      const id = idAt(0, `b${lines}`)
      const cart = Array.from({ length: lines }, (_, sku) => [sku, 1] as const)
      const hold = { id, buyer: `u${lines}`, cart, key: null, holdMs: 1_000 }
      return [
        await reads(() => one!.ask('reserve', hold)),
        await reads(() => one!.ask('confirm', { id, buyer: null, paymentId: null, final: true })),
        await reads(() => one!.ask('refund', { id, restock: true })),
      ]
    }
    await settled(3)
    const two = await settled(2)
    expect(await settled(100)).toEqual(two)
    // A cart of one line has a shorter way.
    for (const [i, count] of (await settled(1)).entries()) expect(count).toBeLessThanOrEqual(two[i]!)
  })
})
