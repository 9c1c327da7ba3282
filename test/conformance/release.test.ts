import { expect, test } from 'vitest'
import { onBothEngines } from '../support/shop.js'

onBothEngines((open) => {
  test('released: the units are available at once', async () => {
    const shop = await open({ stock: { a: 1 }, limitPerBuyer: 1 })
    const held = await shop.hold('u')
    expect(await shop.reserve('v')).toMatchObject({ status: 'sold_out' })
    await shop.news()
    const reservation = { ...held, state: 'released' }
    const released = { status: 'released', reservation, replayed: false }
    expect(await shop.sale.release(held.id, { buyer: 'u' })).toStrictEqual(released)
    expect(await shop.news()).toEqual([{ type: 'released', id: held.id }])
    expect(await shop.counts()).toBe('1 1 0 0')
    await shop.hold('v')
  })

  test('released, replayed: gives back once', async () => {
    const shop = await open()
    const held = await shop.hold('u', 3)
    const first = await shop.sale.release(held.id)
    await shop.news()
    const again = await Promise.all([1, 2, 3].map(() => shop.sale.release(held.id)))
    await shop.advance(5_000)
    again.push(await shop.sale.release(held.id))
    for (const answer of again) expect(answer).toStrictEqual({ ...first, replayed: true })
    expect(await shop.news()).toEqual([])
    expect(await shop.counts()).toBe('10 10 0 0')
  })

  test('already_confirmed: what is paid for is not given back', async () => {
    const shop = await open()
    const { id } = await shop.hold('u')
    await shop.sale.confirm(id, { paymentId: 'p' })
    const reservation = await shop.sale.get(id)
    await shop.news()
    expect(await shop.sale.release(id)).toStrictEqual({ status: 'already_confirmed', reservation })
    await shop.sale.refund(id, { restock: true })
    expect(await shop.sale.release(id)).toStrictEqual({
      status: 'already_confirmed',
      reservation: { ...reservation, state: 'refunded' },
    })
    expect((await shop.news()).map(({ type }) => type)).toEqual(['refunded'])
    expect(await shop.counts()).toBe('10 10 0 0')
  })

  test('already_confirmed after a late confirm too', async () => {
    const shop = await open()
    const { id } = await shop.expired('u')
    await shop.sale.confirm(id)
    expect(await shop.sale.release(id)).toMatchObject({ status: 'already_confirmed' })
    expect(await shop.counts()).toBe('10 9 0 1')
  })

  test('expired: from expiresAt on, with and without a refund due', async () => {
    const shop = await open({ stock: { a: 1 } })
    const expired = await shop.expired('u')
    expect(await shop.sale.release(expired.id)).toStrictEqual({ status: 'expired', reservation: expired })
    await shop.confirmed('v')
    await shop.sale.confirm(expired.id, { paymentId: 'p' })
    expect(await shop.sale.release(expired.id)).toStrictEqual({
      status: 'expired',
      reservation: { ...expired, paymentId: 'p' },
    })
    expect(await shop.counts()).toBe('1 0 0 1')
  })

  test("not_found: no such id, or somebody else's", async () => {
    const shop = await open()
    const held = await shop.hold('u')
    expect(await shop.sale.release(held.id, { buyer: 'v' })).toStrictEqual({ status: 'not_found' })
    expect(await shop.sale.release('nothing')).toStrictEqual({ status: 'not_found' })
    expect(await shop.sale.get(held.id)).toStrictEqual(held)
  })

  test('a hold can be released while the sale is paused or has ended', async () => {
    const shop = await open()
    const [first, second] = [await shop.hold('u'), await shop.hold('v')]
    await shop.sale.pause()
    expect(await shop.sale.release(first.id)).toMatchObject({ status: 'released', replayed: false })
    await shop.sale.end()
    expect(await shop.sale.release(second.id)).toMatchObject({ status: 'released', replayed: false })
    expect(await shop.counts()).toBe('10 10 0 0')
  })

  test('released and confirmed at once: exactly one of them happens', async () => {
    const shop = await open()
    for (let i = 0; i < 10; i++) {
      const { id } = await shop.hold(`u${i}`)
      const [a, b] = i % 2 ? [shop.sale, shop.handle()] : [shop.handle(), shop.sale]
      const [released, confirmed] = await Promise.all([a.release(id), b.confirm(id)])
      const won = [released.status === 'released', confirmed.status === 'confirmed']
      expect(won.filter(Boolean)).toHaveLength(1)
      if (confirmed.status !== 'confirmed')
        expect(confirmed).toMatchObject({ status: 'refund_due', reason: 'released' })
    }
    await shop.audited()
  })
})
