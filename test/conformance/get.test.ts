import { expect, test } from 'vitest'
import { testOfOne } from '../support/several.js'
import { onBothEngines } from '../support/shop.js'

onBothEngines((open) => {
  test('every state a reservation can be in', async () => {
    const shop = await open()
    const held = await shop.hold('u', 1, { key: 'k' })
    expect(await shop.sale.get(held.id)).toStrictEqual(held)
    await shop.advance(1_000)
    const expired = { ...held, state: 'expired' }
    expect(await shop.sale.get(held.id)).toStrictEqual(expired)
    expect(await shop.handle().get(held.id)).toStrictEqual(expired)
    const released = await shop.hold('v')
    await shop.sale.release(released.id)
    expect(await shop.sale.get(released.id)).toStrictEqual({ ...released, state: 'released' })
    const paid = await shop.hold('w')
    await shop.sale.confirm(paid.id, { paymentId: 'p' })
    const confirmed = { ...paid, state: 'confirmed', paymentId: 'p' }
    expect(await shop.sale.get(paid.id)).toStrictEqual(confirmed)
    await shop.sale.refund(paid.id, { restock: true })
    expect(await shop.sale.get(paid.id)).toStrictEqual({ ...confirmed, state: 'refunded' })
  })

  testOfOne('get through the port writes nothing, and shows a hold past its time as expired', async () => {
    const shop = await open()
    const { id } = await shop.expired('u')
    await shop.sale.close()
    const before = await shop.done('scan', [{ cursor: '0' }])
    const got = await shop.done('get', [{ id }, { id: `1AA${'A'.repeat(16)}` }])
    expect(got.answers).toMatchObject([
      { status: 'found', reservation: { state: 'expired' } },
      { status: 'not_found' },
    ])
    expect(got).toMatchObject({ now: shop.now(), sequence: before.sequence })
    expect((await shop.done('scan', [{ cursor: '0' }])).answers).toEqual(before.answers)
  })

  test('undefined: no such reservation, or nothing that could be an id', async () => {
    const shop = await open()
    const { id } = await shop.hold('u')
    const others = [
      'x',
      `${id}A`,
      id.slice(1),
      `2${id.slice(1)}`,
      `1__${id.slice(3)}`,
      `${id} `,
      '1AA',
      '{}',
      '\0',
    ]
    for (const other of others) expect(await shop.sale.get(other), other).toBeUndefined()
  })

  test('many at once, each caller its own', async () => {
    const shop = await open({ stock: { a: 500 } })
    const holds = await Promise.all(Array.from({ length: 400 }, (_, i) => shop.hold(`u${i}`)))
    const found = await Promise.all(holds.map(({ id }) => shop.sale.get(id)))
    expect(found).toStrictEqual(holds)
  })
})
