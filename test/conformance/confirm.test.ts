import { expect, test } from 'vitest'
import { testOfOne } from '../support/several.js'
import { onBothEngines } from '../support/shop.js'

onBothEngines((open) => {
  test('confirmed: a hold that is paid for, with its payment', async () => {
    const shop = await open()
    const held = await shop.hold('u', 2, { key: 'k' })
    await shop.news()
    const reservation = { ...held, state: 'confirmed', paymentId: 'p' }
    const confirmed = { status: 'confirmed', reservation, replayed: false, late: false }
    expect(await shop.sale.confirm(held.id, { buyer: 'u', paymentId: 'p' })).toStrictEqual(confirmed)
    expect(await shop.counts()).toBe('10 8 0 2')
    expect(await shop.news()).toEqual([{ type: 'confirmed', id: held.id }])
    await shop.advance(10_000)
    expect(await shop.counts()).toBe('10 8 0 2')
  })

  test('confirmed without a payment has none', async () => {
    const shop = await open()
    const held = await shop.hold('u')
    const reservation = { ...held, state: 'confirmed' }
    const confirmed = { status: 'confirmed', reservation, replayed: false, late: false }
    expect(await shop.sale.confirm(held.id)).toStrictEqual(confirmed)
  })

  test('confirmed, replayed: duplicate webhooks change nothing', async () => {
    const shop = await open()
    const { id } = await shop.hold('u', 2)
    const first = await shop.sale.confirm(id, { paymentId: 'p1' })
    await shop.news()
    const again = { ...first, replayed: true }
    expect(await shop.sale.confirm(id, { paymentId: 'p1' })).toStrictEqual(again)
    await shop.advance(5_000)
    const many = await Promise.all(Array.from({ length: 10 }, () => shop.sale.confirm(id)))
    for (const answer of many) expect(answer).toStrictEqual(again)
    expect(await shop.counts()).toBe('10 8 0 2')
    expect(await shop.news()).toEqual([])
  })

  test('confirmed late: paid after the hold expired, and the units were still there', async () => {
    const shop = await open({ stock: { a: 2 }, limitPerBuyer: 2 })
    const expired = await shop.expired('u', 2)
    await shop.advance(5_000)
    const reservation = { ...expired, state: 'confirmed', paymentId: 'p' }
    const late = { status: 'confirmed', reservation, replayed: false, late: true }
    expect(await shop.sale.confirm(expired.id, { paymentId: 'p' })).toStrictEqual(late)
    expect((await shop.news()).slice(2)).toEqual([
      { type: 'expired', id: expired.id },
      { type: 'confirmed', id: expired.id },
      { type: 'sold_out', sku: 0 },
    ])
    expect(await shop.sale.confirm(expired.id)).toStrictEqual({ ...late, replayed: true })
    expect(await shop.reserve('u')).toMatchObject({ status: 'limit_exceeded', taken: 2 })
    expect(await shop.counts()).toBe('2 0 0 2')
    expect(await shop.audited()).toBe(1)
  })

  test('confirmed in the last millisecond is in time; from expiresAt on it is late', async () => {
    const shop = await open()
    const held = await shop.hold('u')
    const other = await shop.hold('v')
    await shop.advance(999)
    expect(await shop.sale.confirm(held.id)).toMatchObject({ status: 'confirmed', late: false })
    await shop.advance(1)
    expect(await shop.sale.confirm(other.id)).toMatchObject({ status: 'confirmed', late: true })
  })

  test('refund_due, sold_out: the units are gone; the first answer stands though stock comes back', async () => {
    const shop = await open({ stock: { a: 2 } })
    const expired = await shop.expired('u', 2)
    const rival = await shop.hold('v')
    await shop.news()
    const reservation = { ...expired, paymentId: 'p' }
    const due = { status: 'refund_due', reservation, reason: 'sold_out' }
    expect(await shop.sale.confirm(expired.id, { paymentId: 'p' })).toStrictEqual(due)
    expect(await shop.news()).toEqual([{ type: 'refund_due', id: expired.id, reason: 'sold_out' }])
    await shop.sale.release(rival.id)
    await shop.sale.restock({ sku: 'a', quantity: 5, key: 'more' })
    await shop.news()
    expect(await shop.sale.confirm(expired.id, { paymentId: 'p' })).toStrictEqual(due)
    await shop.sale.end()
    expect(await shop.sale.confirm(expired.id)).toStrictEqual(due)
    expect((await shop.news()).map(({ type }) => type)).toEqual(['ended'])
    expect(await shop.sale.get(expired.id)).toStrictEqual(reservation)
    expect(await shop.counts()).toBe('7 7 0 0')
  })

  test('refund_due, released: never confirmed after a release by the buyer', async () => {
    const shop = await open()
    const held = await shop.hold('u')
    await shop.sale.release(held.id)
    await shop.news()
    const reservation = { ...held, state: 'released', paymentId: 'p' }
    const due = { status: 'refund_due', reservation, reason: 'released' }
    expect(await shop.sale.confirm(held.id, { paymentId: 'p' })).toStrictEqual(due)
    expect(await shop.news()).toEqual([{ type: 'refund_due', id: held.id, reason: 'released' }])
    expect(await shop.sale.confirm(held.id)).toStrictEqual(due)
    expect(await shop.news()).toEqual([])
    expect(await shop.sale.release(held.id)).toStrictEqual({
      status: 'released',
      reservation,
      replayed: true,
    })
    expect(await shop.counts()).toBe('10 10 0 0')
  })

  test('refund_due, limit_exceeded: the buyer has taken their limit again meanwhile', async () => {
    const shop = await open({ limitPerBuyer: 2 })
    const expired = await shop.expired('u', 2)
    const second = await shop.hold('u', 1)
    const due = { status: 'refund_due', reservation: expired, reason: 'limit_exceeded' }
    await shop.news()
    expect(await shop.sale.confirm(expired.id)).toStrictEqual(due)
    expect(await shop.news()).toEqual([{ type: 'refund_due', id: expired.id, reason: 'limit_exceeded' }])
    await shop.sale.release(second.id)
    expect(await shop.sale.confirm(expired.id)).toStrictEqual(due)
    expect(await shop.counts()).toBe('10 10 0 0')
  })

  test('refund_due, ended: no late confirm after the end, by command or by closesAt', async () => {
    const shop = await open()
    const expired = await shop.expired('u')
    await shop.sale.end()
    await shop.sale.stats()
    await shop.news()
    const due = { status: 'refund_due', reservation: expired, reason: 'ended' }
    expect(await shop.sale.confirm(expired.id)).toStrictEqual(due)
    expect(await shop.news()).toEqual([{ type: 'refund_due', id: expired.id, reason: 'ended' }])
    expect(await shop.sale.confirm(expired.id)).toStrictEqual(due)
    const closing = await open({ closesAt: shop.now() + 1_000 })
    const other = await closing.expired('u')
    await closing.advance(10_000)
    expect(await closing.sale.confirm(other.id)).toMatchObject({ status: 'refund_due', reason: 'ended' })
    expect(await closing.counts()).toBe('10 10 0 0')
  })

  test('refund_due, refunded: a payment repeated after its refund', async () => {
    const shop = await open()
    const { id } = await shop.hold('u')
    await shop.sale.confirm(id, { paymentId: 'p' })
    const refunded = await shop.sale.refund(id, { restock: true })
    if (refunded.status !== 'refunded') expect.fail(refunded.status)
    await shop.news()
    const due = { status: 'refund_due', reservation: refunded.reservation, reason: 'refunded' }
    expect(await shop.sale.confirm(id, { paymentId: 'p' })).toStrictEqual(due)
    expect(await shop.sale.confirm(id)).toStrictEqual(due)
    expect(await shop.news()).toEqual([])
    expect(await shop.counts()).toBe('10 10 0 0')
  })

  test('refund_due: ended comes before limit_exceeded, and that before sold_out', async () => {
    const shop = await open({ stock: { a: 2 }, limitPerBuyer: 2 })
    const first = await shop.hold('u')
    const second = await shop.hold('u')
    await shop.advance(1_000)
    await shop.hold('u', 2)
    expect(await shop.sale.confirm(first.id)).toMatchObject({ reason: 'limit_exceeded' })
    await shop.sale.end()
    expect(await shop.sale.confirm(second.id)).toMatchObject({ reason: 'ended' })
  })

  testOfOne('refund_due for several reasons in one batch: each event has its own', async () => {
    const shop = await open({ stock: { a: 3 }, limitPerBuyer: 2 })
    const wanted = await shop.hold('w')
    const limited = await shop.hold('u')
    const released = await shop.hold('r')
    await shop.sale.release(released.id)
    await shop.advance(1_000)
    await shop.hold('u', 2)
    await shop.hold('v')
    await shop.news()
    const { answers } = await shop.done(
      'confirm',
      [wanted, limited, released].map(({ id }) => ({ id, buyer: null, paymentId: null, final: true })),
    )
    const reasons = ['sold_out', 'limit_exceeded', 'released']
    expect(answers).toMatchObject(reasons.map((reason) => ({ status: 'refund_due', reason })))
    expect(await shop.news()).toEqual([
      { type: 'refund_due', id: wanted.id, reason: 'sold_out' },
      { type: 'refund_due', id: limited.id, reason: 'limit_exceeded' },
      { type: 'refund_due', id: released.id, reason: 'released' },
    ])
  })

  test('a late cart is confirmed as a whole or not at all', async () => {
    const shop = await open({ stock: { a: 2, b: 1 } })
    const cart = [
      { sku: 'a', quantity: 2 },
      { sku: 'b', quantity: 1 },
    ]
    const expired = await shop.expired('u', cart)
    await shop.confirmed('v', [{ sku: 'b', quantity: 1 }])
    expect(await shop.sale.confirm(expired.id)).toMatchObject({ status: 'refund_due', reason: 'sold_out' })
    expect(await shop.counts('a')).toBe('2 2 0 0')
    expect(await shop.counts('b')).toBe('1 0 0 1')
  })

  test('a pause stops no payment, in time or late; the end and closesAt stop none in time', async () => {
    const clock = await open()
    const shop = await open({ closesAt: clock.now() + 1_500 })
    const late = await shop.expired('u')
    const held = await shop.hold('v')
    const last = await shop.hold('w')
    await shop.sale.pause()
    expect(await shop.sale.confirm(late.id)).toMatchObject({ status: 'confirmed', late: true })
    expect(await shop.sale.confirm(held.id)).toMatchObject({ status: 'confirmed', late: false })
    await shop.advance(600)
    expect((await shop.sale.stats()).state).toBe('ended')
    expect(await shop.sale.confirm(last.id)).toMatchObject({ status: 'confirmed', late: false })
  })

  // At two homes, either may be the first.
  testOfOne('two late payments for one unit: one is confirmed, one is due a refund, for ever', async () => {
    const shop = await open({ stock: { a: 1 } })
    const first = await shop.expired('u')
    const second = await shop.expired('v')
    const confirm = async () =>
      Promise.all([shop.sale.confirm(first.id), shop.sale.confirm(second.id), shop.sale.confirm(first.id)])
    expect(await confirm()).toMatchObject([
      { status: 'confirmed', late: true, replayed: false },
      { status: 'refund_due', reason: 'sold_out' },
      { status: 'confirmed', late: true, replayed: true },
    ])
    await shop.sale.refund(first.id, { restock: true })
    expect(await confirm()).toMatchObject([
      { status: 'refund_due', reason: 'refunded' },
      { status: 'refund_due', reason: 'sold_out' },
      { status: 'refund_due', reason: 'refunded' },
    ])
  })

  test("not_found: no such id, or somebody else's", async () => {
    const shop = await open()
    const held = await shop.hold('u')
    await shop.news()
    expect(await shop.sale.confirm(held.id, { buyer: 'v' })).toStrictEqual({ status: 'not_found' })
    const others = ['x', '1AAAAAAAAAAAAAAAAAA', '1ABAAAAAAAAAAAAAAAA', `${held.id}A`, held.id.slice(0, -1)]
    const id = held.id
    const neighbour = id.slice(0, -1) + (id.endsWith('A') ? 'B' : 'A')
    for (const other of [...others, neighbour])
      expect(await shop.sale.confirm(other)).toStrictEqual({ status: 'not_found' })
    expect(await shop.news()).toEqual([])
    expect(await shop.sale.get(held.id)).toStrictEqual(held)
    await shop.sale.confirm(held.id)
    expect(await shop.sale.confirm(held.id, { buyer: 'v' })).toStrictEqual({ status: 'not_found' })
  })
})
