import type {
  Answer,
  Command,
  Op,
  RefundReason,
  SaleState,
  SkuCounts,
  StoredReservation,
} from '../../engine/engine.js'
import { Reader } from '../msgpack.js'
import { events } from './event-codec.js'
import {
  type Codec,
  type Details,
  nextNumber,
  nextRecord,
  readBucket,
  readCounts,
  unknownStatus,
  writeColumn,
  writeIds,
} from './record-codec.js'
import { reserve } from './reserve-codec.js'
import { receive, send, transfers } from './transfer-codec.js'

const RETRY = { status: 'retry' } as const
const NOT_FOUND = { status: 'not_found' } as const

/** The SKUs that a batch asks for, each once; `undefined` for all. */
function skusAsked(ops: readonly Op<'stats'>[]): number[] | undefined {
  if (ops.some(({ skus }) => skus === undefined)) return undefined
  return [...new Set(ops.flatMap(({ skus }) => skus!))]
}

/**
 * A codec for commands that answer by a letter and, where there is one, the reservation's record.
 *
 * @param others Letters that have other details.
 */
function settling<C extends 'confirm' | 'release' | 'extend' | 'refund' | 'get'>(
  command: C,
  columns: readonly ((op: Op<C>) => string | number)[],
  answers: Record<string, (reservation: StoredReservation, now: number) => Answer<C>>,
  others: Record<string, (from: Details) => Answer<C>> = {},
): Codec<C> {
  const byLetter = new Map(Object.entries(answers).map(([letter, answer]) => [letter.charCodeAt(0), answer]))
  return {
    write(ops, to) {
      writeIds(ops, 2, to)
      for (const column of columns) writeColumn(ops, to, column)
    },
    read(ops, from) {
      return ops.map(({ id }, i): Answer<C> => {
        const letter = from.statuses[i]!
        if (letter === 0x4d /* M */) return NOT_FOUND as Answer<C>
        if (letter === 0x54 /* T */) return RETRY as Answer<C>
        const other = others[String.fromCharCode(letter)]
        if (other) return other(from)
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

const stateOfLetter: Record<string, SaleState> = { O: 'open', N: 'not_started', P: 'paused', E: 'ended' }

function saleState(command: Command, letter: number): SaleState {
  const state = stateOfLetter[String.fromCharCode(letter)]
  if (!state) throw unknownStatus(command, letter)
  return state
}

function readAllCounts(packed: Reader): SkuCounts[] {
  const skus: SkuCounts[] = []
  while (!packed.done) skus.push(readCounts(packed))
  return skus
}

/** HGETALL of the stock, whose fields are the SKUs' indexes. */
function readStock(fields: readonly Buffer[]): SkuCounts[] {
  const skus: SkuCounts[] = []
  for (let i = 0; i < fields.length; i += 2) skus[Number(fields[i])] = readCounts(new Reader(fields[i + 1]!))
  return skus
}

function readPage(pairs: readonly Buffer[], from: Details): StoredReservation[] {
  const reservations: StoredReservation[] = []
  for (let i = 0; i < pairs.length; i += 2) reservations.push(...readBucket(pairs[i]!, pairs[i + 1]!, from))
  return reservations
}

/** How each command, but those that open a partition, is put into a script's arguments and read from its reply. */
export const codecs: { [C in Exclude<Command, 'create' | 'describe' | 'rebuild'>]: Codec<C> } = {
  reserve,
  confirm: settling(
    'confirm',
    [(op) => op.buyer ?? '', (op) => op.paymentId ?? '', (op) => (op.final ? 1 : 0)],
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
    },
    { W: (from) => ({ status: 'lacking', sku: nextNumber(from), available: nextNumber(from) }) },
  ),
  release: settling('release', [(op) => op.buyer ?? ''], {
    R: done('released', false),
    P: done('released', true),
    A: plain('already_confirmed'),
    X: plain('expired'),
  }),
  extend: settling('extend', [(op) => op.holdMs], {
    R: plain('extended'),
    A: plain('already_confirmed'),
    B: plain('already_released'),
    X: plain('expired'),
  }),
  refund: settling('refund', [(op) => (op.restock ? 1 : 0)], {
    R: done('refunded', false),
    P: done('refunded', true),
    A: plain('not_confirmed'),
  }),
  get: settling('get', [], {
    F: (stored, now) => {
      const expired = stored.state === 'held' && now >= stored.expiresAt
      return { status: 'found', reservation: expired ? { ...stored, state: 'expired' } : stored }
    },
  }),
  restock: {
    write(ops, to) {
      writeColumn(ops, to, (op) => op.sku)
      writeColumn(ops, to, (op) => op.quantity)
      writeColumn(ops, to, (op) => op.key)
      writeColumn(ops, to, (op) => (op.final ? 1 : 0))
    },
    read: (ops, from) =>
      ops.map(({ sku }, i): Answer<'restock'> => {
        const letter = String.fromCharCode(from.statuses[i]!)
        if (letter === 'T') return RETRY
        if (letter === 'C') return { status: 'conflict' }
        if (letter === 'K') return { status: 'lacking', sku, available: nextNumber(from) }
        if (letter !== 'R' && letter !== 'P') throw unknownStatus('restock', from.statuses[i])
        return { status: 'restocked', applied: nextNumber(from), replayed: letter === 'P' }
      }),
  },
  control: {
    write: (ops, to) => writeColumn(ops, to, (op) => op.action),
    read: (ops, from) =>
      ops.map((_, i): Answer<'control'> => {
        const letter = from.statuses[i]!
        return letter === 0x54 /* T */ ? RETRY : { status: saleState('control', letter) }
      }),
  },
  stats: {
    write(ops, to) {
      to.integer(ops.length)
      const asked = skusAsked(ops)
      if (!asked) return to.integer(-1)
      to.array(asked.length)
      for (const sku of asked) to.integer(sku)
    },
    read(ops, from) {
      const letter = from.statuses[0]!
      if (letter === 0x54 /* T */) return ops.map(() => RETRY)
      const counts = readAllCounts(new Reader(from.next() as Buffer))
      const returns = nextNumber(from)
      const asked = skusAsked(ops)
      const places = asked && new Map(asked.map((sku, place) => [sku, place]))
      const of = (sku: number) => counts[places ? places.get(sku)! : sku]!
      return ops.map(({ skus }) => ({
        status: saleState('stats', letter),
        skus: skus?.map(of) ?? counts,
        returns,
      }))
    },
  },
  sweep: {
    write: (ops, to) => to.integer(ops.length),
    read(ops, from) {
      const next = nextNumber(from)
      return ops.map(() => ({ status: 'swept', next: next < 0 ? null : next }))
    },
  },
  scan: {
    write: (ops, to) => writeColumn(ops, to, (op) => op.cursor),
    read: (ops, from) =>
      ops.map(() => {
        const cursor = String(from.next())
        const skus = readStock(from.next() as Buffer[])
        const reservations = readPage(from.next() as Buffer[], from)
        return { status: 'scanned', cursor, reservations, skus, sequence: from.sequence }
      }),
  },
  events,
  send,
  receive,
  transfers,
}
