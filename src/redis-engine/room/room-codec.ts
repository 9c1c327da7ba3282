import type {
  DepartedChunk,
  RoomAnswer,
  RoomCommand,
  RoomOp,
  RoomState,
  StockReading,
  Visit,
  VisitAnswer,
} from '../../engine/room.js'
import { Reader, type Writer } from '../msgpack.js'
import { writeColumn } from '../sale/record-codec.js'

/** The parts of a reply behind outcome, time and sequence. */
export interface Parts {
  readonly now: number
  next(): unknown
}

interface RoomCodec<C extends RoomCommand> {
  /** The command's own columns, behind incarnation, deadline and floor. */
  write(ops: readonly RoomOp<C>[], to: Writer): void
  read(ops: readonly RoomOp<C>[], from: Parts): RoomAnswer<C>[]
}

const RETRY = { status: 'retry' } as const
const STOCK_STATES = ['none', 'open', 'closed', 'sold_out', 'ended'] as const

export function writeRooms(ops: readonly RoomOp<'create'>[], to: Writer): void {
  to.array(ops.length)
  for (const { rules, pace, seed, commitment, incarnation } of ops) {
    to.array(12)
    to.text(incarnation)
    to.text(JSON.stringify(rules))
    to.integer(rules.claimMs)
    to.integer(rules.passMs)
    to.integer(rules.opensAt ?? -1)
    to.integer(rules.order === 'random' ? 1 : 0)
    to.integer(rules.sale === null ? 0 : 1)
    to.integer(rules.overcommit)
    to.text(seed)
    to.text(commitment)
    to.integer(pace.rate)
    to.integer(pace.burst)
  }
}

const statusOfOpening = { C: 'created', X: 'exists', N: 'conflict', T: 'retry' } as const

/** Reads `opened, now, ahead, statuses, incarnations, commitments`. */
export function readRoomsOpened(reply: readonly unknown[]): RoomAnswer<'create'>[] {
  const incarnations = reply[4] as readonly unknown[]
  const commitments = reply[5] as readonly unknown[]
  return [...String(reply[3])].map((letter, i): RoomAnswer<'create'> => {
    const status = statusOfOpening[letter as keyof typeof statusOfOpening]
    if (!status) throw new RangeError(`create answered the unknown status ${letter}`)
    if (status === 'retry') return { status }
    return { status, incarnation: String(incarnations[i]), commitment: String(commitments[i]) }
  })
}

/** Commands that answer by a letter alone. */
function byLetter<C extends 'leave' | 'revoke' | 'spend' | 'control'>(
  write: RoomCodec<C>['write'],
  answers: Readonly<Record<string, RoomAnswer<C>>>,
): RoomCodec<C> {
  return {
    write,
    read: (ops, from) => {
      const letters = String(from.next())
      return ops.map((_, i) => {
        const answer = letters[i] === 'T' ? (RETRY as RoomAnswer<C>) : answers[letters[i]!]
        if (!answer) throw new RangeError(`a waiting room answered the unknown status ${letters[i]}`)
        return answer
      })
    },
  }
}

function writeStock(stock: StockReading | null, to: Writer): void {
  to.array(stock ? 3 : 0)
  if (!stock) return
  to.integer(stock.at)
  to.integer(STOCK_STATES.indexOf(stock.state))
  to.integer(stock.available)
}

function readState(
  packed: Reader,
): Omit<RoomState, 'status' | 'seed' | 'turns' | 'gone' | 'revoked'> & { drawn: number | null } {
  const next = () => packed.integer()
  const opened = next() === 1
  const paused = next() === 1
  const stock = STOCK_STATES[next()]
  const closed = stock === 'sold_out' || stock === 'ended' ? stock : null
  const pace = { rate: next(), burst: next() }
  const state = {
    opened,
    paused,
    closed,
    pace,
    tokens: next(),
    tail: next(),
    called: next(),
    reach: next(),
    present: next(),
    speed: next(),
    waiting: next(),
    admitted: next(),
    missedTurns: next(),
    outstanding: next(),
  } as const
  const capacity = next()
  const drawn = next()
  const doorTime = next()
  const goneVersion = next()
  return {
    ...state,
    capacity: capacity < 0 ? null : capacity,
    drawn: drawn < 0 ? null : drawn,
    doorTime,
    goneVersion,
  }
}

