import type { Answer, Op } from '../../engine/engine.js'
import { RETRY } from '../define-port.js'
import {
  type Details,
  nextNumber,
  nextRecord,
  readLimitExceeded,
  type SaleCodec,
  unknownStatus,
  writeColumn,
  writeIds,
} from './record-codec.js'
import { readUnits } from './transfer-codec.js'
import { readMoved } from './transfer-reservation-codec.js'

const statusOfLetter = {
  R: 'amended',
  G: 'takes',
  A: 'already_confirmed',
  B: 'already_released',
  X: 'expired',
} as const

export const amendCodec: SaleCodec<'amend'> = {
  encode(ops, to) {
    writeIds(ops, 2, to)
    writeColumn(ops, to, (op) => op.buyer ?? '')
    writeColumn(ops, to, (op) => op.cart)
    writeColumn(ops, to, (op) => (op.mayTake ? 1 : 0))
    writeColumn(ops, to, (op) => op.count ?? 0)
  },
  decode: (ops, from) => ops.map((op, i) => readAmend(op, from.statuses[i]!, from)),
}

function readAmend({ id }: Op<'amend'>, status: number, from: Details): Answer<'amend'> {
  const letter = String.fromCharCode(status)
  switch (letter) {
    case 'M':
      return { status: 'not_found' }
    case 'T':
      return RETRY
    case 'V':
      return readMoved(id, from)
    case 'E':
      return { status: 'ended' }
    case 'Z':
      return { status: 'paused' }
    case 'N':
      return { status: 'not_started', opensAt: nextNumber(from) }
    case 'O':
      return { status: 'not_started', sku: nextNumber(from), opensAt: nextNumber(from) }
    case 'F':
      return { status: 'ended', sku: nextNumber(from) }
    case 'L':
      return readLimitExceeded(id, from)
    case 'S': {
      const [sku, available, mayReturn] = [nextNumber(from), nextNumber(from), nextNumber(from) === 1]
      return { status: 'sold_out', sku, available, mayReturn, wants: readUnits(from.next() as Buffer) }
    }
    case 'R':
    case 'G':
    case 'A':
    case 'B':
    case 'X':
      return { status: statusOfLetter[letter], reservation: nextRecord(id, from) }
    default:
      throw unknownStatus('amend', status)
  }
}
