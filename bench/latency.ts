/**
 * How long does a buyer wait, at a quarter of what the system can do, and close to its limit?
 *
 * In each round the ceiling is measured first, with callers that wait for their answers. Then
 * arrivals come at shares of the ceiling and do not wait: each request is timed from the moment it
 * was meant to begin. The load generator and the library share a process, as the requests of an
 * application and the library do, so the time of the generator counts against the library.
 */

import type { Histogram } from '../scripts/lib/load/histogram.js'
import { Recorder } from '../scripts/lib/load/recorder.js'
import type { Table } from '../scripts/lib/terminal/table.js'
import { figureOf, median, rounded } from './load/figures.js'
import type { LatencyInput, LatencyResult } from './load/latency-worker.js'
import { openWorker } from './load/worker.js'
import type { Context, LineChart, Part, PartResult } from './part.js'

const SHARES = [0.25, 0.5, 0.75, 0.9]
const PERCENTILES = [0.5, 0.9, 0.99, 0.999, 1]
/** One request in this number waits longer. */
const ONE_IN = [1, 2, 4, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000]

interface Load {
  readonly label: string
  readonly recorder: Recorder
  readonly latency: Histogram
}

export const part: Part = {
  name: 'latency',
  question: 'How long does a buyer wait, at a quarter of what the system can do, and close to its limit?',
  run: measure,
}

async function measure(context: Context): Promise<PartResult> {
  const rounds = context.quick ? 1 : 3
  const input: LatencyInput = {
    url: (await context.redis()).url,
    prefix: context.prefix(),
    seed: context.seed,
    shares: SHARES,
    rounds,
    ceilingSeconds: context.quick ? 0.5 : 1.5,
    loadSeconds: context.quick ? 0.7 : 2.5,
  }
  const worker = openWorker<LatencyResult, number>('load/latency-worker.ts', (done) =>
    context.progress.update('open arrivals', done, rounds * SHARES.length, 'loads'),
  )
  try {
    await worker.ready
    worker.start(input)
    return report(await worker.result)
  } finally {
    worker.stop()
  }
}

function report(result: LatencyResult): PartResult {
  const loads = result.loads.map(({ share, recorder }) => {
    const own = new Recorder(recorder.intervalMs).merge(recorder)
    return { label: `${share * 100} %`, recorder: own, latency: own.latency() }
  })
  return {
    figures: [
      figureOf(result.loads.find(({ share }) => share === 0.5)!.p99, {
        id: 'latency.p99-at-half',
        label: 'p99 at 50 % of the ceiling',
        unit: 'ms',
        better: 'lower',
      }),
      figureOf(result.ceilings, {
        id: 'latency.ceiling',
        label: 'the ceiling: accepted reservations with callers that wait for their answers',
        unit: '/s',
        better: 'higher',
      }),
    ],
    tables: [waits(result, loads)],
    charts: [
      distribution(loads),
      overTime('p99 over time, the rounds one behind the other', loads, 0.99),
      overTime('p50 over time, the rounds one behind the other', loads, 0.5),
    ],
    invariants: result.invariants,
  }
}

function waits({ loads: results }: LatencyResult, loads: readonly Load[]): Table {
  return {
    title:
      'Open arrivals (Poisson), in ms from the intended start; load generator and library share one process. ' +
      'The generator issues requests in slices of a millisecond, and every figure includes its lateness',
    columns: [
      'load',
      'arrivals/s',
      'p50',
      'p90',
      'p99',
      'p99.9',
      'max',
      'failed',
      'generator late, mean',
      'at most',
    ],
    rows: results.map(({ offered, lateness }, i) => {
      const { label, latency, recorder } = loads[i]!
      return [
        label,
        Math.round(median(offered)),
        ...PERCENTILES.map((share) => rounded(latency.at(share), 2)),
        recorder.count('failed'),
        rounded(median(lateness.means), 2),
        rounded(lateness.max, 2),
      ]
    }),
  }
}

/**
 * A percentile as "one request in n waits longer", which makes p90, p99 and p99.9 equal steps on a
 * logarithmic axis.
 */
function distribution(loads: readonly Load[]): LineChart {
  return {
    kind: 'lines',
    title: 'Latency by percentile',
    x: {
      label: 'one request in n waits longer: 10 is p90, 100 p99, 1,000 p99.9',
      values: ONE_IN,
      log: true,
    },
    y: { label: 'ms', log: true },
    series: loads.map(({ label, latency }) => ({
      label,
      values: ONE_IN.map((many) => (many <= latency.count ? latency.at(1 - 1 / many) : null)),
    })),
  }
}

function overTime(title: string, loads: readonly Load[], share: number): LineChart {
  const longest = loads
    .map(({ recorder }) => recorder.seconds())
    .reduce((a, b) => (b.length > a.length ? b : a))
  return {
    kind: 'lines',
    title,
    x: { label: 'seconds', values: longest },
    y: { label: 'ms', log: true },
    series: loads.map(({ label, recorder }) => {
      const values = recorder.percentile(share)
      return { label, values: longest.map((_, i) => values[i] ?? null) }
    }),
  }
}
