import { expect, test } from 'vitest'
import type { Item, SaleEvent } from '../../src/index.js'
import { testOfOne } from '../support/several.js'
import { idIn, onBothEngines, order } from '../support/shop.js'

const a = (quantity: number): Item => ({ sku: 'a', quantity })
const b = (quantity: number): Item => ({ sku: 'b', quantity })

onBothEngines((open) => {
  test('amended: fewer units; the rest is free at once', async () => {
    const shop = await open({ stock: { a: 2 }, limitPerBuyer: 2 })
    const held = await shop.hold('ann', 2, { key: 'k' })
    expect(await shop.reserve('bob')).toMatchObject({ status: 'sold_out' })
    await shop.news()
    const reservation = { ...held, items: [a(1)] }
    expect(await shop.sale.amend(held.id, { items: [a(1)] })).toStrictEqual({
      status: 'amended',
      reservation,
    })
    expect(await shop.news()).toEqual([
      { type: 'amended', id: held.id, before: [[0, 2]], changed: { cart: [[0, 1]], count: 1 } },
    ])
    expect(await shop.sale.get(held.id)).toStrictEqual(reservation)
    expect(await shop.counts()).toBe('2 1 1 0')
    await shop.hold('bob')
    await shop.audited()
  })

  test('amended: more units and other SKUs, with sold_out for the last of them', async () => {
    const shop = await open({ stock: { a: 3, b: 1 } })
    const held = await shop.hold('ann', [a(2)])
    await shop.news()
    expect(await shop.sale.amend(held.id, { items: [b(1), a(1)], buyer: 'ann' })).toStrictEqual({
      status: 'amended',
      reservation: { ...held, items: [a(1), b(1)] },
    })
    expect((await shop.news()).map(({ type }) => type)).toEqual(['amended', 'sold_out'])
    expect(await shop.sale.amend(held.id, { items: [a(3)] })).toMatchObject({ status: 'amended' })
    expect(await shop.counts('a')).toBe('3 0 3 0')
    expect(await shop.counts('b')).toBe('1 1 0 0')
    await shop.audited()
  })

  test('the present cart, in any order and split in any way: nothing changes', async () => {
    const shop = await open({ stock: { a: 3, b: 2 } })
    const held = await shop.hold('ann', [a(2), b(1)])
    await shop.news()
    const same = { status: 'amended', reservation: held }
    expect(await shop.sale.amend(held.id, { items: [b(1), a(1), a(1)] })).toStrictEqual(same)
    expect(await shop.news()).toEqual([])
    const less = await shop.sale.amend(held.id, { items: [a(1)] })
    await shop.news()
    expect(await shop.sale.amend(held.id, { items: [a(1)] })).toStrictEqual(less)
    expect(await shop.news()).toEqual([])
  })

  test('refused as a whole: the hold stays as it was', async () => {
    const shop = await open({ stock: { a: 5, b: 1 }, limitPerBuyer: 3 })
    const held = await shop.hold('ann', [a(2)])
    const other = await shop.hold('ann', [a(1)])
    await shop.hold('bob', [b(1)])
    await shop.news()
    const ask = (...items: Item[]) => shop.sale.amend(held.id, { items })
    // Of the buyer's units only those of the other reservation count.
    expect(await ask(a(3), b(1))).toStrictEqual({
      status: 'limit_exceeded',
      sku: 'a',
      limit: 3,
      taken: 1,
      reservations: [other.id],
    })
    expect(await ask(a(1), b(1))).toStrictEqual({
      status: 'sold_out',
      sku: 'b',
      available: 0,
      mayReturn: true,
    })
    expect(await shop.news()).toEqual([])
    expect(await shop.sale.get(held.id)).toStrictEqual(held)
    expect(await shop.counts('a')).toBe('5 2 3 0')
    await shop.audited()
  })

  test('the limit counts the difference, and holds for the sum afterwards', async () => {
    const shop = await open({ stock: { a: 9 }, limitPerBuyer: 3 })
    const held = await shop.hold('ann', 3)
    expect(await shop.sale.amend(held.id, { items: [a(4)] })).toMatchObject({
      status: 'limit_exceeded',
      taken: 0,
    })
    await shop.sale.amend(held.id, { items: [a(1)] })
    await shop.hold('ann', 2)
    expect(await shop.reserve('ann')).toMatchObject({ status: 'limit_exceeded', taken: 3 })
    expect(await shop.sale.amend(held.id, { items: [a(2)] })).toMatchObject({
      status: 'limit_exceeded',
      taken: 2,
    })
  })

  test('ended and paused: giving back works, taking does not', async () => {
    const shop = await open({ stock: { a: 9, b: 9 } })
    const held = await shop.hold('ann', [a(3)])
    const ask = async (...items: Item[]) => (await shop.sale.amend(held.id, { items })).status
    await shop.sale.pause()
    expect(await ask(a(3), b(1))).toBe('paused')
    expect(await ask(a(2))).toBe('amended')
    expect(await ask(a(1), b(1))).toBe('paused')
    await shop.sale.end()
    expect(await ask(a(3))).toBe('ended')
    expect(await ask(a(1))).toBe('amended')
    expect(await shop.counts()).toBe('9 8 1 0')
  })

  test('expiresAt stays, and the amended hold expires with the units that it has', async () => {
    const shop = await open({ stock: { a: 3 }, holdMs: 1_000 })
    const held = await shop.hold('ann', 3)
    await shop.advance(999)
    const less = await shop.sale.amend(held.id, { items: [a(2)] })
    expect(less).toMatchObject({ status: 'amended', reservation: { expiresAt: held.expiresAt } })
    await shop.news()
    await shop.advance(1)
    const expired = { ...held, items: [a(2)], state: 'expired' }
    expect(await shop.sale.amend(held.id, { items: [a(1)] })).toStrictEqual({
      status: 'expired',
      reservation: expired,
    })
    expect(await shop.news()).toEqual([
      { type: 'expired', id: held.id, changed: { cart: [[0, 2]], count: 1 } },
    ])
    expect(await shop.counts()).toBe('3 3 0 0')
    // A late payment takes the units of the changed cart.
    expect(await shop.sale.confirm(held.id, { paymentId: 'p' })).toMatchObject({
      status: 'confirmed',
      late: true,
    })
    expect(await shop.counts()).toBe('3 1 0 2')
    await shop.audited()
  })

  test('an amended hold can be extended, confirmed and refunded, each with its own cart', async () => {
    const shop = await open({ stock: { a: 5 }, holdMs: 1_000, maxHoldMs: 9_000 })
    const held = await shop.hold('ann', 3)
    await shop.sale.amend(held.id, { items: [a(2)] })
    await shop.sale.extend(held.id, { holdMs: 5_000 })
    await shop.advance(2_000)
    await shop.sale.confirm(held.id, { paymentId: 'p' })
    expect(await shop.counts()).toBe('5 3 0 2')
    expect(await shop.sale.amend(held.id, { items: [a(1)] })).toMatchObject({
      status: 'already_confirmed',
      reservation: { items: [a(2)] },
    })
    await shop.sale.refund(held.id, { restock: false })
    expect(await shop.counts()).toBe('3 3 0 0')
    expect(await shop.sale.amend(held.id, { items: [a(1)] })).toMatchObject({ status: 'already_confirmed' })
    await shop.audited()
  })

  test('already_released, and not_found for no such id or of another buyer', async () => {
    const shop = await open()
    const held = await shop.hold('ann', 2)
    const items = [a(1)]
    expect(await shop.sale.amend(held.id, { items, buyer: 'bob' })).toStrictEqual({ status: 'not_found' })
    expect(await shop.sale.amend('nothing', { items })).toStrictEqual({ status: 'not_found' })
    await shop.sale.release(held.id)
    expect(await shop.sale.amend(held.id, { items })).toStrictEqual({
      status: 'already_released',
      reservation: { ...held, state: 'released' },
    })
    expect(await shop.counts()).toBe('10 10 0 0')
  })

  test('a key belongs to the first cart, and replays with the present one', async () => {
    const shop = await open()
    const held = await shop.hold('ann', 3, { key: 'k' })
    await shop.sale.amend(held.id, { items: [a(1)] })
    await shop.sale.amend(held.id, { items: [a(2)] })
    expect(await shop.reserve('ann', 3, { key: 'k' })).toStrictEqual({
      status: 'reserved',
      replayed: true,
      reservation: { ...held, items: [a(2)] },
    })
    for (const other of [1, 2])
      await expect(shop.reserve('ann', other, { key: 'k' })).rejects.toMatchObject({
        code: 'IDEMPOTENCY_CONFLICT',
      })
    await shop.sale.release(held.id)
    expect(await shop.reserve('ann', 3, { key: 'k' })).toMatchObject({ status: 'key_spent' })
  })

  test('an expired hold of another buyer makes room for what is added', async () => {
    const shop = await open({ stock: { a: 3 } })
    const held = await shop.hold('ann', 1)
    await shop.hold('bob', 2, { holdMs: 100 })
    await shop.advance(100)
    expect(await shop.sale.amend(held.id, { items: [a(3)] })).toMatchObject({ status: 'amended' })
    expect(await shop.counts()).toBe('3 0 3 0')
  })

  test("among a buyer's many reservations, an old one too", async () => {
    const shop = await open({ stock: { a: 40 }, limitPerBuyer: 20 })
    const held = await shop.hold('ann', 2, { key: 'first' })
    for (let i = 0; i < 12; i++) await shop.hold('ann')
    expect(await shop.sale.amend(held.id, { items: [a(9)] })).toMatchObject({
      status: 'limit_exceeded',
      taken: 12,
    })
    expect(await shop.sale.amend(held.id, { items: [a(8)] })).toMatchObject({ status: 'amended' })
    expect(await shop.reserve('ann')).toMatchObject({ status: 'limit_exceeded', taken: 20 })
    expect(await shop.reserve('ann', 2, { key: 'first' })).toMatchObject({ status: 'reserved' })
    await shop.sale.amend(held.id, { items: [a(1)] })
    await shop.hold('ann', 7)
    expect(await shop.reserve('ann')).toMatchObject({ status: 'limit_exceeded', taken: 20 })
    expect(await shop.counts()).toBe('40 20 20 0')
    await shop.audited()
  })

  test('a cart of a thousand SKUs', async () => {
    const skus = Array.from({ length: 1_000 }, (_, i) => `s${String(i).padStart(4, '0')}`)
    const shop = await open({ stock: Object.fromEntries(skus.map((sku) => [sku, 3])) })
    const all = (quantity: number) => skus.map((sku) => ({ sku, quantity }))
    const held = await shop.hold('ann', [{ sku: 's0000', quantity: 3 }])
    for (let i = 0; i < 3; i++) await shop.hold('ann', [{ sku: 's0001', quantity: 1 }])
    expect(await shop.sale.amend(held.id, { items: all(1) })).toMatchObject({
      status: 'sold_out',
      sku: 's0001',
    })
    const one = all(1).filter(({ sku }) => sku !== 's0001')
    expect(await shop.sale.amend(held.id, { items: one })).toMatchObject({ status: 'amended' })
    expect(await shop.sale.amend(held.id, { items: one.slice(0, 500) })).toMatchObject({ status: 'amended' })
    expect(await shop.counts('s0999')).toBe('3 3 0 0')
    await shop.audited()
  })

  test('two carts for one hold at once: one of them is the last, and the counts are its own', async () => {
    const shop = await open({ stock: { a: 20 }, limitPerBuyer: 9 })
    const held = await shop.hold('ann', 5)
    const carts = [1, 9, 3, 7, 2, 8].map((quantity) => [a(quantity)])
    const answers = await Promise.all(carts.map((items) => shop.sale.amend(held.id, { items })))
    for (const { status } of answers) expect(status).toBe('amended')
    const { items } = (await shop.sale.get(held.id))!
    expect(await shop.counts()).toBe(`20 ${20 - items[0]!.quantity} ${items[0]!.quantity} 0`)
    await shop.audited()
  })

  test('invalid options', async () => {
    const shop = await open()
    const held = await shop.hold('ann')
    for (const options of [
      {},
      { items: [] },
      { items: [a(0)] },
      { items: [{ sku: 'nobody knows it', quantity: 1 }] },
      { items: [a(1)], buyer: '' },
      { items: [a(1)], pass: 1 },
      { items: [a(1)], holdMs: 1 },
    ])
      await expect(shop.sale.amend(held.id, options as never)).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
      })
  })

  test('every event has the cart as of itself, also when it is read later', async () => {
    const shop = await open({ stock: { a: 9 } })
    const held = await shop.hold('ann', 3, { holdMs: 500 })
    await shop.sale.extend(held.id, { holdMs: 800 })
    await shop.sale.amend(held.id, { items: [a(1)] })
    await shop.sale.amend(held.id, { items: [a(2)] })
    await shop.sale.confirm(held.id)
    const heard: SaleEvent[] = []
    const consumer = shop.sale.consume({ group: 'g' }, (event) => {
      if (event.reservation) heard.push(event)
    })
    await expect.poll(() => heard.length).toBe(5)
    await consumer.close()
    const told = heard.map((event) => [event.type, event.reservation?.items[0]?.quantity])
    expect(told).toEqual([
      ['reserved', 3],
      ['extended', 3],
      ['amended', 1],
      ['amended', 2],
      ['confirmed', 2],
    ])
    expect(heard.flatMap((event) => (event.type === 'amended' ? [event.before] : []))).toEqual([
      [a(3)],
      [a(1)],
    ])
  })

  testOfOne('a late call changes nothing, and may be told what is so already', async () => {
    const shop = await open({ stock: { a: 5 } })
    const held = await shop.hold('ann', 3)
    const op = { id: held.id, buyer: null, cart: [[0, 1]] as const, mayTake: true, count: null }
    const late = { deadline: shop.now() - 1 }
    expect(await shop.ask('amend', op, late)).toEqual({ status: 'retry' })
    expect(await shop.ask('amend', { ...op, cart: [[0, 3]] }, late)).toMatchObject({ status: 'amended' })
    expect(await shop.counts()).toBe('5 2 3 0')
  })

  testOfOne('takes: a call that may take nothing is told so, and may give back', async () => {
    const shop = await open({ stock: { a: 5 } })
    const held = await shop.hold('ann', 3)
    const op = { id: held.id, buyer: null, mayTake: false, count: null }
    expect(await shop.ask('amend', { ...op, cart: [[0, 4]] })).toMatchObject({ status: 'takes' })
    expect(await shop.ask('amend', { ...op, cart: [[0, 2]] })).toMatchObject({ status: 'amended' })
    expect(await shop.counts()).toBe('5 3 2 0')
  })

  testOfOne('a recovery changes a cart once, and that of a reservation that is over too', async () => {
    const shop = await open({ stock: { a: 9 } })
    const ids = [1, 2, 3].map((number) => idIn('b', number))
    const first = { first: [[0, 1]], count: 2 } as const
    const call = { bypassFreeze: true }
    const changed = order(ids[0]!, { cart: [[0, 3]], key: 'k', changes: first })
    expect(await shop.ask('reserve', changed, call)).toMatchObject({
      status: 'reserved',
      reservation: { cart: [[0, 3]], changes: first },
    })
    expect(await shop.ask('reserve', order(ids[1]!, { cart: [[0, 1]], key: 'k' }))).toMatchObject({
      status: 'reserved',
      replayed: true,
    })
    expect(await shop.ask('reserve', order(ids[1]!, { cart: [[0, 3]], key: 'k' }))).toEqual({
      status: 'conflict',
      id: ids[0],
    })
    const op = { id: ids[0]!, buyer: null, cart: [[0, 4]] as const, mayTake: true }
    expect(await shop.ask('amend', { ...op, count: 2 }, call)).toMatchObject({
      reservation: { cart: [[0, 3]], changes: { count: 2 } },
    })
    expect(await shop.ask('amend', { ...op, count: 5 }, call)).toMatchObject({
      reservation: { cart: [[0, 4]], changes: { first: [[0, 1]], count: 5 } },
    })
    expect(await shop.counts()).toBe('9 5 4 0')
    await shop.ask('release', { id: ids[0]!, buyer: null })
    expect(await shop.ask('amend', { ...op, cart: [[0, 7]], count: 6 }, call)).toMatchObject({
      status: 'amended',
      reservation: { cart: [[0, 7]], state: 'released' },
    })
    expect(await shop.counts()).toBe('9 9 0 0')
    expect((await shop.events()).map(({ type }) => type)).toEqual([
      'reserved',
      'amended',
      'released',
      'amended',
    ])
  })
})
