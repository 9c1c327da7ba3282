import { expect, test } from 'vitest'
import type { Answer, Command, Op } from '../../src/engine/engine.js'
import { testOfOne } from '../support/several.js'
import { idIn, onBothEngines, order, type Shop } from '../support/shop.js'

/**
 * More than one script call sweeps: see SWEEP_AT_ONCE in
 * `src/redis-engine/sale/concerns/expiry.lua`.
 */
const MANY = 9_000

async function manyLapsed(shop: Shop): Promise<void> {
  const orders = Array.from({ length: MANY }, (_, i) => order(idIn(`b${i}`, 1), { buyer: `u${i}` }))
  for (let i = 0; i < MANY; i += 250) await shop.done('reserve', orders.slice(i, i + 250))
  await shop.advance(1_000)
}

/** Asks again while the answer is undecided, as a handle does. */
async function decided<C extends Command>(shop: Shop, command: C, op: Op<C>): Promise<Answer<C>> {
  for (;;) {
    const answer = await shop.ask(command, op)
    if (answer.status !== 'retry') return answer
  }
}

onBothEngines((openShop) => {
  const open = async (units: number) => {
    const shop = await openShop({ stock: { a: units } })
    await shop.sale.close()
    return shop
  }

  testOfOne(
    'more expired holds than are swept at once: a buyer who asks for all units gets them',
    async () => {
      const shop = await openShop({ stock: { a: MANY } })
      await manyLapsed(shop)
      const { reservation } = (await shop.reserve('w', MANY)) as { reservation: object }
      expect(reservation).toMatchObject({ state: 'held', items: [{ sku: 'a', quantity: MANY }] })
      expect(await shop.counts()).toBe(`${MANY} 0 ${MANY} 0`)
      const events = await shop.events()
      expect(events).toHaveLength(2 * MANY + 3)
      expect(await shop.audited()).toBe(MANY + 1)
    },
  )

  testOfOne('holds that were made together expire one by one, and are swept together', async () => {
    // As a recovery makes them.
    const [calls, each] = [8, 250]
    const shop = await open(calls * each)
    const createdAt = shop.now()
    for (let call = 0; call < calls; call++) {
      const holds = Array.from({ length: each }, (_, i) => ({
        ...order(idIn(`b${call} ${i}`, 1), { buyer: `u${call} ${i}` }),
        ...{ holdMs: null, createdAt, expiresAt: createdAt + 1 + i },
      }))
      await shop.done('reserve', holds)
    }
    await shop.advance(1_000)
    let asked = 0
    for (let status = 'retry'; status === 'retry'; asked++) status = (await shop.ask('stats', {})).status
    expect(asked).toBeLessThanOrEqual(calls)
    expect(await shop.ask('stats', {})).toMatchObject({ skus: [{ available: calls * each, held: 0 }] })
  })

  testOfOne('late payments beside one of a transferred reservation: each hold is swept once', async () => {
    const shop = await openShop({ stock: { a: 4 }, holdMs: 1_000, maxHoldMs: 1_000_000 })
    const hold = async (buyer: string, holdMs = 1_000) => (await shop.hold(buyer, 1, { holdMs })).id
    const late = [await hold('x1'), await hold('x2')]
    const given = await hold('d', 1_000_000)
    await hold('z', 1_000_000)
    await shop.sale.transfer(given, { to: 'e' })
    await shop.advance(1_000)
    await shop.sale.stats()
    for (const buyer of ['y1', 'y2']) await hold(buyer)
    await shop.advance(1_000)
    const [first, , second] = await Promise.all([
      shop.sale.confirm(late[0]!, { paymentId: 'p1' }),
      shop.sale.confirm(given, { paymentId: 'pd' }),
      shop.sale.confirm(late[1]!, { paymentId: 'p2' }),
    ])
    expect([first, second]).toMatchObject(Array(2).fill({ status: 'confirmed', late: true }))
    for (let i = 0; i < 2; i++) {
      await shop.advance(600_000)
      await shop.sale.stats()
    }
    expect(await shop.reserve('w')).toMatchObject({ status: 'reserved' })
    await shop.audited()
  })

  testOfOne(
    'more expired holds than are swept at once: stats, a negative restock and a sweep see them all',
    async () => {
      const shop = await open(MANY)
      await manyLapsed(shop)
      expect(await decided(shop, 'restock', { sku: 0, quantity: -MANY, key: 'k', final: true })).toEqual({
        status: 'restocked',
        applied: -MANY,
        replayed: false,
      })
      const other = await open(MANY)
      await manyLapsed(other)
      expect(await decided(other, 'stats', {})).toMatchObject({ skus: [{ available: MANY, held: 0 }] })
      const third = await open(MANY)
      await manyLapsed(third)
      let next: number | null = third.now()
      while (next !== null && next <= third.now()) {
        const answer: Answer<'sweep'> = await third.ask('sweep', {})
        if (answer.status === 'swept') next = answer.next
      }
      let page = await third.ask('scan', { cursor: '0' })
      while (page.cursor !== '0') page = await third.ask('scan', { cursor: page.cursor })
      expect(page.skus).toMatchObject([{ available: MANY }])
    },
  )

  testOfOne(
    'more expired holds than are swept at once: a late payment for all units is confirmed',
    async () => {
      const shop = await openShop({ stock: { a: MANY } })
      const all = await shop.expired('w', MANY)
      await shop.sale.stats()
      await shop.sale.close()
      await manyLapsed(shop)
      const handle = shop.handle()
      expect(await handle.confirm(all.id, { paymentId: 'p' })).toMatchObject({
        status: 'confirmed',
        late: true,
        reservation: { paymentId: 'p' },
      })
      expect((await handle.stats()).skus.a).toMatchObject({ available: 0, confirmed: MANY })
    },
  )

  testOfOne('an undecided late payment has changed nothing: no payment is recorded', async () => {
    const shop = await open(MANY + 1)
    const [all, other] = [idIn('same', 1), idIn('same', 2)]
    await shop.ask('reserve', order(all, { buyer: 'w', cart: [[0, MANY + 1]] }))
    await shop.advance(1_000)
    await decided(shop, 'stats', {})
    await shop.ask('reserve', order(other, { buyer: 'w' }))
    await manyLapsed(shop)
    const answer = await shop.ask('confirm', { id: all, buyer: null, paymentId: 'p', final: true })
    const got = await shop.ask('get', { id: all })
    expect(got).toMatchObject({
      reservation:
        answer.status === 'retry'
          ? { state: 'expired', paymentId: null }
          : { state: 'confirmed', paymentId: 'p' },
    })
  })

  test('a hold has expired from expiresAt on, whichever call looks', async () => {
    const shop = await openShop({ stock: { a: 1 } })
    const held = await shop.hold('u')
    await shop.advance(999)
    expect(await shop.reserve('v', 1, { key: 'k' })).toMatchObject({ status: 'sold_out', mayReturn: true })
    expect(await shop.sale.get(held.id)).toMatchObject({ state: 'held' })
    await shop.advance(1)
    expect(await shop.handle().get(held.id)).toMatchObject({ state: 'expired' })
    expect(await shop.reserve('v', 1, { key: 'k' })).toMatchObject({ status: 'reserved' })
    expect(await shop.sale.release(held.id)).toMatchObject({ status: 'expired' })
  })

  test('units come back though every process that held them is gone', async () => {
    const shop = await openShop({ stock: { a: 5 } })
    const dead = shop.handle()
    for (let i = 0; i < 5; i++)
      await dead.reserve({ buyer: `u${i}`, items: [{ sku: 'a', quantity: 1 }], key: 'k' })
    await dead.close()
    await shop.sale.close()
    await shop.advance(1_000)
    const result = await shop.handle().reserve({ buyer: 'v', items: [{ sku: 'a', quantity: 5 }] })
    expect(result.status).toBe('reserved')
  })

  // Each partition has a time of its own.
  testOfOne('a clock that goes backwards: nothing that expired or happened is undone', async () => {
    const shop = await openShop({ stock: { a: 2 }, limitPerBuyer: 2 })
    const expired = await shop.expired('u', 1)
    const second = await shop.hold('v')
    const { now } = await shop.done('get', [{ id: expired.id }])
    await shop.advance(-10_000)
    for (const handle of [shop.sale, shop.handle()]) {
      expect(await handle.get(expired.id)).toStrictEqual(expired)
      expect(await handle.release(expired.id)).toStrictEqual({ status: 'expired', reservation: expired })
      expect(await handle.extend(expired.id, { holdMs: 1 })).toMatchObject({ status: 'expired' })
    }
    const third = await shop.hold('w', 1, { key: 'k' })
    expect(third).toMatchObject({ createdAt: now, expiresAt: now + 1_000 })
    expect(await shop.sale.extend(second.id, { holdMs: 1_000 })).toMatchObject({
      reservation: { expiresAt: second.expiresAt },
    })
    expect(await shop.sale.confirm(expired.id)).toMatchObject({ status: 'refund_due', reason: 'sold_out' })
    await shop.advance(1_999)
    expect(await shop.sale.get(third.id)).toMatchObject({ state: 'held' })
    await shop.advance(1)
    expect(await shop.sale.get(third.id)).toMatchObject({ state: 'expired' })
    await shop.audited()
  })

  testOfOne(
    'a clock that goes backwards opens no closed sale and closes no open one, to who has seen it',
    async () => {
      const start = (await openShop()).now()
      const shop = await openShop({ opensAt: start + 1_000, closesAt: start + 2_000 })
      await shop.advance(1_000)
      await shop.hold('u')
      await shop.advance(-1_000)
      await shop.hold('u')
      expect((await shop.handle().stats()).state).toBe('open')
      await shop.advance(2_000)
      expect((await shop.sale.stats()).state).toBe('ended')
      await shop.advance(-500)
      expect(await shop.reserve('u')).toStrictEqual({ status: 'ended' })
      expect((await shop.sale.stats()).state).toBe('ended')
    },
  )

  test('extensions and early settlements leave no hold behind and none too early', async () => {
    const shop = await openShop({ stock: { a: 60 }, maxHoldMs: 100_000 })
    const holds = await Promise.all(Array.from({ length: 60 }, (_, i) => shop.hold(`u${i}`)))
    await Promise.all(holds.map(({ id }, i) => i % 3 === 0 && shop.sale.extend(id, { holdMs: 3_000 })))
    await Promise.all(holds.map(({ id }, i) => i % 3 === 1 && shop.sale.confirm(id)))
    await shop.advance(1_000)
    expect(await shop.counts()).toBe('60 20 20 20')
    await shop.advance(2_000)
    expect(await shop.counts()).toBe('60 40 0 20')
    expect(await shop.audited()).toBe(60)
  })
})
