import type { Invariants } from '../../scripts/lib/load/invariants.js'
import type { LineChart } from '../../scripts/lib/report/charts.js'
import type { Cost } from '../load/cost.js'
import { figureOf, median, rounded } from '../load/figures.js'
import type { Figure, PartResult } from '../part.js'
import { type Axis, CALLERS } from './axes.js'

export interface Grown {
  readonly axis: Axis
  /** Round by round, by the size. */
  readonly costs: ReadonlyMap<number, readonly Cost[]>
}

const sides = ['server', 'client'] as const
const names = { server: 'Redis CPU', client: 'Node CPU' }

export function report(grown: readonly Grown[], invariants: Invariants): PartResult {
  return {
    figures: grown.flatMap(figures),
    tables: [
      {
        title: `CPU of a reservation in µs as one thing grows, ${CALLERS} callers; growth: to its smallest size, within a round`,
        columns: [
          'what grows',
          'size',
          'in a call',
          'Redis µs',
          'growth',
          'Node µs',
          'growth',
          'Redis µs a line',
        ],
        rows: grown.flatMap(({ axis, costs }) =>
          [...costs].map(([size, all]) => {
            const of = (field: keyof Cost) => median(all.map((cost) => cost[field]))
            return [
              axis.label,
              size,
              rounded(of('perCall'), 1),
              ...sides.flatMap((side) => [
                rounded(of(side), 1),
                rounded(median(growth(costs, size, side)), 2),
              ]),
              axis.name === 'lines' ? rounded(of('server') / size, 2) : '',
            ]
          }),
        ),
      },
    ],
    charts: grown.map(chart),
    invariants: invariants.list(),
  }
}

function growth(costs: Grown['costs'], size: number, side: 'server' | 'client'): number[] {
  const [smallest] = costs.values()
  return costs.get(size)!.map((cost, round) => cost[side] / smallest![round]![side])
}

function figures({ axis, costs }: Grown): Figure[] {
  const [smallest, largest] = [[...costs.keys()][0]!, [...costs.keys()].at(-1)!]
  const sizes = [largest, smallest].map((size) => size.toLocaleString('en-US'))
  return sides.map((side) =>
    figureOf(growth(costs, largest, side), {
      id: `growth.${axis.name}-${side}`,
      label: `${names[side]} of a reservation, ${axis.label}: ${sizes.join(' : ')}`,
      unit: 'ratio',
      better: 'lower',
    }),
  )
}

function chart({ axis, costs }: Grown): LineChart {
  return {
    kind: 'lines',
    title: `A reservation by ${axis.label}`,
    x: { label: axis.label, values: [...costs.keys()], log: true },
    y: { label: 'µs each', log: true },
    series: sides.map((side) => ({
      label: names[side],
      values: [...costs.values()].map((all) => median(all.map((cost) => cost[side]))),
    })),
  }
}
