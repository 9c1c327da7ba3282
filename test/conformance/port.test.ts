import { expect, test } from 'vitest'
import type { Command, Op } from '../../src/engine/engine.js'
import { opOfEach } from '../support/port-sale.js'
import { anyTime, idIn, onBothEngines, order, Shop } from '../support/shop.js'

const id = idIn('b', 1)
const oneOfEach = opOfEach(id)

onBothEngines((open, kind) => {
  test('another incarnation than the one there is: lost, and nothing changes', async () => {
    const shop = await open()
    for (const [command, op] of Object.entries(oneOfEach)) {
      const reply = await shop.run(command as Command, [op], { incarnation: 'another' })
      expect(reply, command).toStrictEqual({ outcome: 'lost', now: shop.now() })
    }
    expect(await shop.events()).toEqual([])
    expect(await shop.counts()).toBe('10 10 0 0')
  })

  test('no sale of this name: missing', async () => {
    const shop = new Shop(await kind.make(), 'nothing')
    for (const [command, op] of Object.entries({ ...oneOfEach, describe: {} })) {
      const reply = await shop.run(command as Command, [op], { incarnation: 'some' })
      expect(reply, command).toStrictEqual({ outcome: 'missing', now: shop.now() })
    }
  })

  test('create and describe answer the time, to the millisecond', async () => {
    const shop = new Shop(await kind.make(), 'young')
    await shop.advance(1_234)
    const none = { opensAt: null, closesAt: null, partitions: 1 }
    const rules = { skus: [{ sku: 'a', stock: 1, limit: null }], holdMs: 1, maxHoldMs: 1, ...none }
    const call = { incarnation: null }
    expect(await shop.run('describe', [{}], call)).toStrictEqual({ outcome: 'missing', now: shop.now() })
    expect(await shop.run('create', [{ rules, incarnation: 't', complete: true }], call)).toMatchObject({
      now: shop.now(),
    })
    await shop.advance(1)
    expect(await shop.run('describe', [{}], call)).toMatchObject({ now: shop.now() })
    expect(await shop.run('create', [{ rules, incarnation: 't', complete: true }], call)).toMatchObject({
      now: shop.now(),
    })
  })

  test('every reply carries the time and the number of events after it', async () => {
    const shop = await open()
    let sequence = 0
    for (const [command, op] of Object.entries(oneOfEach)) {
      await shop.advance(1)
      const reply = await shop.done(command as Command, [op])
      expect(reply.now).toBe(shop.now())
      sequence = (await shop.events()).length
      expect(reply.sequence, command).toBe(sequence)
    }
    expect(sequence).toBe(15)
  })

  test('a batch is carried out in order, each item after what the one before it did', async () => {
    const shop = await open({ stock: { a: 3 }, limitPerBuyer: 2 })
    const reserve = (number: number, rest: Partial<Op<'reserve'>>) => order(idIn('b', number), rest)
    const { answers } = await shop.done('reserve', [
      reserve(1, { cart: [[0, 2]], key: 'k' }),
      reserve(2, { cart: [[0, 1]] }),
      reserve(3, { cart: [[0, 2]], key: 'k' }),
      reserve(4, { cart: [[0, 1]], key: 'k' }),
      reserve(5, { buyer: 'v', cart: [[0, 1]] }),
      reserve(6, { buyer: 'v', cart: [[0, 1]] }),
    ])
    expect(answers).toMatchObject([
      { status: 'reserved', replayed: false },
      { status: 'limit_exceeded', taken: 2 },
      { status: 'reserved', replayed: true, reservation: { id: idIn('b', 1) } },
      { status: 'conflict' },
      { status: 'reserved', replayed: false },
      { status: 'sold_out', available: 0, mayReturn: true },
    ])
    const settle = await shop.done('confirm', [
      { id: idIn('b', 1), buyer: null, paymentId: 'p1', final: true },
      { id: idIn('b', 5), buyer: 'u', paymentId: 'p', final: true },
      { id: idIn('b', 1), buyer: null, paymentId: 'p2', final: true },
    ])
    expect(settle.answers).toMatchObject([
      { status: 'confirmed', replayed: false, reservation: { paymentId: 'p1' } },
      { status: 'not_found' },
      { status: 'refund_due', reason: 'duplicate_payment', reservation: { paymentId: 'p1' } },
    ])
    const refund = { id: idIn('b', 1), restock: true }
    expect((await shop.done('refund', [refund, refund])).answers).toMatchObject([
      { status: 'refunded', replayed: false },
      { status: 'refunded', replayed: true },
    ])
    const release = { id: idIn('b', 5), buyer: null }
    expect((await shop.done('release', [release, release])).answers).toMatchObject([
      { status: 'released', replayed: false },
      { status: 'released', replayed: true },
    ])
    await shop.audited()
  })

  test('of many that are refused in one batch, each is told what is left after the one before it', async () => {
    const shop = await open({ stock: { a: 3, b: 1 }, limitPerBuyer: 9 })
    const reserve = (buyer: string, cart: Op<'reserve'>['cart'], rest: Partial<Op<'reserve'>> = {}) =>
      order(idIn(buyer, 1), { buyer, cart, ...rest })
    await shop.done('reserve', [reserve('has', [[0, 1]], { key: 'first' })])
    const { answers } = await shop.done('reserve', [
      reserve('c', [[0, 3]]),
      reserve('d', [[0, 3]]),
      { ...reserve('has', [[0, 3]]), id: idIn('has', 2) },
      reserve('e', [[0, 3]], { key: 'k' }),
      reserve('f', [[0, 4]]),
      reserve('g', [[0, 3]]),
      reserve('h', [[1, 2]]),
      reserve('i', [[1, 2]]),
      reserve('s', [[0, 3]]),
      reserve('j', [[0, 1]]),
      reserve('k', [[1, 2]]),
      reserve('l', [[0, 3]]),
      reserve('m', [[0, 3]]),
      { ...reserve('j', [[0, 1]]), id: idIn('j', 2) },
      reserve('n', [[0, 3]]),
      reserve('o', [
        [0, 1],
        [1, 2],
      ]),
      reserve('p', [[0, 10]]),
      reserve('d', [[1, 1]]),
      reserve('q', [[0, 3]]),
      reserve('r', [[0, 1]]),
      { ...reserve('has', [[0, 1]], { key: 'first' }), id: idIn('has', 3) },
      reserve('t', [[0, 1]]),
    ])
    const soldOut = (sku: number, available: number, mayReturn: boolean) => ({
      ...{ status: 'sold_out', sku, available, mayReturn },
    })
    expect(answers).toMatchObject([
      soldOut(0, 2, true),
      soldOut(0, 2, true),
      soldOut(0, 2, true),
      soldOut(0, 2, true),
      soldOut(0, 2, true),
      soldOut(0, 2, true),
      soldOut(1, 1, false),
      soldOut(1, 1, false),
      soldOut(0, 2, true),
      { status: 'reserved' },
      soldOut(1, 1, false),
      soldOut(0, 1, true),
      soldOut(0, 1, true),
      { status: 'reserved' },
      soldOut(0, 0, true),
      soldOut(0, 0, true),
      { status: 'limit_exceeded', taken: 0 },
      { status: 'reserved' },
      soldOut(0, 0, true),
      soldOut(0, 0, true),
      { status: 'reserved', replayed: true },
      soldOut(0, 0, true),
    ])
    await shop.audited()
  })

  test('the same id again answers the reservation as it is now, not replayed', async () => {
    const shop = await open()
    await shop.ask('reserve', order(id, { key: 'k' }))
    await shop.ask('release', { id, buyer: null })
    expect(await shop.ask('reserve', order(id, { key: 'k' }))).toMatchObject({
      status: 'reserved',
      reservation: { id, state: 'released' },
      replayed: false,
    })
    expect(await shop.ask('reserve', order(idIn('b', 2), { key: 'k' }))).toMatchObject({
      status: 'key_spent',
    })
  })

  test('what was seen of a later time is never earlier: the floor, and what is stored', async () => {
    const shop = await open()
    const minTime = shop.now() + 500
    const reserved = await shop.done('reserve', [order(id)], { minTime })
    expect(reserved.now).toBe(minTime)
    expect(reserved.answers[0]).toMatchObject({
      reservation: { createdAt: minTime, expiresAt: minTime + 1_000 },
    })
    const got = await shop.done('get', [{ id }])
    expect(got.now).toBe(minTime)
    expect(
      (await shop.partition.run('get', [{ id }], { ...anyTime, incarnation: await shop.token() })).now,
    ).toBe(minTime)
  })

  test('events after any number: a tail, nothing twice, nothing missing', async () => {
    const shop = await open({ stock: { a: 2_000 } })
    const orders = Array.from({ length: 1_200 }, (_, i) => order(idIn(`b${i % 50}`, i)))
    for (let i = 0; i < orders.length; i += 100) await shop.done('reserve', orders.slice(i, i + 100))
    const all = await shop.events()
    expect(all).toHaveLength(1_200)
    expect(all.map((event) => 'id' in event && event.id)).toEqual(orders.map((one) => one.id))
    for (const after of [0, 1, 99, 100, 101, 150, 1_199]) {
      const { events } = await shop.ask('events', { after, reservations: false })
      expect(events.length).toBeGreaterThan(0)
      expect(events).toEqual(all.slice(after, after + events.length))
    }
    expect((await shop.ask('events', { after: 1_200, reservations: false })).events).toEqual([])
    expect((await shop.ask('events', { after: 99_999, reservations: false })).events).toEqual([])
    const several = await shop.done('events', [
      { after: 1_198, reservations: false },
      { after: 0, reservations: false },
      { after: 1_200, reservations: false },
    ])
    expect(several.answers.map(({ events }) => events[0]?.sequence)).toEqual([1_199, 1, undefined])
  })
})
