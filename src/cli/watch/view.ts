import { bytes, time } from '../plan/format.js'
import { bar, sparkline } from '../terminal/charts.js'
import { count } from '../terminal/format.js'
import { safe } from '../terminal/safe.js'
import { clip, type Paint } from '../terminal/style.js'
import { terminalTable } from '../terminal/table.js'
import { columnsOf } from '../terminal/width.js'
import { wrap } from '../terminal/wrap.js'
import { paintState } from '../text.js'
import { type Reading, remediesOf, type WatchedSku } from './reading.js'

/** The room that a screen has. */
export interface Size {
  readonly columns: number
  readonly rows: number
}

const WIDE = 90
const FULL = 0.8
const GAP = '   '

const clockOf = (at: number) => new Date(at).toLocaleTimeString('en-GB')
const rate = (perSecond: number) =>
  perSecond === 0 ? '0' : perSecond.toFixed(Math.abs(perSecond) < 10 ? 1 : 0)

/**
 * The live view: as many lines as there are rows, each as wide as the screen at most.
 *
 * @param trouble Why the latest reading failed; the one that is shown is an earlier one.
 */
export function viewOf(reading: Reading, { columns, rows }: Size, paint: Paint, trouble?: string): string[] {
  const { sale, groups, memory } = reading
  const head = sale ? `sale ${safe(sale.id)}` : 'no sale'
  const state = sale ? paintState(paint, sale.state) : ''
  const share = memory.limit > 0 ? memory.used / memory.limit : 0
  const full = `${bytes(memory.used)} of ${bytes(memory.limit)}, ${Math.round(share * 100)} %`
  const top = [
    ...inLines(
      [
        `${paint('bold', head)}${state === '' ? '' : `: ${state}`}`,
        clockOf(reading.at),
        `memory ${share > FULL ? paint('red', full) : full}`,
        paint('dim', 'q quits'),
      ],
      columns,
    ),
    ...(trouble === undefined ? [] : [paint('red', safe(trouble))]),
    ...(sale?.problem ? [paint('red', `${sale.problem.code}: ${safe(sale.problem.message)}`)] : []),
    ...remediesOf(reading).flatMap((remedy) => wrap(safe(remedy), columns)),
  ]
  const bottom = [...roomLines(reading, columns, paint), ...groupLines(groups, columns, paint)]
  const room = Math.max(3, rows - top.length - bottom.length - 2)
  return [...top, '', ...skuLines(reading.skus, { columns, rows: room }, paint), '', ...bottom]
    .slice(0, rows)
    .map((line) => clip(line, columns))
}

type Column = 'SKU' | 'available' | 'left' | 'held' | 'confirmed' | 'per s' | 'sold out in' | 'taken'

/** The columns of units, from the widest screen to the narrowest. */
const COLUMNS: readonly (readonly Column[])[] = [
  ['SKU', 'available', 'left', 'held', 'confirmed', 'per s', 'sold out in', 'taken'],
  ['SKU', 'available', 'left', 'held', 'confirmed', 'per s', 'sold out in'],
  ['SKU', 'available', 'left', 'per s', 'sold out in'],
  ['SKU', 'available', 'per s', 'sold out in'],
  ['SKU', 'available', 'sold out in'],
]

/** A row for each SKU; where there are more than rows, those that sell fastest. */
function skuLines(skus: readonly WatchedSku[], { columns, rows }: Size, paint: Paint): string[] {
  if (skus.length === 0) return []
  // The heading takes a row, and so does the line that tells of the others.
  const most = skus.length > rows - 1 ? Math.max(1, rows - 2) : skus.length
  const fastest = () => [...skus].sort((a, b) => b.perSecond - a.perSecond).slice(0, most)
  const shown = skus.length === most ? skus : fastest()
  const tables = COLUMNS.map((names) => {
    const table = {
      title: '',
      columns: names,
      rows: shown.map((one) => names.map((name) => cell(one, name, columns))),
    }
    return terminalTable(table, Number.POSITIVE_INFINITY, paint)
  })
  const fitting = tables.find((lines) => lines.every((line) => columnsOf(line) <= columns))
  const others = skus.length - shown.length
  return [...(fitting ?? tables.at(-1)!), ...(others > 0 ? [paint('dim', `and ${others} more SKUs`)] : [])]
}

function cell(one: WatchedSku, name: Column, columns: number): string {
  const { sku, available, held, confirmed, total, perSecond, soldOutInMs, taken } = one
  switch (name) {
    case 'SKU':
      return shorten(safe(sku), Math.max(8, Math.floor(columns / 4)))
    case 'available':
      return count(available)
    case 'left':
      return bar(total > 0 ? available / total : 0, columns >= WIDE ? 20 : 10)
    case 'held':
      return count(held)
    case 'confirmed':
      return count(confirmed)
    case 'per s':
      return rate(-perSecond)
    case 'sold out in':
      if (available === 0) return 'sold out'
      return soldOutInMs === null ? '-' : time(soldOutInMs / 1_000)
    case 'taken':
      return sparkline(taken, 16)
  }
}

function shorten(text: string, width: number): string {
  return columnsOf(text) <= width ? text : clip(text, width)
}

function roomLines({ rooms }: Reading, columns: number, paint: Paint): string[] {
  return rooms.flatMap(({ id, state, stats, admittedPerSecond }) => {
    const head = `${paint('bold', `room ${safe(id)}`)}: ${paintState(paint, state)}`
    if (!stats) return [head]
    const { waiting, ratePerSecond, outstanding, capacity, missedTurns } = stats
    const facts = [
      `waiting ${count(waiting)}`,
      `rate ${ratePerSecond}/s, ${rate(admittedPerSecond)}/s achieved`,
      `outstanding ${count(outstanding)}${capacity === null ? '' : `, the stock allows ${count(capacity)}`}`,
      `missed turns ${count(missedTurns)}`,
    ]
    return inLines([head, ...facts], columns)
  })
}

/** Facts side by side, as many as a line has room for. */
function inLines(facts: readonly string[], columns: number): string[] {
  const lines: string[] = []
  for (const fact of facts) {
    const line = lines.at(-1)
    if (line !== undefined && columnsOf(line) + GAP.length + columnsOf(fact) <= columns)
      lines[lines.length - 1] = line + GAP + fact
    else lines.push(line === undefined ? fact : `  ${fact}`)
  }
  return lines
}

function groupLines(groups: Reading['groups'], columns: number, paint: Paint): string[] {
  if (groups.length === 0) return []
  const rows = groups.map(({ group, lag, parked, dead }) => [safe(group), lag, parked, dead])
  return [
    '',
    ...terminalTable({ title: '', columns: ['group', 'lag', 'parked', 'dead'], rows }, columns, paint),
  ]
}

/** The same in one line, where there is no terminal. */
export function lineOf({ at, sale, skus, rooms, groups, memory }: Reading): string {
  return [
    clockOf(at),
    ...(sale ? [`${safe(sale.id)} ${sale.state}`] : []),
    ...skus.map(
      ({ sku, available, total, perSecond }) => `${safe(sku)} ${available}/${total} ${rate(-perSecond)}/s`,
    ),
    ...rooms.map(
      ({ id, state, stats, admittedPerSecond }) =>
        `room ${safe(id)} ${state}${stats ? ` ${stats.waiting} waiting, ${rate(admittedPerSecond)}/s of ${stats.ratePerSecond}/s` : ''}`,
    ),
    ...groups.map(({ group, lag, dead }) => `group ${safe(group)} lags ${lag}, ${dead} dead`),
    `memory ${bytes(memory.used)} of ${bytes(memory.limit)}`,
  ].join('; ')
}
