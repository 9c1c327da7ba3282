import { expect, test } from 'vitest'
import { testOfOne } from '../support/several.js'
import { onBothEngines } from '../support/shop.js'

onBothEngines((open) => {
  test('restocked: units are added to the sale', async () => {
    const shop = await open({ stock: { a: 1, b: 0 } })
    expect(await shop.sale.restock({ sku: 'b', quantity: 4, key: 'k' })).toStrictEqual({
      status: 'restocked',
      sku: 'b',
      applied: 4,
      replayed: false,
    })
    expect(await shop.news()).toEqual([{ type: 'restocked', sku: 1, quantity: 4, key: 'k', applied: 4 }])
    expect(await shop.counts('b')).toBe('4 4 0 0')
    expect(await shop.counts('a')).toBe('1 1 0 0')
  })

  test('restocked, negative: takes what is available and no more, and says how much', async () => {
    const shop = await open({ stock: { a: 5 } })
    const take = async (quantity: number, key: string) => {
      const result = await shop.sale.restock({ sku: 'a', quantity, key })
      return result.applied
    }
    expect(await take(-1, 'k1')).toBe(-1)
    await shop.hold('u')
    await shop.confirmed('v')
    await shop.news()
    expect(await take(-5, 'k2')).toBe(-2)
    expect(await shop.news()).toEqual([
      { type: 'restocked', sku: 0, quantity: -5, key: 'k2', applied: -2 },
      { type: 'sold_out', sku: 0 },
    ])
    expect(await shop.counts()).toBe('2 0 1 1')
    expect(await take(-1, 'k3')).toBe(0)
    expect(await shop.news()).toEqual([{ type: 'restocked', sku: 0, quantity: -1, key: 'k3', applied: 0 }])
    expect(await shop.counts()).toBe('2 0 1 1')
  })

  test('restocked, negative: expired holds are available', async () => {
    const shop = await open({ stock: { a: 5 } })
    await shop.expired('u', 5)
    expect(await shop.sale.restock({ sku: 'a', quantity: -9, key: 'k' })).toMatchObject({ applied: -5 })
    expect(await shop.counts()).toBe('0 0 0 0')
  })

  test('restocked, replayed: the first answer, whatever happened since', async () => {
    const shop = await open({ stock: { a: 3 } })
    const down = { sku: 'a', quantity: -5, key: 'down' }
    const up = { sku: 'a', quantity: 5, key: 'up' }
    const first = await shop.sale.restock(down)
    const second = await shop.sale.restock(up)
    await shop.hold('u', 2)
    await shop.news()
    expect(await shop.sale.restock(down)).toStrictEqual({ ...first, applied: -3, replayed: true })
    expect(await shop.handle().restock(up)).toStrictEqual({ ...second, applied: 5, replayed: true })
    expect(await shop.news()).toEqual([])
    expect(await shop.counts()).toBe('5 3 2 0')
  })

  test('the same key many times at once adds once', async () => {
    const shop = await open()
    const sent = Array.from({ length: 20 }, () => shop.sale.restock({ sku: 'a', quantity: 5, key: 'k' }))
    const results = await Promise.all(sent)
    expect(results.filter(({ replayed }) => !replayed)).toHaveLength(1)
    expect(await shop.counts()).toBe('15 15 0 0')
  })

  test('IDEMPOTENCY_CONFLICT: the key was used with another SKU or quantity', async () => {
    const shop = await open({ stock: { a: 3, b: 3 } })
    await shop.sale.restock({ sku: 'a', quantity: 1, key: 'k' })
    await shop.news()
    for (const other of [
      { sku: 'b', quantity: 1 },
      { sku: 'a', quantity: 2 },
      { sku: 'a', quantity: -1 },
    ]) {
      await expect(shop.sale.restock({ ...other, key: 'k' })).rejects.toMatchObject({
        code: 'IDEMPOTENCY_CONFLICT',
        retryable: false,
      })
    }
    expect(await shop.news()).toEqual([])
    expect(await shop.counts('a')).toBe('4 4 0 0')
    expect(await shop.counts('b')).toBe('3 3 0 0')
  })

  test('keys of restocks and keys of reservations are apart', async () => {
    const shop = await open()
    await shop.hold('u', 1, { key: 'k' })
    expect(await shop.sale.restock({ sku: 'a', quantity: 1, key: 'k' })).toMatchObject({ replayed: false })
  })

  test('an unknown SKU is INVALID_ARGUMENT, and its key is free', async () => {
    const shop = await open()
    const unknown = shop.sale.restock({ sku: 'x', quantity: 1, key: 'k' })
    await expect(unknown).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    expect(await shop.sale.restock({ sku: 'a', quantity: 1, key: 'k' })).toMatchObject({ replayed: false })
  })

  // What happens in two partitions in the same millisecond has no order.
  testOfOne('units that come are sold, and each time sold_out is told again', async () => {
    const shop = await open({ stock: { a: 1 } })
    await shop.hold('u')
    expect(await shop.reserve('v')).toMatchObject({ status: 'sold_out' })
    await shop.sale.restock({ sku: 'a', quantity: 1, key: 'k' })
    await shop.hold('v')
    const types = (await shop.news()).map(({ type }) => type)
    expect(types).toEqual(['reserved', 'sold_out', 'restocked', 'reserved', 'sold_out'])
  })

  test('a restock is possible before, during and after the sale', async () => {
    const clock = await open()
    const shop = await open({ opensAt: clock.now() + 100 })
    await shop.sale.restock({ sku: 'a', quantity: 1, key: 'k1' })
    await shop.sale.end()
    await shop.sale.restock({ sku: 'a', quantity: -3, key: 'k2' })
    expect(await shop.counts()).toBe('8 8 0 0')
  })
})