function readVisits(packed: Reader, visits: readonly Visit[]): VisitAnswer[] {
  return visits.map((): VisitAnswer => {
    const code = packed.integer()
    const number = packed.integer()
    const detail = packed.integer()
    if (code === 2) return { status: 'gone' }
    if (code === 1) return { status: 'admitted', number, expiresAt: detail }
    return { status: 'waiting', number, ahead: detail < 0 ? null : detail }
  })
}

function readChunks(parts: readonly unknown[]): DepartedChunk[] {
  const chunks: DepartedChunk[] = []
  for (let i = 0; i < parts.length; i += 2)
    chunks.push({ index: Number(parts[i]), bits: parts[i + 1] as Buffer })
  return chunks
}

function readAll<T>(packed: Buffer, read: (reader: Reader) => T): T[] {
  const reader = new Reader(packed)
  const values: T[] = []
  while (!reader.done) values.push(read(reader))
  return values
}

function writeEnded(ops: readonly { readonly buyer: string; readonly visitId?: number }[], to: Writer): void {
  writeColumn(ops, to, ({ buyer }) => buyer)
  writeColumn(ops, to, ({ visitId = -1 }) => visitId)
}

/** How each command, but `create` and `describe`, is put into a script's arguments and read from its reply. */
export const roomCodecs: { [C in Exclude<RoomCommand, 'create' | 'describe'>]: RoomCodec<C> } = {
  join: {
    write: (ops, to) => writeColumn(ops, to, ({ buyer }) => buyer),
    read(ops, from) {
      const letters = String(from.next())
      const numbers = new Reader(from.next() as Buffer)
      return ops.map((_, i): RoomAnswer<'join'> => {
        const number = numbers.integer()
        const visitId = numbers.integer()
        const expiresAt = numbers.integer()
        if (letters[i] === 'T') return RETRY
        return { status: 'placed', number, visitId, expiresAt: expiresAt === 0 ? null : expiresAt }
      })
    },
  },
  tend: {
    write(ops, to) {
      to.array(ops.length)
      for (const { stock, goneVersion, turnsSince, revokedSince, drawn, visits } of ops) {
        to.array(9)
        writeStock(stock, to)
        to.integer(goneVersion)
        to.integer(turnsSince)
        to.integer(revokedSince)
        to.integer(drawn ?? -1)
        writeColumn(visits, to, ({ buyer }) => buyer)
        writeColumn(visits, to, ({ visitId }) => visitId)
        writeColumn(visits, to, ({ number }) => number)
        writeColumn(visits, to, ({ rank }) => rank)
      }
    },
    read(ops, from) {
      const states = ops.map(({ visits }) => ({
        state: readState(new Reader(from.next() as Buffer)),
        visits: readVisits(new Reader(from.next() as Buffer), visits),
        turns: readAll(from.next() as Buffer, (reader) => reader.integer()),
        gone: readChunks(from.next() as unknown[]),
        revoked: (from.next() as Buffer[]).map((packed) => {
          const reader = new Reader(packed)
          return { buyer: reader.text(), visitId: reader.integer() }
        }),
      }))
      const seed = String(from.next())
      return states.map(({ state, ...rest }) => ({
        status: 'tended',
        ...state,
        seed: seed === '' ? null : seed,
        ...rest,
      }))
    },
  },
  leave: byLetter<'leave'>(writeEnded, { L: { status: 'left' }, M: { status: 'gone' } }),
  revoke: byLetter<'revoke'>(writeEnded, { L: { status: 'revoked' }, M: { status: 'gone' } }),
  spend: byLetter<'spend'>(writeEnded, { S: { status: 'spent' }, M: { status: 'gone' } }),
  control: byLetter<'control'>(
    (ops, to) => {
      writeColumn(ops, to, ({ action }) => action)
      writeColumn(ops, to, (op) => (op.action === 'pace' ? op.rate : 0))
      writeColumn(ops, to, (op) => (op.action === 'pace' ? (op.burst ?? -1) : 0))
    },
    { S: { status: 'controlled' } },
  ),
}
