import { expect, test } from 'vitest'
import { onBothEngines } from '../support/shop.js'

onBothEngines((open) => {
  test('extended: to holdMs from now', async () => {
    const shop = await open()
    const held = await shop.hold('u')
    await shop.advance(400)
    await shop.news()
    const expiresAt = shop.now() + 1_000
    const extended = { status: 'extended', reservation: { ...held, expiresAt } }
    expect(await shop.sale.extend(held.id, { holdMs: 1_000 })).toStrictEqual(extended)
    expect(await shop.news()).toEqual([{ type: 'extended', id: held.id, expiresAt }])
    await shop.advance(999)
    expect(await shop.sale.get(held.id)).toStrictEqual(extended.reservation)
    expect(await shop.counts()).toBe('10 9 1 0')
    await shop.advance(1)
    expect(await shop.counts()).toBe('10 10 0 0')
    expect(await shop.news()).toEqual([{ type: 'expired', id: held.id }])
  })

  test('extended: never shorter, and an extension that changes nothing is no event', async () => {
    const shop = await open()
    const held = await shop.hold('u')
    await shop.news()
    const unchanged = { status: 'extended', reservation: held }
    expect(await shop.sale.extend(held.id, { holdMs: 1 })).toStrictEqual(unchanged)
    expect(await shop.sale.extend(held.id, { holdMs: 1_000 })).toStrictEqual(unchanged)
    expect(await shop.news()).toEqual([])
  })

  test('extended: at most to maxHoldMs after the reservation was made', async () => {
    const shop = await open({ maxHoldMs: 1_500 })
    const held = await shop.hold('u')
    const extended = { status: 'extended', reservation: { ...held, expiresAt: held.createdAt + 1_500 } }
    expect(await shop.sale.extend(held.id, { holdMs: 999_999 })).toStrictEqual(extended)
    await shop.advance(1_499)
    await shop.news()
    expect(await shop.sale.extend(held.id, { holdMs: 1_000 })).toStrictEqual(extended)
    expect(await shop.news()).toEqual([])
    await shop.advance(1)
    expect(await shop.sale.extend(held.id, { holdMs: 1_000 })).toMatchObject({ status: 'expired' })
  })

  test('extended several times, in one batch and one after another', async () => {
    const shop = await open()
    const held = await shop.hold('u')
    const many = await Promise.all([3, 2, 4].map((s) => shop.sale.extend(held.id, { holdMs: s * 1_000 })))
    const until = many.map((answer) => answer.status === 'extended' && answer.reservation.expiresAt)
    expect(until).toEqual([3_000, 3_000, 4_000].map((ms) => held.createdAt + ms))
    for (let i = 0; i < 5; i++) {
      await shop.advance(3_999)
      expect(await shop.sale.extend(held.id, { holdMs: 4_000 })).toMatchObject({ status: 'extended' })
    }
    expect(await shop.counts()).toBe('10 9 1 0')
    await shop.advance(4_000)
    expect(await shop.counts()).toBe('10 10 0 0')
    await shop.audited()
  })

  test('expired: too late to extend, also after a refund was due', async () => {
    const shop = await open({ stock: { a: 1 } })
    const reservation = await shop.expired('u')
    const tooLate = { status: 'expired', reservation }
    expect(await shop.sale.extend(reservation.id, { holdMs: 1_000 })).toStrictEqual(tooLate)
    await shop.confirmed('v')
    await shop.sale.confirm(reservation.id)
    expect(await shop.sale.extend(reservation.id, { holdMs: 1_000 })).toStrictEqual(tooLate)
    expect(await shop.counts()).toBe('1 0 0 1')
  })

  test('already_confirmed: paid for, late or in time, or refunded', async () => {
    const shop = await open()
    const confirmed = await shop.confirmed('u')
    const extend = (id: string) => shop.sale.extend(id, { holdMs: 5_000 })
    expect(await extend(confirmed.id)).toStrictEqual({ status: 'already_confirmed', reservation: confirmed })
    await shop.sale.refund(confirmed.id, { restock: false })
    expect(await extend(confirmed.id)).toStrictEqual({
      status: 'already_confirmed',
      reservation: { ...confirmed, state: 'refunded' },
    })
    const late = await shop.expired('v')
    await shop.sale.confirm(late.id)
    expect(await extend(late.id)).toMatchObject({ status: 'already_confirmed' })
  })

  test('already_released, also after a refund was due', async () => {
    const shop = await open()
    const held = await shop.hold('u')
    await shop.sale.release(held.id)
    const answer = { status: 'already_released', reservation: { ...held, state: 'released' } }
    expect(await shop.sale.extend(held.id, { holdMs: 5_000 })).toStrictEqual(answer)
    await shop.sale.confirm(held.id)
    expect(await shop.sale.extend(held.id, { holdMs: 5_000 })).toStrictEqual(answer)
  })

  test('not_found', async () => {
    const shop = await open()
    expect(await shop.sale.extend('1AAAAAAAAAAAAAAAAAA', { holdMs: 1 })).toStrictEqual({
      status: 'not_found',
    })
    expect(await shop.sale.extend('nothing', { holdMs: 1 })).toStrictEqual({ status: 'not_found' })
  })

  test('a hold can be extended while the sale is paused or has ended', async () => {
    const shop = await open()
    const { id } = await shop.hold('u')
    await shop.sale.pause()
    expect(await shop.sale.extend(id, { holdMs: 2_000 })).toMatchObject({ status: 'extended' })
    await shop.sale.end()
    expect(await shop.sale.extend(id, { holdMs: 3_000 })).toMatchObject({
      status: 'extended',
      reservation: { expiresAt: shop.now() + 3_000 },
    })
  })
})
