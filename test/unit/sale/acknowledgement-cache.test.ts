import { expect, test } from 'vitest'
import type { StoredReservation } from '../../../src/engine/engine.js'
import type { Acknowledged } from '../../../src/sale/acknowledged-reservations.js'
import { AcknowledgementCache } from '../../../src/sale/acknowledgement-cache.js'

const reservation = (id: string, rest: Partial<StoredReservation> = {}): StoredReservation => ({
  ...{
    id,
    buyer: 'u',
    cart: [[0, 1]],
    state: 'held',
    key: null,
    createdAt: 1,
    expiresAt: 2,
    paymentId: null,
  },
  ...rest,
})

test('of each reservation the latest answer, of each restock the one', () => {
  const memory = new AcknowledgementCache()
  memory.note(reservation('a'))
  memory.note(reservation('b'))
  memory.note(reservation('a', { state: 'released' }), { refundDue: 'released' })
  memory.note(reservation('c', { state: 'refunded' }), { restocked: true })
  expect(memory.all).toMatchObject([
    { reservation: { id: 'a', state: 'released' }, refundDue: 'released', restocked: false },
    { reservation: { id: 'b', state: 'held' }, refundDue: null, restocked: false },
    { reservation: { id: 'c', state: 'refunded' }, refundDue: null, restocked: true },
  ])
  const restock = { sku: 0, quantity: 5, key: 'k', final: true }
  memory.noteRestock(restock, 5)
  memory.noteRestock(restock, 5)
  expect(memory.restocks).toEqual([{ op: restock, applied: 5 }])
  expect(memory.state).toBe('open')
  memory.noteEnd()
  expect(memory.state).toBe('ended')
})

test('an answer that comes late does not undo what is known', () => {
  const memory = new AcknowledgementCache()
  memory.note(reservation('a', { state: 'confirmed', paymentId: 'p' }))
  memory.note(reservation('a', { expiresAt: 9 }))
  memory.note(reservation('b', { expiresAt: 9 }))
  memory.note(reservation('b', { expiresAt: 5 }))
  memory.note(reservation('c', { state: 'released' }), { refundDue: 'released' })
  memory.note(reservation('c', { state: 'released' }))
  memory.note(reservation('d', { state: 'expired' }))
  memory.note(reservation('d', { state: 'confirmed' }))
  memory.note(reservation('e', { state: 'refunded' }), { restocked: true })
  memory.note(reservation('e', { state: 'confirmed' }))
  expect(memory.all).toMatchObject([
    { reservation: { id: 'a', state: 'confirmed', paymentId: 'p' } },
    { reservation: { id: 'b', state: 'held', expiresAt: 9 } },
    { reservation: { id: 'c', state: 'released' }, refundDue: 'released' },
    { reservation: { id: 'd', state: 'confirmed' } },
    { reservation: { id: 'e', state: 'refunded' }, restocked: true },
  ])
})

test('of two carts the one that was changed more often is the later one, whichever comes first', () => {
  const memory = new AcknowledgementCache()
  const changed = (count: number, expiresAt = 2) =>
    reservation('a', { cart: [[0, count + 1]], changes: { first: [[0, 1]], count }, expiresAt })
  memory.note(reservation('a', { expiresAt: 9 }))
  memory.note(changed(2, 9))
  memory.note(changed(1, 9))
  memory.note(reservation('a', { expiresAt: 9 }))
  expect(memory.all).toMatchObject([{ reservation: { cart: [[0, 3]], changes: { count: 2 } } }])
  memory.note(changed(2, 10))
  expect(memory.all).toMatchObject([{ reservation: { expiresAt: 10 } }])
  memory.note(reservation('a', { state: 'released' }))
  expect(memory.all).toMatchObject([{ reservation: { state: 'released' } }])
})

