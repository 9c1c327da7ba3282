import { expect, test } from 'vitest'
import { onBothEngines } from '../support/shop.js'

/** What `reserve` refuses, in the order in which it looks. */
onBothEngines((open) => {
  test('ended, by command: for good', async () => {
    const shop = await open()
    await shop.sale.end()
    expect(await shop.reserve('u')).toStrictEqual({ status: 'ended' })
    await shop.sale.resume()
    expect(await shop.reserve('u')).toStrictEqual({ status: 'ended' })
  })

  test('ended, by closesAt: from that very millisecond on', async () => {
    const shop = await open()
    const closing = await open({ closesAt: shop.now() + 100 })
    await closing.advance(99)
    await closing.hold('u')
    await closing.advance(1)
    expect(await closing.reserve('v')).toStrictEqual({ status: 'ended' })
    expect((await closing.sale.stats()).state).toBe('ended')
  })

  test('not_started: until opensAt, which is told', async () => {
    const opensAt = (await open()).now() + 100
    const shop = await open({ opensAt })
    expect(await shop.reserve('u')).toStrictEqual({ status: 'not_started', opensAt })
    expect((await shop.sale.stats()).state).toBe('not_started')
    await shop.advance(99)
    expect(await shop.reserve('u', 1, { key: 'k' })).toStrictEqual({ status: 'not_started', opensAt })
    await shop.advance(1)
    expect(await shop.reserve('u', 1, { key: 'k' })).toMatchObject({ status: 'reserved', replayed: false })
  })

  test('paused: until resumed', async () => {
    const shop = await open()
    await shop.sale.pause()
    expect(await shop.reserve('u')).toStrictEqual({ status: 'paused' })
    await shop.sale.resume()
    await shop.hold('u')
  })

  test('limit_exceeded: what is held and confirmed counts', async () => {
    const shop = await open({ limitPerBuyer: 3 })
    const first = await shop.confirmed('u', 2)
    const over = { status: 'limit_exceeded', sku: 'a', limit: 3 }
    expect(await shop.reserve('u', 2)).toStrictEqual({ ...over, taken: 2, reservations: [first.id] })
    const second = await shop.hold('u', 1)
    expect(await shop.reserve('u', 1)).toStrictEqual({
      ...over,
      taken: 3,
      reservations: [second.id, first.id],
    })
    expect(await shop.reserve('v', 4)).toStrictEqual({ ...over, taken: 0, reservations: [] })
    await shop.hold('v', 3)
    expect(await shop.counts()).toBe('10 4 4 2')
  })

  test('limit_exceeded no more: what was released, expired or refunded counts no more', async () => {
    const shop = await open({ limitPerBuyer: 2 })
    const released = await shop.hold('u', 2)
    await shop.sale.release(released.id)
    const refunded = await shop.confirmed('u', 2)
    await shop.sale.refund(refunded.id, { restock: false })
    await shop.expired('u', 2)
    await shop.hold('u', 2)
    expect(await shop.reserve('u')).toMatchObject({ status: 'limit_exceeded', taken: 2 })
    expect(await shop.audited()).toBe(4)
  })

  test("a buyer is not blocked by their own expired hold, of all the sale's units and of their limit", async () => {
    const shop = await open({ stock: { a: 2 }, limitPerBuyer: 2 })
    await shop.expired('u', 2, { key: 'k' })
    expect(await shop.reserve('u', 2, { key: 'k2' })).toMatchObject({ status: 'reserved' })
    const other = await open({ stock: { a: 2 } })
    await other.expired('u', 2)
    await other.hold('u', 2)
  })

  test('limits are per SKU, and a SKU without one has none', async () => {
    const shop = await open({ stock: { a: 9, b: 9 }, limitPerBuyer: { a: 1 } })
    await shop.hold('u', [
      { sku: 'a', quantity: 1 },
      { sku: 'b', quantity: 5 },
    ])
    await shop.hold('u', [{ sku: 'b', quantity: 4 }])
    expect(await shop.reserve('u')).toMatchObject({ status: 'limit_exceeded', sku: 'a', limit: 1, taken: 1 })
  })

  test('many requests of one buyer at once do not pass the limit', async () => {
    const shop = await open({ stock: { a: 100 }, limitPerBuyer: 3 })
    const handles = [shop.sale, shop.handle()]
    const asked = Array.from({ length: 40 }, (_, i) =>
      handles[i % 2]!.reserve({ buyer: 'u', items: [{ sku: 'a', quantity: 1 }], key: `k${i}` }),
    )
    const results = await Promise.all(asked)
    expect(results.filter(({ status }) => status === 'reserved')).toHaveLength(3)
    expect(results.filter(({ status }) => status === 'limit_exceeded')).toHaveLength(37)
    expect(await shop.counts()).toBe('100 97 3 0')
  })

  test('sold_out: what is available, and whether units on hold may return', async () => {
    const shop = await open({ stock: { a: 3 } })
    const soldOut = { status: 'sold_out', sku: 'a' }
    expect(await shop.reserve('u', 4)).toStrictEqual({ ...soldOut, available: 3, mayReturn: false })
    const held = await shop.hold('u', 2)
    expect(await shop.reserve('v', 2)).toStrictEqual({ ...soldOut, available: 1, mayReturn: true })
    await shop.sale.confirm(held.id)
    expect(await shop.reserve('v', 2, { key: 'k' })).toStrictEqual({
      ...soldOut,
      available: 1,
      mayReturn: false,
    })
    expect(await shop.counts()).toBe('3 1 0 2')
  })

  test('sold_out of a SKU that never had any', async () => {
    const shop = await open({ stock: { a: 0 } })
    expect(await shop.reserve('u')).toStrictEqual({
      status: 'sold_out',
      sku: 'a',
      available: 0,
      mayReturn: false,
    })
    expect(await shop.events()).toEqual([])
  })

  test('the last unit asked for by many at once goes to one of them', async () => {
    const shop = await open({ stock: { a: 1 } })
    const handles = [shop.sale, shop.handle(), shop.handle()]
    const asked = Array.from({ length: 60 }, (_, i) =>
      handles[i % 3]!.reserve({ buyer: `u${i}`, items: [{ sku: 'a', quantity: 1 }] }),
    )
    const statuses = (await Promise.all(asked)).map(({ status }) => status)
    expect(statuses.filter((status) => status === 'reserved')).toHaveLength(1)
    expect(statuses.filter((status) => status === 'sold_out')).toHaveLength(59)
    expect(await shop.counts()).toBe('1 0 1 0')
    expect(await shop.audited()).toBe(1)
  })

  test('in this order: ended, not_started, paused, limit_exceeded, sold_out', async () => {
    const clock = await open()
    const opensAt = clock.now() + 100
    const shop = await open({ stock: { a: 1 }, limitPerBuyer: 1, opensAt, closesAt: opensAt + 100 })
    await shop.sale.pause()
    const status = async () => (await shop.reserve('u', 2, { key: 'k' })).status
    expect(await status()).toBe('not_started')
    await shop.advance(100)
    expect(await status()).toBe('paused')
    await shop.sale.resume()
    expect(await status()).toBe('limit_exceeded')
    expect(await shop.reserve('u', 1, { key: 'l' })).toMatchObject({ status: 'reserved' })
    expect((await shop.reserve('v', 1)).status).toBe('sold_out')
    await shop.sale.pause()
    await shop.advance(100)
    expect(await status()).toBe('ended')
    const early = await open({ opensAt: clock.now() + 100 })
    await early.sale.end()
    expect(await early.reserve('u')).toStrictEqual({ status: 'ended' })
  })

  test('the first SKU in the order of the sale is the one refused for', async () => {
    const shop = await open({ stock: { a: 1, b: 1, c: 1 }, limitPerBuyer: { c: 1 } })
    const cart = (...skus: [string, number][]) => skus.map(([sku, quantity]) => ({ sku, quantity }))
    let keys = 0
    const refused = async (...skus: [string, number][]) =>
      shop.reserve('u', cart(...skus), { key: `k${++keys}` })
    expect(await refused(['b', 2], ['a', 2])).toMatchObject({ status: 'sold_out', sku: 'a' })
    expect(await refused(['b', 2], ['a', 1])).toMatchObject({ status: 'sold_out', sku: 'b' })
    expect(await refused(['a', 2], ['c', 2])).toMatchObject({ status: 'limit_exceeded', sku: 'c' })
    expect(await shop.events()).toEqual([])
  })

  test('a refused cart takes nothing of any line', async () => {
    const shop = await open({ stock: { a: 5, b: 0 } })
    const cart = [
      { sku: 'a', quantity: 2 },
      { sku: 'b', quantity: 1 },
    ]
    expect(await shop.reserve('u', cart)).toMatchObject({ status: 'sold_out', sku: 'b' })
    expect(await shop.counts('a')).toBe('5 5 0 0')
    expect(await shop.audited()).toBe(0)
  })
})
