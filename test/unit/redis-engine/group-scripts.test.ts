import { readdirSync, readFileSync } from 'node:fs'
import type { Redis } from 'ioredis'
import { describe, expect, test } from 'vitest'
import type { StoredEvent } from '../../../src/engine/engine.js'
import type { GroupCommand, GroupOp, ParkedEvent } from '../../../src/engine/groups.js'
import { makeId } from '../../../src/engine/reservation-id.js'
import { groupPort } from '../../../src/redis-engine/groups/group-port.js'
import { groupKeys, partitionKeys } from '../../../src/redis-engine/keys.js'
import { Reader, Writer } from '../../../src/redis-engine/msgpack.js'
import { redisEngine } from '../../../src/redis-engine/redis-engine.js'
import { SERVER_TIME } from '../../../src/redis-engine/script.js'

const folder = new URL('../../../src/redis-engine/groups/scripts/', import.meta.url)
const source = (name: string) => readFileSync(new URL(`${name}.lua`, folder), 'utf8')
const names = readdirSync(folder).map((file) => file.replace('.lua', '')) as GroupCommand[]

const CALL = { incarnation: 't', deadline: 1, minTime: 2 }
const TRIM = { olderThanMs: 1, maxEvents: 2 }
const id = makeId(0, 'bucket--', 'nonce---')

const parked = (event: StoredEvent, rest: Partial<ParkedEvent> = {}): ParkedEvent => ({
  event,
  attempts: 1,
  retryAt: 5,
  error: '',
  ...rest,
})

const ops: { [C in GroupCommand]: GroupOp<C> } = {
  claim: { group: 'g', consumer: 'c', leaseMs: 1, start: 'now' },
  acknowledge: {
    group: 'g',
    consumer: 'c',
    epoch: 1,
    leaseMs: 1,
    position: 1,
    park: [parked({ sequence: 1, at: 1, type: 'ended' })],
    unpark: [1],
    trim: TRIM,
  },
  checkpoint: { group: 'g', position: 1, trim: null },
  groups: {},
  dead: { group: 'g', after: 0 },
  revive: { group: 'g', sequences: [1], action: 'retry' },
  drop: { group: 'g' },
}

/** The comment a script begins with. */
function header(name: string): string {
  return /^(?:--.*\n)+/.exec(source(name))![0]
}

function letters(name: GroupCommand): string[] {
  const line = /^-- Statuses: (.*)$/m.exec(header(name))![1]!
  return [...line.matchAll(/(?<![A-Za-z])([A-Z]) (?=[a-z])/g)].map((match) => match[1]!)
}

/** The value at `at`, and where it ends: whole numbers, texts as bytes, arrays. */
function valueAt(packed: Buffer, at: number): [value: unknown, end: number] {
  const type = packed[at]!
  if (type >= 0x90 && type < 0xa0) return valuesAt(packed, at + 1, type & 15)
  if (type === 0xdc) return valuesAt(packed, at + 3, packed.readUInt16BE(at + 1))
  if (type === 0xdd) return valuesAt(packed, at + 5, packed.readUInt32BE(at + 1))
  const one = new Reader(packed.subarray(at))
  if (!one.atText) return [one.integer(), at + (type < 0x80 ? 1 : type === 0xce ? 5 : 9)]
  const text = one.raw()
  return [text, at + (type < 0xc0 ? 1 : type === 0xda ? 3 : 5) + text.length]
}

function valuesAt(packed: Buffer, from: number, count: number): [values: unknown[], end: number] {
  const values: unknown[] = []
  let at = from
  while (values.length < count && at < packed.length) {
    const [value, end] = valueAt(packed, at)
    values.push(value)
    at = end
  }
  return [values, at]
}

/** All values of an argument. */
function values(packed: Buffer): unknown[] {
  return valuesAt(packed, 0, Number.POSITIVE_INFINITY)[0]
}

test('there is a script for every command, and a command for every script', () => {
  expect([...names].sort()).toEqual(Object.keys(ops).sort())
  expect(Object.keys(groupPort.compile(SERVER_TIME)).sort()).toEqual([...names].sort())
})

test("the keys have the order and the names that the scripts give them, and the sale's are the sale's", () => {
  const parts = /^local (.*) = unpack\(KEYS\)$/m.exec(source('../concerns/consumer_groups'))![1]!.split(', ')
  const keys = groupKeys('p', 's', 7, 9)
  const named = keys.map((key) => key.split(':').at(-1))
  expect(named.slice(0, parts.length)).toEqual(parts.map((part) => part.toLowerCase()))
  const ofSale = partitionKeys('p', 's', 7, 9)
  for (const key of keys.slice(0, 3)) expect(ofSale).toContain(key)
  expect(new Set(keys.map((key) => /^\{[^}]*\}/.exec(key)![0])).size).toBe(1)
  for (const key of keys.slice(3, parts.length)) expect(ofSale).not.toContain(key)
})

