import type { Invariants } from '../../scripts/lib/load/invariants.js'
import type { LineChart } from '../../scripts/lib/report/charts.js'
import type { Table } from '../../src/cli/terminal/table.js'
import { figureOf, median, rounded } from '../load/figures.js'
import type { Figure, PartResult } from '../part.js'
import { type SentBy, sumOf } from './call-counter.js'
import type { Demand, Round, Sizes } from './round.js'

/** The rounds by the number of masters. */
export type Results = ({ readonly masters: number } & Record<DemandKind, readonly Round[]>)[]

/** With full batches, or with as many callers as the other parts have. */
type DemandKind = 'full' | 'usual'
const demandKinds = ['full', 'usual'] as const

export function report(results: Results, sizes: Sizes, invariants: Invariants): PartResult {
  return {
    figures: figures(results, sizes),
    tables: [
      ...demandKinds.map((way) => costs(results, sizes, way)),
      lastPercent(results, sizes),
      ...results.map((result) => commands(result, sizes)),
    ],
    charts: [
      chart(results, sizes, 'Server time of a reservation by partitions', 'µs each', ({ cpu }) => cpu),
      chart(
        results,
        sizes,
        'The last 1 %: steps a reservation beyond its own',
        'steps',
        ({ last }) => last.extra,
      ),
    ],
    invariants: invariants.list(),
  }
}

const of = (rounds: readonly Round[], n: number) => rounds.filter(({ partitions }) => partitions === n)

/** Each round's own ratio of the server's time, to one partition in the same round. */
function ratios(rounds: readonly Round[], n: number): number[] {
  const ones = of(rounds, 1)
  return of(rounds, n).map(({ cpu }, round) => cpu / ones[round]!.cpu)
}

/** Reservations in a call, of n partitions. */
const perCall = (rounds: readonly Round[], n: number) =>
  Math.round(median(of(rounds, n).map((round) => round.perCall)))

const mastersOf = (count: number) => (count === 1 ? 'one master' : `${count} masters`)

function figures(results: Results, { partitions }: Sizes): Figure[] {
  const most = Math.max(...partitions)
  const all = results.flatMap((result) => demandKinds.flatMap((way) => result[way]))
  // The worst of all demands, masters and partitions.
  const worst = partitions
    .flatMap((n) =>
      results.flatMap((result) => demandKinds.map((way) => of(result[way], n).map(({ last }) => last.extra))),
    )
    .reduce((a, b) => (median(b) > median(a) ? b : a))
  return [
    ...results.flatMap(({ masters, full, usual }): Figure[] => [
      figureOf(ratios(full, most), {
        id: `partitions.cpu-ratio-${masters}`,
        label: `server CPU per reservation at ${most} partitions : at 1, full batches, ${mastersOf(masters)}`,
        unit: 'ratio',
        better: 'lower',
      }),
      figureOf(ratios(usual, most), {
        id: `partitions.cpu-ratio-usual-${masters}`,
        label: `server CPU per reservation at ${most} partitions : at 1, ${perCall(usual, most)} reservations a call, ${mastersOf(masters)}`,
        unit: 'ratio',
        better: 'lower',
      }),
      figureOf(
        of(full, most).map(({ cpu }) => cpu),
        {
          id: `partitions.cpu-${masters}`,
          label: `server CPU per reservation at ${most} partitions, full batches, ${mastersOf(masters)}`,
          unit: 'µs',
          better: 'lower',
        },
      ),
      figureOf(
        of(full, most).map(({ last }) => last.seconds * 1_000),
        {
          id: `partitions.last-${masters}`,
          label: `time to sell the last 1 % of ${most} partitions, all at once, ${mastersOf(masters)}`,
          unit: 'ms',
          better: 'lower',
        },
      ),
    ]),
    figureOf(worst, {
      id: 'partitions.extra-calls',
      label:
        'extra calls a reservation over the last 1 %, each as if alone, the worst of all partitions, masters and demands',
      unit: '',
      better: 'lower',
    }),
    figureOf(
      all.filter((round) => round.partitions === most).map(({ last }) => last.soldOutCalls),
      {
        id: 'partitions.sold-out-calls',
        label: `calls to say that ${most} partitions are sold out, once`,
        unit: '',
        better: 'lower',
      },
    ),
  ]
}

