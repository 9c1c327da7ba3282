import { readdirSync, readFileSync } from 'node:fs'
import type { Redis } from 'ioredis'
import { describe, expect, test } from 'vitest'
import type { Command, Op, Rules } from '../../../src/engine/engine.js'
import { partitionKeys } from '../../../src/redis-engine/keys.js'
import { Writer } from '../../../src/redis-engine/msgpack.js'
import { redisEngine } from '../../../src/redis-engine/redis-engine.js'
import { salePort } from '../../../src/redis-engine/sale/sale-port.js'
import { SERVER_TIME } from '../../../src/redis-engine/script.js'
import { opOfEach } from '../../support/port-sale.js'
import { anyTime, idIn, order } from '../../support/shop.js'

const folder = new URL('../../../src/redis-engine/sale/scripts/', import.meta.url)
const source = (name: string) => readFileSync(new URL(`${name}.lua`, folder), 'utf8')
const names = readdirSync(folder).map((file) => file.replace('.lua', '')) as Command[]

/** The comment a script begins with, in one piece. */
function header(name: Command): string {
  const lines = source(name).split('\n')
  return lines
    .slice(
      0,
      lines.findIndex((line) => !line.startsWith('--')),
    )
    .join('\n')
}

/** From a word of the header to the next line that begins with one. */
function section(name: Command, word: string): string {
  const found = new RegExp(`^-- ${word}[^]*?(?=\n-- [A-Z]|$(?![^]))`, 'm').exec(header(name))
  return found?.[0] ?? ''
}

/** @param inRecovery With those in brackets, which only a recovery writes. */
function columns(name: Command, inRecovery = false): string[] {
  const line = /^-- Columns: (.*)$/m.exec(header(name))?.[1]
  const all = line?.split(', ') ?? expect.fail(`${name}.lua names no columns`)
  return all.filter((column) => inRecovery || !column.startsWith('['))
}

function statuses(name: Command): string[] {
  return [...section(name, 'Statuses').matchAll(/(?<![A-Za-z])([A-Z]) (?=[a-z])/g)].map((match) => match[1]!)
}

const id = idIn('b', 1)
const rules: Rules = {
  skus: [{ sku: 'a', stock: 1, limit: null }],
  holdMs: 1,
  maxHoldMs: 1,
  opensAt: null,
  closesAt: null,
  partitions: 1,
}
const ops: { [C in Command]: Op<C> } = {
  create: { rules, incarnation: 't', complete: true },
  describe: {},
  rebuild: { rules, incarnation: 't', generation: 1 },
  ...opOfEach(id),
  reserve: order(id, { key: 'k' }),
  confirm: { id, buyer: 'u', paymentId: 'p', final: true },
  release: { id, buyer: 'u' },
  send: { to: 1, wants: [[0, 1]], received: [[0, 1]] },
}

/** What all replies but those of `create`, `describe` and `rebuild` have in common, packed. */
function headOf(statuses: Buffer): Buffer {
  const to = new Writer()
  return to.pack(() => {
    for (const value of [1, 1, 1, 1]) to.integer(value)
    to.text(String(statuses))
    to.integer(1)
    to.text('')
    for (const value of [0, 0, 1]) to.integer(value)
  })
}

/** An engine whose client answers every call with `reply` and notes the script's argument. */
function spied(reply: unknown) {
  const sent: Buffer[] = []
  const answer = async (...args: unknown[]) => {
    sent.push(args.at(-1) as Buffer)
    return reply
  }
  const client = {
    status: 'ready',
    on: () => {},
    callBuffer: answer,
    evalshaBuffer: answer,
    evalBuffer: answer,
  }
  const partition = redisEngine(client as unknown as Redis).partition('sale', 0, 1)
  const run = (command: Command, times = 1, more = {}) =>
    partition.run(command, Array(times).fill({ ...ops[command], ...more }), { ...anyTime, incarnation: 't' })
  return { sent, run }
}

/** Where the msgpack value at `at` ends. */
function end(bytes: Buffer, at: number): number {
  const type = bytes[at]!
  const items = (from: number, count: number) => {
    let to = from
    for (let i = 0; i < count; i++) to = end(bytes, to)
    return to
  }
  if (type < 0x80 || type >= 0xe0) return at + 1
  if (type >= 0x90 && type < 0xa0) return items(at + 1, type & 15)
  if (type >= 0xa0 && type < 0xc0) return at + 1 + (type & 31)
  if (type === 0xd9) return at + 2 + bytes[at + 1]!
  if (type === 0xda) return at + 3 + bytes.readUInt16BE(at + 1)
  if (type === 0xdb) return at + 5 + bytes.readUInt32BE(at + 1)
  if (type === 0xdc) return items(at + 3, bytes.readUInt16BE(at + 1))
  const widths: Record<number, number> = { 204: 1, 205: 2, 206: 4, 207: 8, 208: 1, 209: 2, 210: 4, 211: 8 }
  return at + 1 + (widths[type] ?? expect.fail(`type ${type} at ${at}`))
}

