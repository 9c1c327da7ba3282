import { expect, test } from 'vitest'
import { testOfOne } from '../support/several.js'
import { onBothEngines } from '../support/shop.js'

onBothEngines((open) => {
  test('reserved: the whole reservation, held until holdMs from now', async () => {
    const shop = await open({ stock: { a: 3, b: 3 } })
    const items = [
      { sku: 'b', quantity: 1 },
      { sku: 'a', quantity: 2 },
    ]
    const result = await shop.reserve('u', items, { key: 'k' })
    const reservation = {
      id: expect.stringMatching(/^[\w-]{19}$/),
      buyer: 'u',
      items: [
        { sku: 'a', quantity: 2 },
        { sku: 'b', quantity: 1 },
      ],
      state: 'held',
      key: 'k',
      createdAt: shop.now(),
      expiresAt: shop.now() + 1_000,
    }
    expect(result).toStrictEqual({ status: 'reserved', reservation, replayed: false })
    expect(await shop.counts('a')).toBe('3 1 2 0')
    expect(await shop.counts('b')).toBe('3 2 1 0')
  })

  test('without a key: each request is a reservation of its own, with key null', async () => {
    const shop = await open()
    const first = await shop.hold('u')
    const second = await shop.hold('u')
    expect(first.key).toBeNull()
    expect(second.id).not.toBe(first.id)
    expect(await shop.counts()).toBe('10 8 2 0')
  })

  test('a cart with a holdMs of its own, up to maxHoldMs', async () => {
    const shop = await open({ maxHoldMs: 5_000 })
    const short = await shop.hold('u', 1, { holdMs: 1 })
    const long = await shop.hold('u', 1, { holdMs: 5_000 })
    expect([short.expiresAt, long.expiresAt]).toEqual([shop.now() + 1, shop.now() + 5_000])
    await expect(shop.reserve('u', 1, { holdMs: 5_001 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    await shop.advance(1)
    expect(await shop.sale.get(short.id)).toMatchObject({ state: 'expired' })
    await shop.advance(4_998)
    expect(await shop.sale.get(long.id)).toMatchObject({ state: 'held', expiresAt: shop.now() + 1 })
    await shop.advance(1)
    expect(await shop.sale.get(long.id)).toMatchObject({ state: 'expired' })
  })

  test('holds of several lengths in one batch expire each at its own time', async () => {
    const shop = await open({ stock: { a: 100 } })
    const lengths = Array.from({ length: 50 }, (_, i) => 100 * (1 + (i % 5)))
    await Promise.all(lengths.map((holdMs, i) => shop.hold(`u${i}`, 1, { holdMs })))
    for (let expired = 10; expired <= 50; expired += 10) {
      await shop.advance(100)
      expect(await shop.counts()).toBe(`100 ${50 + expired} ${50 - expired} 0`)
    }
  })

  test('reserved, replayed: the same buyer and key get the same reservation, in its present state', async () => {
    const shop = await open()
    const held = await shop.hold('u', 2, { key: 'k' })
    await shop.advance(10)
    const again = { status: 'reserved', reservation: held, replayed: true }
    expect(await shop.reserve('u', 2, { key: 'k' })).toStrictEqual(again)
    expect(await shop.reserve('u', 2, { key: 'k', holdMs: 77 })).toStrictEqual(again)
    await shop.sale.extend(held.id, { holdMs: 2_000 })
    const extended = { ...held, expiresAt: shop.now() + 2_000 }
    expect(await shop.reserve('u', 2, { key: 'k' })).toStrictEqual({ ...again, reservation: extended })
    await shop.sale.confirm(held.id, { paymentId: 'p' })
    const confirmed = { ...extended, state: 'confirmed', paymentId: 'p' }
    expect(await shop.reserve('u', 2, { key: 'k' })).toStrictEqual({ ...again, reservation: confirmed })
    expect(await shop.counts()).toBe('10 8 0 2')
  })

  test('replayed also while the sale is paused or ended, sold out, or the limit is used up', async () => {
    const shop = await open({ stock: { a: 2 }, limitPerBuyer: 2 })
    const { id } = await shop.hold('u', 2, { key: 'k' })
    const again = { status: 'reserved', reservation: { id }, replayed: true }
    expect(await shop.reserve('u', 2, { key: 'k' })).toMatchObject(again)
    await shop.sale.pause()
    expect(await shop.reserve('u', 2, { key: 'k' })).toMatchObject(again)
    await shop.sale.end()
    expect(await shop.reserve('u', 2, { key: 'k' })).toMatchObject(again)
  })

  test('the same key sent many times at once makes one reservation', async () => {
    const shop = await open()
    const other = shop.handle()
    const request = { buyer: 'u', items: [{ sku: 'a', quantity: 1 }], key: 'k' }
    const sent = Array.from({ length: 20 }, (_, i) => (i % 2 ? shop.sale : other).reserve(request))
    const results = await Promise.all(sent)
    const ids = results.map((result) => result.status === 'reserved' && result.reservation.id)
    expect(new Set(ids).size).toBe(1)
    const first = results.filter((result) => result.status === 'reserved' && !result.replayed)
    expect(first).toHaveLength(1)
    expect(await shop.counts()).toBe('10 9 1 0')
  })

  test('one key of two buyers is two keys, with and without a limit', async () => {
    for (const rules of [{}, { limitPerBuyer: 2 }]) {
      const shop = await open(rules)
      const first = await shop.hold('u', 1, { key: 'k' })
      const second = await shop.hold('v', 2, { key: 'k' })
      expect(second.id).not.toBe(first.id)
      expect(await shop.reserve('u', 1, { key: 'k' })).toMatchObject({ reservation: { id: first.id } })
      // Joined without care, these would be one and the same.
      await shop.hold('ab', 1, { key: 'c' })
      await shop.hold('a', 2, { key: 'bc' })
    }
  })

  test('IDEMPOTENCY_CONFLICT: the same key with another cart, even when its reservation has ended', async () => {
    const shop = await open({ stock: { a: 9, b: 9 }, limitPerBuyer: 9 })
    const held = await shop.hold('u', 2, { key: 'k' })
    const conflict = { code: 'IDEMPOTENCY_CONFLICT', retryable: false }
    const carts = [
      [{ sku: 'a', quantity: 1 }],
      [{ sku: 'b', quantity: 2 }],
      [
        { sku: 'a', quantity: 2 },
        { sku: 'b', quantity: 2 },
      ],
    ]
    for (const cart of carts)
      await expect(shop.reserve('u', cart, { key: 'k' })).rejects.toMatchObject(conflict)
    await shop.sale.release(held.id)
    for (const cart of carts)
      await expect(shop.reserve('u', cart, { key: 'k' })).rejects.toMatchObject(conflict)
    expect(await shop.counts()).toBe('9 9 0 0')
  })

  test('key_spent: the reservation was released, expired or refunded, and is told as it is', async () => {
    const shop = await open()
    const released = await shop.hold('u', 1, { key: 'released' })
    await shop.sale.release(released.id)
    const refunded = await shop.hold('u', 1, { key: 'refunded' })
    await shop.sale.confirm(refunded.id, { paymentId: 'p' })
    await shop.sale.refund(refunded.id, { restock: true })
    const expired = await shop.expired('u', 1, { key: 'expired' })
    const spent = async (key: string) => shop.reserve('u', 1, { key })
    expect(await spent('expired')).toStrictEqual({ status: 'key_spent', reservation: expired })
    expect(await spent('released')).toStrictEqual({
      status: 'key_spent',
      reservation: { ...released, state: 'released' },
    })
    expect(await spent('refunded')).toStrictEqual({
      status: 'key_spent',
      reservation: { ...refunded, state: 'refunded', paymentId: 'p' },
    })
    expect(await shop.counts()).toBe('10 10 0 0')
  })

  test('a key whose hold expired and was paid late is replayed again', async () => {
    const shop = await open()
    const { id } = await shop.expired('u', 1, { key: 'k' })
    expect(await shop.reserve('u', 1, { key: 'k' })).toMatchObject({ status: 'key_spent' })
    await shop.sale.confirm(id)
    expect(await shop.reserve('u', 1, { key: 'k' })).toMatchObject({
      status: 'reserved',
      reservation: { id, state: 'confirmed' },
      replayed: true,
    })
  })

  test('a refusal is not remembered: the same key may succeed later', async () => {
    const shop = await open({ stock: { a: 1 }, limitPerBuyer: 1 })
    const { id } = await shop.hold('u')
    expect(await shop.reserve('v', 1, { key: 'k' })).toMatchObject({ status: 'sold_out' })
    expect(await shop.reserve('u', 1, { key: 'k' })).toMatchObject({ status: 'limit_exceeded' })
    await shop.sale.release(id)
    expect(await shop.reserve('v', 1, { key: 'k' })).toMatchObject({ status: 'reserved', replayed: false })
    await shop.sale.restock({ sku: 'a', quantity: 1, key: 'more' })
    expect(await shop.reserve('u', 1, { key: 'k' })).toMatchObject({ status: 'reserved', replayed: false })
  })

  test('a refused key may be used for another cart', async () => {
    const shop = await open({ stock: { a: 1 } })
    expect(await shop.reserve('u', 2, { key: 'k' })).toMatchObject({ status: 'sold_out' })
    expect(await shop.reserve('u', 1, { key: 'k' })).toMatchObject({ status: 'reserved', replayed: false })
  })

  // Each partition tells when its own units are gone.
  testOfOne(
    'events: reserved with its expiry, and sold_out after the last unit, in order of SKU',
    async () => {
      const shop = await open({ stock: { a: 2, b: 1, c: 5 } })
      const first = await shop.hold('u', [{ sku: 'a', quantity: 1 }])
      expect(await shop.news()).toEqual([{ type: 'reserved', id: first.id, expiresAt: first.expiresAt }])
      const second = await shop.hold('v', [
        { sku: 'c', quantity: 1 },
        { sku: 'b', quantity: 1 },
        { sku: 'a', quantity: 1 },
      ])
      expect(await shop.news()).toEqual([
        { type: 'reserved', id: second.id, expiresAt: second.expiresAt },
        { type: 'sold_out', sku: 0 },
        { type: 'sold_out', sku: 1 },
      ])
    },
  )

  test('events: none for a replay, a conflict, a spent key or a refusal', async () => {
    const shop = await open({ stock: { a: 2 }, limitPerBuyer: 1 })
    const { id } = await shop.hold('u', 1, { key: 'k' })
    const spent = await shop.hold('v', 1, { key: 'k' })
    await shop.sale.release(spent.id)
    await shop.news()
    await shop.reserve('u', 1, { key: 'k' })
    await shop.reserve('v', 1, { key: 'k' })
    await shop.reserve('u', 2, { key: 'k' }).catch(() => {})
    await shop.reserve('u', 1, { key: 'other' })
    await shop.reserve('w', 3, { key: 'other' })
    expect(await shop.news()).toEqual([])
    expect(await shop.sale.get(id)).toMatchObject({ state: 'held' })
  })

  testOfOne(
    'events: an expired hold that makes room is reported before the reservation it made room for',
    async () => {
      const shop = await open({ stock: { a: 1 } })
      const expired = await shop.expired('u')
      const next = await shop.hold('v')
      expect(await shop.news()).toEqual([
        { type: 'reserved', id: expired.id, expiresAt: expired.expiresAt },
        { type: 'sold_out', sku: 0 },
        { type: 'expired', id: expired.id },
        { type: 'reserved', id: next.id, expiresAt: next.expiresAt },
        { type: 'sold_out', sku: 0 },
      ])
      const events = await shop.events()
      expect(events.map(({ at }) => at)).toEqual([
        expired.createdAt,
        expired.createdAt,
        shop.now(),
        shop.now(),
        shop.now(),
      ])
    },
  )
})
