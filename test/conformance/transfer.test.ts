import { expect, test } from 'vitest'
import type { Item, SaleEvent } from '../../src/index.js'
import { idIn, onBothEngines } from '../support/shop.js'

const a = (quantity: number): Item => ({ sku: 'a', quantity })
const b = (quantity: number): Item => ({ sku: 'b', quantity })

onBothEngines((open) => {
  test('a hold goes to another buyer, and counts for the limit of that one', async () => {
    const shop = await open({ stock: { a: 5 }, limitPerBuyer: 2 })
    const held = await shop.hold('guest', 2, { key: 'k' })
    await shop.news()
    const moved = await shop.sale.transfer(held.id, { to: 'ann', from: 'guest' })
    if (moved.status !== 'transferred') expect.fail(moved.status)
    const { reservation } = moved
    expect(moved).toStrictEqual({ status: 'transferred', reservation, replayed: false })
    expect(reservation).toStrictEqual({ ...held, id: reservation.id, buyer: 'ann', key: null })
    expect(reservation.id).not.toBe(held.id)
    expect(await shop.news()).toEqual([
      { type: 'departed', id: held.id, to: reservation.id },
      {
        ...{ type: 'transferred', id: reservation.id, from: held.id, sender: 'guest' },
        ...{ state: 'held', expiresAt: held.expiresAt },
      },
    ])
    expect(await shop.counts()).toBe('5 3 2 0')
    expect(await shop.reserve('ann')).toMatchObject({
      status: 'limit_exceeded',
      taken: 2,
      reservations: [reservation.id],
    })
    expect(await shop.reserve('guest')).toMatchObject({ status: 'reserved' })
    expect(await shop.sale.reservationsOf('ann')).toStrictEqual([reservation])
    expect((await shop.sale.reservationsOf('guest')).map(({ state }) => state)).toEqual([
      'held',
      'transferred',
    ])
    await shop.audited()
  })

  test('the same call again changes nothing, also when the reservation has gone on', async () => {
    const shop = await open({ stock: { a: 5 } })
    const held = await shop.hold('guest')
    const moved = await shop.sale.transfer(held.id, { to: 'ann', from: 'guest' })
    await shop.news()
    const again = { ...moved, replayed: true }
    expect(await shop.sale.transfer(held.id, { to: 'ann', from: 'guest' })).toStrictEqual(again)
    expect(await shop.sale.transfer(held.id, { to: 'ann' })).toStrictEqual(again)
    if (moved.status !== 'transferred') expect.fail(moved.status)
    const { id } = moved.reservation
    expect(await shop.sale.transfer(id, { to: 'ann', from: 'ann' })).toStrictEqual(again)
    expect(await shop.sale.transfer(id, { to: 'ann', from: 'guest' })).toStrictEqual(again)
    expect(await shop.news()).toEqual([])
    const back = await shop.sale.transfer(held.id, { to: 'guest', from: 'ann' })
    expect(back).toMatchObject({ status: 'transferred', reservation: { buyer: 'guest' }, replayed: false })
    expect(await shop.sale.transfer(held.id, { to: 'ann', from: 'guest' })).toStrictEqual({
      ...back,
      replayed: true,
    })
    expect(await shop.sale.get(held.id)).toMatchObject({ buyer: 'guest', state: 'held' })
    await shop.audited()
  })

  test('every method accepts the old id', async () => {
    const shop = await open({ stock: { a: 9, b: 9 } })
    const ids: string[] = []
    for (let i = 0; i < 3; i++) {
      const { id } = await shop.hold('guest', 1, { key: `k${i}` })
      ids.push(id)
      expect(await shop.sale.transfer(id, { to: 'ann' })).toMatchObject({ status: 'transferred' })
    }
    const [one, two, three] = ids as [string, string, string]
    expect(await shop.sale.get(one)).toMatchObject({ buyer: 'ann', state: 'held' })
    expect(await shop.sale.extend(one, { holdMs: 5_000 })).toMatchObject({ status: 'extended' })
    expect(await shop.sale.amend(one, { items: [b(2)], buyer: 'ann' })).toMatchObject({ status: 'amended' })
    expect(await shop.sale.amend(one, { items: [b(1)], buyer: 'guest' })).toEqual({ status: 'not_found' })
    expect(await shop.sale.release(two, { buyer: 'guest' })).toEqual({ status: 'not_found' })
    expect(await shop.sale.release(two, { buyer: 'ann' })).toMatchObject({ status: 'released' })
    const paid = await shop.sale.confirm(one, { buyer: 'ann', paymentId: 'p1' })
    expect(paid).toMatchObject({ status: 'confirmed', reservation: { buyer: 'ann', items: [b(2)] } })
    expect(await shop.sale.confirm(one, { paymentId: 'p1' })).toMatchObject({ replayed: true })
    expect(await shop.sale.refund(one, { restock: true })).toMatchObject({ status: 'refunded' })
    expect(await shop.sale.transfer(three, { to: 'bob', from: 'ann' })).toMatchObject({
      reservation: { buyer: 'bob' },
    })
    expect(await shop.reserve('guest', 1, { key: 'k2' })).toMatchObject({
      ...{ status: 'reserved', replayed: true, reservation: { buyer: 'bob' } },
    })
    expect(await shop.reserve('guest', 1, { key: 'k1' })).toMatchObject({ status: 'key_spent' })
    await expect(shop.reserve('guest', 2, { key: 'k2' })).rejects.toMatchObject({
      code: 'IDEMPOTENCY_CONFLICT',
    })
    await shop.audited()
  })

  test('an order goes with its payment; what was told of further payments stays', async () => {
    const shop = await open({ stock: { a: 9 }, limitPerBuyer: 2 })
    const held = await shop.hold('guest', 2)
    await shop.sale.confirm(held.id, { paymentId: 'p1' })
    await shop.sale.confirm(held.id, { paymentId: 'p2' })
    const moved = await shop.sale.transfer(held.id, { to: 'ann' })
    expect(moved).toMatchObject({ reservation: { state: 'confirmed', paymentId: 'p1', buyer: 'ann' } })
    await shop.news()
    const due = { status: 'refund_due', reason: 'duplicate_payment', reservation: { buyer: 'ann' } }
    expect(await shop.sale.confirm(held.id, { paymentId: 'p2' })).toMatchObject(due)
    expect(await shop.news()).toEqual([])
    const guests = { paymentId: 'p2', buyer: 'guest' }
    expect(await shop.sale.confirm(held.id, guests)).toEqual({ status: 'not_found' })
    expect(await shop.sale.confirm(held.id, { paymentId: 'p3' })).toMatchObject(due)
    expect((await shop.news()).map(({ type }) => type)).toEqual(['refund_due'])
    expect(await shop.sale.confirm(held.id, { paymentId: 'p3' })).toMatchObject(due)
    expect(await shop.sale.confirm(held.id, { paymentId: 'p1' })).toMatchObject({ status: 'confirmed' })
    expect(await shop.news()).toEqual([])
    expect(await shop.reserve('ann')).toMatchObject({ status: 'limit_exceeded' })
    expect(await shop.reserve('guest', 2)).toMatchObject({ status: 'reserved' })
    expect(await shop.counts()).toBe('9 5 2 2')
    await shop.audited()
  })

  test('one payment of one order is one event, under whichever of its ids it is reported', async () => {
    const shop = await open({ stock: { a: 9 } })
    const ids = [(await shop.hold('u0')).id]
    await shop.sale.confirm(ids[0]!, { paymentId: 'own' })
    // After each transfer, and before the first, two payments under the id of that time.
    for (let i = 0; i < 4; i++) {
      if (i > 0) {
        const moved = await shop.sale.transfer(ids.at(-1)!, { to: `u${i % 3}` })
        if (moved.status !== 'transferred') expect.fail(moved.status)
        ids.push(moved.reservation.id)
      }
      if (i !== 2)
        for (const n of [0, 1]) await shop.sale.confirm(ids.at(-1)!, { paymentId: `further-${i}-${n}` })
    }
    const due = (await shop.news()).filter(({ type }) => type === 'refund_due')
    expect(due).toHaveLength(6)
    const told = { status: 'refund_due', reason: 'duplicate_payment', reservation: { id: ids.at(-1)! } }
    for (const id of ids)
      for (const i of [0, 1, 3])
        for (const n of [0, 1])
          expect(await shop.sale.confirm(id, { paymentId: `further-${i}-${n}` })).toMatchObject(told)
    expect(await shop.news()).toEqual([])
    await shop.sale.refund(ids[0]!, { restock: true })
    await shop.news()
    for (const id of ids)
      expect(await shop.sale.confirm(id, { paymentId: 'further-0-0' })).toMatchObject(told)
    expect(await shop.sale.confirm(ids[1]!, { paymentId: 'own' })).toMatchObject({ reason: 'refunded' })
    expect(await shop.news()).toEqual([])
    expect(await shop.sale.confirm(ids[1]!, { paymentId: 'last' })).toMatchObject(told)
    expect((await shop.news()).map(({ type }) => type)).toEqual(['refund_due'])
    await shop.audited()
  })

  test('what is over stays; so does what another buyer has', async () => {
    const shop = await open({ stock: { a: 9 }, limitPerBuyer: 1 })
    const [released, expired, refunded] = [
      await shop.hold('u1'),
      await shop.hold('u2'),
      await shop.hold('u3'),
    ]
    await shop.sale.release(released.id)
    await shop.sale.confirm(refunded.id)
    await shop.sale.refund(refunded.id, { restock: true })
    await shop.advance(1_000)
    const open_ = await shop.hold('u4')
    await shop.hold('full')
    await shop.news()
    const to = 'ann'
    expect(await shop.sale.transfer(released.id, { to })).toMatchObject({ status: 'already_released' })
    expect(await shop.sale.transfer(expired.id, { to })).toMatchObject({ status: 'expired' })
    expect(await shop.sale.transfer(refunded.id, { to })).toMatchObject({ status: 'already_refunded' })
    expect(await shop.sale.transfer(open_.id, { to, from: 'ann' })).toEqual({ status: 'not_found' })
    expect(await shop.sale.transfer(idIn('bucket', 1), { to })).toEqual({ status: 'not_found' })
    expect(await shop.sale.transfer('nonsense', { to })).toEqual({ status: 'not_found' })
    expect(await shop.sale.transfer(open_.id, { to: 'full' })).toMatchObject({
      ...{ status: 'limit_exceeded', sku: 'a', limit: 1, taken: 1 },
    })
    expect(await shop.news()).toEqual([])
    await expect(shop.sale.transfer(open_.id, { to: '' })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    expect(await shop.sale.get(open_.id)).toStrictEqual(open_)
    await shop.audited()
  })

  test('while paused and after the end; the hold expires where it is', async () => {
    const shop = await open({ stock: { a: 2 } })
    const held = await shop.hold('guest', 2)
    await shop.sale.pause()
    expect(await shop.sale.transfer(held.id, { to: 'ann' })).toMatchObject({ status: 'transferred' })
    await shop.sale.end()
    expect(await shop.sale.transfer(held.id, { to: 'bob' })).toMatchObject({ status: 'transferred' })
    await shop.advance(1_000)
    expect(await shop.counts()).toBe('2 2 0 0')
    expect(await shop.sale.get(held.id)).toMatchObject({ buyer: 'bob', state: 'expired' })
    await shop.audited()
  })

  test('a changed cart goes along, and a late payment of an order stays late', async () => {
    const shop = await open({ stock: { a: 9 } })
    const held = await shop.hold('guest', 3)
    await shop.sale.amend(held.id, { items: [a(2)] })
    await shop.advance(1_000)
    expect(await shop.sale.confirm(held.id, { paymentId: 'p' })).toMatchObject({ late: true })
    await shop.news()
    expect(await shop.sale.transfer(held.id, { to: 'ann' })).toMatchObject({ reservation: { items: [a(2)] } })
    expect((await shop.news()).at(-1)).toMatchObject({ changed: { cart: [[0, 2]], count: 1 } })
    expect(await shop.sale.confirm(held.id, { paymentId: 'p' })).toMatchObject({ late: true, replayed: true })
    await shop.audited()
  })

  test('a reservation that went through many hands is found by its first id', async () => {
    const shop = await open({ stock: { a: 1 } })
    const held = await shop.hold('u0')
    let { id } = held
    for (let i = 1; i <= 6; i++) {
      const moved = await shop.sale.transfer(id, { to: `u${i % 3}` })
      if (moved.status !== 'transferred') expect.fail(moved.status)
      id = moved.reservation.id
      expect((await shop.sale.get(held.id))?.id).toBe(id)
    }
    expect(await shop.sale.confirm(held.id)).toMatchObject({ status: 'confirmed', reservation: { id } })
    await shop.audited()
  })

  test('with many reservations of both buyers', async () => {
    const shop = await open({ stock: { a: 100 }, limitPerBuyer: 30 })
    const ids: string[] = []
    for (let i = 0; i < 20; i++) {
      ids.push((await shop.hold('guest')).id)
      await shop.hold('ann')
    }
    for (const id of ids.slice(0, 10))
      expect(await shop.sale.transfer(id, { to: 'ann' })).toMatchObject({ status: 'transferred' })
    expect(await shop.sale.transfer(ids[10]!, { to: 'ann' })).toMatchObject({ status: 'limit_exceeded' })
    for (const id of ids.slice(0, 5)) await shop.sale.release(id)
    expect(await shop.reserve('ann', 5)).toMatchObject({ status: 'reserved' })
    expect(await shop.reserve('ann')).toMatchObject({ status: 'limit_exceeded' })
    expect(await shop.reserve('guest', 20)).toMatchObject({ status: 'reserved' })
    await shop.audited()
  })

  test('the event has both buyers and both ids', async () => {
    const shop = await open({ stock: { a: 2 } })
    const held = await shop.hold('guest')
    await shop.sale.confirm(held.id, { paymentId: 'p' })
    const moved = await shop.sale.transfer(held.id, { to: 'ann' })
    if (moved.status !== 'transferred') expect.fail(moved.status)
    await shop.sale.refund(held.id, { restock: true })
    const events: SaleEvent[] = []
    const consumer = shop.sale.consume({ group: 'g' }, async (event) => {
      events.push(event)
    })
    await expect.poll(() => events.length).toBe(4)
    await consumer.close()
    // In order for each id.
    const of = (id: string) => events.filter(({ reservation }) => reservation?.id === id)
    const { id } = moved.reservation
    expect(of(held.id).map(({ type }) => type)).toEqual(['reserved', 'confirmed'])
    expect(of(id).map(({ type }) => type)).toEqual(['transferred', 'refunded'])
    expect(of(held.id)[1]?.reservation).toMatchObject({ buyer: 'guest', paymentId: 'p' })
    const from = { id: held.id, buyer: 'guest' }
    expect(of(id)[0]).toMatchObject({ from, reservation: moved.reservation })
  })
})
