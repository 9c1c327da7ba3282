import { expect, test } from 'vitest'
import { setTotalOp } from '../support/port-sale.js'
import { testOfOne } from '../support/several.js'
import { onBothEngines, type Shop } from '../support/shop.js'

const count = (shop: Shop, total: number, key: string, rest: { countedAt?: number; sku?: string } = {}) =>
  shop.sale.setTotal({ sku: 'a', total, key, ...rest })
const owed = async (shop: Shop) => (await shop.sale.stats()).skus.a!.owed

onBothEngines((open) => {
  test('set: units are added or taken, and the event says so', async () => {
    const shop = await open({ stock: { a: 10, b: 3 } })
    expect(await count(shop, 14, 'k1', { countedAt: shop.now() - 5 })).toStrictEqual({
      ...{ status: 'set', sku: 'a', applied: 4, owed: 0, replayed: false },
    })
    expect(await shop.counts()).toBe('14 14 0 0')
    expect(await count(shop, 9, 'k2')).toMatchObject({ applied: -5, owed: 0 })
    expect(await count(shop, 9, 'k3')).toMatchObject({ applied: 0, owed: 0 })
    expect(await shop.counts()).toBe('9 9 0 0')
    expect(await shop.counts('b')).toBe('3 3 0 0')
    const told = (await shop.news()).filter(({ type }) => type === 'total_set')
    const at = shop.now()
    expect(told).toEqual([
      { type: 'total_set', sku: 0, total: 14, key: 'k1', countedAt: at - 5, change: 4, applied: 4, owed: 0 },
      { type: 'total_set', sku: 0, total: 9, key: 'k2', countedAt: at, change: -5, applied: -5, owed: 0 },
      { type: 'total_set', sku: 0, total: 9, key: 'k3', countedAt: at, change: 0, applied: 0, owed: 0 },
    ])
    expect(await shop.audited()).toBe(0)
  })

  test('a count below what is held: what comes back is taken until nothing is owed', async () => {
    const shop = await open()
    for (let i = 0; i < 8; i++) await shop.hold(`b${i}`)
    expect(await count(shop, 5, 'k')).toMatchObject({ status: 'set', applied: -2, owed: 3 })
    expect(await shop.sale.stats()).toMatchObject({
      skus: { a: { total: 8, available: 0, held: 8, owed: 3 } },
    })
    await shop.advance(1_000)
    // Over several partitions, what came back is on its way to the first.
    expect(await shop.audited()).toBe(8)
    expect(await shop.counts()).toBe('5 5 0 0')
    expect(await owed(shop)).toBeUndefined()
    const sold: string[] = []
    for (let i = 0; i < 10; i++) sold.push((await shop.reserve(`n${i}`)).status)
    expect(sold.filter((status) => status === 'reserved')).toHaveLength(5)
    expect(await shop.audited()).toBe(13)
  })

  test('released, refunded with restock, and restocked: each lowers the debt first', async () => {
    const shop = await open({ stock: { a: 6 }, holdMs: 60_000 })
    const held = await shop.hold('u', 2)
    const paid = await shop.confirmed('v', 2)
    await shop.confirmed('w', 2)
    expect(await count(shop, 0, 'k')).toMatchObject({ applied: 0, owed: 6 })
    await shop.sale.release(held.id)
    expect([await owed(shop), await shop.counts()]).toEqual([4, '4 0 0 4'])
    await shop.sale.refund(paid.id, { restock: true })
    expect([await owed(shop), await shop.counts()]).toEqual([2, '2 0 0 2'])
    expect(await shop.sale.restock({ sku: 'a', quantity: 5, key: 'r' })).toMatchObject({ applied: 5 })
    expect([await owed(shop), await shop.counts()]).toEqual([undefined, '5 3 0 2'])
    const taken = (await shop.news()).filter(({ type }) => type === 'debt_taken')
    expect(taken.reduce((sum, event) => sum + ('quantity' in event ? event.quantity : 0), 0)).toBe(6)
    expect(await shop.audited()).toBe(3)
  })

  test('a refund without restock leaves the debt: those units do not come back', async () => {
    const shop = await open({ stock: { a: 3 } })
    const paid = await shop.confirmed('u', 1)
    await shop.confirmed('v', 2)
    await count(shop, 2, 'k')
    await shop.sale.refund(paid.id, { restock: false })
    expect([await owed(shop), await shop.counts()]).toEqual([1, '2 0 0 2'])
  })

  test('a larger total frees the debt, and adds the rest', async () => {
    const shop = await open({ stock: { a: 8 } })
    await shop.hold('u', 8)
    expect(await count(shop, 5, 'k1')).toMatchObject({ applied: 0, owed: 3 })
    expect(await count(shop, 7, 'k2')).toMatchObject({ applied: 0, owed: 1 })
    expect(await count(shop, 10, 'k3')).toMatchObject({ applied: 2, owed: 0 })
    expect(await shop.counts()).toBe('10 2 8 0')
    expect(await count(shop, 4, 'k4')).toMatchObject({ applied: -2, owed: 4 })
  })

  test('replayed: the first answer, whatever happened since', async () => {
    const shop = await open()
    const { id } = await shop.hold('u', 8)
    const first = await count(shop, 5, 'k')
    await shop.sale.release(id)
    await shop.news()
    const again = { status: 'set', sku: 'a', applied: -2, owed: 3, replayed: true }
    expect(await count(shop, 5, 'k')).toStrictEqual({ ...first, ...again })
    await count(shop, 9, 'later')
    expect(await shop.handle().setTotal({ sku: 'a', total: 5, key: 'k' })).toStrictEqual(again)
    expect(await shop.counts()).toBe('9 9 0 0')
  })

  test('superseded: the newest count of a SKU wins, in whatever order they come', async () => {
    const shop = await open({ stock: { a: 10, b: 10 } })
    const now = shop.now()
    await count(shop, 6, 'new', { countedAt: now - 100 })
    await shop.news()
    expect(await count(shop, 9, 'old', { countedAt: now - 101 })).toStrictEqual({
      ...{ status: 'superseded', sku: 'a', applied: 0, owed: 0, replayed: false },
    })
    expect(await shop.news()).toEqual([])
    expect(await shop.counts()).toBe('6 6 0 0')
    expect(await count(shop, 7, 'same', { countedAt: now - 100 })).toMatchObject({ status: 'set' })
    expect(await count(shop, 9, 'b', { countedAt: now - 101, sku: 'b' })).toMatchObject({ status: 'set' })
    // A refusal is not remembered.
    expect(await count(shop, 8, 'old')).toMatchObject({ status: 'set', replayed: false })
    expect(await shop.counts()).toBe('8 8 0 0')
  })

  test('IDEMPOTENCY_CONFLICT: the key was used for another SKU, total or time', async () => {
    const shop = await open({ stock: { a: 3, b: 3 } })
    const countedAt = shop.now() - 10
    await count(shop, 2, 'k', { countedAt })
    for (const other of [
      { sku: 'b', total: 2, countedAt },
      { sku: 'a', total: 3, countedAt },
      { sku: 'a', total: 2, countedAt: countedAt + 1 },
    ])
      await expect(shop.sale.setTotal({ ...other, key: 'k' })).rejects.toMatchObject({
        code: 'IDEMPOTENCY_CONFLICT',
      })
    expect(await shop.sale.restock({ sku: 'a', quantity: 1, key: 'k' })).toMatchObject({ replayed: false })
    expect(await shop.counts()).toBe('3 3 0 0')
  })

  test('mayReturn only while more units are held than owed', async () => {
    const shop = await open({ stock: { a: 3 } })
    await shop.hold('u', 2)
    await shop.confirmed('v', 1)
    await count(shop, 2, 'k1')
    expect(await shop.reserve('w')).toMatchObject({ status: 'sold_out', mayReturn: true })
    await count(shop, 1, 'k2')
    expect(await shop.reserve('w')).toMatchObject({ status: 'sold_out', mayReturn: false })
  })

  test('a late payment finds no unit while units are owed', async () => {
    const shop = await open({ stock: { a: 2 } })
    const late = await shop.hold('u', 1)
    await shop.confirmed('v', 1)
    await count(shop, 1, 'k')
    await shop.advance(1_000)
    expect(await shop.sale.confirm(late.id)).toMatchObject({ status: 'refund_due', reason: 'sold_out' })
    expect(await shop.counts()).toBe('1 0 0 1')
  })

  test('a count is possible before, during and after the sale', async () => {
    const clock = await open()
    const shop = await open({ opensAt: clock.now() + 100 })
    expect(await count(shop, 12, 'k1')).toMatchObject({ applied: 2 })
    await shop.sale.pause()
    expect(await count(shop, 11, 'k2')).toMatchObject({ applied: -1 })
    await shop.sale.end()
    expect(await count(shop, 0, 'k3')).toMatchObject({ applied: -11 })
    expect(await shop.counts()).toBe('0 0 0 0')
  })

  test('the same key many times at once sets the total once', async () => {
    const shop = await open()
    await shop.hold('u', 8)
    const results = await Promise.all(Array.from({ length: 10 }, () => count(shop, 5, 'k')))
    expect(results.filter(({ replayed }) => !replayed)).toHaveLength(1)
    for (const result of results) expect(result).toMatchObject({ status: 'set', applied: -2, owed: 3 })
    expect(await shop.sale.stats()).toMatchObject({ skus: { a: { total: 8, owed: 3 } } })
  })

  test('counts at once: one of them is in force at the end', async () => {
    const shop = await open()
    const totals = [3, 12, 7, 9]
    await Promise.all(totals.map((total, i) => count(shop, total, `k${i}`)))
    const { total } = (await shop.sale.stats()).skus.a!
    expect(totals).toContain(total)
    await count(shop, 4, 'last')
    expect(await shop.counts()).toBe('4 4 0 0')
  })

  test('INVALID_ARGUMENT: an unknown SKU, a total that is none, seconds, an unknown option', async () => {
    const { sale } = await open()
    const valid = { sku: 'a', total: 1, key: 'k' }
    for (const other of [
      { sku: 'x' },
      { total: -1 },
      { total: 1.5 },
      { key: '' },
      { countedAt: 1_700_000_000 },
      { quantity: 1 },
    ])
      await expect(sale.setTotal({ ...valid, ...other })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    expect(await sale.setTotal({ ...valid, countedAt: undefined })).toMatchObject({ status: 'set' })
  })

  testOfOne('the events in order: the debt takes units behind the event that gave them back', async () => {
    const shop = await open({ stock: { a: 3 } })
    const { id } = await shop.hold('u', 2)
    await shop.news()
    await count(shop, 1, 'k')
    await shop.sale.release(id)
    expect(await shop.news()).toMatchObject([
      { type: 'counted', sku: 0, change: -2 },
      { type: 'sold_out', sku: 0 },
      { type: 'total_set', sku: 0, applied: -1, owed: 1 },
      { type: 'released', id },
      { type: 'debt_taken', sku: 0, quantity: 1 },
    ])
    expect(await shop.counts()).toBe('1 1 0 0')
  })

  testOfOne('after the deadline a new count changes nothing, and a known key answers', async () => {
    const shop = await open()
    const late = { deadline: 0 }
    expect(await shop.ask('setTotal', setTotalOp({ total: 5 }), late)).toEqual({ status: 'retry' })
    expect(await shop.ask('setTotal', setTotalOp({ total: 5 }))).toMatchObject({ applied: -5 })
    expect(await shop.ask('setTotal', setTotalOp({ total: 5 }), late)).toMatchObject({ replayed: true })
  })

  testOfOne('several counts in one batch, as one after another', async () => {
    const shop = await open()
    const { answers } = await shop.done('setTotal', [
      setTotalOp({ total: 5, key: '1' }),
      setTotalOp({ total: 5, key: '1' }),
      setTotalOp({ total: 7, key: '2' }),
      setTotalOp({ total: 1, key: '3', countedAt: shop.now() - 1 }),
    ])
    expect(answers).toMatchObject([
      { status: 'set', applied: -5, replayed: false },
      { status: 'set', applied: -5, replayed: true },
      { status: 'set', applied: 2, replayed: false },
      { status: 'superseded' },
    ])
  })

  testOfOne('port: a recovery makes a count as it was told, whatever the sale has by then', async () => {
    const shop = await open({ stock: { a: 30 } })
    const [at, call] = [shop.now() - 5, { bypassFreeze: true }]
    const counted = { change: -6, applied: -4, owed: 2, countedAt: at }
    const op = setTotalOp({ total: 4, basis: null, countedAt: null, counted })
    const told = { status: 'set', ...counted, complete: true, replayed: false }
    await shop.news()
    expect(await shop.ask('setTotal', op, call)).toEqual(told)
    expect(await shop.counts()).toBe('24 24 0 0')
    expect(await shop.news()).toEqual([
      { type: 'counted', sku: 0, change: -6 },
      { type: 'total_set', sku: 0, total: 4, key: op.key, ...counted },
    ])
    // Again, and by the buyer's shop.
    expect(await shop.ask('setTotal', op, call)).toEqual({ ...told, replayed: true })
    expect(await shop.ask('setTotal', { ...op, counted: null })).toEqual({ ...told, replayed: true })
    const older = setTotalOp({ total: 9, key: 'older', countedAt: at - 1 })
    expect(await shop.ask('setTotal', older)).toMatchObject({ status: 'superseded' })
    // An older count that a recovery makes later is no newer one.
    const first = { ...older, counted: { ...counted, countedAt: at - 1, change: 1 } }
    expect(await shop.ask('setTotal', first, call)).toMatchObject({ change: 1, countedAt: at - 1 })
    expect(await shop.counts()).toBe('25 25 0 0')
    const between = setTotalOp({ total: 9, key: 'between', countedAt: at - 1 })
    expect(await shop.ask('setTotal', between)).toMatchObject({ status: 'superseded' })
  })
})
