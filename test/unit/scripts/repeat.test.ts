import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readOptions } from '../../../scripts/repeat/options.js'
import {
  type Ended,
  flakes,
  type JsonReport,
  type Outcome,
  outcomeOf,
} from '../../../scripts/repeat/outcome.js'
import { failuresOf, report } from '../../../scripts/repeat/report.js'
import { Series } from '../../../scripts/repeat/series.js'
import { plain } from '../../../src/cli/terminal/style.js'

const root = '/somewhere/stockhold'

type TestResult = JsonReport['testResults'][number]

function file(name: string, tests: Record<string, string>, rest: Partial<TestResult> = {}): TestResult {
  const assertionResults = Object.entries(tests).map(([fullName, outcome]) => {
    const status = ['passed', 'skipped', 'todo'].includes(outcome) ? outcome : 'failed'
    return { fullName: ` ${fullName}`, status, failureMessages: status === 'failed' ? [outcome] : [] }
  })
  return { name: join(root, name), status: 'passed', message: '', assertionResults, ...rest }
}

function ended(testResults: TestResult[] | undefined, rest: Partial<Ended> = {}): Ended {
  const report = testResults && { testResults }
  return { root, report, uncaught: [], ok: true, output: '', seconds: 61.4, ...rest }
}

const outcome = (...tests: string[]): Outcome => ({
  ...{ passed: 3, failed: tests.length, skipped: 0, seconds: 61.4 },
  failures: tests.map((test) => ({ test, message: `${test} broke\n    at somewhere` })),
})

describe('a run is told from its JSON report', () => {
  test('counts tests by how they ended, over all files', () => {
    const files = [
      file('test/a.test.ts', { one: 'passed', two: 'Error: 1', three: 'skipped' }),
      file('test/b.test.ts', { one: 'passed', two: 'todo' }),
    ]
    expect(outcomeOf(ended(files, { ok: false }))).toEqual({
      ...{ passed: 2, failed: 1, skipped: 2, seconds: 61.4 },
      failures: [{ test: 'test/a.test.ts > two', message: 'Error: 1' }],
    })
  })

  test('a file that cannot be loaded is a failure, though it has no tests', () => {
    const broken = file('test/a.test.ts', {}, { status: 'failed', message: 'Cannot find module' })
    const { failed, failures } = outcomeOf(ended([broken], { ok: false }))
    expect(failed).toBe(1)
    expect(failures).toEqual([{ test: 'test/a.test.ts', message: 'Cannot find module' }])
  })

  test('an error that no test caught is a failure, though every test passed', () => {
    const passed = file('test/a.test.ts', { one: 'passed' })
    const { passed: count, failures } = outcomeOf(ended([passed], { ok: false, uncaught: ['Error: left'] }))
    expect(count).toBe(1)
    expect(failures).toEqual([{ test: 'outside of the tests', message: 'Error: left' }])
  })

  test('a process that ends without a report has failed with its last words', () => {
    const { failed, failures } = outcomeOf(
      ended(undefined, { ok: false, output: 'A Redis server is needed\n' }),
    )
    expect(failed).toBe(1)
    expect(failures).toEqual([{ test: 'outside of the tests', message: 'A Redis server is needed' }])
  })
})

test('lists every test that failed in any run, the most frequent first, with its first message', () => {
  const twice: Outcome = {
    ...outcome(),
    failures: ['first', 'second'].map((message) => ({ test: 'c', message })),
  }
  const runs = [outcome('b'), outcome('a', 'b'), outcome(), twice]
  expect(flakes(runs)).toEqual([
    { test: 'b', runs: 2, message: 'b broke\n    at somewhere' },
    { test: 'a', runs: 1, message: 'a broke\n    at somewhere' },
    { test: 'c', runs: 1, message: 'first' },
  ])
})

describe('the report', () => {
  test('has a row for each run, then each failed test without its stack', () => {
    expect(report([outcome('a > b'), outcome()], 80, plain)).toEqual([
      '',
      'Runs',
      'run  passed  failed  skipped  seconds',
      '  1       3       1        0       61',
      '  2       3       0        0       61',
      '',
      'Failed',
      '1 of 2  a > b',
      '    a > b broke',
      '',
      '✗ 1 of 2 runs failed',
    ])
  })

  test('tells what failed in a run as soon as it is over', () => {
    expect(failuresOf(outcome('a > b', 'c'), plain)).toEqual([
      ...['✗ a > b', '    a > b broke', '✗ c', '    c broke'],
    ])
    expect(failuresOf(outcome(), plain)).toEqual([])
  })

  test('says that all runs passed, and that none was finished', () => {
    expect(report([outcome(), outcome()], 80, plain).at(-1)).toBe('✓ 2 of 2 runs passed')
    expect(report([], 80, plain)).toEqual(['', '✗ No run was finished'])
  })
})

test('while it runs: a share of all runs, the time that is left, and what has failed', () => {
  let now = 0
  const series = new Series(4, plain, () => now)
  series.progress(5, 10)
  now = 30_000
  expect(series.panel(80).join('\n')).toContain('left')
  expect(series.panel(80)[0]).toMatch(/ 12 %$/)
  expect(series.panel(80).join('\n')).toMatch(/left +3 min 30 s/)
  series.add(outcome('a'))
  expect(series.line()).toBe('run 2 of 4, 0 of 10 files, 1 failed run')
  expect(series.panel(80).at(-1)).toBe('✗ 1  a')
  for (let run = 2; run <= 4; run++) series.add(outcome())
  expect(series.panel(80)[0]).toMatch(/ 100 %$/)
})

describe('the options', () => {
  test('ten runs of the whole suite, if nothing is said', () => {
    expect(readOptions([])).toEqual({ times: 10, load: false, files: [] })
    expect(readOptions(['--times', '3', '--load', 'test/unit'])).toEqual({
      ...{ times: 3, load: true, files: ['test/unit'] },
    })
  })

  test.each([
    [['--times', '0'], '--times must be a whole number from 1 to 10000, not "0"'],
    [['--times', 'many'], '--times must be a whole number from 1 to 10000, not "many"'],
    [['--time', '3'], "Unknown option '--time'"],
    [['test/nothing.test.ts'], 'there is no file "test/nothing.test.ts"'],
  ])('refuses %j', (args, message) => {
    expect(() => readOptions(args)).toThrow(message)
  })
})
