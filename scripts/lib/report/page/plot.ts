import uPlot from 'uplot'
import type { LineChart } from '../charts.js'
import { browser, type PageElement } from './browser.js'
import { drawLabels, drawMarkers, labelRoom } from './decorations.js'
import { markOf } from './marks.js'
import { logBase, type Points, pointsOf } from './series-data.js'

const NARROW = 520
const compact = new Intl.NumberFormat('en-US', { notation: 'compact', maximumSignificantDigits: 3 })
const precise = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 6 })

/** One chart of lines in its place on the page. */
export class Plot {
  readonly #place: PageElement
  readonly #chart: LineChart
  readonly #points: Points
  /** Where the legend shows the values under the pointer. */
  readonly #readouts: readonly PageElement[]
  #plot: uPlot | undefined
  #width = 0

  constructor(place: PageElement, chart: LineChart) {
    this.#place = place
    this.#chart = chart
    this.#points = pointsOf(chart)
    this.#readouts = [...place.closest('figure')!.querySelectorAll('output')]
    this.fit()
  }

  fit(): void {
    const width = this.#place.clientWidth
    if (width === this.#width || width === 0) return
    this.#width = width
    this.draw()
  }

  /** Draws the chart with the colours and the width of this moment. */
  draw(): void {
    this.#plot?.destroy()
    this.#plot = new uPlot(this.#options(), this.#points, this.#place as never)
  }

  #options(): uPlot.Options {
    const { x, y, series } = this.#chart
    const style = browser.getComputedStyle(browser.document.documentElement)
    const colour = (name: string) => style.getPropertyValue(name).trim()
    const narrow = this.#width < NARROW
    const font = `${narrow ? 11 : 12}px system-ui, sans-serif`
    const ink = colour('--ink')
    const axis: uPlot.Axis = {
      stroke: colour('--quiet'),
      font,
      grid: { stroke: colour('--grid'), width: 1 },
      ticks: { stroke: colour('--grid'), width: 1, size: 5 },
      values: (_, splits) => splits.map((value) => (value === null ? null : compact.format(value))),
    }
    const labels = series.map(({ label }) => label)
    const decoration = { colours: series.map((_, index) => colour(markOf(index).colour)), labels, font, ink }
    return {
      width: this.#width,
      height: narrow ? 230 : 320,
      padding: [10, labelRoom(labels, narrow), 0, 0],
      legend: { show: false },
      cursor: { points: { size: 9 } },
      scales: {
        x: { time: false, ...(x.log && { distr: 3, log: logBase(this.#points[0]) }) },
        y: y.log ? { distr: 3 } : { range: (_, low, high) => fromZero(low, high) },
      },
      axes: [
        { ...axis, size: 30, space: narrow ? 44 : 60 },
        {
          ...axis,
          size: (_, values) => 14 + 7 * Math.max(2, ...(values ?? []).map((value) => value?.length ?? 0)),
        },
      ],
      series: [
        {},
        ...series.map(({ label }, index) => ({
          label,
          stroke: decoration.colours[index]!,
          width: 2,
          dash: markOf(index).dash.map((length) => length * browser.devicePixelRatio),
          points: { show: false },
        })),
      ],
      hooks: {
        drawSeries: [(plot, index) => drawMarkers(plot, index, decoration)],
        draw: [(plot) => drawLabels(plot, decoration)],
        setCursor: [(plot) => this.#read(plot.cursor.idx)],
      },
    }
  }

  #read(index: number | null | undefined): void {
    const [at, ...series] = this.#points
    const value = (values: readonly (number | null)[]) =>
      index === null || index === undefined || values[index] == null ? '' : precise.format(values[index])
    // In the order of the legend: the lines, then where the pointer is.
    for (const [line, readout] of this.#readouts.entries()) readout.textContent = value(series[line] ?? at)
  }
}

/** An axis that does not begin at zero makes small differences look large. */
function fromZero(low: number | null, high: number | null): [number, number] {
  if (low === null || high === null) return [0, 1]
  const [bottom, top] = [Math.min(0, low * 1.1), Math.max(0, high * 1.05)]
  return [bottom, bottom === top ? 1 : top]
}
