import fc from 'fast-check'
import { expect, test } from 'vitest'
import type {
  FurtherPayment,
  RecordedReason,
  RefundReason,
  StoredReservation,
} from '../../../../src/engine/engine.js'
import { AcknowledgementCache } from '../../../../src/sale/acknowledgement-cache.js'
import { operation, sameAsModel } from '../../../support/same-as-model.js'

type State = StoredReservation['state']
type Memory = Pick<
  AcknowledgementCache,
  'note' | 'noteRefundDue' | 'noteRestock' | 'noteEnd' | 'clear' | 'all' | 'restocks' | 'state' | 'forgotten'
>

/** A reservation of nothing, of which only id, state and expiry matter here. */
const EMPTY = { buyer: 'u', cart: [], key: null, createdAt: 0, paymentId: null }

/**
 * Nothing goes back: from each state only to those behind it, and a hold only to a later expiry.
 */
const LATER: Record<State, readonly State[]> = {
  held: ['held', 'expired', 'released', 'confirmed', 'refunded', 'transferred'],
  expired: ['expired', 'released', 'confirmed', 'refunded', 'transferred'],
  released: ['released', 'confirmed', 'refunded', 'transferred'],
  confirmed: ['released', 'confirmed', 'refunded', 'transferred'],
  refunded: ['refunded', 'transferred'],
  transferred: ['refunded', 'transferred'],
}

/** A list, in the order of the latest answers. */
class Model implements Memory {
  all: { reservation: StoredReservation; refundDue: RecordedReason | null; restocked: boolean }[] = []
  payments: FurtherPayment[] = []
  restocks: { op: Parameters<Memory['noteRestock']>[0]; applied: number }[] = []
  state: 'open' | 'ended' = 'open'
  forgotten = 0

  note(
    reservation: StoredReservation,
    rest: { refundDue?: RecordedReason | null; restocked?: boolean } = {},
  ): void {
    const known = this.all.find((each) => each.reservation.id === reservation.id)
    const merged = { reservation, refundDue: rest.refundDue ?? null, restocked: rest.restocked === true }
    if (known) {
      const before = known.reservation
      const isLater = LATER[before.state].includes(reservation.state)
      const isTie = LATER[reservation.state].includes(before.state)
      if (!isLater || (isTie && reservation.expiresAt < before.expiresAt)) merged.reservation = before
      merged.refundDue = known.refundDue ?? merged.refundDue
      merged.restocked ||= known.restocked
    }
    // The same place for a reservation that is known: a Map keeps it, too, while it is young.
    if (known) this.all[this.all.indexOf(known)] = merged
    else this.all.push(merged)
  }

  noteRefundDue(reservation: StoredReservation, paymentId: string | null, reason: RefundReason): void {
    const { id, state } = reservation
    const isOver = state === 'expired' || state === 'released'
    const isOwn = reason !== 'duplicate_payment' && reason !== 'refunded'
    this.note(reservation, isOver && isOwn ? { refundDue: reason } : {})
    if (paymentId === null || reason === 'refunded') return
    const at = this.payments.findIndex((one) => one.id === id && one.paymentId === paymentId)
    this.payments.splice(at < 0 ? this.payments.length : at, 1, { id, paymentId, reason })
  }

  noteRestock(op: Parameters<Memory['noteRestock']>[0], applied: number): void {
    const known = this.restocks.findIndex((each) => each.op.key === op.key)
    if (known < 0) this.restocks.push({ op, applied })
    else this.restocks[known] = { op, applied }
  }

  noteEnd(): void {
    this.state = 'ended'
  }

  clear(): void {
    this.all = []
    this.restocks = []
    this.payments = []
    this.state = 'open'
  }
}

const states = fc.constantFrom<State>(
  ...([
    'held',
    'held',
    'expired',
    'expired',
    'released',
    'released',
    'confirmed',
    'confirmed',
    'refunded',
  ] as const),
)

const note = fc
  .tuple(fc.nat(9), states, fc.nat(2), fc.boolean(), fc.boolean())
  .map(([i, state, expiresAt, refundDue, restocked]) =>
    operation<Memory>(`${i} is ${state} until ${expiresAt} ${refundDue} ${restocked}`, (memory) =>
      memory.note(
        { ...EMPTY, id: `r${i}`, state, expiresAt },
        {
          ...(refundDue && { refundDue: 'sold_out' as const }),
          ...(restocked && { restocked }),
        },
      ),
    ),
  )

const refundDue = fc
  .tuple(
    fc.nat(9),
    states,
    fc.constantFrom(null, 'p', 'q'),
    fc.constantFrom<RefundReason>('sold_out', 'released', 'duplicate_payment', 'refunded'),
  )
  .map(([i, state, paymentId, reason]) =>
    operation<Memory>(`${i} is ${state}, ${paymentId} is due: ${reason}`, (memory) =>
      memory.noteRefundDue({ ...EMPTY, id: `r${i}`, state, expiresAt: 1 }, paymentId, reason),
    ),
  )

test('answers that come in any order leave the furthest state of each reservation, its longest hold, and every mark', () => {
  sameAsModel<Memory>(
    () => ({ real: new AcknowledgementCache(), model: new Model() }),
    [
      note,
      note,
      refundDue,
      fc
        .tuple(fc.nat(2), fc.nat(3))
        .map(([i, applied]) =>
          operation(`restock ${i}: ${applied}`, (memory) =>
            memory.noteRestock({ sku: 0, quantity: 3, key: `k${i}`, final: true }, applied),
          ),
        ),
      fc.constant(operation('end', (memory) => memory.noteEnd())),
      fc.constant(operation('clear', (memory) => memory.clear())),
    ],
    { look: ({ all, restocks, state, forgotten }) => ({ all: [...all], restocks, state, forgotten }) },
  )
})

test('of any two answers for a reservation the one that is further, or the longer hold, is known, in either order', () => {
  const all = Object.keys(LATER) as State[]
  // Each with a time of its own, which tells which answer is known.
  const answers = all
    .flatMap((state) => [1, 2].map((expiresAt) => ({ ...EMPTY, id: 'r', state, expiresAt })))
    .map((answer, createdAt) => ({ ...answer, createdAt }))
  for (const first of answers)
    for (const second of answers) {
      const [real, model] = [new AcknowledgementCache(), new Model()]
      for (const memory of [real, model])
        for (const answer of [first, { ...second, createdAt: second.createdAt + 100 }]) memory.note(answer)
      // Of two that say the same, the latest.
      expect(real.all[0]!.reservation).toEqual(model.all[0]!.reservation)
    }
})
