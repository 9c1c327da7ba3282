import { saleEffects } from '../../engine/effects.js'
import type {
  Answer,
  Command,
  Commands,
  Op,
  SaleState,
  SkuCounts,
  StoredReservation,
} from '../../engine/engine.js'
import { definePort, RETRY } from '../define-port.js'
import { Reader } from '../msgpack.js'
import { readHead, writeCaller, writeOffset } from './call-codec.js'
import { saleConcerns } from './concerns.js'
import { eventsCodec } from './event-codec.js'
import { readCreated, readDescribed, readRebuilt, writeSales } from './opening-codec.js'
import {
  type Details,
  nextNumber,
  readBucket,
  readCounts,
  readFurtherPayments,
  readKeyedRefunds,
  unknownStatus,
  writeColumn,
} from './record-codec.js'
import { reservationCommands } from './reservation-commands.js'
import control from './scripts/control.lua'
import create from './scripts/create.lua'
import describe from './scripts/describe.lua'
import readEvents from './scripts/events.lua'
import rebuild from './scripts/rebuild.lua'
import scan from './scripts/scan.lua'
import stats from './scripts/stats.lua'
import sweep from './scripts/sweep.lua'
import update from './scripts/update.lua'
import { stockCommands } from './stock-commands.js'
import { transferCommands } from './transfer-reservation-codec.js'
import { updateCodec } from './update-codec.js'

/** The SKUs that a batch asks for, each once; `undefined` for all. */
function skusAsked(ops: readonly Op<'stats'>[]): number[] | undefined {
  if (ops.some(({ skus }) => skus === undefined)) return undefined
  return [...new Set(ops.flatMap(({ skus }) => skus!))]
}

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
    update: { script: update, flags: 'allow-oom', ...updateCodec },
    ...reservationCommands,
    control: {
      script: control,
      flags: 'allow-oom',
      encode(ops, to) {
        writeColumn(ops, to, (op) => op.action)
        to.array(ops.length)
        for (const op of ops) {
          const offsets = op.action === 'unfreeze' ? op.recovered : []
          to.array(offsets.length)
          for (const offset of offsets) writeOffset(offset, to)
        }
        writeColumn(ops, to, (op) => ('after' in op ? op.after : 0))
      },
      decode: (ops, from) =>
        ops.map((_, i): Answer<'control'> => {
          const letter = from.statuses[i]!
          if (letter === 0x54 /* T */) return RETRY
          return { status: letter === 0x46 /* F */ ? 'frozen' : saleState('control', letter) }
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
          const furtherPayments = readFurtherPayments(from.next() as Buffer[], from)
          const keyedRefunds = readKeyedRefunds(from.next() as Buffer[], from)
          const { sequence } = from
          return { status: 'scanned', cursor, reservations, furtherPayments, keyedRefunds, skus, sequence }
        }),
    },
    events: { script: readEvents, tells: true, ...eventsCodec },
    ...stockCommands,
    ...transferCommands,
  },
})
