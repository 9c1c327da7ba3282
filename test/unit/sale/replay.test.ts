import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { Op, StoredReservation } from '../../../src/engine/engine.js'
import type { Acknowledged } from '../../../src/sale/acknowledged-reservations.js'
import type { AcknowledgedState } from '../../../src/sale/acknowledgement-cache.js'
import { PresentRecords } from '../../../src/sale/recovery/present-records.js'
import type { Recover } from '../../../src/sale/recovery/recover.js'
import { type RecoverySource, replay } from '../../../src/sale/recovery/replay.js'

const NOW = 1_000
const HOLD = 500

const reservation = (id: string, rest: Partial<StoredReservation> = {}): StoredReservation => ({
  ...{
    id,
    buyer: 'u',
    cart: [[0, 1]],
    state: 'held',
    key: 'k',
    createdAt: 1,
    expiresAt: NOW + 100,
    paymentId: null,
  },
  ...rest,
})
const known = (
  id: string,
  rest: Partial<StoredReservation> = {},
  more: Partial<Acknowledged> = {},
): Acknowledged => ({
  ...{ reservation: reservation(id, rest), refundDue: null, restocked: false },
  ...more,
})

function testimony(
  all: Partial<Record<AcknowledgedState, readonly Acknowledged[]>>,
  rest: Partial<RecoverySource> = {},
): RecoverySource {
  return {
    ...{ restocks: [], moves: [], counts: [], state: 'open' },
    async *reservations(kind) {
      yield all[kind] ?? []
    },
    async *furtherPayments() {},
    ...rest,
  }
}

/**
 * Replays into a sale that answers with these, by command and id; else as what is asked would be
 * carried out.
 */
async function replayed(
  testimonies: readonly RecoverySource[],
  answers: Record<string, object | (() => object)> = {},
) {
  const sent: string[] = []
  const ops: object[] = []
  let atOnce = 0
  let most = 0
  const recover = (async (
    command: string,
    op: { id?: string; key?: string; action?: string; expiresAt?: number; quantity?: number },
  ) => {
    const name = `${command} ${op.id ?? op.action ?? `${op.key} ${op.quantity}`}`
    sent.push(name)
    ops.push(op)
    most = Math.max(most, ++atOnce)
    await Promise.resolve()
    atOnce--
    const answer = answers[name]
    if (answer) return typeof answer === 'function' ? answer() : answer
    if (command === 'reserve')
      return {
        status: 'reserved',
        reservation: reservation(op.id!, { expiresAt: op.expiresAt ?? NOW + HOLD }),
      }
    if (command === 'confirm') return { status: 'confirmed' }
    if (command === 'restock') return { status: 'restocked', applied: op.quantity }
    return { status: command === 'extend' ? 'extended' : `${command}d` }
  }) as unknown as Recover
  const result = await replay(testimonies, new PresentRecords(), recover, () => NOW, HOLD)
  const refused = result.refused.map(({ acknowledged, reason }) => `${acknowledged.reservation.id} ${reason}`)
  return { sent, ops, restored: result.restored, refused, most: () => most }
}

const soldOut = { status: 'sold_out', sku: 0, available: 0 }

describe('the order in which a sale is put back', () => {
  test('added units, ended, paid and held reservations, units taken out, the state', async () => {
    const restock = (key: string, quantity: number) => ({
      op: { sku: 0, quantity, key, final: true },
      applied: quantity,
    })
    const first = testimony(
      {
        over: [known('o', { state: 'released' })],
        confirmed: [known('c', { state: 'confirmed', paymentId: 'p' })],
        held: [known('h')],
      },
      { restocks: [restock('out', -2), restock('in', 3)], state: 'paused' },
    )
    const second = testimony({ over: [known('o2', { state: 'released' })] }, { state: 'ended' })
    const { sent, restored } = await replayed([first, second])
    expect(sent).toEqual([
      ...['restock in 3', 'reserve o', 'release o', 'reserve o2', 'release o2'],
      ...['reserve c', 'confirm c', 'reserve h', 'restock out -2', 'control pause', 'control end'],
    ])
    expect(restored).toBe(4)
  })

  test('further payments follow their reservations, and are never confirmed', async () => {
    const payment = (paymentId: string) => ({ id: 'c', paymentId, reason: 'duplicate_payment' }) as const
    const { sent, ops, restored } = await replayed([
      testimony(
        { confirmed: [known('c', { state: 'confirmed', paymentId: 'p' })] },
        {
          async *furtherPayments() {
            yield [payment('p2'), payment('p3')]
            yield [payment('p4')]
          },
        },
      ),
    ])
    expect(sent).toEqual(['reserve c', 'confirm c', 'confirm c', 'confirm c', 'confirm c'])
    const told = { id: 'c', buyer: null, final: true, told: 'duplicate_payment' }
    expect(ops.slice(2)).toEqual(['p2', 'p3', 'p4'].map((paymentId) => ({ ...told, paymentId })))
    expect(restored).toBe(1)
  })

  test('an open sale stays open', async () => {
    expect((await replayed([testimony({})])).sent).toEqual([])
  })
})

