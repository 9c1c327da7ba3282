import { saleEffects } from '../../engine/effects.js'
import type {
  Answer,
  Command,
  Commands,
  Op,
  RefundReason,
  SaleState,
  SkuCounts,
  StoredReservation,
} from '../../engine/engine.js'
import { definePort, RETRY } from '../define-port.js'
import { Reader } from '../msgpack.js'
import { readHead, writeCaller } from './call-codec.js'
import acl from './concerns/acl.lua'
import commit from './concerns/commit.lua'
import eachReservation from './concerns/each_reservation.lua'
import endedHolds from './concerns/ended_holds.lua'
import eventLog from './concerns/event_log.lua'
import expiry from './concerns/expiry.lua'
import idempotency from './concerns/idempotency.lua'
import latePayment from './concerns/late_payment.lua'
import limitsAndStock from './concerns/limits_and_stock.lua'
import loneChange from './concerns/lone_change.lua'
import lonePayment from './concerns/lone_payment.lua'
import loneReservation from './concerns/lone_reservation.lua'
import mayWrite from './concerns/may_write.lua'
import newPartition from './concerns/new_partition.lua'
import partition from './concerns/partition.lua'
import readOnly from './concerns/read_only.lua'
import recordChanges from './concerns/record_changes.lua'
import records from './concerns/records.lua'
import rollbackDetection from './concerns/rollback_detection.lua'
import stockMoves from './concerns/stock_moves.lua'
import stockTransfers from './concerns/stock_transfers.lua'
import storedValues from './concerns/stored_values.lua'
import types from './concerns/types.lua'
import { eventsCodec } from './event-codec.js'
import { readCreated, readDescribed, readRebuilt, writeSales } from './opening-codec.js'
import {
  type Details,
  nextNumber,
  nextRecord,
  readBucket,
  readCounts,
  type SaleCodec,
  unknownStatus,
  writeColumn,
  writeIds,
} from './record-codec.js'
import { reserveCodec } from './reserve-codec.js'
import confirm from './scripts/confirm.lua'
import control from './scripts/control.lua'
import create from './scripts/create.lua'
import describe from './scripts/describe.lua'
import readEvents from './scripts/events.lua'
import extend from './scripts/extend.lua'
import get from './scripts/get.lua'
import rebuild from './scripts/rebuild.lua'
import receive from './scripts/receive.lua'
import refund from './scripts/refund.lua'
import release from './scripts/release.lua'
import reserve from './scripts/reserve.lua'
import restock from './scripts/restock.lua'
import scan from './scripts/scan.lua'
import send from './scripts/send.lua'
import stats from './scripts/stats.lua'
import sweep from './scripts/sweep.lua'
import transfers from './scripts/transfers.lua'
import { receiveCodec, sendCodec, transfersCodec } from './transfer-codec.js'

/** The texts that these scripts can include, by file name. */
export const saleConcerns = {
  acl,
  commit,
  each_reservation: eachReservation,
  ended_holds: endedHolds,
  event_log: eventLog,
  expiry,
  idempotency,
  late_payment: latePayment,
  limits_and_stock: limitsAndStock,
  lone_change: loneChange,
  lone_payment: lonePayment,
  lone_reservation: loneReservation,
  may_write: mayWrite,
  new_partition: newPartition,
  partition,
  read_only: readOnly,
  record_changes: recordChanges,
  records,
  rollback_detection: rollbackDetection,
  stock_moves: stockMoves,
  stock_transfers: stockTransfers,
  stored_values: storedValues,
  types,
}

const NOT_FOUND = { status: 'not_found' } as const

/** The SKUs that a batch asks for, each once; `undefined` for all. */
function skusAsked(ops: readonly Op<'stats'>[]): number[] | undefined {
  if (ops.some(({ skus }) => skus === undefined)) return undefined
  return [...new Set(ops.flatMap(({ skus }) => skus!))]
}

/**
 * A codec for commands that answer by a letter and, if there is one, the reservation's record.
 *
 * @param others Letters that have other details.
 */