describe.each(names)('%s.lua', (name) => {
  const { text } = groupPort.compile(SERVER_TIME)[name]

  test('begins with its flags: what writes goes on while memory is full', () => {
    const writesNothing = /^-- Writes: nothing\.$/m.test(header(name))
    expect(text).toMatch(writesNothing ? /^#!lua flags=no-writes\n/ : /^#!lua flags=allow-oom\n/)
    expect(text).not.toMatch(/@[A-Z]+@/)
  })

  test('names as many columns as its caller writes, for one item and for many', () => {
    const columns = /^-- Columns: (.*)$/m.exec(header(name))![1]!.split(', ')
    for (const times of [1, 3, 40]) {
      const packed = groupPort.encode(name, Array(times).fill(ops[name]), CALL)
      expect(values(packed)).toHaveLength(columns.length)
      expect(values(packed).slice(0, 3)).toEqual([Buffer.from('t'), 1, 2])
    }
  })

  test('writes as many values an item as the script names', () => {
    const names = /^-- {3}\w+: of each item \{ ([^}]*) \}/m.exec(header(name))?.[1]?.split(/,\s(?:-- +)?/)
    const [items] = values(groupPort.encode(name, [ops[name]] as never, CALL)).slice(3)
    const item = (items as unknown[][])[0]
    if (names) expect(item).toHaveLength(names.length)
    else expect(['groups', 'drop']).toContain(name)
  })

  test('knows the statuses that its caller reads, and no others', () => {
    const read = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'].filter((letter) => {
      const details =
        name === 'groups' ? [[], 1] : name === 'claim' && letter === 'C' ? [1, 2, 3, []] : [[], 2]
      try {
        groupPort.decode(name, [ops[name]] as never, ['done', 1, 1, Buffer.from(letter), 0, ...details])
        return true
      } catch (error) {
        expect(String(error)).toMatch(/unknown status/)
        return false
      }
    })
    const unused = name === 'groups' || name === 'dead' ? ['T'] : []
    expect([...letters(name), ...unused].sort()).toEqual(read)
  })

  test('returns only the letters it declares', () => {
    const code = source(name).slice(header(name).length)
    for (const [, letter] of code.matchAll(/return '([A-Z])'|statuses\[i\] = '([A-Z])'/g)) {
      if (letter) expect(letters(name)).toContain(letter)
    }
  })

  test('an answer of another length, or of no known shape, is not taken for one', () => {
    const bad = [
      ['done', 1, 1, Buffer.from(''), 0],
      ['done', 1, 1, Buffer.from('TT'), 0],
      ['rolled_back', 1],
      ['done', 1, 1, Buffer.from(letters(name)[0]!), 0],
    ]
    for (const reply of bad.slice(0, name === 'drop' ? 3 : 4)) {
      expect(() => groupPort.decode(name, [ops[name]] as never, reply)).toThrow(RangeError)
    }
    expect(groupPort.decode(name, [ops[name]] as never, ['lost', 3])).toEqual({ outcome: 'lost', now: 3 })
    expect(groupPort.decode(name, [ops[name]] as never, ['missing', 3])).toEqual({
      outcome: 'missing',
      now: 3,
    })
    expect(() => groupPort.decode(name, [ops[name]] as never, ['denied', 3])).toThrow(
      expect.objectContaining({ code: 'UNAVAILABLE' }),
    )
  })
})

