const levels = '▁▂▃▄▅▆▇█'
const eighths = ' ▏▎▍▌▋▊▉'

/** A bar of `room` columns (at least 4), `share` of it filled, to an eighth of a column. */
export function bar(share: number, room: number): string {
  const width = Math.max(4, room)
  const filled = Math.round(Math.min(1, Math.max(0, share)) * width * 8)
  const full = Math.floor(filled / 8)
  const rest = full < width ? eighths[filled % 8] : ''
  return `${'█'.repeat(full)}${rest === ' ' ? '' : rest}`.padEnd(width, '░')
}

/**
 * The values as one line of at most `width` columns: where there are more values, neighbours are
 * added up.
 */
export function sparkline(values: readonly number[], width: number): string {
  const cells: number[] = []
  const perCell = Math.max(1, Math.ceil(values.length / Math.max(1, width)))
  for (let at = 0; at < values.length; at += perCell) {
    cells.push(values.slice(at, at + perCell).reduce((sum, value) => sum + value, 0))
  }
  // The last cell is not complete and would always look like a dip, so it is scaled up.
  const missing = cells.length * perCell - values.length
  if (missing > 0) cells[cells.length - 1]! *= perCell / (perCell - missing)
  const top = Math.max(1, ...cells)
  // Every value above 0 is visible.
  return cells.map((value) => (value === 0 ? ' ' : levels[Math.round((value / top) * 7)])).join('')
}