describe('what was taken out', () => {
  const out = { op: { sku: 0, quantity: -5, key: 'out', final: true }, applied: -3 }

  test.each([
    // Units that are taken out now, and those that are put in again.
    [-5, 2],
    [-4, 1],
    [-3, undefined],
    [-2, undefined],
  ])('%i in place of 3: %s are put in again, under a key of their own', async (applied, again) => {
    const { sent, ops } = await replayed([testimony({}, { restocks: [out] })], {
      'restock out -5': { status: 'restocked', applied },
    })
    const key = `restored:${createHash('sha256').update('out').digest('base64url')}`
    expect(sent.slice(1)).toEqual(again === undefined ? [] : [`restock ${key} ${again}`])
    if (again !== undefined) expect(ops[1]).toEqual({ sku: 0, quantity: again, key, final: true })
  })

  test('what was refused is left alone', async () => {
    const { sent } = await replayed([testimony({}, { restocks: [out] })], {
      'restock out -5': { status: 'conflict', applied: -5 },
    })
    expect(sent).toHaveLength(1)
  })

  test('a restock of 0 is sent to no partition', async () => {
    const none = { op: { sku: 0, quantity: 0, key: 'none', final: true }, applied: 0 }
    expect((await replayed([testimony({}, { restocks: [none] })])).sent).toEqual([])
  })
})

