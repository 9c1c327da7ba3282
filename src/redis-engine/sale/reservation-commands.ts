import type { Answer, Cart, Op, RefundReason, StoredReservation } from '../../engine/engine.js'
import type { ReservationCommands } from '../../engine/reservation-commands.js'
import { type Definitions, RETRY } from '../define-port.js'
import type { Writer } from '../msgpack.js'
import { amendCodec } from './amend-codec.js'
import { listCodec } from './list-codec.js'
import {
  asAt,
  codeOfReason,
  type Details,
  nextNumber,
  nextRecord,
  nextText,
  reasonOfCode,
  type SaleCodec,
  unknownStatus,
  writeColumn,
  writeIds,
} from './record-codec.js'
import { reserveCodec } from './reserve-codec.js'
import amend from './scripts/amend.lua'
import bind from './scripts/bind.lua'
import confirm from './scripts/confirm.lua'
import extend from './scripts/extend.lua'
import get from './scripts/get.lua'
import list from './scripts/list.lua'
import refund from './scripts/refund.lua'
import release from './scripts/release.lua'
import reserve from './scripts/reserve.lua'
import { readMoved } from './transfer-reservation-codec.js'

const NOT_FOUND = { status: 'not_found' } as const

/** A last column of `expiresAt`, if any item has one: in a recovery only. */
function writeExpiries(ops: readonly object[], to: Writer): void {
  const expiryOf = (op: { readonly expiresAt?: number | undefined }) => op.expiresAt ?? 0
  if (ops.some((op) => expiryOf(op) > 0)) writeColumn(ops, to, expiryOf)
}

/**
 * A codec for commands that answer by a letter and, if there is one, the reservation's record.
 *
 * @param others Letters that have other details.
 */
function settling<C extends 'confirm' | 'release' | 'extend' | 'refund' | 'get'>(
  command: C,
  columns: readonly ((op: Op<C>) => string | number | Cart)[],
  answers: Record<string, (reservation: StoredReservation, now: number) => Answer<C>>,
  others: Record<string, (from: Details, id: string) => Answer<C>> = {},
): SaleCodec<C> {
  const byLetter = new Map(Object.entries(answers).map(([letter, answer]) => [letter.charCodeAt(0), answer]))
  return {
    encode(ops, to) {
      writeIds(ops, 2, to)
      for (const column of columns) writeColumn(ops, to, column)
      writeExpiries(ops, to)
    },
    decode(ops, from) {
      return ops.map(({ id }, i): Answer<C> => {
        const letter = from.statuses[i]!
        if (letter === 0x4d /* M */) return NOT_FOUND as Answer<C>
        if (letter === 0x54 /* T */) return RETRY as Answer<C>
        const other = others[String.fromCharCode(letter)]
        if (other) return other(from, id)
        if (letter === 0x56 /* V */) return readMoved(id, from) as Answer<C>
        const answer = byLetter.get(letter)
        if (!answer) throw unknownStatus(command, letter)
        return answer(nextRecord(id, from), from.now)
      })
    },
  }
}

const due = (reason: RefundReason) => (reservation: StoredReservation) =>
  ({ status: 'refund_due', reservation, reason }) as const
const done =
  <S extends string>(status: S, replayed: boolean) =>
  (reservation: StoredReservation) => ({ status, reservation, replayed })
const plain =
  <S extends string>(status: S) =>
  (reservation: StoredReservation) => ({ status, reservation })
const confirmed = (replayed: boolean, late: boolean) => (reservation: StoredReservation) =>
  ({ status: 'confirmed', reservation, replayed, late }) as const

/** See `scripts/confirm.lua`. */
function finalOf({ final, told }: Op<'confirm'>): number {
  return told ? codeOfReason[told] : final ? 1 : 0
}

/** The scripts of the commands of reservations, and their codecs. */
export const reservationCommands: Definitions<ReservationCommands, Details> = {
  bind: {
    script: bind,
    encode(ops, to) {
      writeColumn(ops, to, (op) => op.buyer)
      writeColumn(ops, to, (op) => op.household ?? '')
    },
    decode: (ops, from) =>
      ops.map((_, i): Answer<'bind'> => {
        const status = from.statuses[i]
        if (status === 0x54 /* T */) return RETRY
        if (status !== 0x42 /* B */) throw unknownStatus('bind', status)
        const household = String(from.next())
        return { status: 'bound', household: household === '' ? null : household }
      }),
  },
  reserve: { script: reserve, ...reserveCodec },
  amend: { script: amend, flags: 'allow-oom', ...amendCodec },
  confirm: {
    script: confirm,
    flags: 'allow-oom',
    ...settling(
      'confirm',
      [(op) => op.buyer ?? '', (op) => op.paymentId ?? '', finalOf],
      {
        F: confirmed(false, false),
        G: confirmed(false, true),
        P: confirmed(true, false),
        Q: confirmed(true, true),
        S: due('sold_out'),
        L: due('limit_exceeded'),
        E: due('ended'),
        D: due('released'),
        B: due('refunded'),
        U: due('duplicate_payment'),
      },
      {
        W: (from) => ({ status: 'lacking', sku: nextNumber(from), available: nextNumber(from) }),
        V: (from, id) => {
          const moved = readMoved(id, from)
          const [told, earlier] = [reasonOfCode[nextNumber(from)], nextText(from)]
          return { ...moved, ...(told && { told }), ...(!told && earlier !== '' && { earlier }) }
        },
        N: (from) => ({ status: 'earlier', id: nextText(from) }),
      },
    ),
  },
  release: {
    script: release,
    flags: 'allow-oom',
    ...settling('release', [(op) => op.buyer ?? ''], {
      R: done('released', false),
      P: done('released', true),
      A: plain('already_confirmed'),
      X: plain('expired'),
    }),
  },
  extend: {
    script: extend,
    flags: 'allow-oom',
    ...settling('extend', [(op) => op.holdMs], {
      R: plain('extended'),
      A: plain('already_confirmed'),
      B: plain('already_released'),
      X: plain('expired'),
    }),
  },
  refund: {
    script: refund,
    flags: 'allow-oom',
    ...settling('refund', [(op) => (op.restock ? 1 : 0), (op) => op.cart ?? [], (op) => op.key ?? ''], {
      R: done('refunded', false),
      P: done('refunded', true),
      A: plain('not_confirmed'),
      X: plain('exceeds_order'),
      C: () => ({ status: 'conflict' }),
    }),
  },
  get: {
    script: get,
    tells: true,
    ...settling(
      'get',
      [],
      { F: (stored, now) => ({ status: 'found', reservation: asAt(stored, now) }) },
      {
        V: (from, id) => ({ status: 'found', reservation: nextRecord(id, from), moved: readMoved(id, from) }),
      },
    ),
  },
  list: { script: list, tells: true, ...listCodec },
}