function count(bytes: Buffer): number {
  let values = 0
  for (let at = 0; at < bytes.length; at = end(bytes, at)) values++
  return values
}

test('there is a script for every command, and a command for every script', () => {
  expect([...names].sort()).toEqual(Object.keys(ops).sort())
  expect(Object.keys(salePort.compile(SERVER_TIME)).sort()).toEqual([...names].sort())
})

test('the keys have the order and the names that the scripts give them', () => {
  const line = /^local (.*) = unpack\(KEYS\)$/m.exec(source('../concerns/partition'))![1]!
  const parts = line.split(', ').map((name) => name.toLowerCase())
  expect(partitionKeys('p', 's', 0, 1)).toEqual([...parts, 'none'].map((part) => `{p:s:0}:${part}`))
})

describe.each(names)('%s.lua', (name) => {
  const { text, sha } = salePort.compile(SERVER_TIME)[name]

  test('begins with its flags', () => {
    const flags = /^#!lua(?: flags=([\w,-]+))?\n/.exec(text)
    expect(flags).not.toBeNull()
    expect(section(name, 'Writes')).toMatch(/^-- Writes: ./)
    const writesNothing = /^-- Writes: nothing\./.test(section(name, 'Writes'))
    // What takes stock or makes a sale stops when memory is full; what gives back or settles goes
    // on.
    const takes = ['reserve', 'create', 'rebuild', 'bind'].includes(name)
    expect(flags?.[1]).toBe(writesNothing ? 'no-writes' : takes ? undefined : 'allow-oom')
  })

  test('has its clock put in, and a SHA of its own', () => {
    expect(text).not.toContain('@TIME@')
    expect(text).toContain(SERVER_TIME)
    expect(sha).toMatch(/^[0-9a-f]{40}$/)
    expect(names.filter((other) => salePort.compile(SERVER_TIME)[other].sha === sha)).toEqual([name])
  })

  test('names as many columns as its caller writes, for one item and for many', async () => {
    expect(columns(name).slice(0, 3)).toEqual(['incarnation', 'deadline', 'min_time'])
    for (const times of [1, 3, 40]) {
      const { sent, run } = spied(['missing', 1])
      await run(name, times)
      expect(count(sent[0]!)).toBe(columns(name).length)
    }
  })

  test('knows the statuses that its caller reads, and no others', async () => {
    // The only answer of these is in their details.
    const bare: Command[] = ['sweep', 'scan', 'events', 'transfers', 'debt']
    if (name === 'describe') return expect(statuses(name)).toEqual([])
    if (bare.includes(name)) return expect(statuses(name)).toEqual(['W'])
    const read: string[] = []
    for (const letter of 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') {
      const status = Buffer.from(letter)
      const details = Array.from({ length: 6 }, () => Buffer.alloc(0))
      const reply =
        name === 'create' || name === 'rebuild'
          ? ['opened', 1, 0, status, [Buffer.from('t')], [1]]
          : ['done', headOf(status), ...details]
      const error = await spied(reply)
        .run(name)
        .then(
          () => undefined,
          (reason: Error) => reason,
        )
      const why = `${error?.message} ${(error?.cause as Error | undefined)?.message}`
      if (!/unknown (status|shape)/.test(why)) read.push(letter)
    }
    // `get` never has to be asked again; it shares its reader with those that may.
    const unused = name === 'get' ? ['T'] : []
    expect([...statuses(name), ...unused].sort()).toEqual(read)
  })

  test('returns only the letters it declares', () => {
    const code = source(name).slice(header(name).length)
    const used = [...code.matchAll(/'([A-Z])'/g)].map((match) => match[1]!)
    const declared = [...statuses(name), ...(name === 'reserve' ? ['O'] : [])]
    for (const letter of used) expect(declared).toContain(letter)
  })
})

test.each(['confirm', 'release', 'extend'] as const)(
  '%s.lua names the column that a recovery adds',
  async (name) => {
    const { sent, run } = spied(['missing', 1])
    await run(name, 3, { expiresAt: 5 })
    expect(count(sent[0]!)).toBe(columns(name, true).length)
    expect(columns(name, true)).toHaveLength(columns(name).length + 1)
  },
)
