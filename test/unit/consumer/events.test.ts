import { expect, test } from 'vitest'
import { generationOf, parseEventId, toEvent } from '../../../src/consumer/events.js'
import type { Rules, StoredEvent, StoredReservation } from '../../../src/engine/engine.js'

const rules: Rules = {
  skus: [
    { sku: 'a', stock: 4, limit: null },
    { sku: 'b', stock: 2, limit: null },
  ],
  holdMs: 100,
  maxHoldMs: 300,
  opensAt: null,
  closesAt: null,
  partitions: 4,
}
const stored: StoredReservation = {
  id: 'r',
  buyer: 'u',
  cart: [
    [0, 2],
    [1, 1],
  ],
  state: 'refunded',
  key: 'k',
  createdAt: 10,
  expiresAt: 200,
  paymentId: 'p',
}
const history = { partition: 3, generation: 2, since: 5 }
const items = [
  { sku: 'a', quantity: 2 },
  { sku: 'b', quantity: 1 },
]
const place = { id: '3-2-7', partition: 3, generation: 2, sequence: 7, at: 50 }
const as = (state: string, expiresAt = 200, paid = false) => ({
  id: 'r',
  buyer: 'u',
  items,
  state,
  key: 'k',
  createdAt: 10,
  expiresAt,
  ...(paid && { paymentId: 'p' }),
})

type Bare<E> = E extends unknown ? Omit<E, 'sequence' | 'at'> : never

const cases: [Bare<StoredEvent>, object | undefined][] = [
  [
    { type: 'reserved', id: 'r', expiresAt: 110 },
    { type: 'reserved', reservation: as('held', 110) },
  ],
  [
    { type: 'extended', id: 'r', expiresAt: 200 },
    { type: 'extended', reservation: as('held', 200) },
  ],
  [
    { type: 'confirmed', id: 'r' },
    { type: 'confirmed', reservation: as('confirmed', 200, true) },
  ],
  [
    { type: 'released', id: 'r' },
    { type: 'released', reservation: as('released') },
  ],
  [
    { type: 'expired', id: 'r' },
    { type: 'expired', reservation: as('expired') },
  ],
  [
    { type: 'refunded', id: 'r', restock: false },
    { type: 'refunded', restock: false, items, reservation: as('refunded', 200, true) },
  ],
  [
    {
      type: 'refunded',
      id: 'r',
      restock: true,
      key: 'k',
      part: [[1, 1]],
      changed: { cart: [[0, 2]], count: 1 },
    },
    {
      ...{ type: 'refunded', restock: true, key: 'k', items: [items[1]] },
      reservation: { ...as('confirmed', 200, true), items: [items[0]] },
    },
  ],
  ...(['sold_out', 'limit_exceeded', 'ended'] as const).map((reason): [Bare<StoredEvent>, object] => [
    { type: 'refund_due', id: 'r', reason },
    { type: 'refund_due', reason, paymentId: 'p', reservation: as('expired', 200, true) },
  ]),
  [
    { type: 'refund_due', id: 'r', reason: 'released' },
    { type: 'refund_due', reason: 'released', paymentId: 'p', reservation: as('released', 200, true) },
  ],
  ...(['confirmed', 'refunded', 'expired'] as const).map((state): [Bare<StoredEvent>, object] => [
    { type: 'refund_due', id: 'r', reason: 'duplicate_payment', further: { paymentId: 'q', state } },
    {
      type: 'refund_due',
      reason: 'duplicate_payment',
      paymentId: 'q',
      reservation: as(state, 200, true),
    },
  ]),
  [{ type: 'paid', id: 'r', state: 'confirmed' }, undefined],
  [
    { type: 'restocked', sku: 1, quantity: -4, key: 'k', applied: -3 },
    { type: 'restocked', sku: 'b', quantity: -4, key: 'k', applied: -3 },
  ],
  [
    { type: 'sold_out', sku: 0 },
    { type: 'sold_out', sku: 'a' },
  ],
  [{ type: 'paused' }, { type: 'paused' }],
  [{ type: 'resumed' }, { type: 'resumed' }],
  [{ type: 'ended' }, { type: 'ended' }],
  [{ type: 'sent', to: 1, sku: 0, quantity: 1 }, undefined],
  [{ type: 'received', from: 1, sku: 0, quantity: 1 }, undefined],
]

test.each(cases)('%o', (event, told) => {
  const reservation = 'id' in event ? stored : undefined
  const full = { ...event, sequence: 7, at: 50 } as StoredEvent
  expect(toEvent(full, reservation, rules, history)).toEqual(told && { ...place, ...told })
})

test('a reservation without a payment has none in its events', () => {
  const event = { type: 'confirmed', id: 'r', sequence: 7, at: 50 } as const
  const told = toEvent(event, { ...stored, paymentId: null }, rules, history)
  expect(told).toEqual({ ...place, type: 'confirmed', reservation: as('confirmed') })
  expect(told?.reservation).not.toHaveProperty('paymentId')
})

test('an event whose reservation is not there is a fault, not half an event', () => {
  const event = { type: 'reserved', id: 'r', expiresAt: 5, sequence: 7, at: 50 } as const
  expect(() => toEvent(event, undefined, rules, history)).toThrow(/event 7 speaks of a reservation/)
})

test('the generation: what came before the present one began is of the one before', () => {
  expect([4, 5, 6].map((sequence) => generationOf(sequence, history))).toEqual([1, 1, 2])
  expect([1, 9].map((sequence) => generationOf(sequence, { partition: 0, generation: 1, since: 0 }))).toEqual(
    [1, 1],
  )
  // Frozen, for the first time: its line has not changed yet.
  expect(generationOf(3, { partition: 0, generation: 1, since: 5 })).toBe(1)
  expect(generationOf(1, { partition: 0, generation: 4, since: 0 })).toBe(4)
})

test('ids are read as they are written', () => {
  expect(parseEventId('3-2-7')).toEqual({ partition: 3, generation: 2, sequence: 7 })
  expect(parseEventId('0-1-1')).toEqual({ partition: 0, generation: 1, sequence: 1 })
  for (const id of ['', '1', '1-1', '1-1-0', '1-0-1', '01-1-1', '1-1-1-1', '-1-1-1', '1-1-1.5', 'a-1-1'])
    expect(parseEventId(id), id).toBeUndefined()
})
