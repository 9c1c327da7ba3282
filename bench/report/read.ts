import type { LineChart } from '../../scripts/lib/report/charts.js'
import type { Table } from '../../src/cli/terminal/table.js'
import type { PartResult } from '../part.js'
import { type Report, VERSION } from './report.js'
import {
  and,
  dictionary,
  either,
  finite,
  flag,
  list,
  Misshapen,
  oneOf,
  optional,
  orNull,
  record,
  type Shape,
  text,
} from './shape.js'

const spread = and(list(finite), (value, at) => {
  const [low, high, ...more] = value as number[]
  if (low === undefined || high === undefined || more.length > 0 || low > high) {
    throw new Misshapen(at, 'a lowest and a highest value')
  }
})

const figure = record({
  id: text,
  label: text,
  unit: text,
  value: finite,
  spread: optional(spread),
  better: oneOf('higher', 'lower'),
})

const table = and(
  record({
    title: text,
    columns: list(text),
    rows: list(list(either(text, finite, 'a text or a finite number'))),
  }),
  (value, at) => {
    const { columns, rows } = value as Table
    const odd = rows.findIndex((row) => row.length !== columns.length)
    if (odd >= 0) throw new Misshapen(`${at}.rows[${odd}]`, `as long as the ${columns.length} columns`)
  },
)

const lines = and(
  record({
    kind: oneOf('lines'),
    title: text,
    x: record({ label: text, values: list(finite), log: optional(flag) }),
    y: record({ label: text, log: optional(flag) }),
    series: list(record({ label: text, values: list(orNull(finite)) })),
  }),
  (value, at) => {
    const { x, series } = value as LineChart
    const odd = series.findIndex(({ values }) => values.length !== x.values.length)
    if (odd >= 0) throw new Misshapen(`${at}.series[${odd}].values`, `as many as the ${x.values.length} of x`)
  },
)

const bars = record({
  kind: oneOf('bars'),
  title: text,
  unit: text,
  bars: list(record({ label: text, value: finite, spread: optional(spread), note: optional(text) })),
})

const chart: Shape = (value, at) => {
  record({ kind: oneOf('lines', 'bars') })(value, at)
  return (value as { kind: string }).kind === 'lines' ? lines(value, at) : bars(value, at)
}

const result = {
  figures: list(figure),
  tables: list(table),
  charts: list(chart),
  invariants: list(record({ rule: text, holds: flag, detail: optional(text) })),
}

const environment = record({
  cpu: record({ model: text, count: finite }),
  memoryBytes: finite,
  os: text,
  node: text,
  redis: record({ version: text, url: orNull(text), config: dictionary(text) }),
  git: orNull(record({ commit: text, dirty: flag })),
  seed: finite,
  options: record({ quick: flag, realTime: flag, parts: list(text) }),
})

const target = record({
  label: text,
  bound: oneOf('at least', 'at most'),
  value: finite,
  unit: text,
  measured: orNull(finite),
  spread: optional(spread),
  verdict: oneOf('met', 'missed', 'not measured'),
})

const report = record({
  createdAt: and(text, (value, at) => {
    if (Number.isNaN(Date.parse(value as string))) throw new Misshapen(at, 'a date')
  }),
  ok: flag,
  environment,
  targets: list(target),
  parts: list(record({ name: text, question: text, seconds: finite, ...result })),
})

/** @throws {Misshapen} when a part hands back what the report could not show, or JSON not keep. */
export function checkResult(value: PartResult): void {
  record(result)(value, '')
}

/** @throws {Error} that says in one sentence why this is not a report of this version. */
export function readReport(json: string): Report {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch (error) {
    throw new Error(`not JSON: ${(error as Error).message}`)
  }
  record({})(value, '')
  const { version } = value as { version?: unknown }
  if (version === undefined) throw new Error('not a report: it has no version')
  if (version !== VERSION) {
    throw new Error(`a report of version ${JSON.stringify(version)}; this program reads version ${VERSION}`)
  }
  report(value, '')
  return value as Report
}
