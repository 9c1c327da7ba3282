import { expect, test } from 'vitest'
import type { FinalAnswer, Rules, StoredEvent, StoredReservation } from '../../src/engine/engine.js'
import { batchOf } from '../../src/postgres/page.js'

const rules: Rules = {
  skus: [
    { sku: 'a', stock: 1, limit: null },
    { sku: 'b', stock: 1, limit: null },
  ],
  ...{ holdMs: 1, maxHoldMs: 1, opensAt: null, closesAt: null, partitions: 1 },
}
const now: StoredReservation = {
  ...{ id: 'r', buyer: 'u', cart: [[1, 2]], key: null, createdAt: 1, expiresAt: 99, paymentId: 'p' },
  state: 'confirmed',
}

type News = StoredEvent extends infer E ? (E extends unknown ? Omit<E, 'sequence' | 'at'> : never) : never

const rowOf = (...news: News[]) => rowOfStored(now, news)

function rowOfStored(stored: StoredReservation, news: readonly News[]) {
  const events = news.map((one, i) => ({ ...one, sequence: i + 1, at: 10 + i }) as StoredEvent)
  const page: FinalAnswer<'events'> = {
    status: 'events',
    generation: 1,
    since: 0,
    events,
    reservations: [stored],
  }
  const { reservations, payments } = batchOf(page, rules)
  expect(payments.sequence).toEqual(
    events.filter((event) => event.type === 'refund_due' && event.further).map(({ sequence }) => sequence),
  )
  return Object.fromEntries(Object.entries(reservations).map(([column, values]) => [column, values[0]]))
}

test('a reservation is what the events of the page say, not what has become of it since', () => {
  expect(rowOf({ type: 'reserved', id: 'r', expiresAt: 50 })).toMatchObject({
    ...{ state: 'held', expiresAt: 50, paymentId: null, items: '{"b":2}', sequence: 1, changedAt: 10 },
  })
  const extended = { type: 'extended', id: 'r', expiresAt: 60 } as const
  expect(rowOf({ type: 'reserved', id: 'r', expiresAt: 50 }, extended)).toMatchObject({
    ...{ state: 'held', expiresAt: 60, sequence: 2, changedAt: 11 },
  })
  expect(rowOf(extended, { type: 'confirmed', id: 'r' })).toMatchObject({
    ...{ state: 'confirmed', expiresAt: 99, paymentId: 'p' },
  })
  expect(rowOf({ type: 'confirmed', id: 'r' }, { type: 'refunded', id: 'r', restock: true })).toMatchObject({
    ...{ state: 'refunded', restocked: true, paymentId: 'p', refundDue: null },
  })
})

test('the items are those of the latest event of the page', () => {
  const first = { cart: [[1, 2]], changes: { first: [[0, 5]], count: 3 } } as const
  const of = (...news: News[]) => rowOfStored({ ...now, ...first }, news)
  const reserved = { type: 'reserved', id: 'r', expiresAt: 50 } as const
  expect(of(reserved)).toMatchObject({ items: '{"a":5}', firstItems: null, changes: 0 })
  const amended: News = {
    type: 'amended',
    id: 'r',
    before: [[0, 5]],
    changed: { cart: [[0, 1]], count: 1 },
  }
  expect(of(reserved, amended)).toMatchObject({
    ...{ items: '{"a":1}', firstItems: '{"a":5}', changes: 1, state: 'held' },
  })
  // It was reserved on an earlier page.
  for (const state of ['held', 'released', 'expired'] as const)
    expect(rowOfStored({ ...now, ...first, state }, [amended])).toMatchObject({
      ...{ items: '{"a":1}', changes: 1, state, expiresAt: 99, paymentId: null },
    })
  expect(of(amended, { type: 'confirmed', id: 'r', changed: { cart: [[1, 2]], count: 3 } })).toMatchObject({
    items: '{"b":2}',
    firstItems: '{"a":5}',
    changes: 3,
  })
})

test.each([
  ['released', 'released'],
  ['sold_out', 'expired'],
  ['limit_exceeded', 'expired'],
  ['ended', 'expired'],
] as const)('refund due for %s is said of one that is %s', (reason, state) => {
  expect(rowOf({ type: 'refund_due', id: 'r', reason })).toMatchObject({
    state,
    refundDue: reason,
    paymentId: 'p',
  })
})

test('a further payment has a row of its own, and leaves the reservation as it was then', () => {
  const further = { paymentId: 'p2', state: 'confirmed' } as const
  const due = { type: 'refund_due', id: 'r', reason: 'duplicate_payment', further } as const
  expect(rowOf(due)).toMatchObject({ state: 'confirmed', refundDue: null, paymentId: null, sequence: 1 })
  const refunded = { type: 'refunded', id: 'r', restock: true } as const
  expect(rowOf(due, refunded)).toMatchObject({ state: 'refunded', refundDue: null, paymentId: 'p' })
  const page: FinalAnswer<'events'> = {
    ...{ status: 'events', generation: 3, since: 0, reservations: [now] },
    events: [
      { ...due, sequence: 7, at: 70 },
      { ...due, sequence: 8, at: 80, further: { ...further, paymentId: 'p\0' } },
    ],
  }
  const { payments, events } = batchOf(page, rules)
  expect(payments).toEqual({
    reservation: ['r', 'r'],
    paymentId: ['p2', 'p\u24000'],
    reason: ['duplicate_payment', 'duplicate_payment'],
    at: [70, 80],
    generation: [3, 3],
    sequence: [7, 8],
  })
  expect(JSON.parse(events.details[0]!)).toEqual({ reason: 'duplicate_payment', paymentId: 'p2' })
})

test('the id of a payment that comes later belongs to the reservation as it was then', () => {
  for (const state of ['confirmed', 'refunded', 'released'] as const)
    expect(rowOf({ type: 'paid', id: 'r', state })).toMatchObject({ state, paymentId: 'p', refundDue: null })
})

test('the sale is what was said of it last', () => {
  const page = (types: ('paused' | 'resumed' | 'ended')[]): FinalAnswer<'events'> => ({
    ...{ status: 'events', generation: 1, since: 0, reservations: [] },
    events: types.map((type, i) => ({ type, sequence: i + 1, at: 1 })),
  })
  expect(batchOf(page(['paused']), rules).sale).toBe('paused')
  expect(batchOf(page(['paused', 'resumed']), rules).sale).toBe('open')
  expect(batchOf(page(['resumed', 'ended']), rules).sale).toBe('ended')
  expect(batchOf(page([]), rules).sale).toBeNull()
})
