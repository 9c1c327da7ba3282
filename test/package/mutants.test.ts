import { transform } from 'esbuild'
import { Redis } from 'ioredis'
import ts from 'typescript'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startRedis } from '../../scripts/lib/servers/redis/server.js'
import { catalogue, readSource } from '../../scripts/mutants/catalogue.js'
import { judge, share } from '../../scripts/mutants/judge.js'
import { luaChanges } from '../../scripts/mutants/lua-mutator.js'
import { type Mutant, mutantsOf, mutate } from '../../scripts/mutants/mutant.js'
import { readOptions } from '../../scripts/mutants/options.js'
import { run, type Verdict } from '../../scripts/mutants/run.js'
import { sample } from '../../scripts/mutants/sample.js'
import { typescriptChanges } from '../../scripts/mutants/typescript-mutator.js'

const all = catalogue()

/** What a mutator makes of a text, as `kind: changed line`. */
const lua = (text: string) => mutantsOf('x.lua', text, luaChanges(text)).map(shown)
const typescript = (text: string) => mutantsOf('x.ts', text, typescriptChanges(text)).map(shown)
const shown = ({ kind, after }: Mutant) => `${kind}: ${after}`

describe('the mutants of a Lua text', () => {
  test('comparisons, arithmetic, logic and constants', () => {
    expect(lua('local a = b < 1 and not c')).toEqual([
      'boundary: local a = b <= 1 and not c',
      'negate: local a = b >= 1 and not c',
      'constant+1: local a = b < 2 and not c',
      'constant-1: local a = b < 0 and not c',
      'operator: local a = b < 1 or not c',
      'not: local a = b < 1 and  c',
    ])
    expect(lua('return x + -y, math.max(true)')).toEqual([
      'operator: return x - -y, math.max(true)',
      'sign: return x + y, math.max(true)',
      'opposite: return x + -y, math.min(true)',
      'opposite: return x + -y, math.max(false)',
    ])
  })

  test('statements are left out whole, over several lines and with the functions within them', () => {
    expect(lua("redis.call('HSET',\n  key)\ntouch(a)\nlocal b = f(a)\nlist[#list] = { c = g() }")).toEqual([
      "statement: (without redis.call('HSET', key))",
      'statement: (without touch(a))',
      'statement: (without list[#list] = { c = g() })',
    ])
    expect(lua('each(function(a) emit(a) end)\nreturn done(a)')).toEqual([
      'statement: (without each(function(a) emit(a) end))',
      'statement: each(function(a)  end)',
    ])
  })

  test('conditions are turned round once', () => {
    expect(lua('if a then return end')).toEqual(['condition: if not (a) then return end'])
    expect(lua('if a == b then return end')).toEqual(['negate: if a ~= b then return end'])
    expect(lua('while not a do end')).toEqual(['not: while  a do end'])
    expect(lua('if a or b then return end')).toEqual([
      'condition: if not (a or b) then return end',
      'operator: if a and b then return end',
    ])
  })

  test('comments and strings are left alone', () => {
    expect(lua("-- a < 1 and b\nlocal a = 'x == 1 and \\' 2' .. \"3 - 4\" --[[ 5 ]] .. [[6 or 7]]")).toEqual(
      [],
    )
  })
})

test('the mutants of a TypeScript text; types, texts and imports are left alone', () => {
  expect(typescript("import { a } from 'b'\ntype C = 1 | 2\nconst d: 3 = '4 + 5' + `6`")).toEqual([])
  expect(typescript('if (a ?? b) c += 1')).toEqual([
    'condition: if (!(a ?? b)) c += 1',
    'default: if (b) c += 1',
    'no default: if (a) c += 1',
    'statement: if (a ?? b) ;',
    'operator: if (a ?? b) c -= 1',
    'constant+1: if (a ?? b) c += 2',
    'constant-1: if (a ?? b) c += 0',
  ])
  expect(typescript('return !a ? b === 1_000 : Math.min(c++, false)')).toEqual([
    'not: return a ? b === 1_000 : Math.min(c++, false)',
    'negate: return !a ? b !== 1_000 : Math.min(c++, false)',
    'constant+1: return !a ? b === 1001 : Math.min(c++, false)',
    'constant-1: return !a ? b === 999 : Math.min(c++, false)',
    'opposite: return !a ? b === 1_000 : Math.max(c++, false)',
    'operator: return !a ? b === 1_000 : Math.min(c--, false)',
    'opposite: return !a ? b === 1_000 : Math.min(c++, true)',
  ])
})

