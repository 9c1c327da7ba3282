import { operationsLogEffects } from '../../engine/effects.js'
import {
  KEPT_ENTRIES,
  type LoggedOperation,
  type OperationsLogCommands,
} from '../../engine/operations-log.js'
import { definePort, type Head, RETRY } from '../define-port.js'
import { Reader } from '../msgpack.js'
import { noHead } from '../removal/codec.js'
import operationsLog from './concerns/operations_log.lua'
import read from './scripts/read.lua'
import write from './scripts/write.lua'

const RETRIED = 9

function readEntries(parts: readonly Buffer[]): LoggedOperation[] {
  const entries: LoggedOperation[] = []
  for (let i = 0; i < parts.length; i += 2) {
    const packed = new Reader(parts[i + 1]!)
    packed.integer() // layout
    const [number, begun, begunAt] = [packed.integer(), packed.text(), packed.integer()]
    const [endedAt, ended] = [packed.integer(), packed.text()]
    const outcome = endedAt < 0 ? { ended: null, endedAt: null } : { ended, endedAt }
    entries.push({ id: String(parts[i]), number, begun, begunAt, ...outcome })
  }
  return entries
}

/** The operations log of a prefix. */
export const operationsLogPort = definePort<OperationsLogCommands, Head>({
  name: 'operations_log',
  effects: operationsLogEffects,
  concerns: { operations_log: operationsLog },
  readHead: noHead,
  commands: {
    write: {
      script: write,
      opens: true,
      // An operation that gives stock back works while Redis is full, and is noted.
      flags: 'allow-oom',
      encode(ops, to) {
        to.array(ops.length)
        for (const { id, begun, ended } of ops) {
          to.array(5)
          to.text(id)
          to.text(begun)
          to.integer(ended === null ? 0 : 1)
          to.text(ended ?? '')
          to.integer(KEPT_ENTRIES)
        }
      },
      decode: (ops, from) => ops.map(() => (Number(from.next()) === RETRIED ? RETRY : { status: 'written' })),
    },
    read: {
      script: read,
      opens: true,
      encode(ops, to) {
        to.array(ops.length)
        for (const { before, limit } of ops) {
          to.array(2)
          to.integer(before ?? 0)
          to.integer(limit)
        }
      },
      decode: (ops, from) =>
        ops.map(() => ({ status: 'read', entries: readEntries(from.next() as Buffer[]) })),
    },
  },
})
