import { expect, test } from 'vitest'
import type { Reservation } from '../../src/index.js'
import { idIn, onBothEngines, order, type Shop } from '../support/shop.js'

const EACH = 12

/**
 * A buyer with far more ended reservations than an engine keeps close at hand: a dozen of each
 * kind, with keys.
 */
async function history(shop: Shop, buyer = 'u') {
  const make = async (kind: string, end: (id: string) => Promise<unknown>) => {
    const made: Reservation[] = []
    for (let i = 0; i < EACH; i++) {
      const held = await shop.hold(buyer, 1, { key: `${kind}${i}` })
      await end(held.id)
      made.push((await shop.sale.get(held.id))!)
    }
    return made
  }
  const released = await make('released', (id) => shop.sale.release(id))
  const refunded = await make('refunded', async (id) => {
    await shop.sale.confirm(id, { paymentId: `p-${id}` })
    await shop.sale.refund(id, { restock: true })
  })
  const due = await make('due', async (id) => {
    await shop.sale.release(id)
    await shop.sale.confirm(id, { paymentId: `p-${id}` })
  })
  const expired = await make('expired', () => shop.advance(1_000))
  return { released, refunded, due, expired }
}

onBothEngines((openShop) => {
  const open = () => openShop({ stock: { a: 100 }, limitPerBuyer: 3 })

  test('each is found as it was, by its id and by its key', async () => {
    const shop = await open()
    const all = Object.values(await history(shop)).flat()
    for (const reservation of all) {
      expect(await shop.sale.get(reservation.id)).toStrictEqual(reservation)
      expect(await shop.reserve('u', 1, { key: reservation.key! })).toStrictEqual({
        status: 'key_spent',
        reservation,
      })
      const other = shop.reserve('u', 2, { key: reservation.key! })
      await expect(other).rejects.toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' })
    }
    expect(await shop.audited()).toBe(4 * EACH)
    expect(await shop.counts()).toBe('100 100 0 0')
  })

  test('release, extend, refund and confirm answer as before', async () => {
    const shop = await open()
    const { released, refunded, due, expired } = await history(shop)
    await shop.sale.stats()
    await shop.news()
    for (const reservation of [...released, ...due]) {
      expect(await shop.sale.release(reservation.id)).toStrictEqual({
        status: 'released',
        reservation,
        replayed: true,
      })
      expect(await shop.sale.extend(reservation.id, { holdMs: 1 })).toStrictEqual({
        status: 'already_released',
        reservation,
      })
      expect(await shop.sale.release(reservation.id, { buyer: 'v' })).toStrictEqual({ status: 'not_found' })
    }
    for (const reservation of refunded) {
      expect(await shop.sale.refund(reservation.id, { restock: false })).toStrictEqual({
        status: 'refunded',
        reservation,
        replayed: true,
      })
      expect(await shop.sale.confirm(reservation.id)).toStrictEqual({
        status: 'refund_due',
        reservation,
        reason: 'refunded',
      })
    }
    for (const reservation of due)
      expect(await shop.sale.confirm(reservation.id)).toStrictEqual({
        status: 'refund_due',
        reservation,
        reason: 'released',
      })
    for (const reservation of expired) {
      expect(await shop.sale.release(reservation.id)).toStrictEqual({ status: 'expired', reservation })
      expect(await shop.sale.refund(reservation.id, { restock: true })).toStrictEqual({
        status: 'not_confirmed',
        reservation,
      })
    }
    expect(await shop.news()).toEqual([])
  })

  test('a refund due is recorded where the reservation lies, once', async () => {
    const shop = await open()
    const { released } = await history(shop)
    await shop.sale.stats()
    await shop.news()
    for (const [i, reservation] of released.entries()) {
      const paid = { ...reservation, paymentId: `late-${i}` }
      const answer = { status: 'refund_due', reservation: paid, reason: 'released' }
      expect(await shop.sale.confirm(reservation.id, { paymentId: `late-${i}` })).toStrictEqual(answer)
      expect(await shop.sale.confirm(reservation.id, { paymentId: `late-${i}` })).toStrictEqual(answer)
      expect(await shop.sale.confirm(reservation.id, { paymentId: 'further' })).toStrictEqual(answer)
      expect(await shop.sale.confirm(reservation.id, { paymentId: 'further' })).toStrictEqual(answer)
      expect(await shop.sale.get(reservation.id)).toStrictEqual(paid)
      expect(await shop.reserve('u', 1, { key: reservation.key! })).toStrictEqual({
        status: 'key_spent',
        reservation: paid,
      })
    }
    expect(await shop.news()).toEqual(
      released.flatMap(({ id }) => {
        const due = { type: 'refund_due', id, reason: 'released' }
        return [due, { ...due, further: { paymentId: 'further', state: 'released' } }]
      }),
    )
    expect(await shop.audited()).toBe(4 * EACH)
  })

  test('a late confirm brings one back: it counts, is replayed, and can be refunded', async () => {
    const shop = await open()
    const { expired } = await history(shop)
    const [first, second, third, fourth] = expired as [Reservation, Reservation, Reservation, Reservation]
    for (const { id } of [first, second, third])
      expect(await shop.sale.confirm(id)).toMatchObject({ status: 'confirmed', late: true, replayed: false })
    expect(await shop.sale.confirm(fourth.id)).toMatchObject({
      status: 'refund_due',
      reason: 'limit_exceeded',
    })
    expect(await shop.reserve('u')).toMatchObject({ status: 'limit_exceeded', taken: 3 })
    expect(await shop.counts()).toBe('100 97 0 3')
    const confirmed = { ...second, state: 'confirmed' }
    expect(await shop.sale.get(second.id)).toStrictEqual(confirmed)
    expect(await shop.reserve('u', 1, { key: second.key! })).toStrictEqual({
      status: 'reserved',
      reservation: confirmed,
      replayed: true,
    })
    expect(await shop.sale.confirm(second.id)).toMatchObject({ late: true, replayed: true })
    expect(await shop.audited()).toBe(4 * EACH)
    expect(await shop.sale.refund(second.id, { restock: true })).toMatchObject({ status: 'refunded' })
    // Ended once more, and pushed away by what ends after it.
    for (let i = 0; i < EACH; i++) await shop.sale.release((await shop.hold('u')).id)
    const refunded = { ...second, state: 'refunded' }
    expect(await shop.sale.get(second.id)).toStrictEqual(refunded)
    expect(await shop.reserve('u', 1, { key: second.key! })).toStrictEqual({
      status: 'key_spent',
      reservation: refunded,
    })
    expect(await shop.sale.confirm(second.id)).toMatchObject({ status: 'refund_due', reason: 'refunded' })
    expect(await shop.counts()).toBe('100 98 0 2')
    expect(await shop.audited()).toBe(5 * EACH)
  })

  test('the request that made it, resent: reserved, as it is', async () => {
    const shop = await open()
    const orders = Array.from({ length: 3 * EACH }, (_, i) => order(idIn('b', i), { key: `k${i}` }))
    for (const one of orders) {
      await shop.done('reserve', [one])
      await shop.done('release', [{ id: one.id, buyer: null }])
    }
    const sequence = (await shop.events()).length
    const again = await shop.done('reserve', orders)
    for (const [i, answer] of again.answers.entries())
      expect(answer).toMatchObject({
        status: 'reserved',
        reservation: { id: orders[i]!.id, state: 'released' },
        replayed: false,
      })
    expect(again.sequence).toBe(sequence)
  })

  test('ended all at once, in one batch', async () => {
    const shop = await openShop({ stock: { a: 100 }, limitPerBuyer: 50 })
    const holds = await Promise.all(Array.from({ length: 50 }, (_, i) => shop.hold('u', 1, { key: `k${i}` })))
    await Promise.all(holds.slice(0, 25).map(({ id }) => shop.sale.release(id)))
    await shop.advance(1_000)
    await shop.hold('u', 50)
    for (const [i, { id, key }] of holds.entries()) {
      const state = i < 25 ? 'released' : 'expired'
      expect(await shop.sale.get(id)).toMatchObject({ state })
      expect(await shop.reserve('u', 1, { key: key! })).toMatchObject({
        status: 'key_spent',
        reservation: { id, state },
      })
    }
    const late = await Promise.all(holds.slice(25).map(({ id }) => shop.sale.confirm(id)))
    for (const answer of late)
      expect(answer).toMatchObject({ status: 'refund_due', reason: 'limit_exceeded' })
    expect(await shop.audited()).toBe(51)
  })

  test('two buyers in one bucket keep their archives apart', async () => {
    const shop = await open()
    const buyers = ['u', 'v']
    for (let i = 0; i < EACH; i++) {
      for (const [place, buyer] of buyers.entries()) {
        const id = idIn('same', 100 * place + i)
        await shop.ask('reserve', order(id, { buyer, key: `k${i}` }))
        await shop.ask('release', { id, buyer })
      }
    }
    for (let i = 0; i < EACH; i++) {
      for (const [place, buyer] of buyers.entries()) {
        const id = idIn('same', 100 * place + i)
        expect(await shop.ask('reserve', order(idIn('same', 999), { buyer, key: `k${i}` }))).toMatchObject({
          status: 'key_spent',
          reservation: { id, buyer },
        })
        expect(
          await shop.ask('confirm', { id, buyer: buyers[1 - place]!, paymentId: null, final: true }),
        ).toEqual({
          status: 'not_found',
        })
      }
    }
    expect(await shop.audited()).toBe(2 * EACH)
  })

  test('the only one that was put away comes back by a late payment, and the sale goes on', async () => {
    // One at a time overflows the few that an engine keeps close at hand, however many these are.
    for (let others = 6; others <= 12; others++) {
      const shop = await open()
      const first = await shop.expired('u', 1, { key: 'first' })
      for (let i = 0; i < others; i++) await shop.sale.release((await shop.hold('u')).id)
      expect(await shop.sale.confirm(first.id)).toMatchObject({ status: 'confirmed', late: true })
      expect(await shop.reserve('u', 1, { key: 'first' })).toMatchObject({
        status: 'reserved',
        reservation: { id: first.id, state: 'confirmed' },
        replayed: true,
      })
      expect(await shop.counts()).toBe('100 99 0 1')
      expect(await shop.audited()).toBe(1 + others)
      await shop.sale.refund(first.id, { restock: true })
      for (let i = 0; i < 3; i++) await shop.sale.release((await shop.hold('u')).id)
      expect(await shop.sale.get(first.id)).toMatchObject({ state: 'refunded' })
      expect(await shop.counts()).toBe('100 100 0 0')
      expect(await shop.audited()).toBe(4 + others)
    }
  })
})
