import { expect, test } from 'vitest'
import { testOfOne } from '../support/several.js'
import { onBothEngines, type Shop } from '../support/shop.js'

const move = (shop: Shop, quantity: number, key: string, from = 'a', to = 'b') =>
  shop.sale.move({ from, to, quantity, key })

onBothEngines((open) => {
  test('moved: units of one SKU become units of another', async () => {
    const shop = await open({ stock: { a: 10, b: 1 } })
    expect(await move(shop, 4, 'k')).toStrictEqual({ status: 'moved', applied: 4, replayed: false })
    expect([await shop.counts('a'), await shop.counts('b')]).toEqual(['6 6 0 0', '5 5 0 0'])
    const events = (await shop.news()).filter(({ type }) => type === 'moved')
    expect(events).toEqual([{ type: 'moved', sku: 0, to: 1, quantity: 4, key: 'k', applied: 4 }])
    await shop.hold('u', [{ sku: 'b', quantity: 5 }])
    expect(await shop.audited()).toBe(1)
  })

  test('moved: what is available and no more, expired holds included', async () => {
    const shop = await open({ stock: { a: 10, b: 0 } })
    await shop.confirmed('u', 3)
    await shop.hold('v', 3, { holdMs: 5_000 })
    await shop.expired('w', 2)
    expect(await move(shop, 40, 'k1')).toMatchObject({ applied: 4 })
    expect([await shop.counts('a'), await shop.counts('b')]).toEqual(['6 0 3 3', '4 4 0 0'])
    expect(await move(shop, 1, 'k2')).toMatchObject({ applied: 0 })
    expect(await shop.reserve('x')).toMatchObject({ status: 'sold_out' })
  })

  test('replayed: the first answer, whatever happened since', async () => {
    const shop = await open({ stock: { a: 2, b: 0 } })
    await move(shop, 5, 'k')
    await shop.sale.restock({ sku: 'a', quantity: 5, key: 'k' })
    await shop.news()
    expect(await move(shop, 5, 'k')).toStrictEqual({ status: 'moved', applied: 2, replayed: true })
    expect(await shop.news()).toEqual([])
    expect([await shop.counts('a'), await shop.counts('b')]).toEqual(['5 5 0 0', '2 2 0 0'])
  })

  test('IDEMPOTENCY_CONFLICT: the key was used for other SKUs or another quantity', async () => {
    const shop = await open({ stock: { a: 3, b: 3, c: 3 } })
    await move(shop, 1, 'k')
    for (const [quantity, from, to] of [
      [2, 'a', 'b'],
      [1, 'c', 'b'],
      [1, 'a', 'c'],
    ] as const)
      await expect(move(shop, quantity, 'k', from, to)).rejects.toMatchObject({
        code: 'IDEMPOTENCY_CONFLICT',
      })
    expect(await shop.counts('b')).toBe('4 4 0 0')
  })

  test('the same key many times at once moves once', async () => {
    const shop = await open({ stock: { a: 10, b: 0 } })
    const results = await Promise.all(Array.from({ length: 10 }, () => move(shop, 3, 'k')))
    expect(results.filter(({ replayed }) => !replayed)).toHaveLength(1)
    expect(await shop.counts('b')).toBe('3 3 0 0')
  })

  test('units that move to a SKU of which units are owed pay the debt first', async () => {
    const shop = await open({ stock: { a: 10, b: 2 } })
    await shop.hold('u', [{ sku: 'b', quantity: 2 }])
    await shop.sale.setTotal({ sku: 'b', total: 0, key: 'count' })
    expect(await move(shop, 5, 'k')).toMatchObject({ applied: 5 })
    expect([await shop.counts('a'), await shop.counts('b')]).toEqual(['5 5 0 0', '5 3 2 0'])
    expect((await shop.sale.stats()).skus.b!.owed).toBeUndefined()
    expect(await shop.audited()).toBe(1)
  })

  test('INVALID_ARGUMENT: an unknown SKU, the same SKU, a quantity that is none', async () => {
    const { sale } = await open({ stock: { a: 1, b: 1 } })
    const valid = { from: 'a', to: 'b', quantity: 1, key: 'k' }
    for (const other of [
      { from: 'x' },
      { to: 'x' },
      { to: 'a' },
      { quantity: 0 },
      { quantity: -1 },
      { sku: 'a' },
    ])
      await expect(sale.move({ ...valid, ...other })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    expect(await sale.move(valid)).toMatchObject({ replayed: false })
  })

  testOfOne('sold_out behind the event, and nothing after the deadline', async () => {
    const shop = await open({ stock: { a: 1, b: 0 } })
    const op = { from: 0, to: 1, quantity: 1, key: 'k', final: true, atMost: null }
    expect(await shop.ask('move', op, { deadline: 0 })).toEqual({ status: 'retry' })
    await move(shop, 1, 'k')
    expect((await shop.news()).map(({ type }) => type)).toEqual(['moved', 'sold_out'])
    expect(await shop.ask('move', op, { deadline: 0 })).toMatchObject({ replayed: true })
  })

  testOfOne('lacking: other partitions may have units', async () => {
    const shop = await open({ stock: { a: 1, b: 0 } })
    const op = { from: 0, to: 1, quantity: 2, key: 'k', final: false, atMost: null }
    expect(await shop.ask('move', op)).toEqual({ status: 'lacking', sku: 0, available: 1 })
    expect(await shop.news()).toEqual([])
  })
})
