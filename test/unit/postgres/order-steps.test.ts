import { describe, expect, test } from 'vitest'
import type { LockedOrder } from '../../../src/postgres/orders/order-tables.js'
import { deliver, refund, ship } from '../../../src/postgres/orders/steps.js'
import { fromJson, NONE, toJson } from '../../../src/postgres/orders/units.js'

const units = (some: Record<string, number>) => new Map(Object.entries(some))

function order(rest: Partial<LockedOrder> = {}): LockedOrder {
  return {
    ...{
      id: 'r',
      buyer: 'u',
      household: null,
      state: 'confirmed',
      items: units({ a: 3, b: 1 }),
      key: null,
      paymentId: null,
      refundDue: null,
      restocked: false,
      firstItems: null,
      changes: 0,
      ordered: null,
    },
    ...{ createdAt: 1, expiresAt: 2, generation: 1, sequence: 5, shipped: NONE, delivered: NONE },
    ...{ shippedAt: null, deliveredAt: null, shipment: undefined, refund: undefined, now: 1_000 },
    ...rest,
  }
}

const step = (some: Record<string, number> | null, reference = 't-1', carrier = 'post') =>
  ({ type: 'ship', carrier, reference, units: some && units(some) }) as const

describe('a shipment', () => {
  test.each<[string, Partial<LockedOrder>, Record<string, number> | null, string, object | undefined]>([
    ['all of it', {}, null, 'shipped', { a: 3, b: 1 }],
    ['a part', {}, { a: 2 }, 'shipped', { a: 2 }],
    ['what is left', { shipped: units({ a: 2 }) }, null, 'shipped', { a: 1, b: 1 }],
    ['more than is left', { shipped: units({ a: 2 }) }, { a: 2 }, 'exceeds_order', undefined],
    ['another SKU', {}, { c: 1 }, 'exceeds_order', undefined],
    ['nothing left', { shipped: units({ a: 3, b: 1 }) }, null, 'exceeds_order', undefined],
    [
      'less, since a part was refunded',
      { items: units({ b: 1 }), shipped: units({ a: 3 }) },
      null,
      'shipped',
      { b: 1 },
    ],
    ['refunded', { state: 'refunded' }, null, 'refunded', undefined],
    ['held', { state: 'held' }, null, 'not_confirmed', undefined],
    ['expired', { state: 'expired' }, null, 'not_confirmed', undefined],
    ['forgotten', { state: 'forgotten' }, { a: 1 }, 'not_confirmed', undefined],
  ])('%s', (_, is, asked, status, sent) => {
    const { answer, change } = ship('s', order(is), step(asked))
    expect(answer.status).toBe(status)
    expect(change?.shipment && Object.fromEntries(change.shipment.units)).toEqual(sent)
  })

  test('its answer has the order afterwards', () => {
    const { answer } = ship('s', order({ shipped: units({ b: 1 }) }), step({ a: 2 }))
    expect(answer).toEqual({
      status: 'shipped',
      replayed: false,
      shipment: { carrier: 'post', reference: 't-1', items: [{ sku: 'a', quantity: 2 }], shippedAt: 1_000 },
      order: {
        ...{ sale: 's', id: 'r', buyer: 'u', state: 'confirmed' },
        items: [
          { sku: 'a', quantity: 3 },
          { sku: 'b', quantity: 1 },
        ],
        shipped: [
          { sku: 'b', quantity: 1 },
          { sku: 'a', quantity: 2 },
        ],
        delivered: [],
        open: [{ sku: 'a', quantity: 1 }],
      },
    })
  })

  test('a repeat is answered whatever has become of the order; another cart or carrier is a conflict', () => {
    const given = { carrier: 'post', reference: 't-1', shippedAt: 500, deliveredAt: null }
    const part = { ...given, units: units({ a: 2 }), asked: units({ a: 2 }) }
    const whole = { ...given, units: units({ a: 2 }), asked: null }
    for (const state of ['confirmed', 'refunded'] as const) {
      expect(ship('s', order({ state, shipment: part }), step({ a: 2 })).answer).toMatchObject({
        ...{ status: 'shipped', replayed: true, shipment: { shippedAt: 500 }, order: { state } },
      })
    }
    expect(ship('s', order({ shipment: whole }), step(null)).answer).toMatchObject({ replayed: true })
    // The same cart, now by name.
    expect(ship('s', order({ shipment: whole }), step({ a: 2 })).answer).toMatchObject({ replayed: true })
    const conflict = expect.objectContaining({ code: 'IDEMPOTENCY_CONFLICT' })
    expect(() => ship('s', order({ shipment: part }), step({ a: 1 }))).toThrow(conflict)
    expect(() => ship('s', order({ shipment: part }), step(null))).toThrow(conflict)
    expect(() => ship('s', order({ shipment: part }), step({ a: 2 }, 't-1', 'ups'))).toThrow(conflict)
  })
})

