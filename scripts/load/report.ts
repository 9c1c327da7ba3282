import { quantity } from '../../src/cli/terminal/format.js'
import type { Table } from '../../src/cli/terminal/table.js'
import type { Invariant } from '../lib/load/invariants.js'
import { redact, redactAll } from '../lib/redact.js'
import type { LineChart } from '../lib/report/charts.js'
import { html } from '../lib/report/html.js'
import { linesOf } from '../lib/report/lines.js'
import { reportDocument } from '../lib/report/page.js'
import { tableOf } from '../lib/report/tables.js'
import type { LoadResult, LoadRun } from './load.js'

/** What came of a run, without the secrets of its options. */
export interface LoadReport {
  readonly createdAt: string
  readonly verdict: 'holds' | 'broken' | 'not judged'
  readonly sentence: string
  readonly invariants: readonly Invariant[]
  readonly tables: readonly Table[]
  readonly charts: readonly LineChart[]
}

export function reportOf(run: LoadRun, { invariants, isJudged }: LoadResult, createdAt: Date): LoadReport {
  const broken = invariants.filter(({ holds }) => !holds).length
  const verdict = broken > 0 ? 'broken' : isJudged ? 'holds' : 'not judged'
  return redactAll({
    createdAt: createdAt.toISOString(),
    verdict,
    sentence: sentences[verdict],
    invariants,
    tables: [settings(run), visits(run), units(run), requests(run)],
    charts: charts(run),
  })
}

const sentences = {
  holds: 'Nothing was oversold, as far as buyers were told, and no buyer was told two answers',
  broken: 'What buyers were told does not agree',
  'not judged':
    'The shop did not answer at the end: what buyers were told could not be compared with its stock',
}

function settings({ options, endedBy, late }: LoadRun): Table {
  const { url, visitors, rate, arrivals, shares, webhook, seed } = options
  return {
    title: 'The run',
    columns: ['', 'value'],
    rows: [
      ['address', redact(url)],
      ['visitors', visitors],
      [
        'arrivals a second',
        `${quantity(rate, '')}${arrivals === 'rush' ? ', the first half ten times as fast' : ''}`,
      ],
      [
        'shares',
        Object.entries(shares)
          .map(([name, share]) => `${name} ${Math.round(share * 100)} %`)
          .join(', '),
      ],
      ['payments', webhook ? `webhooks, ${webhook.scheme}` : 'none: WEBHOOK_SECRET is not set'],
      ['seed', String(seed)],
      ['ended', endedBy ?? 'when the last visitor had left'],
      ['an arrival was late at most', quantity(late, 'ms')],
    ],
  }
}

function visits({ ends, arrived, here }: LoadRun): Table {
  return {
    title: 'How the visits ended',
    columns: ['', 'visitors'],
    rows: [
      ...[...ends].toSorted(([, a], [, b]) => b - a),
      ...(here > 0 ? [['still in the shop', here] as const] : []),
      ['all', arrived],
    ],
  }
}

function units({ stock, book }: LoadRun): Table {
  const { held, confirmed, refund_due, released, expired, unknown } = book.units()
  return {
    title: `Units: buyers were told of ${held} held, ${confirmed} paid, ${refund_due} to be refunded, ${released} given back, ${expired} expired; of ${unknown} nothing is known`,
    columns: ['SKU', 'on sale before', 'on sale after', 'most in the hands of buyers'],
    rows: [...stock].map(([sku, { before, after }]) => [sku, before, after ?? '-', book.most(sku)]),
  }
}

function requests({ meter }: LoadRun): Table {
  return {
    title: 'Requests, in ms (of event streams: until they begin)',
    columns: ['route', 'requests', 'p50', 'p90', 'p99', 'max', 'answers'],
    rows: [...meter.routes].toSorted().map(([route, { latency, statuses }]) => [
      route,
      latency.count,
      ...[0.5, 0.9, 0.99, 1].map((share) => Number(latency.at(share).toPrecision(3))),
      [...statuses]
        .toSorted(([a], [b]) => a - b)
        .map(([status, count]) => `${count} × ${status === 0 ? 'no answer' : status}`)
        .join(', '),
    ]),
  }
}

function charts({ meter: { recorder } }: LoadRun): LineChart[] {
  const x = { label: 'seconds', values: recorder.seconds() }
  return [
    {
      kind: 'lines',
      title: 'Requests a second',
      x,
      y: { label: 'a second' },
      series: [
        { label: 'answered', values: recorder.perSecond('accepted') },
        { label: 'refused (4xx)', values: recorder.perSecond('refused') },
        { label: 'faults (5xx, no answer)', values: recorder.perSecond('failed') },
      ],
    },
    {
      kind: 'lines',
      title: 'Latency',
      x,
      y: { label: 'ms', log: true },
      series: [0.5, 0.99].map((share) => ({ label: `p${share * 100}`, values: recorder.percentile(share) })),
    },
  ]
}

/** The report as one file. */
export function loadPage({ createdAt, verdict, sentence, invariants, tables, charts }: LoadReport) {
  const kind = verdict === 'holds' ? 'good' : 'bad'
  return reportDocument({
    heading: 'stockhold load',
    verdict: sentence,
    about: new Date(createdAt).toUTCString(),
    main: html`<section aria-labelledby="verdict">
<div class="verdict ${kind}">
<h2 id="verdict"><span aria-hidden="true">${verdict === 'holds' ? '✓' : '✗'}</span> ${sentence}</h2>
</div>
<ul class="invariants">
${invariants.map(
  ({ rule, holds, detail }) =>
    html`<li class="${holds ? 'good' : 'bad'}"><span class="mark">${holds ? '✓ holds' : '✗ does not hold'}</span> <span class="rule">${rule}<span class="detail">${detail ?? ''}</span></span></li>
`,
)}</ul>
</section>
<section class="part">
${charts.map(linesOf)}
${tables.map(tableOf)}
</section>`,
  })
}
