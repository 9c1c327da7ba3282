import type { Answer, Units } from '../../engine/engine.js'
import { RETRY } from '../define-port.js'
import { Reader, type Writer } from '../msgpack.js'
import { type Details, type SaleCodec, unknownStatus, writeRows } from './record-codec.js'

function writeUnits(units: Units, to: Writer): void {
  to.array(2 * units.length)
  for (const [sku, quantity] of units) {
    to.integer(sku)
    to.integer(quantity)
  }
}

/** Decodes units one after another, as `concerns/stock_moves.lua` packs them. */
export function readUnits(packed: Buffer): [number, number][] {
  const row = new Reader(packed)
  const units: [number, number][] = []
  while (!row.done) units.push([row.integer(), row.integer()])
  return units
}

function isRetry(command: 'send' | 'receive', from: Details, i: number): boolean {
  const letter = from.statuses[i]
  if (letter === 0x54 /* T */) return true
  if (letter !== 0x47 /* G */) throw unknownStatus(command, letter)
  return false
}

export const sendCodec: SaleCodec<'send'> = {
  encode: (ops, to) =>
    writeRows(ops, to, 3, (op) => {
      to.integer(op.to)
      writeUnits(op.wants, to)
      writeUnits(op.received, to)
    }),
  decode: (ops, from) =>
    ops.map((_, i): Answer<'send'> => {
      if (isRetry('send', from, i)) return RETRY
      const sent = readUnits(from.next() as Buffer)
      return { status: 'sent', sent, left: readUnits(from.next() as Buffer) }
    }),
}

export const receiveCodec: SaleCodec<'receive'> = {
  encode: (ops, to) =>
    writeRows(ops, to, 2, (op) => {
      to.integer(op.from)
      writeUnits(op.sent, to)
    }),
  decode: (ops, from) =>
    ops.map((_, i): Answer<'receive'> => {
      if (isRetry('receive', from, i)) return RETRY
      return { status: 'received', received: readUnits(from.next() as Buffer) }
    }),
}

/** The field of TRANSFERS that is there once a transfer has made a record. */
const HAS_ARRIVED = 'r0/o'

export const transfersCodec: SaleCodec<'transfers'> = {
  encode: (ops, to) => to.integer(ops.length),
  decode(ops, from) {
    const fields = from.next() as Buffer[]
    const sent = new Map<number, [number, number][]>()
    const received = new Map<number, [number, number][]>()
    let departing: string[] = []
    let hasArrived = false
    for (let i = 0; i < fields.length; i += 2) {
      if (String(fields[i]) === 'd') {
        departing = idsOf(String(fields[i + 1]))
        continue
      }
      if (String(fields[i]) === HAS_ARRIVED) {
        hasArrived = true
        continue
      }
      // `s3/0`: sent to partition 3, the first block of SKUs.
      const field = String(fields[i])
      const rows = field[0] === 's' ? sent : received
      const other = Number.parseInt(field.slice(1), 10)
      const units = rows.get(other) ?? []
      units.push(...readUnits(fields[i + 1]!))
      rows.set(other, units)
    }
    const answer = {
      status: 'transfers',
      sent: inOrder(sent),
      received: inOrder(received),
      departing,
      hasArrived,
    } as const
    return ops.map(() => answer)
  },
}

/** Ids that follow one another. */
function idsOf(text: string): string[] {
  return text.match(/.{19}/g) ?? []
}

function inOrder(rows: ReadonlyMap<number, [number, number][]>): [number, Units][] {
  for (const units of rows.values()) units.sort(byNumber)
  return [...rows].sort(byNumber)
}

function byNumber(a: readonly [number, unknown], b: readonly [number, unknown]): number {
  return a[0] - b[0]
}