describe('a receipt', () => {
  const all = { type: 'deliver', reference: null, at: null } as const
  const one = { ...all, reference: 't-1' }
  const shipment = {
    ...{ carrier: 'post', reference: 't-1', units: units({ a: 2 }), asked: null, shippedAt: 500 },
    deliveredAt: null,
  }

  test('only what was shipped arrives', () => {
    expect(deliver('s', order(), all)).toMatchObject({ answer: { status: 'not_shipped' } })
    const shipped = units({ a: 3 })
    expect(deliver('s', order({ shipped }), one).answer.status).toBe('not_shipped')
    expect(deliver('s', order({ shipped }), one).change).toBeUndefined()
    const { answer, change } = deliver('s', order({ shipped, shipment }), one)
    expect(answer).toMatchObject({
      status: 'delivered',
      replayed: false,
      order: { delivered: [{ sku: 'a', quantity: 2 }] },
    })
    expect(change).toMatchObject({ order: { deliveredAt: 1_000 }, received: { reference: 't-1', at: 1_000 } })
    const rest = deliver('s', order({ shipped, delivered: units({ a: 2 }) }), all)
    expect(rest).toMatchObject({
      answer: { replayed: false, order: { delivered: [{ sku: 'a', quantity: 3 }] } },
    })
  })

  test('the first time counts; the latest shipment makes the time of the order', () => {
    const delivered = { ...shipment, deliveredAt: 700 }
    const again = deliver('s', order({ shipped: units({ a: 2 }), shipment: delivered }), { ...one, at: 900 })
    expect(again).toEqual({ answer: expect.objectContaining({ status: 'delivered', replayed: true }) })
    const earlier = order({
      shipped: units({ a: 3 }),
      delivered: units({ a: 1 }),
      deliveredAt: 900,
      shipment,
    })
    expect(deliver('s', earlier, { ...one, at: 800 }).change?.order.deliveredAt).toBe(900)
  })

  test('the first receipt of an order is its time, however early', () => {
    const first = order({ shipped: units({ a: 2 }), shipment })
    expect(deliver('s', first, { ...one, at: 0 }).change?.order.deliveredAt).toBe(0)
    expect(deliver('s', first, { ...one, at: 40 }).change?.order.deliveredAt).toBe(40)
  })

  test('a parcel of a refunded order arrives', () => {
    const refunded = order({ state: 'refunded', shipped: units({ a: 3, b: 1 }) })
    expect(deliver('s', refunded, all).answer).toMatchObject({ status: 'delivered', order: { open: [] } })
  })
})

describe('a refund after the removal', () => {
  const whole = { type: 'refund', restock: false, items: null, key: null } as const
  const part = (quantity: number) => ({ ...whole, items: [{ sku: 'a', quantity }], key: 'k' })

  test.each<
    [string, Partial<LockedOrder>, typeof whole | ReturnType<typeof part>, string, object | undefined]
  >([
    ['whole', {}, whole, 'refunded', {}],
    ['a part', {}, part(2), 'refunded', { a: 1, b: 1 }],
    ['the last part', { items: units({ a: 2 }) }, part(2), 'refunded', {}],
    ['more than there is', {}, part(4), 'exceeds_order', undefined],
    ['once more', { state: 'refunded' }, whole, 'refunded', undefined],
    ['a part of what was refunded', { state: 'refunded' }, part(1), 'exceeds_order', undefined],
    ['of a hold', { state: 'held' }, whole, 'not_confirmed', undefined],
    ['the same key again', { refund: { asked: units({ a: 2 }) } }, part(2), 'refunded', undefined],
  ])('%s', (_, is, asked, status, rest) => {
    const { answer, change } = refund(order(is), asked)
    expect(answer.status).toBe(status)
    expect(change?.refund && Object.fromEntries(change.refund.rest)).toEqual(rest)
    if (answer.status === 'refunded') expect(answer.replayed).toBe(change === undefined)
  })

  test('the answer has the reservation afterwards; the row has the key', () => {
    const paid = order({ paymentId: 'p', key: 'checkout' })
    const reservation = { id: 'r', buyer: 'u', key: 'checkout', createdAt: 1, expiresAt: 2, paymentId: 'p' }
    const all = [
      { sku: 'a', quantity: 3 },
      { sku: 'b', quantity: 1 },
    ]
    const complete = refund(paid, whole)
    expect(complete.answer).toEqual({
      ...{ status: 'refunded', replayed: false },
      reservation: { ...reservation, items: all, state: 'refunded' },
    })
    expect(complete.change?.refund?.key).toBe('')
    const partly = refund(paid, {
      ...part(3),
      items: [
        { sku: 'a', quantity: 1 },
        { sku: 'a', quantity: 2 },
      ],
    })
    expect(partly.answer).toMatchObject({
      reservation: { ...reservation, items: [{ sku: 'b', quantity: 1 }], state: 'confirmed' },
    })
    expect(partly.change?.refund?.key).toBe('k')
    const { answer } = refund(order({ state: 'held' }), whole)
    expect('reservation' in answer && 'paymentId' in answer.reservation).toBe(false)
  })

  test('the key of another refund is a conflict', () => {
    const conflict = expect.objectContaining({ code: 'IDEMPOTENCY_CONFLICT' })
    expect(() => refund(order({ refund: { asked: units({ a: 1 }) } }), part(2))).toThrow(conflict)
    expect(() => refund(order({ refund: { asked: units({ a: 1 }) } }), { ...whole, key: 'k' })).toThrow(
      conflict,
    )
    expect(() => refund(order({ refund: { asked: null } }), part(2))).toThrow(conflict)
  })
})

test('units in PostgreSQL: whatever the SKU is called', () => {
  const some = units({ 'a\0': 1, '\u2400': 2, __proto: 3, '"': 4 })
  expect(fromJson(toJson(some))).toEqual(some)
  expect(toJson(some)).not.toContain('\\u0000')
})
