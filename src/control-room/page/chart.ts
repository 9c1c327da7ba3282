import uPlot from 'uplot'
import type { CourseView } from '../view.js'
import { h } from './dom.js'
import { decimal, time } from './format.js'

export interface ChartLine {
  /** Its name in `CourseView.lines`. */
  readonly name: string
  readonly label: string
}

/** The first line, the second, the third: they differ without colours too. CSS pixels */
const MARKS = [
  { colour: '--line-0', dash: [] },
  { colour: '--line-1', dash: [9, 4] },
  { colour: '--line-2', dash: [2, 3] },
]
const HEIGHT = 190
const FONT = '12px system-ui, sans-serif'
/** The shortest time that a chart shows. ms */
const LEAST_MS = 60_000
const compact = new Intl.NumberFormat('en-US', { notation: 'compact', maximumSignificantDigits: 3 })

/** A value of a course in words. */
export function valueText(value: number | null | undefined): string {
  return value === null || value === undefined ? '–' : decimal(value)
}

/** Lines over time, with their names and values in a legend. */
export class Chart {
  readonly figure: HTMLElement
  readonly #label: string
  readonly #lines: readonly ChartLine[]
  readonly #place = h('div', { class: 'plot', role: 'img' })
  readonly #moment = h('span', { class: 'moment' })
  readonly #values: readonly HTMLElement[]
  readonly #sizes = new ResizeObserver(() => this.#fit())
  #plot: uPlot | undefined

  constructor(title: string, target: string, lines: readonly ChartLine[]) {
    this.#lines = lines
    this.#label = `${title} of ${target}`
    this.#values = lines.map(() => h('strong'))
    this.figure = h(
      'figure',
      { hidden: true },
      h('figcaption', {}, `${title} `, this.#moment),
      this.#place,
      h(
        'ul',
        { class: 'legend' },
        lines.map(({ label }, line) =>
          h('li', { 'data-line': line }, h('span', { class: 'mark' }), `${label} `, this.#values[line]),
        ),
      ),
    )
    this.#sizes.observe(this.#place)
  }

  /** Shows a course, which has a point at least. */
  show(course: CourseView): void {
    this.figure.hidden = false
    if (this.#plot) this.#plot.setData(this.#columns(course))
    else this.draw(course)
    this.#read()
    const latest = this.#lines.map(({ label, name }) => `${label} ${valueText(course.lines[name]?.at(-1))}`)
    this.#place.setAttribute('aria-label', `${this.#label}. At the end: ${latest.join(', ')}.`)
  }

  /** Draws it with the colours of this moment. */
  draw(course: CourseView): void {
    this.#plot?.destroy()
    this.#plot = new uPlot(this.#options(), this.#columns(course), this.#place)
  }

  close(): void {
    this.#sizes.disconnect()
    this.#plot?.destroy()
    this.#plot = undefined
  }

  #fit(): void {
    const width = this.#place.clientWidth
    if (this.#plot && width > 0 && width !== this.#plot.width) this.#plot.setSize({ width, height: HEIGHT })
  }

  #columns({ at, lines }: CourseView): uPlot.AlignedData {
    return [[...at], ...this.#lines.map(({ name }) => [...(lines[name] ?? [])])]
  }

  /** The legend shows the point under the pointer, or else the latest. */
  #read(): void {
    const plot = this.#plot
    if (!plot) return
    const [moments, ...columns] = plot.data
    const index = plot.cursor.idx ?? moments.length - 1
    this.#moment.textContent = `at ${time(moments[index]!)}`
    for (const [line, value] of this.#values.entries()) value.textContent = valueText(columns[line]![index])
  }

  #options(): uPlot.Options {
    const style = getComputedStyle(document.documentElement)
    const colour = (name: string) => style.getPropertyValue(name).trim()
    const axis: uPlot.Axis = {
      stroke: colour('--quiet'),
      font: FONT,
      grid: { stroke: colour('--grid'), width: 1 },
      ticks: { stroke: colour('--grid'), width: 1, size: 4 },
    }
    return {
      width: this.#place.clientWidth,
      height: HEIGHT,
      ms: 1,
      padding: [8, 28, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 8 } },
      scales: {
        x: { range: (_, first, last) => [first, Math.max(last, first + LEAST_MS)] },
        // An axis that does not begin at zero makes small differences look large.
        y: { range: (_, __, most) => [0, Math.max(1, (most ?? 0) * 1.05)] },
      },
      axes: [
        { ...axis, size: 28, space: 64, values: (_, moments, __, ___, step) => moments.map(clockText(step)) },
        { ...axis, size: 52, space: 36, values: (_, values) => values.map((value) => compact.format(value)) },
      ],
      series: [
        {},
        ...this.#lines.map((_, line) => ({
          stroke: colour(MARKS[line]!.colour),
          width: 2,
          dash: MARKS[line]!.dash.map((length) => length * devicePixelRatio),
          points: { size: 4 },
        })),
      ],
      hooks: { setCursor: [() => this.#read()] },
    }
  }
}

/** The time of the day, to the second if the ticks are closer than a minute. */
function clockText(stepMs: number): (at: number) => string {
  return (at) => new Date(at).toLocaleTimeString('en-GB').slice(0, stepMs < 60_000 ? 8 : 5)
}
