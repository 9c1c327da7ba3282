import { describe, expect, test } from 'vitest'
import type { Reservation } from '../../src/index.js'
import { testOfOne } from '../support/several.js'
import { onBothEngines, type Shop } from '../support/shop.js'

const further = (id: string, paymentId: string, state: string, reason = 'duplicate_payment') => ({
  type: 'refund_due',
  id,
  reason,
  further: { paymentId, state },
})

onBothEngines((open) => {
  /** What the shop is told, in one line: `confirmed`, `confirmed again`, `sold_out`, ... */
  const say = async (shop: Shop, id: string, paymentId?: string, sale = shop.sale) => {
    const answer = await sale.confirm(id, paymentId === undefined ? {} : { paymentId })
    if (answer.status === 'refund_due') return answer.reason
    return answer.status === 'confirmed' && answer.replayed ? 'confirmed again' : answer.status
  }
  const ordered = async (rules = {}): Promise<[shop: Shop, order: Reservation]> => {
    const shop = await open(rules)
    const { id } = await shop.hold('u')
    await shop.sale.confirm(id, { paymentId: 'p1' })
    await shop.news()
    return [shop, (await shop.sale.get(id))!]
  }

  test('a second payment of an order is refund_due, the order stays the first payment’s, however often both come', async () => {
    const [shop, order] = await ordered()
    const due = { status: 'refund_due', reservation: order, reason: 'duplicate_payment' }
    for (let i = 0; i < 2; i++) {
      expect(await shop.sale.confirm(order.id, { paymentId: 'p2' })).toStrictEqual(due)
      expect(await say(shop, order.id, 'p1')).toBe('confirmed again')
      expect(await say(shop, order.id)).toBe('confirmed again')
    }
    expect(await shop.news()).toEqual([further(order.id, 'p2', 'confirmed')])
    expect(await shop.sale.get(order.id)).toStrictEqual(order)
    expect(await shop.counts()).toBe('10 9 0 1')
    expect(await shop.audited()).toBe(1)
  })

  test('three payments: one order, two to refund, each with an event of its own', async () => {
    const [shop, { id }] = await ordered()
    const said = []
    for (const payment of ['p2', 'p3', 'p3', 'p2', 'p1']) said.push(await say(shop, id, payment))
    expect(said).toEqual([...Array.from({ length: 4 }, () => 'duplicate_payment'), 'confirmed again'])
    expect(await shop.news()).toEqual([further(id, 'p2', 'confirmed'), further(id, 'p3', 'confirmed')])
  })

  test('confirmed without an id: the first id that follows is that payment, the next one is another', async () => {
    const shop = await open()
    const held = await shop.hold('u')
    await shop.sale.confirm(held.id)
    await shop.news()
    const reservation = { ...held, state: 'confirmed', paymentId: 'p1' }
    const again = { status: 'confirmed', reservation, replayed: true, late: false }
    expect(await shop.sale.confirm(held.id, { paymentId: 'p1' })).toStrictEqual(again)
    expect(await shop.sale.confirm(held.id, { paymentId: 'p1' })).toStrictEqual(again)
    expect(await shop.sale.confirm(held.id)).toStrictEqual(again)
    expect(await say(shop, held.id, 'p2')).toBe('duplicate_payment')
    expect(await shop.news()).toEqual([
      { type: 'paid', id: held.id, state: 'confirmed' },
      further(held.id, 'p2', 'confirmed'),
    ])
    expect(await shop.sale.get(held.id)).toStrictEqual(reservation)
  })

  test('after a refund: the order’s own payment is refunded, another is a duplicate', async () => {
    const [shop, order] = await ordered()
    expect(await say(shop, order.id, 'p2')).toBe('duplicate_payment')
    await shop.sale.refund(order.id, { restock: true })
    await shop.news()
    const reservation = { ...order, state: 'refunded' }
    expect(await shop.sale.confirm(order.id, { paymentId: 'p1' })).toStrictEqual({
      status: 'refund_due',
      reservation,
      reason: 'refunded',
    })
    const said = []
    for (const payment of [undefined, 'p3', 'p2', 'p3', 'p1']) said.push(await say(shop, order.id, payment))
    expect(said).toEqual([
      ...['refunded', 'duplicate_payment', 'duplicate_payment', 'duplicate_payment', 'refunded'],
    ])
    expect(await shop.news()).toEqual([further(order.id, 'p3', 'refunded')])
    expect(await shop.counts()).toBe('10 10 0 0')
  })

  test('refunded before its payment had an id: the first id is the order’s, the next is another', async () => {
    const shop = await open()
    const { id } = await shop.confirmed('u')
    await shop.sale.refund(id, { restock: true })
    await shop.news()
    expect(await say(shop, id, 'p1')).toBe('refunded')
    expect(await say(shop, id, 'p2')).toBe('duplicate_payment')
    expect(await shop.news()).toEqual([
      { type: 'paid', id, state: 'refunded' },
      further(id, 'p2', 'refunded'),
    ])
    expect(await shop.sale.get(id)).toMatchObject({ state: 'refunded', paymentId: 'p1' })
  })

  describe('where a refund is due already', () => {
    test.each(['released', 'ended', 'sold_out', 'limit_exceeded'] as const)(
      'for %s, each further payment gets the same reason and an event, also when units come back',
      async (reason) => {
        const shop = await open({ stock: { a: 2 }, limitPerBuyer: 2 })
        const state = reason === 'released' ? 'released' : 'expired'
        const { id } = state === 'released' ? await shop.hold('u', 2) : await shop.expired('u', 2)
        if (reason === 'released') await shop.sale.release(id)
        if (reason === 'ended') await shop.sale.end()
        const rival =
          reason === 'sold_out' || reason === 'limit_exceeded'
            ? await shop.hold(reason === 'sold_out' ? 'v' : 'u')
            : undefined
        await shop.sale.stats()
        await shop.news()
        expect(await say(shop, id, 'p1')).toBe(reason)
        expect(await say(shop, id, 'p2')).toBe(reason)
        if (rival) await shop.sale.release(rival.id)
        await shop.sale.restock({ sku: 'a', quantity: 5, key: 'more' })
        const said = []
        for (const payment of ['p2', 'p1', undefined, 'p3', 'p3']) said.push(await say(shop, id, payment))
        expect(said).toEqual([reason, reason, reason, reason, reason])
        expect((await shop.news()).filter(({ type }) => type === 'refund_due')).toEqual([
          { type: 'refund_due', id, reason },
          further(id, 'p2', state, reason),
          further(id, 'p3', state, reason),
        ])
        expect(await shop.sale.get(id)).toMatchObject({ state, paymentId: 'p1' })
        await shop.audited()
      },
    )

    test('without an id: the first id that follows is that payment, and has had its event', async () => {
      const shop = await open()
      const { id } = await shop.hold('u')
      await shop.sale.release(id)
      await shop.news()
      const said = []
      for (const payment of [undefined, 'p1', 'p2', 'p1']) said.push(await say(shop, id, payment))
      expect(said).toEqual(['released', 'released', 'released', 'released'])
      expect(await shop.news()).toEqual([
        { type: 'refund_due', id, reason: 'released' },
        { type: 'paid', id, state: 'released' },
        further(id, 'p2', 'released', 'released'),
      ])
    })
  })

  test('one id on two reservations is two payments', async () => {
    const shop = await open()
    const [one, two] = [await shop.hold('u'), await shop.hold('u')]
    await shop.news()
    const said = []
    for (const id of [one.id, two.id, one.id]) said.push(await say(shop, id, 'p1'))
    for (const id of [one.id, two.id, one.id]) said.push(await say(shop, id, 'p2'))
    expect(said).toEqual([
      ...['confirmed', 'confirmed', 'confirmed again'],
      ...['duplicate_payment', 'duplicate_payment', 'duplicate_payment'],
    ])
    const events = (await shop.news()).filter(({ type }) => type === 'refund_due')
    expect(new Set(events.map((event) => JSON.stringify(event)))).toEqual(
      new Set([one.id, two.id].map((id) => JSON.stringify(further(id, 'p2', 'confirmed')))),
    )
    expect(events).toHaveLength(2)
  })

  test('two ids at the same instant from two processes: one is the order, the other is due, for both', async () => {
    const shop = await open()
    const { id } = await shop.hold('u')
    const other = shop.handle()
    await shop.news()
    const first = await Promise.all([say(shop, id, 'p1'), say(shop, id, 'p2', other)])
    expect(first.toSorted()).toEqual(['confirmed', 'duplicate_payment'])
    const [own, due] = first[0] === 'confirmed' ? ['p1', 'p2'] : ['p2', 'p1']
    for (const sale of [shop.sale, other]) {
      expect(await say(shop, id, own, sale)).toBe('confirmed again')
      expect(await say(shop, id, due, sale)).toBe('duplicate_payment')
    }
    expect(await shop.news()).toEqual([{ type: 'confirmed', id }, further(id, due!, 'confirmed')])
    expect(await shop.sale.get(id)).toMatchObject({ state: 'confirmed', paymentId: own })
  })

  test('two late ids at the same instant: the units are taken once', async () => {
    const shop = await open({ stock: { a: 2 } })
    const { id } = await shop.expired('u')
    const other = shop.handle()
    const first = await Promise.all([say(shop, id, 'p1'), say(shop, id, 'p2', other)])
    expect(first.toSorted()).toEqual(['confirmed', 'duplicate_payment'])
    expect(await shop.counts()).toBe('2 1 0 1')
    await shop.audited()
  })

  test('a payment of another buyer is not found, and not recorded', async () => {
    const [shop, { id }] = await ordered()
    expect(await shop.sale.confirm(id, { buyer: 'v', paymentId: 'p2' })).toStrictEqual({
      status: 'not_found',
    })
    expect(await shop.news()).toEqual([])
    expect(await shop.sale.confirm(id, { buyer: 'u', paymentId: 'p2' })).toMatchObject({
      reason: 'duplicate_payment',
    })
  })

  test('ids that contain each other, of any characters and length, are different payments', async () => {
    const [shop, { id }] = await ordered()
    const ids = ['p', 'p11', 'p1 ', '\0', '\0\0', 'Zahlung №1 ✓', 'x'.repeat(256)]
    for (const payment of ids) expect(await say(shop, id, payment)).toBe('duplicate_payment')
    for (const payment of ids) expect(await say(shop, id, payment)).toBe('duplicate_payment')
    expect(await shop.news()).toEqual(ids.map((payment) => further(id, payment, 'confirmed')))
  })

  test('many payments of one order among many orders, wherever the engine keeps them', async () => {
    const shop = await open({ stock: { a: 100 } })
    const orders: string[] = []
    for (let i = 0; i < 20; i++) {
      const { id } = await shop.hold('u')
      await shop.sale.confirm(id, { paymentId: 'p' })
      orders.push(id)
    }
    await shop.news()
    const payments = Array.from({ length: 600 }, (_, i) => `p${i}`)
    for (let again = 0; again < 2; again++) {
      const said = await Promise.all(payments.map((payment, i) => say(shop, orders[i % 2]!, payment)))
      expect(new Set(said)).toEqual(new Set(['duplicate_payment']))
    }
    expect(await shop.news()).toHaveLength(600)
    expect(await say(shop, orders[0]!, 'p')).toBe('confirmed again')
    // Those of the order that moved away, and of the one that is close at hand.
    expect(await say(shop, orders[19]!, 'p0')).toBe('duplicate_payment')
    expect(await shop.counts()).toBe('100 80 0 20')
    expect(await shop.audited()).toBe(20)
  })

  testOfOne('several payments of one order in one batch', async () => {
    const shop = await open()
    const { id } = await shop.hold('u')
    await shop.news()
    const pay = (paymentId: string | null) => ({ id, buyer: null, paymentId, final: true })
    const { answers } = await shop.done('confirm', ['p2', 'p1', null, 'p1', 'p2', 'p3'].map(pay))
    expect(answers.map((answer) => ('reason' in answer ? answer.reason : answer.status))).toEqual([
      ...[
        'confirmed',
        'duplicate_payment',
        'confirmed',
        'duplicate_payment',
        'confirmed',
        'duplicate_payment',
      ],
    ])
    expect(await shop.news()).toEqual([
      { type: 'confirmed', id },
      further(id, 'p1', 'confirmed'),
      further(id, 'p3', 'confirmed'),
    ])
  })

  testOfOne('after its deadline a payment that is known is answered, and a new one is retry', async () => {
    const [shop, { id }] = await ordered()
    const pay = (paymentId: string) => ({ id, buyer: null, paymentId, final: true })
    await shop.ask('confirm', pay('p2'))
    const before = await shop.events()
    const late = { deadline: shop.now() - 1 }
    expect(await shop.ask('confirm', pay('p2'), late)).toMatchObject({ reason: 'duplicate_payment' })
    expect(await shop.ask('confirm', pay('p3'), late)).toEqual({ status: 'retry' })
    const { id: bare } = await shop.confirmed('v')
    expect(await shop.ask('confirm', { ...pay('p1'), id: bare }, late)).toEqual({ status: 'retry' })
    expect((await shop.events()).slice(before.length).map(({ type }) => type)).toEqual([
      'reserved',
      'confirmed',
    ])
  })

  testOfOne('a scan shows the further payments, each once', async () => {
    const [shop, { id }] = await ordered()
    for (const payment of ['p2', 'p3', 'p2']) await say(shop, id, payment)
    const { id: released } = await shop.hold('v')
    await shop.sale.release(released)
    for (const payment of ['p1', 'p2']) await say(shop, released, payment)
    const found = new Set<string>()
    for (let cursor = '0'; ; ) {
      const page = await shop.ask('scan', { cursor })
      for (const one of page.furtherPayments) found.add(`${one.id} ${one.paymentId} ${one.reason}`)
      cursor = page.cursor
      if (cursor === '0') break
    }
    expect(found).toEqual(
      new Set([`${id} p2 duplicate_payment`, `${id} p3 duplicate_payment`, `${released} p2 released`]),
    )
  })

  const tell = (
    shop: Shop,
    id: string,
    told: 'duplicate_payment' | 'sold_out' | 'released',
    payment = 'p1',
  ) => shop.ask('confirm', { id, buyer: null, paymentId: payment, final: true, told }, { bypassFreeze: true })

  testOfOne(
    'what a recovery tells again is recorded for the reason that its payer knows, and confirms nothing',
    async () => {
      const shop = await open()
      const { id } = await shop.expired('u')
      await shop.sale.stats()
      await shop.news()
      for (let i = 0; i < 2; i++)
        expect(await tell(shop, id, 'sold_out')).toMatchObject({ status: 'refund_due', reason: 'sold_out' })
      expect(await shop.news()).toEqual([{ type: 'refund_due', id, reason: 'sold_out' }])
      expect(await say(shop, id, 'p1')).toBe('sold_out')
      expect(await shop.counts()).toBe('10 10 0 0')
    },
  )

  testOfOne(
    'told again, a reservation that was released, and whose release was lost, is released',
    async () => {
      const shop = await open()
      const { id } = await shop.expired('u')
      expect(await tell(shop, id, 'released')).toMatchObject({ reason: 'released' })
      expect(await shop.sale.get(id)).toMatchObject({ state: 'released', paymentId: 'p1' })
      const { id: released } = await shop.hold('v')
      await shop.sale.release(released)
      expect(await tell(shop, released, 'sold_out')).toMatchObject({ reason: 'sold_out' })
      expect(await shop.sale.get(released)).toMatchObject({ state: 'expired' })
      expect(await shop.audited()).toBe(2)
    },
  )

  testOfOne('told again, a further payment stays one, whatever became of the reservation', async () => {
    const shop = await open()
    const held = await shop.hold('u')
    expect(await tell(shop, held.id, 'duplicate_payment')).toEqual({ status: 'not_found' })
    const bare = await shop.confirmed('v')
    expect(await tell(shop, bare.id, 'duplicate_payment')).toMatchObject({ reason: 'duplicate_payment' })
    expect(await say(shop, bare.id, 'p1')).toBe('duplicate_payment')
    expect(await say(shop, bare.id, 'p2')).toBe('confirmed again')
    await shop.advance(1_000)
    expect(await tell(shop, held.id, 'duplicate_payment', 'p7')).toMatchObject({
      reason: 'duplicate_payment',
    })
    expect(await say(shop, held.id, 'p7')).toBe('duplicate_payment')
    expect(await shop.sale.confirm(held.id, { paymentId: 'p8' })).toMatchObject({
      status: 'confirmed',
      late: true,
    })
    expect(await say(shop, held.id, 'p7')).toBe('duplicate_payment')
    expect(await tell(shop, held.id, 'sold_out', 'p9')).toMatchObject({ reason: 'sold_out' })
    expect(await say(shop, held.id, 'p9')).toBe('sold_out')
    expect(await shop.counts()).toBe('10 8 0 2')
  })
})
