import { number } from '../../../src/cli/terminal/format.js'
import type { LineChart } from './charts.js'
import { type Html, html, json } from './html.js'
import { markOf } from './page/marks.js'
import { valuesOf } from './tables.js'

/** Lines drawn by the script of the page, with a legend and the values behind them. */
export function linesOf(chart: LineChart): Html {
  const { title, x, y, series } = chart
  const logarithmic = (axis: { readonly log?: boolean }) => (axis.log ? ', on a logarithmic scale' : '')
  return html`<figure class="chart">
<figcaption><h4>${title}</h4><p class="axes">upwards: ${y.label}${logarithmic(y)}; to the right: ${x.label}${logarithmic(x)}</p></figcaption>
<ul class="legend" aria-label="Legend">
${series.map(({ label }, index) => html`<li>${sample(index)}<span>${label}</span> <output></output></li>\n`)}<li class="at">${x.label}: <output></output></li>
</ul>
<div class="plot" role="img" aria-label="${description(chart)}"></div>
<script type="application/json">${json(chart)}</script>
${valuesOf({
  title: `${title}: values`,
  columns: [x.label, ...series.map(({ label }) => label)],
  rows: x.values.map((value, index) => [value, ...series.map(({ values }) => values[index] ?? '-')]),
})}
</figure>`
}

/** A piece of the line as it is drawn. */
function sample(index: number): Html {
  const { colour, dash, marker } = markOf(index)
  return html`<svg viewBox="-20 -7 40 14" width="40" height="14" aria-hidden="true" style="color:var(${colour})"><path d="M-20 0H20" stroke="currentColor" stroke-width="2" stroke-dasharray="${dash.join(' ')}"/><path d="${marker}" fill="currentColor"/></svg>`
}

/** The chart in one sentence, for those who hear it. */
function description({ title, x, series }: LineChart): string {
  const extent = (values: readonly (number | null)[]) => {
    const known = values.filter((value) => value !== null)
    if (known.length === 0) return 'no values'
    const [low, high] = known.reduce(
      ([least, most], value) => [Math.min(least, value), Math.max(most, value)],
      [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY] as [number, number],
    )
    return `from ${number(low)} to ${number(high)}`
  }
  const lines = series.map(({ label, values }) => `${label} ${extent(values)}`)
  return `Line chart: ${title}. ${x.label} ${extent(x.values)}. ${lines.join('; ')}.`
}