describe('one reservation', () => {
  const put = async (one: Acknowledged, answers: Record<string, object> = {}) => {
    const { sent, ops, restored, refused } = await replayed([testimony({ over: [one] })], answers)
    const { holdMs, createdAt, expiresAt } = ops[0] as Op<'reserve'>
    expect(createdAt).toBe(one.reservation.createdAt)
    return { sent, hold: holdMs ?? expiresAt! - NOW, ops, restored, refused }
  }

  test('held, or over: until the time that its buyer was told', async () => {
    for (const hold of [100, 1, 0, -1, -70]) {
      const told = await put(known('r', { expiresAt: NOW + hold }))
      expect(told).toMatchObject({ sent: ['reserve r'], hold, restored: 1 })
      const expired = await put(known('r', { state: 'expired', expiresAt: NOW + hold }))
      expect(expired).toMatchObject({ sent: ['reserve r'], hold: Math.min(hold, 0), restored: 1 })
    }
  })

  test('released, confirmed, refunded: made again, and ended again, with its payment', async () => {
    expect(await put(known('r', { state: 'released' }))).toMatchObject({
      sent: ['reserve r', 'release r'],
      hold: HOLD,
      restored: 1,
    })
    const paid = { paymentId: 'p' }
    const confirmed = await put(known('r', { state: 'confirmed', ...paid }))
    expect(confirmed).toMatchObject({ sent: ['reserve r', 'confirm r'], hold: HOLD, restored: 1 })
    const { expiresAt } = reservation('r')
    expect(confirmed.ops[1]).toEqual({ id: 'r', buyer: null, paymentId: 'p', final: true, expiresAt })
    for (const restocked of [true, false]) {
      const refunded = await put(known('r', { state: 'refunded', ...paid }, { restocked }))
      expect(refunded.sent).toEqual(['reserve r', 'confirm r', 'refund r'])
      expect(refunded.ops[2]).toEqual({ id: 'r', restock: restocked })
    }
  })

  test.each([
    [{ status: 'refund_due', reason: 'sold_out' }, ['r sold_out']],
    [{ status: 'refund_due', reason: 'limit_exceeded' }, ['r limit_exceeded']],
    [{ status: 'refund_due', reason: 'ended' }, ['r sold_out']],
    [{ status: 'refund_due', reason: 'refunded' }, []],
    // It is the order of another payment now.
    [{ status: 'refund_due', reason: 'duplicate_payment' }, []],
  ])('paid, and now %j: %j', async (answer, refused) => {
    const told = await put(known('r', { state: 'confirmed', paymentId: 'p' }), { 'confirm r': answer })
    expect([told.refused, told.restored]).toEqual([refused, refused.length === 0 ? 1 : 0])
  })

  test.each([
    ['sold_out', 'expired', -5],
    ['released', 'released', HOLD],
  ] as const)('that was told %s stays so: its reason is told again', async (refundDue, state, hold) => {
    const due = known('r', { state, paymentId: 'p', expiresAt: NOW - 5 }, { refundDue })
    const told = await put(due, { 'confirm r': { status: 'refund_due', reason: refundDue } })
    expect(told).toMatchObject({ sent: ['reserve r', 'release r', 'confirm r'], hold, restored: 1 })
    const back = await put(due)
    expect(back.sent).toEqual(['reserve r', 'release r', 'confirm r', 'refund r'])
    expect(back.ops.slice(2)).toEqual([
      { id: 'r', buyer: null, paymentId: 'p', final: true, told: refundDue },
      { id: 'r', restock: true },
    ])
    const refunded = known('r', { state: 'refunded', paymentId: 'p' }, { refundDue })
    expect((await put(refunded)).sent).toEqual(['reserve r', 'confirm r', 'refund r'])
  })

  test('that found another with its key was replaced, and so was one that cannot be made', async () => {
    const other = { status: 'reserved', reservation: reservation('other') }
    expect(await put(known('r'), { 'reserve r': other })).toMatchObject({
      refused: ['r replaced'],
      restored: 0,
    })
    expect(await put(known('r'), { 'reserve r': { status: 'key_spent' } })).toMatchObject({
      refused: ['r replaced'],
    })
  })

  test.each(['sold_out', 'limit_exceeded'])('that has units, and finds %s: refused', async (status) => {
    const answers = { 'reserve r': { ...soldOut, status } }
    expect((await put(known('r'), answers)).refused).toEqual([`r ${status}`])
    expect((await put(known('r', { state: 'confirmed' }), answers)).refused).toEqual([`r ${status}`])
    // What is over needed its units for a moment only: nothing is lost with it.
    expect(await put(known('r', { state: 'released' }), answers)).toMatchObject({ refused: [], restored: 0 })
    expect(await put(known('r', { expiresAt: NOW }), answers)).toMatchObject({ refused: [], restored: 0 })
  })

  test.each(['sold_out', 'limit_exceeded'])(
    'that is over, and of whose payment something was told, finds %s: refused',
    async (status) => {
      const answers = { 'reserve r': { ...soldOut, status } }
      for (const state of ['released', 'expired'] as const) {
        const due = known('r', { state, paymentId: 'p' }, { refundDue: 'sold_out' })
        expect(await put(due, answers)).toMatchObject({ refused: [`r ${status}`], restored: 0 })
      }
      const refunded = known('r', { state: 'refunded', paymentId: 'p' })
      expect(await put(refunded, answers)).toMatchObject({ refused: [`r ${status}`], restored: 0 })
    },
  )

  test('that is over, and of which a further payment is due, finds no units: refused', async () => {
    const source = testimony(
      { over: [known('r', { state: 'released' }), known('other', { state: 'released' })] },
      {
        async *furtherPayments() {
          yield [{ id: 'r', paymentId: 'p2', reason: 'duplicate_payment' }]
        },
      },
    )
    const none = { 'reserve r': soldOut, 'reserve other': soldOut }
    const lost = await replayed([source], { ...none, 'confirm r': { status: 'not_found' } })
    expect(lost).toMatchObject({ refused: ['r sold_out'], restored: 0 })
    const found = await replayed([source], { ...none, 'confirm r': { status: 'refund_due' } })
    expect(found.refused).toEqual([])
  })

  describe('held, of which an earlier state survived', () => {
    const survived = (rest: Partial<StoredReservation>) => ({
      'reserve r': { status: 'reserved', reservation: reservation('r', rest) },
    })

    test('is extended to where it was', async () => {
      const told = await put(known('r', { expiresAt: NOW + 100 }), survived({ expiresAt: NOW + 99 }))
      expect([told.sent, told.restored]).toEqual([['reserve r', 'extend r'], 1])
      expect(told.ops[1]).toEqual({ id: 'r', holdMs: 0, expiresAt: NOW + 100 })
    })

    test('is left alone where it lasts as long, or longer', async () => {
      for (const expiresAt of [NOW + 100, NOW + 101])
        expect((await put(known('r', { expiresAt: NOW + 100 }), survived({ expiresAt }))).sent).toEqual([
          'reserve r',
        ])
    })

    test('has expired where it is expired, or expires before it is extended', async () => {
      const expired = survived({ state: 'expired', expiresAt: NOW - 1 })
      expect((await put(known('r'), expired)).refused).toEqual(['r expired'])
      const late = { ...survived({ expiresAt: NOW + 1 }), 'extend r': { status: 'expired' } }
      expect((await put(known('r'), late)).refused).toEqual(['r expired'])
    })
  })
})

