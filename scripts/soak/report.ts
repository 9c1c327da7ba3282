import { sparkline } from '../../src/cli/terminal/charts.js'
import { count, counted, number } from '../../src/cli/terminal/format.js'
import type { Paint } from '../../src/cli/terminal/style.js'
import { terminalTable } from '../../src/cli/terminal/table.js'
import { wrap } from '../../src/cli/terminal/wrap.js'
import { faults } from './faults.js'
import type { RunRecord } from './record.js'
import type { JudgedSeries } from './series.js'

/** Columns of the table without its charts, and the least width of a chart. */
const FIGURES = 86
const LEAST = 8
/** Lines that are shown of the faults that broke the run. */
const BROKEN_LINES = 30

/** Whether a run has found a fault. */
export function failed({ series, broken }: RunRecord): boolean {
  return broken.length > 0 || series.judged().some(({ verdict }) => verdict === 'leaking')
}

/** Whether a run has found no fault. A run that was too short to judge has not passed. */
export function passed({ series, broken }: RunRecord): boolean {
  return (
    series.samples > 0 && broken.length === 0 && series.judged().every(({ verdict }) => verdict === 'steady')
  )
}

export function report(record: RunRecord, width: number, paint: Paint): string[] {
  const series = record.series.judged()
  return [
    ...(series.length === 0 ? [] : ['', ...seriesTable(series, width, paint)]),
    ...(record.answers.size === 0 ? [] : ['', ...answersTable(record, width, paint)]),
    ...(record.faults.size === 0 ? [] : ['', ...faultsTable(record, width, paint)]),
    ...(record.broken.length === 0 ? [] : ['', paint('bold', 'Broken')]),
    ...record.broken
      .flatMap((text) => text.split('\n'))
      .slice(0, BROKEN_LINES)
      .flatMap((line) => wrap(line, width)),
    '',
    ...verdict(record, series, paint),
  ]
}

function seriesTable(series: readonly JudgedSeries[], width: number, paint: Paint): string[] {
  const room = Math.max(LEAST, Math.min(60, width - FIGURES))
  const rows = series.map(({ name, first, last, median, slopePerHour, verdict, values }) => [
    ...[name, ...[first, last, median, slopePerHour].map(shown), verdict, chart(values, room)],
  ])
  const columns = ['series', 'first', 'last', 'median', 'slope per hour', 'verdict', 'all samples']
  return terminalTable({ title: 'After the warm-up', columns, rows }, width, paint, (cell, column) =>
    column === 5 && cell.trim() !== 'steady' ? paint('red', cell) : cell,
  )
}

function answersTable({ answers }: RunRecord, width: number, paint: Paint): string[] {
  const rows = [...answers]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([call, counts]) => [
      call,
      [...counts]
        .sort(([, a], [, b]) => b - a)
        .map(shownCount)
        .join(', '),
    ])
  return terminalTable({ title: 'Answers', columns: ['call', 'answers'], rows }, width, paint)
}

const shownCount = ([answer, times]: readonly [string, number]) => `${count(times)} ${answer}`

function faultsTable(record: RunRecord, width: number, paint: Paint): string[] {
  const rows = faults.map((fault) => [fault, record.faults.get(fault) ?? 0])
  return terminalTable({ title: 'Faults', columns: ['fault', 'times'], rows }, width, paint)
}

function verdict(record: RunRecord, series: readonly JudgedSeries[], paint: Paint): string[] {
  const leaking = series.filter(({ verdict }) => verdict === 'leaking')
  const unjudged = series.length === 0 || series.some(({ verdict }) => verdict === 'too few samples')
  const good = (text: string) => paint('green', `✓ ${text}`)
  const bad = (text: string) => paint('red', `✗ ${text}`)
  const judged = unjudged
    ? [bad('The run was too short to judge its series')]
    : [good(`${counted(series.length, 'series').replace(/ss$/, 's')}, none of them leaks`)]
  return [
    ...(leaking.length === 0
      ? judged
      : leaking.map(({ name, growth }) => bad(`${name} leaks: it grew by ${shown(growth)}`))),
    record.broken.length === 0
      ? good(`${counted(record.sales.length, 'sale')}: every check holds`)
      : bad(counted(record.broken.length, 'failed check')),
  ]
}

export function shown(value: number): string {
  return Number.isInteger(value) || !Number.isFinite(value) ? number(value) : value.toFixed(2)
}

/** A sparkline from the least of the values to the greatest. */
export function chart(values: readonly number[], width: number): string {
  const least = Math.min(...values)
  const range = Math.max(...values) - least
  // Shifted above 0, so that the least value is visible.
  return sparkline(
    values.map((value) => 0.001 + (range === 0 ? 0 : (7 * (value - least)) / range)),
    width,
  )
}
