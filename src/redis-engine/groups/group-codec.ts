import type { StoredEvent } from '../../engine/engine.js'
import type {
  GroupAnswer,
  GroupCommand,
  GroupOp,
  GroupState,
  ParkedEvent,
  Trim,
} from '../../engine/groups.js'
import { Reader, type Writer } from '../msgpack.js'
import { writeColumn } from '../sale/record-codec.js'

/** The parts of a reply behind outcome, time and sequence. */
export interface Parts {
  /** One letter an item, as character codes. */
  readonly statuses: Buffer
  /** The next detail. */
  next(): unknown
}

interface GroupCodec<C extends GroupCommand> {
  /** The command's own columns, behind token, deadline and floor. */
  write(ops: readonly GroupOp<C>[], to: Writer): void
  read(ops: readonly GroupOp<C>[], from: Parts): GroupAnswer<C>[]
}

const RETRY = { status: 'retry' } as const

const number = (from: Parts) => Number(from.next())

/** Answers each item by its letter. */
function byLetter<C extends GroupCommand>(
  command: C,
  ops: readonly GroupOp<C>[],
  { statuses }: Parts,
  answers: Readonly<Record<string, (op: GroupOp<C>) => GroupAnswer<C>>>,
): GroupAnswer<C>[] {
  return ops.map((op, i) => {
    const letter = String.fromCharCode(statuses[i]!)
    if (letter === 'T') return RETRY as GroupAnswer<C>
    const answer = answers[letter]
    if (!answer) throw new RangeError(`${command} answered the unknown status ${letter}`)
    return answer(op)
  })
}

/** Only the library reads the event and the error: as JSON they survive whatever types of events there will be. */
function writeRecord({ event, attempts, retryAt, error }: ParkedEvent, to: Writer): void {
  const record = to.open()
  to.integer(attempts)
  to.integer(retryAt ?? -1)
  to.text(JSON.stringify([event, error]))
  to.close(record)
}

const LETTER_D = 0x64
const SEQUENCE_DIGITS = 16

/** Reads a member of PARKED: number of the group, letter, sequence, record. */
function readMember(member: Buffer): ParkedEvent {
  let letter = 1
  while (member[letter]! < LETTER_D) letter++
  const record = new Reader(member.subarray(letter + 1 + SEQUENCE_DIGITS))
  const attempts = record.integer()
  const retryAt = record.integer()
  const [event, error] = JSON.parse(record.text()) as [StoredEvent, string]
  return { event, attempts, retryAt: member[letter] === LETTER_D ? null : retryAt, error }
}

const readMembers = (from: Parts) => (from.next() as Buffer[]).map(readMember)

function writeTrim(trim: Trim | null, to: Writer): void {
  to.integer(trim?.olderThanMs ?? -1)
  to.integer(trim?.maxEvents ?? 0)
}

/** HGETALL of the groups: what has no `g` before it is their head. */
function readGroups(fields: readonly Buffer[]): GroupState[] {
  const groups: { name: Buffer; packed: Buffer }[] = []
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i]![0] === 0x67 /* g */) groups.push({ name: fields[i]!.subarray(1), packed: fields[i + 1]! })
  }
  // Not sorted in Lua: there the order of strings is the server's locale's.
  return groups.sort((a, b) => a.name.compare(b.name)).map(({ name, packed }) => readGroup(name, packed))
}

function readGroup(name: Buffer, packed: Buffer): GroupState {
  const from = new Reader(packed)
  from.integer() // its number
  const position = from.integer()
  const epoch = from.integer()
  const consumer = from.text()
  return {
    group: String(name),
    position,
    consumer: epoch === 0 ? null : consumer,
    until: from.integer(),
    parked: from.integer(),
    dead: from.integer(),
  }
}

/** How each command is put into a script's arguments and read from its reply. */
export const groupCodecs: { [C in GroupCommand]: GroupCodec<C> } = {
  claim: {
    write(ops, to) {
      to.array(ops.length)
      for (const { group, consumer, leaseMs, start } of ops) {
        to.array(4)
        to.text(group)
        to.text(consumer)
        to.integer(leaseMs)
        to.integer(start === 'now' ? 1 : 0)
      }
    },
    read(ops, from) {
      // What a group has parked is told once, however many claim it in one batch.
      const told = new Map<string, ParkedEvent[]>()
      return byLetter('claim', ops, from, {
        C: ({ group }) => {
          const place = { epoch: number(from), position: number(from), until: number(from) }
          const parked = told.get(group) ?? readMembers(from)
          told.set(group, parked)
          return { status: 'claimed', ...place, parked }
        },
        B: () => ({ status: 'busy', consumer: String(from.next()), until: number(from) }),
      })
    },
  },
  acknowledge: {
    write(ops, to) {
      to.array(ops.length)
      for (const { group, consumer, epoch, leaseMs, position, park, unpark, trim } of ops) {
        to.array(9)
        to.text(group)
        to.text(consumer)
        to.integer(epoch)
        to.integer(leaseMs)
        to.integer(position)
        to.array(3 * park.length)
        for (const parked of park) {
          to.integer(parked.event.sequence)
          to.integer(parked.retryAt === null ? 1 : 0)
          writeRecord(parked, to)
        }
        writeColumn(unpark, to, (sequence) => sequence)
        writeTrim(trim, to)
      }
    },
    read: (ops, from) =>
      byLetter('acknowledge', ops, from, {
        A: () => ({ status: 'acknowledged', until: number(from), first: number(from) }),
        F: () => ({ status: 'fenced' }),
        G: () => ({ status: 'gone' }),
      }),
  },
  checkpoint: {
    write(ops, to) {
      to.array(ops.length)
      for (const { group, position, trim } of ops) {
        to.array(4)
        to.text(group)
        to.integer(position)
        writeTrim(trim, to)
      }
    },
    read: (ops, from) =>
      byLetter('checkpoint', ops, from, { C: () => ({ status: 'checkpointed', first: number(from) }) }),
  },
  groups: {
    write: (ops, to) => to.integer(ops.length),
    read(ops, from) {
      const answer = {
        status: 'groups',
        groups: readGroups(from.next() as Buffer[]),
        first: number(from),
      } as const
      return byLetter('groups', ops, from, { W: () => answer })
    },
  },
  dead: {
    write(ops, to) {
      to.array(ops.length)
      for (const { group, after } of ops) {
        to.array(2)
        to.text(group)
        to.integer(after)
      }
    },
    read: (ops, from) =>
      byLetter('dead', ops, from, { W: () => ({ status: 'dead', events: readMembers(from) }) }),
  },
  revive: {
    write(ops, to) {
      to.array(ops.length)
      for (const { group, sequences, action } of ops) {
        to.array(3)
        to.text(group)
        writeColumn(sequences, to, (sequence) => sequence)
        to.integer(action === 'retry' ? 1 : 0)
      }
    },
    read: (ops, from) =>
      byLetter('revive', ops, from, { R: () => ({ status: 'revived', count: number(from) }) }),
  },
  drop: {
    write: (ops, to) => writeColumn(ops, to, ({ group }) => group),
    read: (ops, from) =>
      byLetter('drop', ops, from, { D: () => ({ status: 'dropped' }), G: () => ({ status: 'gone' }) }),
  },
}