function costs(results: Results, sizes: Sizes, way: DemandKind): Table {
  const { callers, units } = sizes[way]
  const what = way === 'full' ? 'enough to fill the batches' : 'with smaller batches'
  return {
    title: `${number(callers)} buyers under way in two processes, ${what}; the first 90 % of ${number(units)} units`,
    columns: [
      'masters',
      'partitions',
      'reservations/s',
      'reservations a call',
      'server µs each',
      'to 1 partition',
    ],
    rows: results.flatMap(({ masters, [way]: rounds }) =>
      sizes.partitions.map((n) => {
        const own = of(rounds, n)
        return [
          masters,
          n,
          Math.round(median(own.map(({ perSecond }) => perSecond))),
          rounded(median(own.map(({ perCall }) => perCall)), 1),
          rounded(median(own.map(({ cpu }) => cpu)), 2),
          rounded(median(ratios(rounds, n)), 2),
        ]
      }),
    ),
  }
}

function lastPercent(results: Results, sizes: Sizes): Table {
  return {
    title:
      'The last 1 %, to as many buyers as there are units; extra calls are counted as if each travelled alone',
    columns: [
      'masters',
      'partitions',
      'units',
      'at a time',
      'seconds',
      'calls a reservation',
      'extra calls',
      'to say sold out',
    ],
    rows: results.flatMap(({ masters, ...rounds }) =>
      demandKinds.flatMap((way) =>
        sizes.partitions.map((n) => {
          const lasts = of(rounds[way], n).map(({ last }) => last)
          const mid = (pick: (last: (typeof lasts)[number]) => number) => median(lasts.map(pick))
          return [
            masters,
            n,
            lasts[0]!.units,
            atATime(sizes[way]),
            rounded(
              mid(({ seconds }) => seconds),
              3,
            ),
            rounded(
              mid(({ calls }) => calls),
              2,
            ),
            rounded(
              mid(({ extra }) => extra),
              2,
            ),
            mid(({ soldOutCalls }) => soldOutCalls),
          ]
        }),
      ),
    ),
  }
}

/** The commands of the last 1 %, per reservation: where extra calls come from. */
function commands({ masters, full, usual }: Results[number], sizes: Sizes): Table {
  const most = Math.max(...sizes.partitions)
  const rows = (way: DemandKind, rounds: readonly Round[]) => {
    const lasts = of(rounds, most).map(({ last }) => last)
    const units = lasts.reduce((sum, last) => sum + last.units, 0)
    const sent: SentBy = sumOf(lasts.map((last) => last.sent))
    return Object.entries(sent).map(([command, { calls, items }]) => [
      atATime(sizes[way]),
      command,
      rounded(calls / units, 3),
      rounded(items / units, 3),
    ])
  }
  return {
    title: `The last 1 % of ${most} partitions on ${mastersOf(masters)}, by command`,
    columns: ['at a time', 'command', 'calls a reservation', 'items a reservation'],
    rows: [...rows('full', full), ...rows('usual', usual)],
  }
}

function chart(
  results: Results,
  { partitions, ...sizes }: Sizes,
  title: string,
  label: string,
  pick: (round: Round) => number,
): LineChart {
  return {
    kind: 'lines',
    title,
    x: { label: 'partitions', values: partitions, log: true },
    y: { label },
    series: results.flatMap((result) =>
      demandKinds.map((way) => ({
        label: `${mastersOf(result.masters)}, ${number(sizes[way].callers)} buyers`,
        values: partitions.map((n) => median(of(result[way], n).map(pick))),
      })),
    ),
  }
}

const atATime = ({ lastCallers, units }: Demand) => (lastCallers * 100 >= units ? 'all' : number(lastCallers))
const number = (value: number) => value.toLocaleString('en-US')
