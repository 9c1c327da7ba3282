import { indexEffects } from '../../engine/effects.js'
import {
  FORGOTTEN_AT_ONCE,
  type IndexCommands,
  type IndexEntry,
  type IndexedIncarnation,
  type IndexState,
  KEPT_MS,
} from '../../engine/sale-index.js'
import { type Details, definePort, type Head, RETRY } from '../define-port.js'
import { Reader, type Writer } from '../msgpack.js'
import { noHead, writeAttempts, writeTexts } from './codec.js'
import saleIndex from './concerns/sale_index.lua'
import commit from './scripts/commit.lua'
import find from './scripts/find.lua'
import finish from './scripts/finish.lua'
import page from './scripts/page.lua'
import register from './scripts/register.lua'

const STATES: readonly IndexState[] = ['live', 'removing', 'removed']
const UNKNOWN = 8
const RETRIED = 9

function writeIncarnation({ incarnation, kind, name, partitions }: IndexedIncarnation, to: Writer): void {
  to.text(incarnation)
  to.integer(kind === 'room' ? 1 : 0)
  to.text(name)
  to.integer(partitions)
}

function nextNumber(from: Details): number {
  return Number(from.next())
}

function readEntries(parts: readonly Buffer[]): IndexEntry[] {
  const entries: IndexEntry[] = []
  for (let i = 0; i < parts.length; i += 2) {
    const packed = new Reader(parts[i + 1]!)
    packed.integer() // layout
    const kind = packed.integer() === 1 ? 'room' : 'sale'
    const [name, partitions, state] = [packed.text(), packed.integer(), STATES[packed.integer()]!]
    const [createdAt, attempt, retains] = [packed.integer(), packed.integer(), packed.integer() === 1]
    const incarnation = String(parts[i])
    entries.push({ kind, name, incarnation, partitions, state, createdAt, attempt, retains })
  }
  return entries
}

/** The index of a prefix. */
export const indexPort = definePort<IndexCommands, Head>({
  name: 'index',
  effects: indexEffects,
  concerns: { sale_index: saleIndex },
  readHead: noHead,
  commands: {
    register: {
      script: register,
      opens: true,
      encode(ops, to) {
        to.array(ops.length)
        for (const op of ops) {
          to.array(6)
          writeIncarnation(op, to)
          to.integer(op.attempts ? 1 : 0)
          to.integer(op.retains ? 1 : 0)
        }
      },
      decode: (ops, from) =>
        ops.map(() => {
          const [state, attempt] = [nextNumber(from), nextNumber(from)]
          return state === RETRIED ? RETRY : { status: 'registered', state: STATES[state]!, attempt }
        }),
    },
    find: {
      script: find,
      opens: true,
      encode: (ops, to) =>
        writeTexts(
          ops.map(({ incarnation }) => incarnation),
          to,
        ),
      decode: (ops, from) =>
        ops.map(() => {
          const [state, attempt, partitions] = [nextNumber(from), nextNumber(from), nextNumber(from)]
          return state === UNKNOWN
            ? { status: 'unknown' }
            : { status: 'found', state: STATES[state]!, attempt, partitions }
        }),
    },
    commit: {
      script: commit,
      opens: true,
      flags: 'allow-oom',
      encode: writeAttempts,
      decode: (ops, from) =>
        ops.map(() => {
          const done = nextNumber(from)
          return done === RETRIED ? RETRY : { status: done === 1 ? 'committed' : 'superseded' }
        }),
    },
    finish: {
      script: finish,
      opens: true,
      flags: 'allow-oom',
      encode(ops, to) {
        to.array(ops.length)
        for (const op of ops) {
          to.array(6)
          writeIncarnation(op, to)
          to.integer(KEPT_MS)
          to.integer(FORGOTTEN_AT_ONCE)
        }
      },
      decode: (ops, from) => ops.map(() => (nextNumber(from) === RETRIED ? RETRY : { status: 'finished' })),
    },
    list: {
      script: page,
      opens: true,
      encode: (ops, to) =>
        writeTexts(
          ops.map(({ cursor }) => cursor),
          to,
        ),
      decode: (ops, from) =>
        ops.map(() => {
          const cursor = String(from.next())
          return { status: 'listed', cursor, entries: readEntries(from.next() as Buffer[]) }
        }),
    },
  },
})