describe('tuning constants are left alone', () => {
  test('in Lua: lines that are marked, and where a comparison with one of them ends', () => {
    const text = 'local MANY, FEW = 4000, 2 -- tuning: bytes\nlocal b = a < MANY\nlocal c = FEW >= 3'
    expect(lua(text)).toEqual([
      'negate: local b = a >= MANY',
      'negate: local c = FEW < 3',
      'constant+1: local c = FEW >= 4',
      'constant-1: local c = FEW >= 2',
    ])
  })

  test('in TypeScript: what `tuning` is made of, and where a comparison with one of them ends', () => {
    const text = 'const tuning = { many: 1 << 4, few: [1, 2] }\nconst b = a <= tuning.many ? tuning.few : 3'
    expect(typescript(text)).toEqual([
      'negate: const b = a > tuning.many ? tuning.few : 3',
      'constant+1: const b = a <= tuning.many ? tuning.few : 4',
      'constant-1: const b = a <= tuning.many ? tuning.few : 2',
    ])
  })
})

test('ids name a line of the source and are the same each time; so is a sample', () => {
  const text = 'local a = 1\n  if a < 2 then return end'
  expect(mutantsOf('f.lua', text, luaChanges(text)).map(({ id }) => id)).toEqual([
    'f.lua:1:11:constant+1',
    'f.lua:1:11:constant-1',
    'f.lua:2:8:boundary',
    'f.lua:2:8:negate',
    'f.lua:2:10:constant+1',
    'f.lua:2:10:constant-1',
  ])
  expect(new Set(all.map(({ id }) => id)).size).toBe(all.length)
  expect(all.length).toBeGreaterThan(1_000)
  expect(sample(all, 50, 1)).toEqual(sample(catalogue(), 50, 1))
  expect(sample(all, 50, 1)).not.toEqual(sample(all, 50, 2))
  expect(sample(all, 50, 1)).toHaveLength(50)
})

test('every mutant is a valid text: none is killed by being none', async () => {
  const server = await startRedis()
  onTestFinished(server.stop)
  const client = new Redis(server.url)
  onTestFinished(() => client.disconnect())
  const texts = (end: string) =>
    all.filter(({ file }) => file.endsWith(end)).map((mutant) => mutate(readSource(mutant.file), mutant))
  const compiled = texts('.lua').map((text) =>
    client.eval('return loadstring(ARGV[1]) and 1 or 0', 0, text.replace(/@[A-Z_]+@/g, 'put_in()')),
  )
  expect(new Set(await Promise.all(compiled))).toEqual(new Set([1]))
  // A text for each mutant is 20 s of CPU: each is checked by its statement, a hundred at a time.
  const statements = all.filter(({ file }) => file.endsWith('.ts')).map(mutatedStatement)
  const batches = Array.from({ length: Math.ceil(statements.length / 100) }, (_, i) =>
    statements.slice(i * 100, (i + 1) * 100),
  )
  // A block that is left open would have an export within it, which is no valid text either.
  await Promise.all(
    batches.map((batch) => transform(`{${batch.join('\n}\nexport {}\n{')}\n}`, { loader: 'ts' })),
  )
})

/** The statement of the file that has the change, as it may stand in a block. */
function mutatedStatement(mutant: Mutant): string {
  const { file, start, end } = mutant
  if (!parsed.has(file)) parsed.set(file, ts.createSourceFile(file, readSource(file), ts.ScriptTarget.Latest))
  const source = parsed.get(file)!
  const statement = source.statements.find((one) => one.pos <= start && end <= one.end)!
  const text = mutate(source.text.slice(0, statement.end), mutant).slice(statement.getStart(source))
  return text.replace(/^export /, '')
}
const parsed = new Map<string, ts.SourceFile>()