describe('parked events', () => {
  const place = { sequence: 2 ** 40 + 1, at: 1_800_000_000_000 }
  const events: StoredEvent[] = [
    { ...place, type: 'reserved', id, expiresAt: Number.MAX_SAFE_INTEGER },
    { ...place, type: 'extended', id, expiresAt: 1 },
    { ...place, type: 'confirmed', id },
    { ...place, type: 'released', id },
    { ...place, type: 'expired', id },
    { ...place, type: 'refunded', id, restock: true },
    { ...place, type: 'refund_due', id, reason: 'sold_out' },
    { ...place, type: 'restocked', sku: 3, quantity: -5, key: 'k', applied: -4 },
    { ...place, type: 'sent', to: 1, sku: 0, quantity: 5 },
    { ...place, type: 'received', from: 1, sku: 0, quantity: 5 },
    { ...place, type: 'sold_out', sku: 0 },
    { ...place, type: 'paused' },
    { ...place, type: 'resumed' },
    { ...place, type: 'ended' },
  ]
  const errors = ['', 'Error: no', '\0\n"\\', 'é😀', 'a lone \ud800', 'x'.repeat(1_024), '\0'.repeat(1_024)]
  const all = [
    ...events.map((event) => parked(event)),
    ...errors.map((error) => parked(events[0]!, { error })),
    parked(events[0]!, { retryAt: null }),
    parked(events[0]!, { retryAt: 0, attempts: 0 }),
    parked(events[0]!, { retryAt: Number.MAX_SAFE_INTEGER, attempts: 1_000_000 }),
  ]

  /** What the script does with them: it puts a group, a letter and the sequence ahead of each. */
  function members(group: number, park: readonly ParkedEvent[]): Buffer[] {
    const packed = groupPort.encode('acknowledge', [{ ...ops.acknowledge, park }], CALL)
    const [item] = values(packed)[3] as unknown[][]
    const parks = item![5] as (number | Buffer)[]
    return park.map((_, i) => {
      const letter = parks[3 * i + 1] === 1 ? 'd' : 'p'
      const head = `${group}${letter}${String(parks[3 * i]).padStart(16, '0')}`
      return Buffer.concat([Buffer.from(head), parks[3 * i + 2] as Buffer])
    })
  }

  test.each([1, 42, 1_234_567])(
    'of all types, with all errors, come back as they were: group %i',
    (group) => {
      const reply = ['done', 1, 1, Buffer.from('W'), 0, members(group, all)]
      const { answers } = groupPort.decode('dead', [ops.dead], reply) as unknown as {
        answers: { events: ParkedEvent[] }[]
      }
      expect(answers[0]!.events).toEqual(all)
    },
  )

  test('what a group has parked is told once in a batch, and belongs to each of its items', () => {
    const mine = members(1, all.slice(0, 2))
    const other = members(2, all.slice(2, 3))
    const batch = ['a', 'b', 'a', 'b', 'c'].map((group) => ({ ...ops.claim, group }))
    const details = [1, 2, 3, mine, 1, 2, 3, other, 4, 5, 6, 'x', 7]
    const reply = ['done', 1, 1, Buffer.from('CCCTB'), 0, ...details]
    const decoded = groupPort.decode('claim', batch, reply)
    expect(decoded).toMatchObject({
      answers: [
        { epoch: 1, position: 2, until: 3, parked: all.slice(0, 2) },
        { epoch: 1, parked: all.slice(2, 3) },
        { epoch: 4, position: 5, until: 6, parked: all.slice(0, 2) },
        { status: 'retry' },
        { status: 'busy', consumer: 'x', until: 7 },
      ],
    })
  })

  test('a list of more than 65,535 sequences is sent whole', () => {
    const sequences = Array.from({ length: 70_000 }, (_, i) => i)
    const packed = groupPort.encode('revive', [{ group: 'g', sequences, action: 'discard' }], CALL)
    const [item] = values(packed)[3] as unknown[][]
    expect(item![1]).toEqual(sequences)
  })
})

test('groups are listed in order of the bytes of their names; what is no group is not listed', () => {
  const writer = new Writer()
  const packed = (epoch: number, consumer: string) =>
    writer.pack(() => {
      for (const value of [7, 11, epoch]) writer.integer(value)
      writer.text(consumer)
      for (const value of [1_800_000_000_000, 2, 3]) writer.integer(value)
    })
  const fields = ['g\u{ffff}', 'head', 'g😀', 'gb', 'g', 'ga'].flatMap((name) => [
    Buffer.from(name),
    name === 'head' ? Buffer.from('x') : packed(name === 'ga' ? 0 : 1, name === 'ga' ? '' : `of ${name}`),
  ])
  const reply = ['done', 1, 1, Buffer.from('WW'), 0, fields, 5]
  const group = { position: 11, until: 1_800_000_000_000, parked: 2, dead: 3 }
  const groups = ['', 'a', 'b', '\u{ffff}', '😀'].map((name) => ({
    group: name,
    consumer: name === 'a' ? null : `of g${name}`,
    ...group,
  }))
  const answer = { status: 'groups', groups, first: 5 }
  expect(groupPort.decode('groups', [{}, {}], reply)).toMatchObject({ answers: [answer, answer] })
})

test('the engine asks the keys of the partition', async () => {
  const sent: unknown[][] = []
  const client = {
    status: 'ready',
    on: () => {},
    evalshaBuffer: async (...args: unknown[]) => {
      sent.push(args)
      return ['missing', 1]
    },
  }
  const port = redisEngine(client as unknown as Redis).groups('sale', 3, 8)
  expect(await port.run('groups', [{}], CALL)).toEqual({ outcome: 'missing', now: 1 })
  const keys = groupKeys('stockhold', 'sale', 3, 8)
  expect(sent[0]!.slice(1, -1)).toEqual([keys.length, ...keys])
})
