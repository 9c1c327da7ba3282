import type uPlot from 'uplot'
import { browser, type Canvas } from './browser.js'
import { markOf } from './marks.js'

export interface Decoration {
  readonly colours: readonly string[]
  readonly labels: readonly string[]
  readonly font: string
  readonly ink: string
}

/** Distances in pixels of the page; the canvas may have several for each. */
const MARKERS_APART = 64
const LINE_HEIGHT = 15
const LEADER = 10
const WIDEST = { narrow: 80, wide: 230 }

/** The room to the right of the plot for the names of the lines. */
export function labelRoom(labels: readonly string[], narrow: boolean): number {
  const longest = Math.max(0, ...labels.map((label) => label.length))
  return Math.min(narrow ? WIDEST.narrow : WIDEST.wide, longest * 7) + LEADER + 22
}

/** Some points of a line get its marker: all where there are few, and each that stands alone. */
export function drawMarkers(plot: uPlot, index: number, { colours }: Decoration): void {
  if (index === 0) return
  const [xs, ys] = [plot.data[0], plot.data[index]!]
  let last = Number.NEGATIVE_INFINITY
  for (const [at, value] of ys.entries()) {
    if (value == null) continue
    const [left, top] = [plot.valToPos(xs[at]!, 'x', true), plot.valToPos(value, 'y', true)]
    const alone = ys[at - 1] == null && ys[at + 1] == null
    // Each line a little later than the one before: where lines run together, their markers
    // alternate.
    const apart = (MARKERS_APART + (last < 0 ? index * 11 - MARKERS_APART : 0)) * browser.devicePixelRatio
    const few = ys.length <= 16
    if (!few && !alone && left - Math.max(last, plot.bbox.left) < apart) continue
    last = left
    marker(plot.ctx, index - 1, left, top, colours[index - 1]!)
  }
}

function marker(canvas: Canvas, line: number, x: number, y: number, colour: string): void {
  canvas.save()
  canvas.translate(x, y)
  canvas.scale(browser.devicePixelRatio, browser.devicePixelRatio)
  canvas.fillStyle = colour
  canvas.fill(new browser.Path2D(markOf(line).marker))
  canvas.restore()
}

/** The name of each line where it ends, moved apart where several end together. */
export function drawLabels(plot: uPlot, { colours, labels, font, ink }: Decoration): void {
  const canvas: Canvas = plot.ctx
  const ratio = browser.devicePixelRatio
  const { left, top, width, height } = plot.bbox
  const edge = left + width
  const ends = labels.flatMap((label, line) => {
    const at = plot.data[line + 1]!.findLastIndex((value) => value != null)
    if (at < 0) return []
    const y = plot.valToPos(plot.data[line + 1]![at]!, 'y', true)
    return [{ label, line, x: plot.valToPos(plot.data[0][at]!, 'x', true), y, to: y }]
  })
  ends.sort((a, b) => a.y - b.y)
  moveApart(ends, top, top + height, LINE_HEIGHT * ratio)

  canvas.save()
  canvas.font = font.replace(/^\d+/, (size) => String(Number(size) * ratio))
  canvas.textAlign = 'left'
  canvas.textBaseline = 'middle'
  canvas.lineWidth = ratio
  canvas.setLineDash([])
  for (const { label, line, x, y, to } of ends) {
    // A point outside the plot, after a zoom, is not marked.
    if (x < left - 1 || x > edge + 1 || y < top - 1 || y > top + height + 1) continue
    const start = edge + LEADER * ratio
    canvas.strokeStyle = colours[line]!
    canvas.beginPath()
    canvas.moveTo(x, y)
    canvas.lineTo(start, to)
    canvas.stroke()
    marker(canvas, line, start + 6 * ratio, to, colours[line]!)
    canvas.fillStyle = ink
    const room = plot.width * ratio - start - 14 * ratio
    canvas.fillText(shortened(canvas, label, room), start + 14 * ratio, to)
  }
  canvas.restore()
}

function moveApart(ends: { to: number }[], top: number, bottom: number, distance: number): void {
  let least = top
  for (const end of ends) {
    end.to = Math.max(end.to, least)
    least = end.to + distance
  }
  let most = bottom
  for (const end of ends.toReversed()) {
    end.to = Math.min(end.to, most)
    most = end.to - distance
  }
}

function shortened(canvas: Canvas, label: string, room: number): string {
  if (canvas.measureText(label).width <= room) return label
  let kept = [...label]
  while (kept.length > 1 && canvas.measureText(`${kept.join('')}…`).width > room) kept = kept.slice(0, -1)
  return `${kept.join('').trimEnd()}…`
}