test('what has units is told apart from what is over, as of a time', async () => {
  const memory = new AcknowledgementCache()
  memory.note(reservation('held', { expiresAt: 11 }))
  memory.note(reservation('lapsed', { expiresAt: 10 }))
  for (const state of ['confirmed', 'released', 'expired', 'refunded'] as const)
    memory.note(reservation(state, { state, expiresAt: 99 }))
  const kinds = ['over', 'confirmed', 'held'] as const
  const found = kinds.map(async (kind) => {
    const batches: Acknowledged[] = []
    for await (const batch of memory.reservations(kind, 10)) batches.push(...batch)
    return batches.map((one) => one.reservation.id)
  })
  expect(await Promise.all(found)).toEqual([
    ['lapsed', 'released', 'expired', 'refunded'],
    ['confirmed'],
    ['held'],
  ])
})

test('the latest 50,000 are known at least, 100,000 at most; what was forgotten is counted', () => {
  const memory = new AcknowledgementCache()
  for (let i = 0; i < 99_999; i++) memory.note(reservation(`r${i}`))
  expect(memory.forgotten).toBe(0)
  expect(memory.all).toHaveLength(99_999)
  // What changes again is among the latest.
  memory.note(reservation('r0', { state: 'confirmed' }))
  expect(memory.forgotten).toBe(49_999)
  const ids = memory.all.map((each) => each.reservation.id)
  expect(ids).toHaveLength(50_000)
  expect(ids[0]).toBe('r50000')
  expect(ids.at(-1)).toBe('r0')
  memory.clear()
  expect([memory.forgotten, memory.all]).toEqual([0, []])
})

test('ids of any length and script are known as they were given', () => {
  const memory = new AcknowledgementCache()
  const text = (i: number) => `${'u'.repeat(i)}${i % 2 ? '' : 'é'}${i % 3 ? '' : '🥭'.repeat(i / 3)}-${i}`
  const noted = Array.from({ length: 200 }, (_, i) =>
    reservation(`r${i}`, {
      buyer: text(i),
      key: text(i + 1),
      paymentId: text(i + 2),
      household: text(i + 3),
    }),
  )
  for (const one of noted) memory.note(one)
  expect(memory.all.map((one) => one.reservation)).toEqual(noted)
})

/** Some 6,880 bytes: an amount takes five, a SKU one or two. Some 9,750 of them fill 64 MB. */
const large = Array.from({ length: 1_000 }, (_, sku) => [sku, 1_000_000_000] as const)

test('carts of many lines are forgotten sooner: no more is kept than some 128 MB', () => {
  const memory = new AcknowledgementCache()
  const note = (i: number, rest: Partial<StoredReservation> = {}) =>
    memory.note(reservation(`r${i}`, { cart: large, ...rest }))
  let noted = 0
  while (memory.forgotten === 0) note(noted++)
  expect(memory.forgotten).toBeGreaterThan(9_740)
  expect(memory.forgotten).toBeLessThan(9_760)
  // The same one again takes no more room: half as many as these would fill it.
  const { forgotten } = memory
  for (let i = 0; i < noted / 2 + 100; i++) note(noted - 1, { state: 'confirmed' })
  expect(memory.forgotten).toBe(forgotten)
  const { all } = memory
  expect(all.length + forgotten).toBe(noted)
  expect(all.filter(({ reservation: { state } }) => state === 'confirmed')).toHaveLength(1)
})

test('after everything was forgotten there is room again', () => {
  const memory = new AcknowledgementCache()
  const buyer = 'u'.repeat(6_880)
  for (let i = 0; i < 9_000; i++) memory.note(reservation(`r${i}`, { buyer }))
  memory.clear()
  // Nearly all that fits: one byte in thirty of what was before would be too much.
  for (let i = 0; i < 18_000; i++) memory.note(reservation(`s${i}`, { buyer }))
  expect(memory.forgotten).toBe(0)
})

