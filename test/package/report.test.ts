/** The report of the bench suite, from fixed results: no benchmark is run here. */
import { describe, expect, test } from 'vitest'
import type { Figure, PartResult } from '../../bench/part.js'
import { compareEnvironments, compareFigures } from '../../bench/report/compare.js'
import { reportPage } from '../../bench/report/html/page.js'
import { checkResult, readReport } from '../../bench/report/read.js'
import { figure, reportOf, result } from '../../bench/report/sample.js'
import { judge } from '../../bench/report/targets.js'
import { redactAll } from '../../scripts/lib/redact.js'

const report = reportOf([figure('callers.reserve-plain-2000', 4.31, { spread: [4.02, 4.6] })])

describe('the JSON file', () => {
  test('reads as it was written', () => {
    expect(readReport(JSON.stringify(report))).toEqual(report)
  })

  test.each([
    ['{"version":2}', /version 2; this program reads version 1/],
    ['{"version":"1"}', /version "1"; this program reads version 1/],
    ['{}', /no version/],
    ['[]', /must be an object/],
    ['{"version":1', /not JSON/],
    ['{"version":1}', /createdAt must be a text/],
  ])('refuses %s', (json, reason) => {
    expect(() => readReport(json)).toThrow(reason)
  })

  test('says where something is amiss', () => {
    const json = JSON.stringify(report).replace('"value":4.31', '"value":null')
    expect(() => readReport(json)).toThrow('parts[0].figures[0].value must be a finite number')
  })

  test.each<[string, Partial<PartResult>]>([
    ['a figure that is no number', { figures: [figure('a', Number.NaN)] }],
    ['a row of another length', { tables: [{ title: '', columns: ['a', 'b'], rows: [['a']] }] }],
    [
      'a line of another length',
      {
        charts: [
          {
            kind: 'lines',
            title: '',
            x: { label: '', values: [1] },
            y: { label: '' },
            series: [{ label: '', values: [] }],
          },
        ],
      },
    ],
  ])('a part may not hand back %s', (_, broken) => {
    expect(() => checkResult({ ...result([]), ...broken })).toThrow()
  })

  test('keeps no password', () => {
    const texts = [
      'redis://:p@ss@host:6379/0 failed',
      'postgres://u:pass@h/db',
      'redis://h?password=pass&db=1',
    ]
    expect(redactAll({ texts })).toEqual({
      texts: ['redis://***@host:6379/0 failed', 'postgres://***@h/db', 'redis://h?password=***&db=1'],
    })
  })
})

describe('targets', () => {
  const verdict = (figures: readonly Figure[], label: RegExp) =>
    judge(new Map(figures.map((each) => [each.id, each]))).find((each) => label.test(each.label))!

  test('at least: met from the value on', () => {
    expect(verdict([figure('callers.reserve-plain-512', 4.5)], /512 callers/).verdict).toBe('met')
    expect(verdict([figure('callers.reserve-plain-512', 4.499)], /512 callers/).verdict).toBe('missed')
  })

  test('at most: met up to the value', () => {
    expect(verdict([figure('memory.bytes', 100)], /bytes a reservation/).verdict).toBe('met')
    expect(verdict([figure('memory.bytes', 100.1)], /bytes a reservation/).verdict).toBe('missed')
  })

  test('not measured is neither', () => {
    expect(verdict([], /PostgreSQL/)).toMatchObject({ verdict: 'not measured', measured: null })
  })
})

describe('compare', () => {
  const verdict = (a: Partial<Figure>, b: Partial<Figure>) =>
    compareFigures(reportOf([figure('x', 100, a)]), reportOf([figure('x', 100, b)]))[0]!

  test.each<[string, Partial<Figure>, Partial<Figure>, string, number | undefined]>([
    ['higher is better', {}, { value: 110 }, 'better', 10],
    ['higher is better, and it fell', {}, { value: 90 }, 'worse', -10],
    ['lower is better', { better: 'lower' }, { better: 'lower', value: 90 }, 'better', -10],
    ['less than 3 % without a spread', {}, { value: 102.9 }, 'within the noise', 2.9],
    ['3 % without a spread', {}, { value: 103 }, 'better', 3],
    [
      'spreads that overlap',
      { spread: [80, 125] },
      { value: 130, spread: [120, 140] },
      'within the noise',
      30,
    ],
    ['spreads that do not', { spread: [99, 101] }, { value: 102, spread: [101.5, 103] }, 'better', 2],
    ['a spread on one side only', { spread: [90, 111] }, { value: 110 }, 'within the noise', 10],
    [
      'a single round on each side',
      { spread: [100, 100] },
      { value: 101, spread: [101, 101] },
      'within the noise',
      1,
    ],
    ['from nothing to something', { value: 0 }, { value: 5 }, 'better', undefined],
    ['nothing twice', { value: 0 }, { value: 0 }, 'within the noise', 0],
    ['another unit', {}, { unit: 'ms' }, 'not comparable', undefined],
  ])('%s', (_, a, b, expected, change) => {
    const found = verdict(a, b)
    expect(found.verdict).toBe(expected)
    if (change === undefined) expect(found.change).toBeUndefined()
    else expect(found.change).toBeCloseTo(change)
  })

  test('figures of one report only', () => {
    const compared = compareFigures(reportOf([figure('a', 1)]), reportOf([figure('b', 1)]))
    expect(compared.map(({ id, verdict }) => [id, verdict])).toEqual([
      ['a', 'only in A'],
      ['b', 'only in B'],
    ])
  })

  test('points out environments that differ, but for the commit', () => {
    const [a, b] = [reportOf([]), reportOf([], { node: 'v24.0.0', seed: 2, git: null })]
    expect(compareEnvironments(a.environment, a.environment)).toEqual([])
    expect(compareEnvironments(a.environment, b.environment).map(({ name }) => name)).toEqual([
      'Node',
      'seed',
    ])
  })
})

describe('the page', () => {
  test('escapes what it is given', async () => {
    const page = reportPage(report)
    expect(page).not.toContain('<img src=x')
    expect(page).not.toContain('<script>document')
    expect(page).toContain('&lt;img src=x onerror=alert(1)&gt; &quot;quoted&quot; &amp; &#39;so&#39;')
  })

  test('refers to nothing outside itself', async () => {
    const page = reportPage(report)
    expect(page).toContain("default-src 'none'")
    expect(page).not.toMatch(
      /<(link|iframe|object|embed|base)\b|<(script|img)\b[^>]*\bsrc=|@import|url\(\s*["']?(?!data:)\w+:/,
    )
    expect(page).not.toMatch(/\b(fetch|XMLHttpRequest|WebSocket|EventSource|sendBeacon)\b\s*\(/)
  })

  test('a broken invariant is what one sees first', async () => {
    const parts = report.parts.map((part) => ({
      ...part,
      invariants: [{ rule: 'no oversell', holds: false }],
    }))
    const page = await reportPage({ ...report, ok: false, parts })
    expect(page).toMatch(/<title>[^<]*1 of 1 invariants does not hold<\/title>/)
    expect(page.indexOf('does not hold')).toBeLessThan(page.indexOf('id="targets"'))
  })
})