describe('a cart that was changed', () => {
  const changes = { first: [[0, 1]], count: 2 } as const
  const changed = (rest: Partial<StoredReservation> = {}) => known('r', { cart: [[0, 3]], changes, ...rest })
  const survivor = (rest: Partial<StoredReservation>) => ({
    'reserve r': { status: 'reserved', reservation: reservation('r', rest) },
  })
  const put = async (one: Acknowledged, answers: Record<string, object>) =>
    replayed([testimony({ over: [one] })], answers)

  test('is made again with its first cart, for the key', async () => {
    const { sent, ops } = await put(changed(), survivor({ cart: [[0, 3]], changes }))
    expect(sent).toEqual(['reserve r'])
    expect(ops[0]).toMatchObject({ cart: [[0, 3]], changes })
  })

  test('is changed where an earlier one survived, and left alone where a later one did', async () => {
    const told = await put(changed(), survivor({ cart: [[0, 1]] }))
    expect(told.sent).toEqual(['reserve r', 'amend r'])
    expect(told.ops[1]).toEqual({ id: 'r', buyer: null, cart: [[0, 3]], mayTake: true, count: 2 })
    const later = { cart: [[0, 2]] as const, changes: { ...changes, count: 3 } }
    expect((await put(changed(), survivor(later))).sent).toEqual(['reserve r'])
  })

  test('is changed before it is confirmed, and after it is released', async () => {
    const old = survivor({ cart: [[0, 1]] })
    const confirmed = await put(changed({ state: 'confirmed', paymentId: 'p' }), old)
    expect(confirmed.sent).toEqual(['reserve r', 'amend r', 'confirm r'])
    const released = await put(changed({ state: 'released' }), old)
    expect(released.sent).toEqual(['reserve r', 'release r', 'amend r'])
  })

  test.each(['sold_out', 'limit_exceeded'])('is refused where it finds %s', async (status) => {
    const answers = { ...survivor({ cart: [[0, 1]] }), 'amend r': { status } }
    expect((await put(changed(), answers)).refused).toEqual([`r ${status}`])
    expect((await put(changed({ state: 'released' }), answers)).refused).toEqual([])
  })
})

describe('many at once, some of which find no units for a moment', () => {
  const many = (count: number) =>
    Array.from({ length: count }, (_, i) => known(`r${i}`, { state: 'released' }))

  test('are tried a thousand at a time', async () => {
    expect((await replayed([testimony({ over: many(1_001) })])).most()).toBe(1_000)
  })

  test('are tried again, fewer at a time, until all found some', async () => {
    let left = 2
    const lacks = () => (left-- > 0 ? soldOut : { status: 'reserved', reservation: reservation('r1') })
    const { sent, restored, refused } = await replayed([testimony({ over: many(3) })], {
      'reserve r1': lacks,
    })
    expect(sent.filter((name) => name === 'reserve r1')).toHaveLength(2)
    expect([restored, refused]).toEqual([2, []])
  })

  test('are given up where not one of them found any', async () => {
    const answers = { 'reserve r0': soldOut, 'reserve r1': soldOut }
    const { sent, restored } = await replayed([testimony({ over: many(2) })], answers)
    expect([sent, restored]).toEqual([['reserve r0', 'reserve r1'], 0])
  })
})

test.each([
  [0, 1],
  [0, 2],
  [1, 1],
  [1, 2],
])(
  'a refund that is due, which source %i knows, is told again, after no units were found %i times',
  async (knowing, times) => {
    let left = times
    const answers = {
      'reserve r': () => (left-- > 0 ? soldOut : { status: 'reserved', reservation: reservation('r') }),
      'confirm r': { status: 'refund_due', reason: 'released' },
    }
    const due = known('r', { state: 'released', paymentId: 'p' }, { refundDue: 'released' })
    const sources = [known('r', { state: 'released' }), due].map((one) => testimony({ over: [one] }))
    const { sent, restored, refused } = await replayed(knowing === 0 ? sources.reverse() : sources, answers)
    expect(sent).toContain('confirm r')
    expect([restored, refused]).toEqual([1, []])
  },
)

test('what one knows to be refused and another puts back was put back', async () => {
  let left = 1
  const answers = {
    'reserve r': () =>
      left-- > 0
        ? { status: 'key_spent' }
        : { status: 'reserved', reservation: reservation('r', { expiresAt: NOW + 100 }) },
  }
  expect(
    await replayed([testimony({ held: [known('r')] }), testimony({ held: [known('r')] })], answers),
  ).toMatchObject({ restored: 1, refused: [] })
  left = 0
  const other = {
    'reserve r': () =>
      left++ > 0
        ? { status: 'key_spent' }
        : { status: 'reserved', reservation: reservation('r', { expiresAt: NOW + 100 }) },
  }
  expect(
    await replayed([testimony({ held: [known('r')] }), testimony({ held: [known('r')] })], other),
  ).toMatchObject({ restored: 0, refused: ['r replaced'] })
})
