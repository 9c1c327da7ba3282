import { expect, test } from 'vitest'
import { onBothEngines } from '../support/shop.js'

onBothEngines((open) => {
  test('refunded with restock: the units are on sale again', async () => {
    const shop = await open({ stock: { a: 2 }, limitPerBuyer: 2 })
    const confirmed = await shop.confirmed('u', 2)
    await shop.news()
    const reservation = { ...confirmed, state: 'refunded' }
    const refunded = { status: 'refunded', reservation, replayed: false }
    expect(await shop.sale.refund(confirmed.id, { restock: true })).toStrictEqual(refunded)
    expect(await shop.news()).toEqual([{ type: 'refunded', id: confirmed.id, restock: true }])
    expect(await shop.counts()).toBe('2 2 0 0')
    await shop.hold('u', 2)
  })

  test('refunded without restock: the units leave the sale', async () => {
    const shop = await open({ stock: { a: 3, b: 2 } })
    const confirmed = await shop.confirmed('u', [
      { sku: 'a', quantity: 2 },
      { sku: 'b', quantity: 2 },
    ])
    await shop.news()
    const reservation = { ...confirmed, state: 'refunded' }
    const refunded = { status: 'refunded', reservation, replayed: false }
    expect(await shop.sale.refund(confirmed.id, { restock: false })).toStrictEqual(refunded)
    expect(await shop.news()).toEqual([{ type: 'refunded', id: confirmed.id, restock: false }])
    expect(await shop.counts('a')).toBe('1 1 0 0')
    expect(await shop.counts('b')).toBe('0 0 0 0')
    expect(await shop.audited()).toBe(1)
  })

  test('refunded, replayed: once, whatever restock says the second time', async () => {
    const shop = await open()
    const { id } = await shop.confirmed('u', 3)
    const first = await shop.sale.refund(id, { restock: false })
    await shop.news()
    const again = { ...first, replayed: true }
    expect(await shop.sale.refund(id, { restock: true })).toStrictEqual(again)
    expect(await shop.sale.refund(id, { restock: false })).toStrictEqual(again)
    expect(await shop.news()).toEqual([])
    expect(await shop.counts()).toBe('7 7 0 0')
  })

  test('a late confirm can be refunded, and keeps its payment', async () => {
    const shop = await open()
    const { id } = await shop.expired('u')
    await shop.sale.confirm(id, { paymentId: 'p' })
    expect(await shop.sale.refund(id, { restock: true })).toMatchObject({
      status: 'refunded',
      reservation: { state: 'refunded', paymentId: 'p' },
      replayed: false,
    })
    expect(await shop.counts()).toBe('10 10 0 0')
  })

  test('not_confirmed: held, released or expired, also after a refund was due', async () => {
    const shop = await open({ stock: { a: 1 } })
    const refund = (id: string) => shop.sale.refund(id, { restock: true })
    const held = await shop.hold('u')
    expect(await refund(held.id)).toStrictEqual({ status: 'not_confirmed', reservation: held })
    await shop.sale.release(held.id)
    const released = { ...held, state: 'released' }
    expect(await refund(held.id)).toStrictEqual({ status: 'not_confirmed', reservation: released })
    await shop.sale.confirm(held.id, { paymentId: 'p' })
    const due = { ...released, paymentId: 'p' }
    expect(await refund(held.id)).toStrictEqual({ status: 'not_confirmed', reservation: due })
    const expired = await shop.expired('v')
    expect(await refund(expired.id)).toStrictEqual({ status: 'not_confirmed', reservation: expired })
    await shop.confirmed('w')
    await shop.sale.confirm(expired.id)
    expect(await refund(expired.id)).toStrictEqual({ status: 'not_confirmed', reservation: expired })
    expect(await shop.counts()).toBe('1 0 0 1')
  })

  test('not_found', async () => {
    const shop = await open()
    expect(await shop.sale.refund('1AAAAAAAAAAAAAAAAAA', { restock: true })).toStrictEqual({
      status: 'not_found',
    })
    expect(await shop.sale.refund('nothing', { restock: true })).toStrictEqual({ status: 'not_found' })
  })

  test('a refund goes on after the end of the sale; what it gives back is not sold', async () => {
    const shop = await open({ stock: { a: 1 } })
    const { id } = await shop.confirmed('u')
    await shop.sale.end()
    expect(await shop.sale.refund(id, { restock: true })).toMatchObject({ status: 'refunded' })
    expect(await shop.counts()).toBe('1 1 0 0')
    expect(await shop.reserve('v')).toStrictEqual({ status: 'ended' })
  })
})
