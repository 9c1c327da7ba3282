import { barsOf } from '../../../scripts/lib/report/bars.js'
import { type Html, html } from '../../../scripts/lib/report/html.js'
import { linesOf } from '../../../scripts/lib/report/lines.js'
import { scrolling, tableOf } from '../../../scripts/lib/report/tables.js'
import { duration, quantity, quantityBeside, range } from '../../../src/cli/terminal/format.js'
import { environmentRows } from '../environment-rows.js'
import {
  type CheckedInvariant,
  invariantsOf,
  type PartReport,
  type Report,
  type TargetResult,
  verdictOf,
} from '../report.js'
import { tally } from '../targets.js'

export function verdictSection({ ok, parts, targets }: Report): Html {
  return html`<section aria-labelledby="verdict">
<div class="verdict ${ok ? 'good' : 'bad'}">
<h2 id="verdict"><span aria-hidden="true">${ok ? '✓' : '✗'}</span> ${verdictOf(parts)}</h2>
<p>Targets: ${tally(targets) || 'none'}. What counts as failed is a broken invariant; a target is about speed alone.</p>
</div>
<ul class="invariants">
${byRule(invariantsOf(parts)).map(invariant)}</ul>
</section>`
}

/** One line for a rule that several parts checked; what does not hold stands alone. */
function byRule(invariants: readonly CheckedInvariant[]): CheckedInvariant[][] {
  const groups = new Map<string, CheckedInvariant[]>()
  for (const checked of invariants) {
    const name = checked.holds ? checked.rule : `${checked.part} ${checked.rule}`
    groups.set(name, [...(groups.get(name) ?? []), checked])
  }
  return [...groups.values()]
}

function invariant(checks: readonly CheckedInvariant[]): Html {
  const { rule, holds } = checks[0]!
  const where = checks.map(({ part, detail }) => (detail === undefined ? part : `${part}: ${detail}`))
  return html`<li class="${holds ? 'good' : 'bad'}"><span class="mark">${holds ? '✓ holds' : '✗ does not hold'}</span> <span class="rule">${rule}<span class="detail">${where.join('; ')}</span></span></li>
`
}

const verdicts = {
  met: ['good', '✓ met'],
  missed: ['bad', '✗ missed'],
  'not measured': ['quiet', '– not measured'],
} as const

// On a phone each row becomes a block; the roles keep it a table for those who hear it.
export function targetsSection(targets: readonly TargetResult[]): Html {
  const rows = targets.map(({ label, bound, value, unit, measured, spread, verdict }) => {
    const [kind, text] = verdicts[verdict]
    return html`<tr role="row"><th scope="row" role="rowheader">${label}</th>
<td role="cell" class="number">${bound} ${quantity(value, unit)}</td>
<td role="cell" class="number">${measured === null ? '–' : html`<b>${quantityBeside(value, measured, unit)}</b>`}${
      spread && html`<span class="detail">${range(spread)}</span>`
    }</td>
<td role="cell"><span class="mark ${kind}">${text}</span></td></tr>
`
  })
  return html`<section aria-labelledby="targets">
<h2 id="targets">Targets</h2>
${scrolling(
  'Targets',
  html`<table class="targets" role="table">
<thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">figure</th><th role="columnheader" scope="col" class="number">wanted</th><th role="columnheader" scope="col" class="number">measured</th><th role="columnheader" scope="col">verdict</th></tr></thead>
<tbody role="rowgroup">${rows}</tbody>
</table>`,
)}
</section>`
}

export function partSection({ name, question, seconds, figures, tables, charts }: PartReport): Html {
  const rows = figures.map(({ label, value, unit, spread, id }) => [
    label,
    quantity(value, unit),
    range(spread),
    id,
  ])
  return html`<section class="part" aria-labelledby="part-${name}">
<h3 id="part-${name}">${name}</h3>
<p class="question">${question} <span class="quiet">(took ${duration(seconds)})</span></p>
${charts.map((chart) => (chart.kind === 'bars' ? barsOf(chart) : linesOf(chart)))}
${tables.map(tableOf)}
${
  rows.length > 0 &&
  html`<details><summary>Figures to compare with other runs</summary>${tableOf({
    title: `${name}: figures`,
    columns: ['figure', 'median', 'lowest to highest', 'name'],
    rows,
  })}</details>`
}
</section>`
}

export function environmentSection({ environment, createdAt }: Report): Html {
  const rows = [...environmentRows(environment), ['Written', createdAt] as const]
  return html`<section aria-labelledby="environment">
<h2 id="environment">Environment</h2>
<dl>${rows.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>\n`)}</dl>
</section>`
}
