import type { Answer, Op } from '../../engine/engine.js'
import type { StockCommands } from '../../engine/stock-commands.js'
import { type Definitions, RETRY } from '../define-port.js'
import { Reader } from '../msgpack.js'
import { type Details, nextNumber, readApplied, unknownStatus, writeRows } from './record-codec.js'
import debt from './scripts/debt.lua'
import move from './scripts/move.lua'
import setTotal from './scripts/setTotal.lua'
import withhold from './scripts/withhold.lua'

type CountCommands = Pick<StockCommands, 'move' | 'setTotal' | 'debt' | 'withhold'>

/** Moves between SKUs, stock counts, and what they owe. */
export const countCommands: Definitions<CountCommands, Details> = {
  move: {
    script: move,
    flags: 'allow-oom',
    encode: (ops, to) =>
      writeRows(ops, to, 6, (op) => {
        to.integer(op.from)
        to.integer(op.to)
        to.integer(op.quantity)
        to.text(op.key)
        to.integer(op.final ? 1 : 0)
        to.integer(op.atMost ?? op.quantity)
      }),
    decode: (ops, from) => readApplied('move', 'moved', ops, (op) => op.from, from),
  },
  setTotal: {
    script: setTotal,
    flags: 'allow-oom',
    encode: (ops, to) =>
      writeRows(ops, to, 12, (op) => {
        to.integer(op.sku)
        to.integer(op.total)
        to.text(op.key)
        to.integer(op.counted?.countedAt ?? op.countedAt ?? -1)
        to.integer(basisOf(op))
        to.integer(op.basis?.others ?? 0)
        to.integer(op.basis?.own ?? 0)
        to.integer(op.final ? 1 : 0)
        to.integer(op.counted ? 1 : 0)
        to.integer(op.counted?.change ?? 0)
        to.integer(op.counted?.applied ?? 0)
        to.integer(op.counted?.owed ?? 0)
      }),
    decode: (ops, from) =>
      ops.map((_, i): Answer<'setTotal'> => {
        const letter = String.fromCharCode(from.statuses[i]!)
        if (letter === 'T') return RETRY
        if (letter === 'C') return { status: 'conflict' }
        if (letter === 'O') return { status: 'superseded', owed: nextNumber(from) }
        if (letter === 'U') return { status: 'uncounted', own: nextNumber(from), owed: nextNumber(from) }
        if (letter !== 'S' && letter !== 'P') throw unknownStatus('setTotal', from.statuses[i])
        const [change, applied, owed] = [nextNumber(from), nextNumber(from), nextNumber(from)]
        const countedAt = nextNumber(from)
        const complete = nextNumber(from) === 1
        return { status: 'set', change, applied, owed, countedAt, complete, replayed: letter === 'P' }
      }),
  },
  debt: {
    script: debt,
    encode: (ops, to) =>
      writeRows(ops, to, 2, (op) => {
        to.integer(op.sku)
        to.integer(op.partitions)
      }),
    decode: (ops, from) =>
      ops.map((): Answer<'debt'> => {
        const owed = nextNumber(from)
        const packed = new Reader(from.next() as Buffer)
        const sent: [number, number][] = []
        for (let other = 1; !packed.done; other++) {
          const units = packed.integer()
          if (units > 0) sent.push([other, units])
        }
        return { status: 'debt', owed, sent }
      }),
  },
  withhold: {
    script: withhold,
    flags: 'allow-oom',
    encode: (ops, to) =>
      writeRows(ops, to, 3, (op) => {
        to.integer(op.sku)
        to.integer(op.units)
        to.integer(op.received)
      }),
    decode: (ops, from) =>
      ops.map((_, i): Answer<'withhold'> => {
        const letter = from.statuses[i]
        if (letter === 0x54 /* T */) return RETRY
        if (letter !== 0x47 /* G */) throw unknownStatus('withhold', letter)
        return { status: 'withheld', sent: nextNumber(from) }
      }),
  },
}

/** How much of the basis is given. */
function basisOf({ basis }: Op<'setTotal'>): number {
  if (!basis) return 0
  return basis.own === null ? 1 : 2
}