test('of a reservation whose payment must be refunded the first reason, and each further payment', async () => {
  const memory = new AcknowledgementCache()
  const expired = reservation('a', { state: 'expired', paymentId: 'p1' })
  memory.noteRefundDue(expired, 'p1', 'sold_out')
  memory.noteRefundDue(expired, 'p2', 'sold_out')
  memory.noteRefundDue(expired, null, 'sold_out')
  const order = reservation('b', { state: 'confirmed', paymentId: 'p1' })
  memory.note(order)
  memory.noteRefundDue(order, 'p3', 'duplicate_payment')
  memory.noteRefundDue({ ...order, state: 'refunded' }, 'p1', 'refunded')
  memory.noteRefundDue({ ...order, state: 'refunded' }, 'p3', 'duplicate_payment')
  expect(memory.all).toMatchObject([
    { reservation: expired, refundDue: 'sold_out' },
    { reservation: { id: 'b', state: 'refunded', paymentId: 'p1' }, refundDue: null },
  ])
  const payments = []
  for await (const batch of memory.furtherPayments()) payments.push(...batch)
  expect(payments).toEqual([
    { id: 'a', paymentId: 'p2', reason: 'sold_out' },
    { id: 'b', paymentId: 'p3', reason: 'duplicate_payment' },
  ])
  memory.clear()
  for await (const batch of memory.furtherPayments()) expect(batch).toEqual([])
})

test('a payment that was told refund_due stays, if after a rollback another one is the own', async () => {
  const memory = new AcknowledgementCache()
  const released = reservation('a', { state: 'released', paymentId: 'p1' })
  memory.noteRefundDue(released, 'p1', 'released')
  memory.note({ ...released, paymentId: 'p2' })
  const payments = []
  for await (const batch of memory.furtherPayments()) payments.push(...batch)
  expect(payments).toEqual([{ id: 'a', paymentId: 'p1', reason: 'released' }])
})

test('a payment that an order had stays, if after a rollback another one is the own', async () => {
  const memory = new AcknowledgementCache()
  for (const state of ['confirmed', 'refunded'] as const) {
    memory.note(reservation(state, { state, paymentId: 'p1' }))
    memory.note(reservation(state, { state, paymentId: 'p2' }))
  }
  const found: unknown[] = []
  for await (const batch of memory.furtherPayments()) found.push(...batch)
  expect(found).toEqual(
    ['confirmed', 'refunded'].map((id) => ({ id, paymentId: 'p1', reason: 'duplicate_payment' })),
  )
})

test('a record that another process has transferred is no order of its own, if a later one is known', () => {
  const memory = new AcknowledgementCache()
  const moved = (id: string, next: string) =>
    memory.noteMoved({ status: 'moved', id, next, to: next, receiver: `to ${next}`, settled: true })
  memory.note(reservation('a', { state: 'confirmed', paymentId: 'p' }))
  moved('a', 'b')
  moved('b', 'c')
  expect(memory.all).toMatchObject([{ reservation: { id: 'a', state: 'confirmed' } }])
  memory.note(reservation('c', { state: 'confirmed', paymentId: 'p' }))
  expect(memory.all).toMatchObject([
    { reservation: { id: 'a', state: 'transferred' }, movedTo: { id: 'c', receiver: 'to c' } },
    { reservation: { id: 'c', state: 'confirmed' } },
  ])
  memory.clear()
  memory.note(reservation('a'))
  memory.note(reservation('c'))
  expect(memory.all).toMatchObject([{ reservation: { state: 'held' } }, { reservation: { state: 'held' } }])
})

test('a payment id that was ever known stays, whatever the order of the answers', () => {
  const memory = new AcknowledgementCache()
  memory.note(reservation('a', { state: 'confirmed', paymentId: 'p' }))
  memory.note(reservation('a', { state: 'confirmed' }))
  memory.note(reservation('b', { state: 'refunded' }))
  memory.note(reservation('b', { state: 'confirmed', paymentId: 'q' }))
  expect(memory.all.map(({ reservation: { state, paymentId } }) => [state, paymentId])).toEqual([
    ['confirmed', 'p'],
    ['refunded', 'q'],
  ])
})

test('many payments of one reservation displace no reservation, and take a bounded room', async () => {
  const memory = new AcknowledgementCache()
  const order = reservation('a', { state: 'confirmed', paymentId: 'p' })
  memory.note(reservation('other'))
  for (let i = 0; i < 120_000; i++) memory.noteRefundDue(order, `p${i}`, 'duplicate_payment')
  expect(memory.all).toHaveLength(2)
  expect(memory.forgotten).toBe(0)
  for await (const batch of memory.furtherPayments()) expect(batch.length).toBeLessThan(100_000)
})
