import { isNumeric, number } from './format.js'
import type { Paint } from './style.js'
import { columnsOf, padded } from './width.js'
import { hanging, wrap } from './wrap.js'

export interface Table {
  readonly title: string
  readonly columns: readonly string[]
  /** Numbers are printed with separators and aligned to the right. */
  readonly rows: readonly (readonly (string | number)[])[]
}

const GAP = 2
const NARROWEST = 14

/**
 * A table for a terminal of this width. Texts are wrapped if it is too wide; if it is still too
 * wide, each row becomes a block of lines.
 * @param decorate Colours a cell that is already padded, so that colours never count as width.
 */
export function terminalTable(
  { title, columns, rows }: Table,
  width: number,
  paint: Paint,
  decorate: (cell: string, column: number) => string = (cell) => cell,
): string[] {
  const heading = title === '' ? [] : wrap(title, width).map((line) => paint('bold', line))
  const texts = rows.map((row) => row.map((cell) => (typeof cell === 'number' ? number(cell) : cell)))
  const right = columns.map((_, index) => rows.length > 0 && rows.every((row) => isNumeric(row[index]!)))
  const widths = columns.map((name, index) => longest([name, ...texts.map((row) => row[index]!)]))
  if (!fitInto(widths, right, width)) return [...heading, ...blocks(columns, texts, width)]

  const aligned = (text: string, index: number) => {
    if (right[index]) return padded(text, widths[index]!, 'left')
    return index === columns.length - 1 ? text : padded(text, widths[index]!)
  }
  const line = (cells: readonly string[], decorated: (cell: string, column: number) => string) => {
    const wrapped = cells.map((cell, index) => wrap(cell, widths[index]!))
    const height = Math.max(...wrapped.map(({ length }) => length))
    return Array.from({ length: height }, (_, at) =>
      wrapped.map((lines, index) => decorated(aligned(lines[at] ?? '', index), index)).join(' '.repeat(GAP)),
    )
  }
  return [
    ...heading,
    ...line(columns, (cell) => cell).map((text) => paint('dim', text)),
    ...texts.flatMap((row) => line(row, decorate)),
  ].map((text) => text.trimEnd())
}

/** Narrows the widest text column until the line fits; answers whether it does. */
function fitInto(widths: number[], right: readonly boolean[], width: number): boolean {
  const total = () => widths.reduce((sum, each) => sum + each, GAP * (widths.length - 1))
  while (total() > width) {
    const texts = widths.map((each, index) => (right[index] || each <= NARROWEST ? 0 : each))
    const widest = texts.indexOf(Math.max(...texts))
    if (texts[widest] === 0) return false
    widths[widest]!--
  }
  return true
}

function blocks(columns: readonly string[], rows: readonly (readonly string[])[], width: number): string[] {
  const names = longest(columns) + 2
  return rows.flatMap((row) =>
    row.flatMap((cell, index) => {
      const indent = index === 0 ? '' : '  '
      return hanging(indent + padded(columns[index]!, names), indent.length + names, cell, width)
    }),
  )
}

/** Of any number of texts: a table may list everything that a recovery has refused. */
const longest = (texts: readonly string[]) => texts.reduce((most, text) => Math.max(most, columnsOf(text)), 0)
