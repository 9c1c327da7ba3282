import type { Invariants } from '../../scripts/lib/load/invariants.js'
import type { Table } from '../../scripts/lib/terminal/table.js'
import type { Cost } from '../load/cost.js'
import { figureOf, median, rounded } from '../load/figures.js'
import type { Figure, LineChart, PartResult } from '../part.js'
import type { CallersAnswer, Way } from './worker.js'

/** A way of selling, in one of the processes. */
export interface Seller {
  readonly name: 'stockhold' | 'plain' | 'corked' | 'roomy'
  readonly label: string
  readonly way: Way
  /** In the process with the larger young generation. */
  readonly larger: boolean
}

export const sellers: readonly Seller[] = [
  { name: 'plain', label: 'plain EVALSHA', way: 'plain', larger: false },
  { name: 'stockhold', label: 'stockhold', way: 'stockhold', larger: false },
  { name: 'corked', label: 'plain EVALSHA, corked', way: 'corked', larger: false },
  { name: 'roomy', label: 'stockhold, --max-semi-space-size=64', way: 'stockhold', larger: true },
]

/** What each seller needed, by its name. */
export type Round = Readonly<Partial<Record<Seller['name'], CallersAnswer>>>
/** The rounds by the number of callers. */
export type Measured = Map<number, Round[]>

type Operation = 'reserve' | 'confirm'
const operations = ['reserve', 'confirm'] as const
const nouns = { reserve: 'a reservation', confirm: 'a confirmation' }

export function report(measured: Measured, invariants: Invariants): PartResult {
  return {
    figures: operations.flatMap((operation) => figures(measured, operation)),
    tables: [
      ...operations.flatMap((operation) => [rates(measured, operation), costs(measured, operation)]),
      semiSpace(measured),
    ],
    charts: operations.flatMap((operation) => charts(measured, operation)),
    invariants: invariants.list(),
  }
}

const costsOf = (rounds: readonly Round[], seller: Seller['name'], operation: Operation): Cost[] =>
  rounds.flatMap((round) => round[seller]?.[operation] ?? [])

const mid = (rounds: readonly Round[], seller: Seller['name'], operation: Operation, field: keyof Cost) =>
  median(costsOf(rounds, seller, operation).map((cost) => cost[field]))

/** Between two sellers of the same round. */
function ratios(
  rounds: readonly Round[],
  operation: Operation,
  of: Seller['name'],
  to: Seller['name'],
  field: keyof Cost = 'perSecond',
): number[] {
  const others = costsOf(rounds, to, operation)
  return costsOf(rounds, of, operation).map((cost, round) => cost[field] / others[round]![field])
}

function figures(measured: Measured, operation: Operation): Figure[] {
  const noun = operation === 'reserve' ? 'reservations' : 'confirmations'
  const [fewest] = [...measured][0]!
  const most = [...measured.keys()].at(-1)!
  const lone = measured.get(fewest)!
  return [
    ...[...measured].flatMap(([callers, rounds]) =>
      (['plain', 'corked'] as const).map((other) =>
        figureOf(ratios(rounds, operation, 'stockhold', other), {
          id: `callers.${operation}-${other}-${callers}`,
          label: `${noun}/s, stockhold : plain EVALSHA${other === 'corked' ? ' corked' : ''}, ${plural(callers)}`,
          unit: 'ratio',
          better: 'higher',
        }),
      ),
    ),
    figureOf(ratios(lone, operation, 'stockhold', 'plain', 'script'), {
      id: `callers.${operation}-script-${fewest}`,
      label: `Redis CPU of ${nouns[operation]} : of the plain script (commandstats), ${plural(fewest)}`,
      unit: 'ratio',
      better: 'lower',
    }),
    ...(['script', 'server', 'client'] as const).map((field) =>
      figureOf(
        costsOf(lone, 'stockhold', operation).map((cost) => cost[field]),
        {
          id: `callers.${operation}-${field}-cpu-${fewest}`,
          label: `${sides[field]} ${nouns[operation]}, ${plural(fewest)}`,
          unit: 'µs',
          better: 'lower',
        },
      ),
    ),
    figureOf(ratios(measured.get(most)!, operation, 'roomy', 'stockhold'), {
      id: `callers.${operation}-semi-space`,
      label: `${noun}/s, --max-semi-space-size=64 : default, ${plural(most)}`,
      unit: 'ratio',
      better: 'higher',
    }),
  ]
}

const sides = {
  script: 'Redis CPU in scripts (commandstats),',
  server: 'Redis CPU, all of it (INFO cpu),',
  client: 'Node CPU,',
}

const plural = (callers: number) =>
  `${callers.toLocaleString('en-US')} ${callers === 1 ? 'caller' : 'callers'}`

function rates(measured: Measured, operation: Operation): Table {
  return {
    title: `${operation === 'reserve' ? 'Reservations' : 'Confirmations'} a second by callers, and stockhold : plain within a round (lowest to highest)`,
    columns: [
      'callers',
      'plain EVALSHA',
      'corked',
      'stockhold',
      'in a call',
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
  const cell = (rounds: readonly Round[], seller: Seller['name'], field: keyof Cost) =>
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

function semiSpace(measured: Measured): Table {
  const [most, rounds] = [...measured].at(-1)!
  return {
    title: `What --max-semi-space-size=64 brings with ${plural(most)}`,
    columns: ['', 'default/s', 'with the flag/s', 'ratio', 'lowest to highest', 'Node µs', 'with the flag'],
    rows: operations.map((operation) => {
      const all = ratios(rounds, operation, 'roomy', 'stockhold')
      const of = (seller: Seller['name'], field: keyof Cost) => mid(rounds, seller, operation, field)
      return [
        operation,
        Math.round(of('stockhold', 'perSecond')),
        Math.round(of('roomy', 'perSecond')),
        rounded(median(all), 2),
        `${rounded(Math.min(...all), 2)} to ${rounded(Math.max(...all), 2)}`,
        rounded(of('stockhold', 'client'), 1),
        rounded(of('roomy', 'client'), 1),
      ]
    }),
  }
}

function charts(measured: Measured, operation: Operation): LineChart[] {
  const x = { label: 'callers', values: [...measured.keys()], log: true }
  const shown = sellers.filter(({ larger }) => !larger)
  const values = (seller: Seller['name'], field: keyof Cost) =>
    [...measured.values()].map((rounds) => mid(rounds, seller, operation, field))
  return [
    {
      kind: 'lines',
      title: `${operation}, a second by callers`,
      x,
      y: { label: 'a second', log: true },
      series: shown.map(({ name, label }) => ({ label, values: values(name, 'perSecond') })),
    },
    {
      kind: 'lines',
      title: `${operation}, CPU by callers`,
      x,
      y: { label: 'µs each', log: true },
      series: shown.flatMap(({ name, label }) => [
        { label: `Redis, ${label}`, values: values(name, 'server') },
        { label: `Node, ${label}`, values: values(name, 'client') },
      ]),
    },
  ]
}
