import { clip, type Paint } from '../../../src/cli/terminal/style.js'

/** A label, and cells that are aligned to the right behind it. */
export type Row = readonly [label: string, ...cells: string[]]

export interface Section {
  readonly title: string
  /** Names of the columns, if there is more than one. */
  readonly columns?: readonly string[]
  readonly rows: readonly Row[]
}

/** Sections one below the other, with aligned columns. */
export function sectionTable(sections: readonly Section[], paint: Paint, width: number): string[] {
  const rows = sections.flatMap(({ title, columns = [], rows }): Row[] => [[title, ...columns], ...rows])
  const labelWidth = Math.max(...rows.map(([label]) => label.length)) + 2
  const cellWidth = Math.max(...rows.flatMap(([, ...cells]) => cells.map((cell) => cell.length))) + 2
  const line = (indent: string, [label, ...cells]: Row) =>
    ((indent + label).padEnd(labelWidth) + cells.map((cell) => cell.padStart(cellWidth)).join('')).trimEnd()
  const lines = sections.flatMap(({ title, columns = [], rows }) => [
    paint('bold', line('', [title, ...columns])),
    ...rows.map((row) => line('  ', row)),
  ])
  return lines.map((text) => clip(text, width))
}

/** Labels and values side by side, as many columns of them as the width allows. */
export function grid(
  cells: readonly (readonly [label: string, value: string])[],
  paint: Paint,
  width: number,
): string[] {
  const gap = 3
  const labelWidth = Math.max(...cells.map(([label]) => label.length))
  const valueWidth = Math.max(9, ...cells.map(([, value]) => value.length))
  const perLine = Math.max(1, Math.floor((width + gap) / (labelWidth + 1 + valueWidth + gap)))
  const lines: string[] = []
  for (let at = 0; at < cells.length; at += perLine) {
    const line = cells
      .slice(at, at + perLine)
      .map(([label, value]) => `${paint('dim', label.padEnd(labelWidth))} ${value.padStart(valueWidth)}`)
    lines.push(line.join(' '.repeat(gap)))
  }
  return lines
}
