import type { Invariants } from '../../scripts/lib/load/invariants.js'
import type { LineChart } from '../../scripts/lib/report/charts.js'
import { counted } from '../../src/cli/terminal/format.js'
import type { Table } from '../../src/cli/terminal/table.js'
import type { Cost } from '../load/cost.js'
import { figureOf, median, rounded } from '../load/figures.js'
import type { Figure, PartResult } from '../part.js'
import type { CallersAnswer, Way } from './worker.js'

export const sellers: readonly { readonly name: Way; readonly label: string }[] = [
  { name: 'plain', label: 'plain EVALSHA' },
  { name: 'stockhold', label: 'stockhold' },
  { name: 'corked', label: 'plain EVALSHA, corked' },
]

/** What each way needed. */
export type Round = Readonly<Record<Way, CallersAnswer>>
/** What the library needed in a process with the usual young generation, and with a larger one. */
export type YoungRound = Readonly<Record<'usual' | 'larger', CallersAnswer>>
/** The rounds by the number of callers. */
export type Measured = Map<number, Round[]>

type Operation = 'reserve' | 'confirm'
const operations = ['reserve', 'confirm'] as const
const nouns = { reserve: 'a reservation', confirm: 'a confirmation' }

export function report(
  measured: Measured,
  young: readonly YoungRound[],
  youngCallers: number,
  invariants: Invariants,
): PartResult {
  return {
    figures: operations.flatMap((operation) => [
      ...figures(measured, operation),
      youngFigure(young, youngCallers, operation),
    ]),
    tables: [
      ...operations.flatMap((operation) => [rates(measured, operation), costs(measured, operation)]),
      youngTable(young, youngCallers),
    ],
    charts: operations.flatMap((operation) => charts(measured, operation)),
    invariants: invariants.list(),
  }
}

const costsOf = (rounds: readonly Round[], seller: Way, operation: Operation): Cost[] =>
  rounds.map((round) => round[seller][operation])

const mid = (rounds: readonly Round[], seller: Way, operation: Operation, field: keyof Cost) =>
  median(costsOf(rounds, seller, operation).map((cost) => cost[field]))

/** Between two sellers of the same round. */
function ratios(
  rounds: readonly Round[],
  operation: Operation,
  of: Way,
  to: Way,
  field: keyof Cost = 'perSecond',
): number[] {
  const others = costsOf(rounds, to, operation)
  return costsOf(rounds, of, operation).map((cost, round) => cost[field] / others[round]![field])
}

function figures(measured: Measured, operation: Operation): Figure[] {
  const noun = operation === 'reserve' ? 'reservations' : 'confirmations'
  const [fewest] = [...measured][0]!
  const lone = measured.get(fewest)!
  return [
    ...[...measured].flatMap(([callers, rounds]) =>
      (['plain', 'corked'] as const).map((other) =>
        figureOf(ratios(rounds, operation, 'stockhold', other), {
          id: `callers.${operation}-${other}-${callers}`,
          label: `${noun}/s, stockhold : plain EVALSHA${other === 'corked' ? ' corked' : ''}, ${counted(callers, 'caller')}`,
          unit: 'ratio',
          better: 'higher',
        }),
      ),
    ),
    figureOf(ratios(lone, operation, 'stockhold', 'plain', 'script'), {
      id: `callers.${operation}-script-${fewest}`,
      label: `Redis CPU of ${nouns[operation]} : of the plain script (commandstats), ${counted(fewest, 'caller')}`,
      unit: 'ratio',
      better: 'lower',
    }),
    ...(['script', 'server', 'client'] as const).map((field) =>
      figureOf(
        costsOf(lone, 'stockhold', operation).map((cost) => cost[field]),
        {
          id: `callers.${operation}-${field}-cpu-${fewest}`,
          label: `${sides[field]} ${nouns[operation]}, ${counted(fewest, 'caller')}`,
          unit: 'µs',
          better: 'lower',
        },
      ),
    ),
  ]
}

const sides = {
  script: 'Redis CPU in scripts (commandstats),',
  server: 'Redis CPU, all of it (INFO cpu),',
  client: 'Node CPU,',
}

