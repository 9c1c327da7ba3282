import { groupEffects } from '../../engine/effects.js'
import type { StoredEvent } from '../../engine/engine.js'
import type { GroupCommands, GroupState, ParkedEvent, Trim } from '../../engine/groups.js'
import { byLetter, definePort, type Head, iterate } from '../define-port.js'
import { Reader, type Writer } from '../msgpack.js'
import { writeColumn, writeRows } from '../sale/record-codec.js'
import consumerGroups from './concerns/consumer_groups.lua'
import groupChanges from './concerns/group_changes.lua'
import parkedEvents from './concerns/parked_events.lua'
import streamTrim from './concerns/stream_trim.lua'
import acknowledge from './scripts/acknowledge.lua'
import checkpoint from './scripts/checkpoint.lua'
import claim from './scripts/claim.lua'
import dead from './scripts/dead.lua'
import drop from './scripts/drop.lua'
import groups from './scripts/groups.lua'
import revive from './scripts/revive.lua'

/** The texts that these scripts can include, by file name. */
export const groupConcerns = {
  consumer_groups: consumerGroups,
  group_changes: groupChanges,
  parked_events: parkedEvents,
  stream_trim: streamTrim,
}

type From = Head & { readonly statuses: Buffer }

const number = (from: From) => Number(from.next())
const letters = ({ statuses }: From) => statuses.toString('latin1')

/** Only the library reads the event and the error: JSON can hold event types of later versions. */
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

const readMembers = (from: From) => (from.next() as Buffer[]).map(readMember)

function writeTrim(trim: Trim | null, to: Writer): void {
  to.integer(trim?.olderThanMs ?? -1)
  to.integer(trim?.maxEvents ?? 0)
}

/** Decodes HGETALL of the groups: the field without a leading `g` is their head. */
function readGroups(fields: readonly Buffer[]): GroupState[] {
  const groups: { name: Buffer; packed: Buffer }[] = []
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i]![0] === 0x67 /* g */) groups.push({ name: fields[i]!.subarray(1), packed: fields[i + 1]! })
  }
  // Not sorted in Lua: its string order depends on the server's locale.
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

/**
 * All these commands run while Redis is over `maxmemory`. Acknowledging lets the stream be trimmed,
 * which frees memory. Parked events are small, and would be lost if the position moved without
 * them.
 */
export const groupPort = definePort<GroupCommands, From>({
  name: 'groups',
  effects: groupEffects,
  concerns: groupConcerns,
  readHead: (reply) => ({
    now: Number(reply[1]),
    sequence: Number(reply[2]),
    statuses: reply[3] as Buffer,
    ahead: Number(reply[4]),
    next: iterate(reply, 5),
  }),
  commands: {
    claim: {
      script: claim,
      flags: 'allow-oom',
      encode: (ops, to) =>
        writeRows(ops, to, 4, ({ group, consumer, leaseMs, start }) => {
          to.text(group)
          to.text(consumer)
          to.integer(leaseMs)
          to.integer(start === 'now' ? 1 : 0)
        }),
      decode(ops, from) {
        // The parked events of a group are sent once, however many items of a batch claim the
        // group.
        const sent = new Map<string, ParkedEvent[]>()
        return byLetter('claim', ops, letters(from), {
          C: ({ group }) => {
            const lease = { epoch: number(from), position: number(from), until: number(from) }
            const parked = sent.get(group) ?? readMembers(from)
            sent.set(group, parked)
            return { status: 'claimed', ...lease, parked }
          },
          B: () => ({ status: 'busy', consumer: String(from.next()), until: number(from) }),
        })
      },
    },
    acknowledge: {
      script: acknowledge,
      flags: 'allow-oom',
      encode: (ops, to) =>
        writeRows(ops, to, 9, ({ group, consumer, epoch, leaseMs, position, park, unpark, trim }) => {
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
        }),
      decode: (ops, from) =>
        byLetter('acknowledge', ops, letters(from), {
          A: () => ({ status: 'acknowledged', until: number(from), first: number(from) }),
          F: () => ({ status: 'fenced' }),
          G: () => ({ status: 'gone' }),
        }),
    },
    checkpoint: {
      script: checkpoint,
      flags: 'allow-oom',
      encode: (ops, to) =>
        writeRows(ops, to, 4, ({ group, position, trim }) => {
          to.text(group)
          to.integer(position)
          writeTrim(trim, to)
        }),
      decode: (ops, from) =>
        byLetter('checkpoint', ops, letters(from), {
          C: () => ({ status: 'checkpointed', first: number(from) }),
        }),
    },
    groups: {
      script: groups,
      encode: (ops, to) => to.integer(ops.length),
      decode(ops, from) {
        const answer = {
          status: 'groups',
          groups: readGroups(from.next() as Buffer[]),
          first: number(from),
        } as const
        return byLetter('groups', ops, letters(from), { W: () => answer })
      },
    },
    dead: {
      script: dead,
      encode: (ops, to) =>
        writeRows(ops, to, 2, ({ group, after }) => {
          to.text(group)
          to.integer(after)
        }),
      decode: (ops, from) =>
        byLetter('dead', ops, letters(from), { W: () => ({ status: 'dead', events: readMembers(from) }) }),
    },
    revive: {
      script: revive,
      flags: 'allow-oom',
      encode: (ops, to) =>
        writeRows(ops, to, 3, ({ group, sequences, action }) => {
          to.text(group)
          writeColumn(sequences, to, (sequence) => sequence)
          to.integer(action === 'retry' ? 1 : 0)
        }),
      decode: (ops, from) =>
        byLetter('revive', ops, letters(from), { R: () => ({ status: 'revived', count: number(from) }) }),
    },
    drop: {
      script: drop,
      flags: 'allow-oom',
      encode: (ops, to) => writeColumn(ops, to, ({ group }) => group),
      decode: (ops, from) =>
        byLetter('drop', ops, letters(from), {
          D: () => ({ status: 'dropped' }),
          G: () => ({ status: 'gone' }),
        }),
    },
  },
})
