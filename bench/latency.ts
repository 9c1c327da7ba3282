/**
 * How long does a buyer wait, at a quarter of what the system can do, and close to its limit?
 *
 * In each round the ceiling is measured first, with callers that wait for their answers. Then
 * arrivals come at shares of the ceiling and do not wait: each request is timed from the moment it
 * was meant to begin. The load generator is a process of its own, on a CPU that it keeps, so that
 * neither its work nor its garbage delays the application. It asks over a socket, and the time of
 * the socket counts.
 */

import { allAccepted, Invariants } from '../scripts/lib/load/invariants.js'
import { Recorder } from '../scripts/lib/load/recorder.js'
import type { LineChart } from '../scripts/lib/report/charts.js'
import type { Table } from '../src/cli/terminal/table.js'
import type { ApplicationAnswer, ApplicationSetting, ApplicationTask } from './latency/application.js'
import { type Generated, type GeneratorTask, INTERVAL_MS } from './latency/generator.js'
import { figureOf, median, rounded } from './load/figures.js'
import { lastCpu } from './load/pinning.js'
import { TaskProcess } from './load/task-process.js'
import type { Context, Part, PartResult } from './part.js'

const SHARES = [0.25, 0.5, 0.75, 0.9]
const PERCENTILES = [0.5, 0.9, 0.99, 0.999, 1]
/** One request in this number waits longer. */
const ONE_IN = [1, 2, 4, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000]

/** What came of one share of the ceiling in all rounds. */
interface Load {
  readonly share: number
  readonly label: string
  /** Each round's own. */
  readonly offered: number[]
  /** ms */
  readonly p99: number[]
  readonly late: { readonly mean: number; readonly max: number }[]
  readonly pauses: number[]
  /** The rounds, one behind the other. */
  readonly recorder: Recorder
}

interface Measured {
  readonly ceilings: number[]
  readonly loads: readonly Load[]
  readonly cpu: string | undefined
}

export const part: Part = {
  name: 'latency',
  question: 'How long does a buyer wait, at a quarter of what the system can do, and close to its limit?',
  run: (context) => measure(context, context.quick ? quick : long),
}

const long: Sizes = { rounds: 3, ceilingSeconds: 1.5, loadSeconds: 2.5 }
const quick: Sizes = { rounds: 3, ceilingSeconds: 0.4, loadSeconds: 0.5 }

export interface Sizes {
  readonly rounds: number
  readonly ceilingSeconds: number
  readonly loadSeconds: number
}

export async function measure(context: Context, sizes: Sizes): Promise<PartResult> {
  const setting: ApplicationSetting = { url: (await context.redis()).url, prefix: context.prefix() }
  const cpu = await lastCpu()
  const application = await TaskProcess.open<ApplicationTask, ApplicationAnswer>(
    'latency/application.ts',
    setting,
  )
  const generator = await TaskProcess.open<GeneratorTask, Generated>('latency/generator.ts', null, {
    cpus: cpu,
  })
  const invariants = new Invariants()
  const loads = SHARES.map(
    (share): Load => ({
      share,
      label: `${share * 100} %`,
      offered: [],
      p99: [],
      late: [],
      pauses: [],
      recorder: new Recorder(INTERVAL_MS),
    }),
  )
  const ceilings: number[] = []
  const ask = async (task: ApplicationTask) => (await application.run(task)).value
  try {
    await ask({ type: 'ceiling', sale: 'warm-up', seconds: sizes.ceilingSeconds })
    for (let round = 0; round < sizes.rounds; round++) {
      const ceiling = await ask({ type: 'ceiling', sale: `ceiling-${round}`, seconds: sizes.ceilingSeconds })
      ceilings.push(ceiling)
      for (const [i, load] of loads.entries()) {
        const done = round * loads.length + i
        context.progress.update('open arrivals', done, sizes.rounds * loads.length, 'loads')
        const port = await ask({ type: 'open', sale: `load-${load.share}-${round}` })
        const perSecond = load.share * ceiling
        const seeds = [context.seed, round, i]
        const generated = await generator.run({ port, perSecond, seconds: sizes.loadSeconds, seeds })
        for (const tally of generated.tallies) allAccepted(tally, invariants)
        load.pauses.push(await ask({ type: 'pause' }))
        add(load, perSecond, generated)
      }
    }
    invariants.add((await application.run({ type: 'finish', audits: loads.length })).invariants)
    return report({ ceilings, loads, cpu }, invariants)
  } finally {
    generator.stop()
    application.stop()
  }
}

function add(load: Load, perSecond: number, { recorder, lateness }: Generated): void {
  const own = new Recorder(INTERVAL_MS).merge(recorder)
  load.offered.push(perSecond)
  load.p99.push(own.latency().at(0.99))
  load.late.push(lateness)
  load.recorder.merge(own, load.recorder.intervals.length)
}

function report(measured: Measured, invariants: Invariants): PartResult {
  const { ceilings, loads } = measured
  return {
    figures: [
      figureOf(loads.find(({ share }) => share === 0.5)!.p99, {
        id: 'latency.p99-at-half',
        label: 'p99 at 50 % of the ceiling',
        unit: 'ms',
        better: 'lower',
      }),
      figureOf(ceilings, {
        id: 'latency.ceiling',
        label: 'the ceiling: accepted reservations with callers that wait for their answers',
        unit: '/s',
        better: 'higher',
      }),
    ],
    tables: [waits(measured)],
    charts: [
      distribution(loads),
      overTime('p99 over time, the rounds one behind the other', loads, 0.99),
      overTime('p50 over time, the rounds one behind the other', loads, 0.5),
    ],
    invariants: invariants.list(),
  }
}

function waits({ loads, cpu }: Measured): Table {
  const pinned = cpu === undefined ? 'which could not be pinned to a CPU' : `pinned to CPU ${cpu}`
  return {
    title:
      `Open arrivals (Poisson), in ms from the intended start; the generator is a process of its own, ${pinned}. ` +
      'It sends requests in slices of a millisecond, and every figure includes its lateness and its socket',
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
      'longest GC pause of the application',
    ],
    rows: loads.map(({ label, offered, recorder, late, pauses }) => {
      const latency = recorder.latency()
      return [
        label,
        Math.round(median(offered)),
        ...PERCENTILES.map((share) => rounded(latency.at(share), 2)),
        recorder.count('failed'),
        rounded(median(late.map(({ mean }) => mean)), 2),
        rounded(Math.max(...late.map(({ max }) => max)), 2),
        rounded(Math.max(...pauses), 2),
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
    series: loads.map(({ label, recorder }) => {
      const latency = recorder.latency()
      return {
        label,
        values: ONE_IN.map((many) => (many <= latency.count ? latency.at(1 - 1 / many) : null)),
      }
    }),
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