function rates(measured: Measured, operation: Operation): Table {
  return {
    title: `${operation === 'reserve' ? 'Reservations' : 'Confirmations'} a second by callers, and stockhold : plain within a round (lowest to highest)`,
    columns: [
      'callers',
      'plain EVALSHA',
      'corked',
      'stockhold',
      'requests a call',
      ': plain',
      'spread',
      ': corked',
      'spread',
    ],
    rows: [...measured].map(([callers, rounds]) => [
      callers,
      ...(['plain', 'corked', 'stockhold'] as const).map((seller) =>
        Math.round(mid(rounds, seller, operation, 'perSecond')),
      ),
      rounded(mid(rounds, 'stockhold', operation, 'perCall'), 1),
      ...(['plain', 'corked'] as const).flatMap((other) => {
        const all = ratios(rounds, operation, 'stockhold', other)
        return [rounded(median(all), 2), `${rounded(Math.min(...all), 2)} to ${rounded(Math.max(...all), 2)}`]
      }),
    ]),
  }
}

function costs(measured: Measured, operation: Operation): Table {
  const cell = (rounds: readonly Round[], seller: Way, field: keyof Cost) =>
    rounded(mid(rounds, seller, operation, field), 1)
  return {
    title: `CPU of ${nouns[operation]} in µs: of Redis in scripts (commandstats) and in all (INFO cpu), and of the Node process`,
    columns: [
      'callers',
      'Redis scripts: plain',
      'stockhold',
      'Redis: plain',
      'corked',
      'stockhold',
      'Node: plain',
      'corked',
      'stockhold',
    ],
    rows: [...measured].map(([callers, rounds]) => [
      callers,
      ...(['plain', 'stockhold'] as const).map((seller) => cell(rounds, seller, 'script')),
      ...(['server', 'client'] as const).flatMap((field) =>
        (['plain', 'corked', 'stockhold'] as const).map((seller) => cell(rounds, seller, field)),
      ),
    ]),
  }
}

const FLAG = '--max-semi-space-size=64'

const youngRatios = (rounds: readonly YoungRound[], operation: Operation) =>
  rounds.map(({ usual, larger }) => larger[operation].perSecond / usual[operation].perSecond)

function youngFigure(rounds: readonly YoungRound[], callers: number, operation: Operation): Figure {
  return figureOf(youngRatios(rounds, operation), {
    id: `callers.${operation}-semi-space`,
    label: `${operation}, a second, ${FLAG} : default, ${counted(callers, 'caller')}`,
    unit: 'ratio',
    better: 'higher',
  })
}

function youngTable(rounds: readonly YoungRound[], callers: number): Table {
  return {
    title: `What ${FLAG} brings with ${counted(callers, 'caller')}`,
    columns: ['', 'default/s', 'with the flag/s', 'ratio', 'lowest to highest', 'Node µs', 'with the flag'],
    rows: operations.map((operation) => {
      const all = youngRatios(rounds, operation)
      const of = (name: 'usual' | 'larger', field: keyof Cost) =>
        median(rounds.map((round) => round[name][operation][field]))
      return [
        operation,
        Math.round(of('usual', 'perSecond')),
        Math.round(of('larger', 'perSecond')),
        rounded(median(all), 2),
        `${rounded(Math.min(...all), 2)} to ${rounded(Math.max(...all), 2)}`,
        rounded(of('usual', 'client'), 1),
        rounded(of('larger', 'client'), 1),
      ]
    }),
  }
}

function charts(measured: Measured, operation: Operation): LineChart[] {
  const x = { label: 'callers', values: [...measured.keys()], log: true }
  const values = (seller: Way, field: keyof Cost) =>
    [...measured.values()].map((rounds) => mid(rounds, seller, operation, field))
  return [
    {
      kind: 'lines',
      title: `${operation}, a second by callers`,
      x,
      y: { label: 'a second', log: true },
      series: sellers.map(({ name, label }) => ({ label, values: values(name, 'perSecond') })),
    },
    {
      kind: 'lines',
      title: `${operation}, CPU by callers`,
      x,
      y: { label: 'µs each', log: true },
      series: sellers.flatMap(({ name, label }) => [
        { label: `Redis, ${label}`, values: values(name, 'server') },
        { label: `Node, ${label}`, values: values(name, 'client') },
      ]),
    },
  ]
}
