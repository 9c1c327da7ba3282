import { quantity, range } from '../../../src/cli/terminal/format.js'
import type { BarChart } from './charts.js'
import { type Html, html } from './html.js'
import { valuesOf } from './tables.js'

const compact = new Intl.NumberFormat('en-US', { notation: 'compact', maximumSignificantDigits: 3 })

/**
 * Bars on a logarithmic scale, drawn by the page itself: no script, and every value beside its bar.
 */
export function barsOf({ title, unit, bars }: BarChart): Html {
  const { place, ticks } = logScale(bars.flatMap(({ value, spread = [value, value] }) => [value, ...spread]))
  const grid = ticks.map((tick) => html`<span class="line" style="left:${place(tick)}%"></span>`)
  return html`<figure class="chart">
<figcaption><h4>${title}</h4><p class="axes">unit: ${unit}; the scale is logarithmic: each line is ten times the one before</p></figcaption>
<ul class="bars">
${bars.map(
  ({ label, value, spread, note }) => html`<li>
<span class="label">${label}</span>
<span class="value"><b>${quantity(value, unit)}</b>${note !== undefined && html` <span class="note">${note}</span>`}</span>
<span class="track" aria-hidden="true">${grid}<span class="bar" style="width:${place(value)}%"></span>${
    spread &&
    spread[0] < spread[1] &&
    html`<span class="whisker" style="left:${place(spread[0])}%;width:${place(spread[1]) - place(spread[0])}%"></span>`
  }</span>
</li>
`,
)}</ul>
<div class="scale" aria-hidden="true"><span class="ticks">${ticks.map(
    (tick) => html`<span style="left:${place(tick)}%">${compact.format(tick)}</span>`,
  )}</span></div>
${valuesOf({
  title: `${title}: values`,
  columns: ['', unit, 'lowest to highest', 'note'],
  rows: bars.map(({ label, value, spread, note = '' }) => [label, value, range(spread), note]),
})}
</figure>`
}

/**
 * From a power of ten below the smallest value, so that its bar is seen, to the one above the
 * largest.
 */
function logScale(values: readonly number[]): { place: (value: number) => number; ticks: number[] } {
  const positive = values.filter((value) => value > 0)
  const smallest = positive.length === 0 ? 1 : Math.min(...positive)
  const first = Math.floor(Math.log10(smallest / 1.5))
  const last = Math.max(first + 1, Math.ceil(Math.log10(Math.max(smallest, ...positive))))
  const place = (value: number) =>
    value <= 0 ? 0 : Number(Math.max(0, ((Math.log10(value) - first) / (last - first)) * 100).toFixed(2))
  return { place, ticks: Array.from({ length: last - first + 1 }, (_, index) => 10 ** (first + index)) }
}
