import { expect, test } from 'vitest'
import type { KeyedRefund } from '../../src/engine/engine.js'
import type { SaleEvent } from '../../src/index.js'
import { onRedis } from '../support/engines.js'
import { testOfOne } from '../support/several.js'
import { idIn, onBothEngines, order, Shop } from '../support/shop.js'
import { drop } from '../support/snapshot.js'

const a = (quantity: number) => ({ sku: 'a', quantity })
const b = (quantity: number) => ({ sku: 'b', quantity })

onBothEngines((open) => {
  test('one line of an order comes back, once: it is on sale again, and the rest stays an order', async () => {
    const shop = await open({ stock: { a: 1, b: 3 }, limitPerBuyer: { a: 1 } })
    const paid = await shop.confirmed('ann', [a(1), b(2)])
    await shop.news()
    const back = () => shop.sale.refund(paid.id, { restock: true, items: [a(1)], key: 'return-1' })
    const reservation = { ...paid, items: [b(2)] }
    expect(await back()).toStrictEqual({ status: 'refunded', reservation, replayed: false })
    expect(await shop.news()).toEqual([
      {
        ...{ type: 'refunded', id: paid.id, restock: true, key: 'return-1', part: [[0, 1]] },
        changed: { cart: [[1, 2]], count: 1 },
      },
    ])
    expect(await back()).toStrictEqual({ status: 'refunded', reservation, replayed: true })
    expect(await shop.news()).toEqual([])
    expect(await shop.sale.get(paid.id)).toStrictEqual(reservation)
    expect(await shop.counts('a')).toBe('1 1 0 0')
    expect(await shop.counts('b')).toBe('3 1 0 2')
    // The limit has shrunk with it.
    await shop.hold('ann', [a(1)])
    await shop.audited()
  })

  test('without restock the units leave the sale', async () => {
    const shop = await open({ stock: { a: 5 }, limitPerBuyer: 3 })
    const paid = await shop.confirmed('ann', 3)
    await shop.sale.refund(paid.id, { restock: false, items: [a(2)], key: '1' })
    expect(await shop.counts()).toBe('3 2 0 1')
    await shop.hold('ann', 2)
    expect((await shop.reserve('ann', 1)).status).toBe('limit_exceeded')
    await shop.audited()
  })

  test('parts that add up to the whole make the order refunded', async () => {
    const shop = await open({ stock: { a: 4, b: 1 } })
    const { id } = await shop.confirmed('ann', [a(3), b(1)])
    const part = (key: string, ...items: ReturnType<typeof a>[]) =>
      shop.sale.refund(id, { restock: true, items, key })
    expect(await part('1', a(1), a(1))).toMatchObject({
      reservation: { state: 'confirmed', items: [a(1), b(1)] },
    })
    expect(await part('2', b(1))).toMatchObject({ reservation: { state: 'confirmed', items: [a(1)] } })
    await shop.news()
    const over = { state: 'refunded', items: [a(1)] }
    expect(await part('3', a(1))).toMatchObject({ reservation: over, replayed: false })
    expect(await shop.news()).toMatchObject([
      { type: 'refunded', key: '3', part: [[0, 1]], isLast: true, changed: { cart: [[0, 1]], count: 2 } },
    ])
    for (const [key, items] of [
      ['1', [a(2)]],
      ['2', [b(1)]],
      ['3', [a(1)]],
    ] as const)
      expect(await part(key, ...items)).toMatchObject({
        status: 'refunded',
        reservation: over,
        replayed: true,
      })
    expect(await part('4', a(1))).toMatchObject({ status: 'exceeds_order', reservation: over })
    expect(await shop.sale.refund(id, { restock: false })).toMatchObject({
      status: 'refunded',
      replayed: true,
    })
    expect(await shop.counts('a')).toBe('4 4 0 0')
    expect(await shop.counts('b')).toBe('1 1 0 0')
    await shop.audited()
  })

  test('a whole refund after parts refunds what is left, and is replayed', async () => {
    const shop = await open({ stock: { a: 5 } })
    const { id } = await shop.confirmed('ann', 4)
    await shop.sale.refund(id, { restock: true, items: [a(1)], key: '1' })
    expect(await shop.sale.refund(id, { restock: false, key: 'rest' })).toMatchObject({
      reservation: { state: 'refunded', items: [a(3)] },
      replayed: false,
    })
    expect(await shop.counts()).toBe('2 2 0 0')
    for (const options of [
      { restock: true },
      { restock: false, key: 'rest' },
      { restock: true, key: 'other' },
    ])
      expect(await shop.sale.refund(id, options)).toMatchObject({ status: 'refunded', replayed: true })
    // A key that came to nothing is not remembered.
    expect(await shop.sale.refund(id, { restock: true, items: [a(1)], key: 'other' })).toMatchObject({
      status: 'exceeds_order',
    })
    expect(await shop.counts()).toBe('2 2 0 0')
  })

  test('the same key for other items, with another restock, or for the whole is a conflict', async () => {
    const shop = await open({ stock: { a: 5, b: 5 } })
    const { id } = await shop.confirmed('ann', [a(3), b(3)])
    const other = await shop.confirmed('bob', [a(1)])
    await shop.sale.refund(id, { restock: true, items: [b(1), a(1)], key: 'k' })
    await shop.news()
    for (const options of [
      { restock: true, items: [a(1)], key: 'k' },
      { restock: true, items: [a(1), b(2)], key: 'k' },
      { restock: false, items: [a(1), b(1)], key: 'k' },
      { restock: true, key: 'k' },
      // More than the order has: the key is known nonetheless.
      { restock: true, items: [a(9)], key: 'k' },
    ])
      await expect(shop.sale.refund(id, options as never)).rejects.toMatchObject({
        code: 'IDEMPOTENCY_CONFLICT',
      })
    // The order of the lines says nothing, and a key is the order's own.
    expect(await shop.sale.refund(id, { restock: true, items: [a(1), b(1)], key: 'k' })).toMatchObject({
      replayed: true,
    })
    expect(await shop.news()).toEqual([])
    expect(await shop.sale.refund(other.id, { restock: true, key: 'k' })).toMatchObject({ replayed: false })
    await expect(
      shop.sale.refund(other.id, { restock: true, items: [a(1)], key: 'k' }),
    ).rejects.toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' })
  })

  test('exceeds_order: more than is left of a SKU, or a SKU that the order has not', async () => {
    const shop = await open({ stock: { a: 5, b: 5 } })
    const paid = await shop.confirmed('ann', [a(2)])
    await shop.news()
    for (const items of [[a(3)], [a(1), a(2)], [b(1)], [a(1), b(1)]])
      expect(await shop.sale.refund(paid.id, { restock: true, items, key: 'k' })).toStrictEqual({
        status: 'exceeds_order',
        reservation: paid,
      })
    // A refusal is not remembered.
    await shop.sale.refund(paid.id, { restock: true, items: [a(1)], key: 'k' })
    expect(await shop.sale.refund(paid.id, { restock: true, items: [a(2)], key: 'l' })).toMatchObject({
      status: 'exceeds_order',
      reservation: { items: [a(1)] },
    })
    expect(await shop.counts()).toBe('5 4 0 1')
  })

  test('not_confirmed and not_found', async () => {
    const shop = await open()
    const held = await shop.hold('ann', 2)
    const part = (id: string) => shop.sale.refund(id, { restock: true, items: [a(1)], key: 'k' })
    expect(await part(held.id)).toStrictEqual({ status: 'not_confirmed', reservation: held })
    await shop.advance(2_000)
    expect(await part(held.id)).toMatchObject({ status: 'not_confirmed', reservation: { state: 'expired' } })
    expect(await part('1AAAAAAAAAAAAAAAAAA')).toStrictEqual({ status: 'not_found' })
    expect(await part('nothing')).toStrictEqual({ status: 'not_found' })
    await shop.sale.confirm(held.id)
    expect(await part(held.id)).toMatchObject({ status: 'refunded', replayed: false })
    expect(await shop.counts()).toBe('10 9 0 1')
  })

  test('an amended cart: parts are of the cart that was paid for, and the key has its first one', async () => {
    const shop = await open({ stock: { a: 9 } })
    const held = await shop.hold('ann', 1, { key: 'order' })
    await shop.sale.amend(held.id, { items: [a(5)] })
    await shop.sale.confirm(held.id, { paymentId: 'p' })
    await shop.sale.refund(held.id, { restock: true, items: [a(2)], key: '1' })
    await shop.sale.refund(held.id, { restock: true, items: [a(1)], key: '2' })
    const now = { items: [a(2)], state: 'confirmed', paymentId: 'p' }
    expect(await shop.reserve('ann', 1, { key: 'order' })).toMatchObject({ replayed: true, reservation: now })
    await expect(shop.reserve('ann', 2, { key: 'order' })).rejects.toMatchObject({
      code: 'IDEMPOTENCY_CONFLICT',
    })
    expect(await shop.sale.amend(held.id, { items: [a(5)] })).toMatchObject({ status: 'already_confirmed' })
    expect(await shop.sale.reservationsOf('ann')).toMatchObject([now])
    expect(await shop.counts()).toBe('9 7 0 2')
    await shop.audited()
  })

  test('payments: the own one is confirmed again, another is a duplicate, before and after the last part', async () => {
    const shop = await open()
    const { id } = await shop.expired('ann', 3)
    expect(await shop.sale.confirm(id, { paymentId: 'p' })).toMatchObject({ late: true })
    await shop.sale.refund(id, { restock: true, items: [a(1)], key: '1' })
    const own = { status: 'confirmed', replayed: true, late: true, reservation: { items: [a(2)] } }
    expect(await shop.sale.confirm(id, { paymentId: 'p' })).toMatchObject(own)
    const twice = { status: 'refund_due', reason: 'duplicate_payment' }
    expect(await shop.sale.confirm(id, { paymentId: 'q' })).toMatchObject(twice)
    await shop.sale.refund(id, { restock: true, items: [a(2)], key: '2' })
    expect(await shop.sale.confirm(id, { paymentId: 'p' })).toMatchObject({ reason: 'refunded' })
    expect(await shop.sale.confirm(id, { paymentId: 'q' })).toMatchObject(twice)
    expect(await shop.counts()).toBe('10 10 0 0')
  })

  test.each([1, 3])('transfers before a part and after it, with %i partitions', async (partitions) => {
    const shop = await open({ stock: { a: 9 }, partitions })
    const paid = await shop.confirmed('guest', 3)
    const moved = await shop.sale.transfer(paid.id, { to: 'ann' })
    if (moved.status !== 'transferred') expect.fail(moved.status)
    const part = (id: string) => shop.sale.refund(id, { restock: true, items: [a(1)], key: 'k' })
    expect(await part(paid.id)).toMatchObject({
      replayed: false,
      reservation: { buyer: 'ann', items: [a(2)] },
    })
    for (const id of [paid.id, moved.reservation.id])
      expect(await part(id)).toMatchObject({ status: 'refunded', replayed: true })
    expect(await shop.counts()).toBe('9 7 0 2')
    // The key is remembered where the part was refunded.
    for (const to of ['bob', 'cid', 'dan'])
      expect(await shop.sale.transfer(moved.reservation.id, { to })).toMatchObject({
        status: 'already_refunded',
        reservation: { buyer: 'ann', items: [a(2)] },
      })
    await shop.audited()
  })

  test('in the archive a part comes back too, and the limit shrinks with it', async () => {
    const shop = await open({ stock: { a: 40 }, limitPerBuyer: 12 })
    const first = await shop.confirmed('ann', 3)
    for (let i = 0; i < 9; i++) await shop.confirmed('ann', 1)
    expect((await shop.reserve('ann', 1)).status).toBe('limit_exceeded')
    const part = (key: string, restock: boolean) =>
      shop.sale.refund(first.id, { restock, items: [a(1)], key })
    expect(await part('1', true)).toMatchObject({ reservation: { items: [a(2)] } })
    expect(await part('2', false)).toMatchObject({ reservation: { items: [a(1)] } })
    expect(await part('1', true)).toMatchObject({ replayed: true })
    expect(await shop.reserve('ann', 3)).toMatchObject({ status: 'limit_exceeded', taken: 10, limit: 12 })
    expect(await part('3', true)).toMatchObject({ reservation: { state: 'refunded' } })
    expect(await shop.counts()).toBe('39 30 0 9')
    await shop.hold('ann', 3)
    await shop.audited()
  })

  test('units that a stock count is owed leave the sale as they come back', async () => {
    const shop = await open({ stock: { a: 4 } })
    const { id } = await shop.confirmed('ann', 4)
    await shop.sale.setTotal({ sku: 'a', total: 2, key: 'count' })
    await shop.sale.refund(id, { restock: true, items: [a(1)], key: '1' })
    expect(await shop.counts()).toBe('3 0 0 3')
    await shop.sale.refund(id, { restock: true, items: [a(2)], key: '2' })
    expect(await shop.counts()).toBe('2 1 0 1')
    expect((await shop.sale.stats()).skus.a).not.toHaveProperty('owed')
    await shop.audited()
  })

  test('many parts at once, some sent twice: each is refunded once, and never more than there is', async () => {
    const shop = await open({ stock: { a: 50 } })
    const { id } = await shop.confirmed('ann', 20)
    const keys = Array.from({ length: 30 }, (_, i) => `k${i % 25}`)
    const answers = await Promise.all(
      keys.map((key) => shop.sale.refund(id, { restock: true, items: [a(1)], key })),
    )
    const taken = answers.filter((answer) => answer.status === 'refunded' && !answer.replayed)
    expect(taken).toHaveLength(20)
    expect(answers.filter(({ status }) => status === 'exceeds_order')).toHaveLength(5)
    expect(await shop.sale.get(id)).toMatchObject({ state: 'refunded' })
    expect(await shop.counts()).toBe('50 50 0 0')
    await shop.audited()
  })

  test('a cart of 1,000 lines: parts, events and records of that size', async () => {
    const skus = Array.from({ length: 1_000 }, (_, i) => `s${String(i).padStart(4, '0')}`)
    const shop = await open({ stock: Object.fromEntries(skus.map((sku) => [sku, 1_000_000_000])) })
    const all = (quantity: number) => skus.map((sku) => ({ sku, quantity }))
    const { id } = await shop.confirmed('ann', all(900_000_000))
    for (const key of ['1', '2'])
      expect(await shop.sale.refund(id, { restock: true, items: all(400_000_000), key })).toMatchObject({
        status: 'refunded',
        replayed: false,
      })
    expect((await shop.sale.get(id))!.items).toEqual(all(100_000_000))
    expect(await shop.counts('s0999')).toBe('1000000000 900000000 0 100000000')
    const events = (await shop.events()).filter(({ type }) => type === 'refunded')
    expect(events.map((event) => 'part' in event && event.part?.length)).toEqual([1_000, 1_000])
    await shop.audited()
  })

  test('invalid options', async () => {
    const shop = await open()
    const { id } = await shop.confirmed('ann')
    for (const options of [
      { restock: true, items: [a(1)] },
      { restock: true, items: [], key: 'k' },
      { restock: true, items: [a(0)], key: 'k' },
      { restock: true, items: [{ sku: 'nobody knows it', quantity: 1 }], key: 'k' },
      { items: [a(1)], key: 'k' },
      { restock: true, key: '' },
      { restock: true, items: [a(1)], key: 'k', buyer: 'ann' },
    ])
      await expect(shop.sale.refund(id, options as never)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    expect(await shop.counts()).toBe('10 9 0 1')
  })

  test('events have the units, the key, and what is left of the order, also when read later', async () => {
    const shop = await open({ stock: { a: 9, b: 9 } })
    const { id } = await shop.confirmed('ann', [a(3), b(1)])
    await shop.sale.refund(id, { restock: true, items: [a(2)], key: '1' })
    await shop.sale.refund(id, { restock: false, items: [b(1)], key: '2' })
    await shop.sale.refund(id, { restock: true })
    const heard: SaleEvent[] = []
    const consumer = shop.sale.consume({ group: 'g' }, (event) => {
      if (event.reservation) heard.push(event)
    })
    await expect.poll(() => heard.length).toBe(5)
    await consumer.close()
    const told = heard.map(({ type, reservation, ...rest }) => {
      const { items, key, restock } = rest as { items?: unknown; key?: string; restock?: boolean }
      return [type, reservation?.state, reservation?.items, items, key, restock]
    })
    expect(told.slice(1)).toEqual([
      ['confirmed', 'confirmed', [a(3), b(1)], undefined, undefined, undefined],
      ['refunded', 'confirmed', [a(1), b(1)], [a(2)], '1', true],
      ['refunded', 'confirmed', [a(1)], [b(1)], '2', false],
      ['refunded', 'refunded', [a(1)], [a(1)], undefined, true],
    ])
  })

  testOfOne('a late call changes nothing, and may be told what is so already', async () => {
    const shop = await open({ stock: { a: 5 } })
    const { id } = await shop.confirmed('ann', 3)
    const op = { id, restock: true, cart: [[0, 1]] as const, key: 'k' }
    const late = { deadline: shop.now() - 1 }
    expect(await shop.ask('refund', op, late)).toEqual({ status: 'retry' })
    expect(await shop.ask('refund', { ...op, cart: [[0, 4]] }, late)).toMatchObject({
      status: 'exceeds_order',
    })
    const batch = await shop.done('refund', [op, op, { ...op, restock: false }])
    expect(batch.answers).toMatchObject([
      { status: 'refunded', replayed: false },
      { status: 'refunded', replayed: true },
      { status: 'conflict' },
    ])
    expect(await shop.ask('refund', op, late)).toMatchObject({ status: 'refunded', replayed: true })
    expect(await shop.counts()).toBe('5 3 0 2')
  })

  testOfOne('a recovery that makes an order again counts each part once, whatever it knew of', async () => {
    const shop = await open({ stock: { a: 9, b: 9 } })
    const call = { bypassFreeze: true }
    const id = idIn('b', 1)
    const changes = {
      first: [[0, 1]],
      count: 3,
      ordered: {
        cart: [
          [0, 6],
          [1, 1],
        ],
        count: 1,
      },
    } as const
    // Of the six units two came back under keys that this process does not know.
    const made = await shop.ask(
      'reserve',
      order(id, {
        cart: [
          [0, 4],
          [1, 1],
        ],
        changes,
      }),
      call,
    )
    expect(made).toMatchObject({ reservation: { changes } })
    await shop.ask('confirm', { id, buyer: null, paymentId: 'p', final: true }, call)
    const part = (key: string, units: number) =>
      shop.ask('refund', { id, restock: true, key, cart: [[0, units]] }, call)
    expect(await part('1', 1)).toMatchObject({
      replayed: true,
      reservation: {
        cart: [
          [0, 4],
          [1, 1],
        ],
      },
    })
    expect(await shop.counts()).toBe('9 5 0 4')
    expect(await part('2', 2)).toMatchObject({
      replayed: false,
      reservation: {
        cart: [
          [0, 3],
          [1, 1],
        ],
        changes: { ...changes, count: 4 },
      },
    })
    expect(await shop.counts()).toBe('9 6 0 3')
    expect(await part('1', 1)).toMatchObject({ replayed: true })
    // More than is left: as much as there is.
    expect(await part('3', 8)).toMatchObject({ replayed: false, reservation: { cart: [[1, 1]] } })
    expect(await shop.ask('refund', { id, restock: false, key: 'rest' }, call)).toMatchObject({
      reservation: { state: 'refunded', cart: [[1, 1]] },
    })
    expect(await part('4', 1)).toMatchObject({ status: 'refunded', replayed: true })
    // From now on they are known.
    for (const [key, units] of [
      ['1', 1],
      ['2', 2],
      ['3', 8],
      ['4', 1],
    ] as const)
      expect(await shop.ask('refund', { id, restock: true, key, cart: [[0, units]] })).toMatchObject({
        status: 'refunded',
        replayed: true,
      })
    expect(await shop.counts()).toBe('9 9 0 0')
    expect(await shop.counts('b')).toBe('8 8 0 0')
    const refunds: KeyedRefund[] = []
    let cursor = '0'
    do {
      const page = await shop.ask('scan', { cursor })
      refunds.push(...page.keyedRefunds)
      cursor = page.cursor
    } while (cursor !== '0')
    expect(refunds.map(({ key }) => key).sort()).toEqual(['1', '2', '3', '4', 'rest'])
    expect(refunds).toContainEqual({ id, key: '2', restock: true, cart: [[0, 2]] })
    expect(refunds).toContainEqual({ id, key: 'rest', restock: false })
    await shop.audited()
  })
})

// What it loses are the keys of partition 0.
onRedis('a server that has lost the sale', (kind) => {
  async function open(stock: number): Promise<Shop> {
    const shop = new Shop(await kind.make(), 'launch')
    await shop.sale.create({ stock: { a: stock }, holdMs: 60_000 })
    return shop
  }

  async function lose(shop: Shop): Promise<void> {
    await drop(kind.client(), '*:launch:0}:*')
    await expect(shop.sale.stats()).rejects.toMatchObject({ code: 'STATE_LOST' })
  }

  test('parts are made again once, by whichever processes know of them, in any order', async () => {
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 0, 2],
    ]) {
      const shop = await open(10)
      const handles = [shop.sale, shop.handle(), shop.handle()]
      const { id } = await shop.confirmed('ann', 6)
      const part = (by: number, key: string, restock: boolean) =>
        handles[by]!.refund(id, { restock, items: [a(1)], key })
      await part(1, '1', true)
      await part(1, '2', false)
      await part(2, '3', true)
      // Other buyers have what came back.
      const bob = await handles[2]!.reserve({ buyer: 'bob', items: [a(6)] })
      if (bob.status !== 'reserved') expect.fail(bob.status)
      const others = bob.reservation
      await handles[2]!.confirm(others.id)
      await part(2, '4', true)
      expect(await shop.counts()).toBe('9 1 0 8')
      await lose(shop)
      for (const [i, by] of order.entries()) await handles[by]!.recover({ from: 'replay', unfreeze: i === 2 })
      expect(await shop.sale.get(id)).toMatchObject({ state: 'confirmed', items: [a(2)] })
      expect(await shop.sale.get(others.id)).toMatchObject({ state: 'confirmed' })
      for (const [by, key, restock] of [
        [0, '1', true],
        [1, '2', false],
        [0, '3', true],
        [1, '4', true],
      ] as const)
        expect(await part(by, key, restock)).toMatchObject({ status: 'refunded', replayed: true })
      await shop.audited()
      await kind.client().flushall()
    }
  })

  test('a refunded order that came back in parts is refunded again, with its keys', async () => {
    const shop = await open(10)
    const { id } = await shop.confirmed('ann', 5)
    await shop.sale.refund(id, { restock: true, items: [a(3)], key: '1' })
    await shop.sale.refund(id, { restock: false, items: [a(2)], key: '2' })
    await lose(shop)
    expect(await shop.sale.recover({ from: 'replay' })).toMatchObject({ restored: 1, refused: [] })
    expect(await shop.counts()).toBe('8 8 0 0')
    expect(await shop.sale.refund(id, { restock: true, items: [a(3)], key: '1' })).toMatchObject({
      replayed: true,
      reservation: { state: 'refunded', items: [a(2)] },
    })
  })
})