function settling<C extends 'confirm' | 'release' | 'extend' | 'refund' | 'get'>(
  command: C,
  columns: readonly ((op: Op<C>) => string | number)[],
  answers: Record<string, (reservation: StoredReservation, now: number) => Answer<C>>,
  others: Record<string, (from: Details) => Answer<C>> = {},
): SaleCodec<C> {
  const byLetter = new Map(Object.entries(answers).map(([letter, answer]) => [letter.charCodeAt(0), answer]))
  return {
    encode(ops, to) {
      writeIds(ops, 2, to)
      for (const column of columns) writeColumn(ops, to, column)
    },
    decode(ops, from) {
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

export const salePort = definePort<Commands, Details>({
  name: 'sale',
  effects: saleEffects,
  concerns: saleConcerns,
  writeCaller,
  readHead,
  commands: {
    create: { script: create, opens: true, encode: writeSales, decode: readCreated },
    describe: { script: describe, opens: true, encode() {}, decode: readDescribed },
    rebuild: { script: rebuild, opens: true, encode: writeSales, decode: readRebuilt },
    reserve: { script: reserve, ...reserveCodec },
    confirm: {
      script: confirm,
      flags: 'allow-oom',
      ...settling(
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
      ...settling('refund', [(op) => (op.restock ? 1 : 0)], {
        R: done('refunded', false),
        P: done('refunded', true),
        A: plain('not_confirmed'),
      }),
    },
    get: {
      script: get,
      tells: true,
      ...settling('get', [], {
        F: (stored, now) => {
          const expired = stored.state === 'held' && now >= stored.expiresAt
          return { status: 'found', reservation: expired ? { ...stored, state: 'expired' } : stored }
        },
      }),
    },
    restock: {
      script: restock,
      flags: 'allow-oom',
      encode(ops, to) {
        writeColumn(ops, to, (op) => op.sku)
        writeColumn(ops, to, (op) => op.quantity)
        writeColumn(ops, to, (op) => op.key)
        writeColumn(ops, to, (op) => (op.final ? 1 : 0))
      },
      decode: (ops, from) =>
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
      script: control,
      flags: 'allow-oom',
      encode: (ops, to) => writeColumn(ops, to, (op) => op.action),
      decode: (ops, from) =>
        ops.map((_, i): Answer<'control'> => {
          const letter = from.statuses[i]!
          return letter === 0x54 /* T */ ? RETRY : { status: saleState('control', letter) }
        }),
    },
    stats: {
      script: stats,
      flags: 'allow-oom',
      encode(ops, to) {
        to.integer(ops.length)
        const asked = skusAsked(ops)
        if (!asked) return to.integer(-1)
        to.array(asked.length)
        for (const sku of asked) to.integer(sku)
      },
      decode(ops, from) {
        const letter = from.statuses[0]!
        if (letter === 0x54 /* T */) return ops.map(() => RETRY)
        const counts = readAllCounts(new Reader(from.next() as Buffer))
        const returns = nextNumber(from)
        const asked = skusAsked(ops)
        const indices = asked && new Map(asked.map((sku, index) => [sku, index]))
        const of = (sku: number) => counts[indices ? indices.get(sku)! : sku]!
        return ops.map(({ skus }) => ({
          status: saleState('stats', letter),
          skus: skus?.map(of) ?? counts,
          returns,
        }))
      },
    },
    sweep: {
      script: sweep,
      flags: 'allow-oom',
      encode: (ops, to) => to.integer(ops.length),
      decode(ops, from) {
        const next = nextNumber(from)
        return ops.map(() => ({ status: 'swept', next: next < 0 ? null : next }))
      },
    },
    scan: {
      script: scan,
      encode: (ops, to) => writeColumn(ops, to, (op) => op.cursor),
      decode: (ops, from) =>
        ops.map(() => {
          const cursor = String(from.next())
          const skus = readStock(from.next() as Buffer[])
          const reservations = readPage(from.next() as Buffer[], from)
          return { status: 'scanned', cursor, reservations, skus, sequence: from.sequence }
        }),
    },
    events: { script: readEvents, tells: true, ...eventsCodec },
    send: { script: send, flags: 'allow-oom', ...sendCodec },
    receive: { script: receive, flags: 'allow-oom', ...receiveCodec },
    transfers: { script: transfers, ...transfersCodec },
  },
})
