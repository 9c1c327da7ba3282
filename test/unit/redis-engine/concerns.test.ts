import { readdirSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { type FunctionDeclaration, type LocalStatement, parse } from 'luaparse'
import { describe, expect, test } from 'vitest'
import { includesOf, statementsOf } from '../../../src/redis-engine/assemble.js'
import { groupConcerns, groupPort } from '../../../src/redis-engine/groups/group-port.js'
import { heartbeatConcerns, heartbeatPort } from '../../../src/redis-engine/heartbeat/heartbeat-port.js'
import { roomConcerns, roomPort } from '../../../src/redis-engine/room/room-port.js'
import { saleConcerns } from '../../../src/redis-engine/sale/concerns.js'
import { salePort } from '../../../src/redis-engine/sale/sale-port.js'
import { type Script, SERVER_TIME } from '../../../src/redis-engine/script.js'

/** What Redis gives a script, and what the assembler does. */
const GIVEN = new Set([
  ...['redis', 'cmsgpack', 'KEYS', 'ARGV', 'math', 'string', 'table', 'rare'],
  ...['ipairs', 'next', 'pairs', 'tonumber', 'tostring', 'type', 'unpack'],
])
/** Executed for what they do: a script that includes them need not name what they declare. */
const PROLOGUES = ['may_write', 'read_only', 'lone_reservation', 'lone_payment', 'types']

const root = new URL('../../../src/redis-engine/', import.meta.url)
const filesIn = (folder: string) => readdirSync(new URL(folder, root)).map((name) => `${folder}/${name}`)
const read = (file: string) => readFileSync(new URL(file, root), 'utf8')
const nameOf = (file: string) => basename(file, '.lua')

/** The syntax of a script, with the globals that it names. */
function parsed(text: string) {
  const code = text.replace(/^#!.*/, '').replaceAll('@TIME@', SERVER_TIME).replaceAll('@LAYOUT@', '1')
  const chunk = parse(code, { luaVersion: '5.1', scope: true })
  const { globals } = chunk as unknown as { globals: readonly { readonly name: string }[] }
  return {
    statements: chunk.body,
    globals: globals.map(({ name }) => name).filter((name) => !GIVEN.has(name)),
  }
}

type Statement = ReturnType<typeof parsed>['statements'][number]

/** The locals that a file declares for those who include it. */
function localsOf(statement: Statement): string[] {
  const { type } = statement
  if (type === 'LocalStatement') return (statement as LocalStatement).variables.map(({ name }) => name)
  const { isLocal, identifier } = statement as FunctionDeclaration
  return type === 'FunctionDeclaration' && isLocal && identifier?.type === 'Identifier'
    ? [identifier.name]
    : []
}

/**
 * How many functions are made each time these statements are executed, without those that other
 * functions make.
 */
function functionsIn(node: unknown): number {
  if (node === null || typeof node !== 'object') return 0
  if ((node as { type?: string }).type === 'FunctionDeclaration') return 1
  return Object.values(node).reduce((sum: number, part) => sum + functionsIn(part), 0)
}

const ports = [
  { port: 'sale', concerns: saleConcerns, scripts: salePort.compile(SERVER_TIME) },
  { port: 'room', concerns: roomConcerns, scripts: roomPort.compile(SERVER_TIME) },
  { port: 'heartbeat', concerns: heartbeatConcerns, scripts: heartbeatPort.compile(SERVER_TIME) },
  { port: 'groups', concerns: groupConcerns, scripts: groupPort.compile(SERVER_TIME) },
] as const

describe.each(ports)('the Lua of $port', ({ port, concerns, scripts }) => {
  const shared = [...filesIn('concerns'), ...filesIn(`${port}/concerns`)]
  const files = [...shared, ...filesIn(`${port}/scripts`)]
  const declaredBy = new Map(
    shared.map((file) => [nameOf(file), parsed(read(file)).statements.flatMap(localsOf)]),
  )

  test('knows each concern by the name of its file', () => {
    expect(Object.keys(concerns)).toEqual(filesIn(`${port}/concerns`).map(nameOf))
    for (const [name, text] of Object.entries(concerns))
      expect(text).toBe(read(`${port}/concerns/${name}.lua`))
  })

  test('includes each concern somewhere', () => {
    const included = new Set(files.flatMap((file) => includesOf(read(file))))
    for (const name of Object.keys(concerns)) expect(included, name).toContain(name)
  })

  test.each(files)('%s names only what it declares, or includes by its name', (file) => {
    const { globals } = parsed(read(file))
    const includes = includesOf(read(file))
    const available = new Set(includes.flatMap((name) => declaredBy.get(name) ?? []))
    expect(globals.filter((name) => !available.has(name))).toEqual([])
    const rarely = statementsOf(read(file)).flatMap((one) => one.rarely)
    expect(
      rarely.filter((name) => !available.has(name) && !read(file).includes(`local function ${name}(`)),
    ).toEqual([])
    const needed = new Set([...globals, ...rarely])
    const idle = includes.filter(
      (name) => !PROLOGUES.includes(name) && !declaredBy.get(name)!.some((local) => needed.has(local)),
    )
    expect(idle).toEqual([])
  })

  test.each(files)('%s is split into the statements that it has', (file) => {
    const split = statementsOf(read(file)).filter(({ rarely }) => rarely.length === 0)
    const { statements } = parsed(read(file))
    expect(split.map(({ declares }) => declares)).toEqual(
      statements.map((statement) => localsOf(statement).filter((name) => name !== '_')),
    )
  })

  test.each(Object.entries<Script>(scripts))('%s reaches everything that it names', (_, { text }) => {
    expect(parsed(text).globals).toEqual([])
  })

  test.each(Object.entries<Script>(scripts))('%s has room for its locals', (_, { text }) => {
    // Lua 5.1 compiles no function that has more than 200.
    expect(parsed(text).statements.flatMap(localsOf).length).toBeLessThanOrEqual(200)
  })
})

describe('the functions that a script makes in each call', () => {
  const statementsOfScript = (command: 'reserve' | 'confirm' | 'get') =>
    parsed(salePort.compile(SERVER_TIME)[command].text).statements

  test.each([
    ['reserve', 'reserve_alone'],
    ['confirm', 'confirm_alone'],
  ] as const)('are few, if there is nothing else to %s', (command, name) => {
    const statements = statementsOfScript(command)
    const last = statements.findIndex((statement) => localsOf(statement).includes(name))
    expect(last).toBeGreaterThan(0)
    expect(functionsIn(statements.slice(0, last + 1))).toBeLessThanOrEqual(11)
  })

  test.each([
    ['reserve', 30],
    ['confirm', 50],
    ['get', 12],
  ] as const)('are at most %s: %i, in any other case', (command, most) => {
    expect(functionsIn(statementsOfScript(command))).toBeLessThanOrEqual(most)
  })
})
