import { readdir, readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { readOptions } from '../../../scripts/matrix/options.js'
import { hasPassed, report } from '../../../scripts/matrix/report.js'
import { rows } from '../../../scripts/matrix/rows.js'
import type { Result } from '../../../scripts/matrix/run-row.js'

const root = new URL('../../../', import.meta.url)
const text = (name: string) => readFile(new URL(name, root), 'utf8')
const chosen = (...args: string[]) => readOptions(args).rows.map(({ name }) => name)

describe('the options of the matrix', () => {
  test('without any, every row is run', () => {
    expect(readOptions([])).toEqual({ rows, list: false, files: [] })
  })

  test('--only takes the rows whose names contain it, each once and in the order of the table', () => {
    expect(chosen('--only', 'valkey 8', '--only', 'redis 7')).toEqual(['redis 7.0', 'valkey 8.0'])
    expect(chosen('--only', 'node', '--only', 'node 22')).toEqual(['node 20', 'node 22', 'node 24'])
  })

  test('--only takes a row by its whole name alone, where others contain that name too', () => {
    expect(chosen('--only', 'ioredis 5')).toEqual(['ioredis 5'])
  })

  test('files in place of those of the rows', () => {
    expect(readOptions(['--only', 'valkey', 'test/race']).files).toEqual(['test/race'])
  })

  test('a row that does not exist is named, with those that do', () => {
    expect(() => readOptions(['--only', 'redis 9'])).toThrow(/--only names no row: "redis 9".*valkey 8\.0/)
    expect(() => readOptions(['--all'])).toThrow(/--all/)
  })
})

describe('the rows of the matrix', () => {
  test('every file that a row names exists', async () => {
    const all = (await readdir(new URL('test/', root), { recursive: true })).map((name) => `test/${name}`)
    const tests = all.filter((name) => name.endsWith('.test.ts'))
    for (const file of new Set(rows.flatMap(({ files }) => files))) {
      expect(
        tests.some((name) => name.includes(file)),
        file,
      ).toBe(true)
    }
  })

  test('the workflow runs the same rows', async () => {
    const workflow = await text('.github/workflows/ci.yml')
    const listed = /^ +row: \[(.*)\]$/m.exec(workflow)?.[1]?.split(', ') ?? []
    const included = [...workflow.matchAll(/\{ row: ([^,]+),/g)].map(([, name]) => name!)
    expect([...listed, ...included].sort()).toEqual(rows.map(({ name }) => name).sort())
  })

  test('the README and the manifest promise what a row runs on', async () => {
    const readme = await text('README.md')
    const { engines, peerDependencies } = JSON.parse(await text('package.json'))
    const promises = rows.flatMap((row) => row.promises)
    expect(readme).toContain('Node 20.19 or later (tested on 20.19, 22 and 24)')
    expect(engines.node).toBe('>=20.19')
    expect(promises).toEqual(expect.arrayContaining(['Node 20.19.0', 'Node 22', 'Node 24']))
    for (const chapter of [readme, await text('src/redis-engine/README.md')])
      expect(chapter).toContain('Redis 7.0 or later, or Valkey 8.0 or later')
    expect(promises).toEqual(expect.arrayContaining(['Redis 7.0', 'Valkey 8.0']))
    expect(peerDependencies.ioredis).toBe('^5.4 || ^6')
    expect(promises).toEqual(expect.arrayContaining(['ioredis 5.4.0', 'ioredis 5', 'ioredis 6']))
    expect(await text('src/postgres/README.md')).toContain('PostgreSQL 15 or later')
    expect(promises).toContain('PostgreSQL 15')
    expect(peerDependencies.pg).toBe('^8.11')
    expect(peerDependencies['fast-check']).toBe('^4')
    expect(promises).toEqual(expect.arrayContaining(['pg 8.11.0', 'pg 8', 'fast-check 4.0.0']))
  })
})

describe('the report of the matrix', () => {
  const passed: Result = {
    ...{ row: rows[0]!, versions: ['Node 22.1.0', 'Redis 7.0.15'] },
    outcome: { passed: 1_234, failed: 0, skipped: 0, seconds: 61.4, failures: [] },
  }
  const failures = [{ test: 'a.test.ts > a title', message: 'expected 1 to be 2' }]
  const failed: Result = { row: rows[1]!, versions: [], outcome: { ...passed.outcome, failed: 1, failures } }
  const plain = (_style: string, line: string) => line

  test('shows what each row ran on, and how it went', () => {
    const lines = report([passed], 120, plain)
    expect(lines.join('\n')).toMatch(/redis 7\.0 +Node 22\.1\.0, Redis 7\.0\.15 +1,234 +0 +0 +61/)
    expect(lines.at(-1)).toBe('1 row passed.')
    expect(hasPassed(passed)).toBe(true)
  })

  test('names every failure, and the rows that failed', () => {
    const lines = report([passed, failed], 120, plain)
    expect(lines.slice(0, 4)).toEqual(['', 'valkey 8.0', '  a.test.ts > a title', '    expected 1 to be 2'])
    expect(lines.at(-1)).toBe('1 of 2 rows failed: valkey 8.0.')
    expect(hasPassed(failed)).toBe(false)
  })
})