/** A change of our own, found by the text it replaces. */
function injected(file: string, find: string, replacement: string): Mutant {
  const start = readSource(file).indexOf(find)
  expect(start, find).toBeGreaterThan(0)
  return mutantsOf(file, readSource(file), [
    { start, end: start + find.length, replacement, kind: 'injected' },
  ])[0]!
}

test('a run tells what the tests notice from what they do not', async () => {
  const settling = 'src/memory-engine/sale/confirm-and-release.ts'
  const mutants = [
    injected(settling, "state.giveBack(entry, 'released', op.expiresAt)", "state.giveBack(entry, 'expired')"),
    injected(settling, "{ status: 'not_found' } as const", "{ status: 'not_found' }  as const"),
    injected('src/redis-engine/sale/scripts/release.lua', "return 'R'", "return 'P'"),
  ]
  const endless = injected(settling, "state.giveBack(entry, 'released', op.expiresAt)", 'for (;;) {}')
  const options = {
    ...{ workers: 1, onStage: () => {}, onVerdict: () => {} },
    suite: { name: 'own', files: ['test/conformance/release.test.ts'], pattern: /release/ },
  }
  // What ends is given all the time it needs.
  const verdicts = await run(mutants, { ...options, stallMs: 120_000 })
  verdicts.push(...(await run([endless], { ...options, stallMs: 3_000 })))
  expect(verdicts.map(({ status }) => status)).toEqual(['killed', 'survived', 'killed', 'hung'])
  expect(verdicts[0]!.by).toMatchObject({ file: 'test/conformance/release.test.ts' })
})

describe('the verdict', () => {
  const verdict = (status: Verdict['status'], at: number): Verdict => ({
    ...{ mutant: all[at]!, status, by: undefined, ms: 1 },
  })
  const explain = (at: number, line = all[at]!.after) => [
    { file: all[at]!.file, reason: 'no one sees it', lines: [line] },
  ]

  test('90 % of what is not explained must be killed', () => {
    const killed = Array.from({ length: 9 }, (_, at) => verdict('killed', at))
    const survived = verdict('survived', 9)
    expect(judge([...killed, survived], all, []).passed).toBe(true)
    const short = judge([...killed.slice(1), survived], all, [])
    expect([short.passed, short.survivors]).toEqual([false, [all[9]]])
    expect(share(judge([], all, []).total)).toBe(1)
  })

  test('5 % of all may be explained, and no more', () => {
    const verdicts = (killed: number) => [
      ...Array.from({ length: killed }, (_, at) => verdict('killed', at)),
      verdict('survived', 19),
    ]
    const few = judge(verdicts(19), all, explain(19))
    expect([few.passed, few.survivors, few.stale]).toEqual([true, [], []])
    expect(few.total).toMatchObject({ mutants: 20, killed: 19, explained: 1, survived: 0 })
    const many = judge(verdicts(18), all, explain(19))
    expect([many.passed, share(many.total)]).toEqual([false, 1])
  })

  test('an explanation of what is killed, or is no more, is reported', () => {
    expect(judge([verdict('killed', 0)], all, explain(0)).stale).toHaveLength(1)
    expect(judge([], all, explain(0)).stale).toEqual([])
    expect(judge([], all, explain(0, 'no such line')).stale).toHaveLength(1)
  })
})

test('options: a sample unless something says otherwise; mistakes are named', () => {
  expect(readOptions([])).toMatchObject({ list: false, workers: 2, only: [] })
  expect(readOptions([]).seed).not.toBe(readOptions([]).seed)
  expect(readOptions(['--seed', '7']).seed).toBe(7)
  expect(readOptions([]).sample).toBeGreaterThanOrEqual(100)
  expect(readOptions(['--only', 'a', '--only', 'b'])).toMatchObject({ only: ['a', 'b'], sample: undefined })
  expect(readOptions(['--all']).sample).toBeUndefined()
  expect(readOptions(['--all', '--sample', '5']).sample).toBe(5)
  expect(() => readOptions(['--sample', 'x'])).toThrow('--sample must be a whole number')
  expect(() => readOptions(['--smaple', '1'])).toThrow('smaple')
})
