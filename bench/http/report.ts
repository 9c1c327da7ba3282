import { Histogram } from '../../scripts/lib/load/histogram.js'
import type { Invariants } from '../../scripts/lib/load/invariants.js'
import type { BarChart, LineChart } from '../../scripts/lib/report/charts.js'
import type { Table } from '../../src/cli/terminal/table.js'
import { figureOf, median, rounded } from '../load/figures.js'
import type { Figure, PartResult } from '../part.js'
import type { Framework } from './shop.js'

/** Open arrivals, each timed from the moment it was meant to begin. */
export interface OpenLoad {
  readonly perSecond: number
  /** ms */
  readonly latency: Histogram
  /** How late the generator itself was at most, in ms. */
  readonly late: number
}

/** One operation of one shop in one round. */
interface Cost {
  /** With callers that wait for their answers. */
  readonly perSecond: number
  /** CPU of the server's process for each, in µs. */
  readonly cpu: number
  /** HTTP requests for each. */
  readonly requests: number
  readonly open: OpenLoad
}

/** By shop and operation: `stockhold.poll`. */
export type Round = Map<string, Cost>
export type Measured = Map<Framework, Round[]>

const labels: readonly (readonly [name: string, label: string])[] = [
  ['empty.empty', 'empty route'],
  ['empty.post', 'empty route that reads a cart'],
  ['stockhold.poll', 'poll'],
  ['stockhold.join', 'join'],
  ['stockhold.reserve', 'reserve'],
  ['plain.reserve', 'reserve, one EVALSHA'],
  ['postgres.reserve', 'reserve, PostgreSQL'],
  ['stockhold.way', 'the whole way: join, poll, reserve, pay'],
  ['plain.way', 'reserve and pay, one EVALSHA each'],
  ['postgres.way', 'reserve and pay, PostgreSQL'],
]

/** What is compared with what, within a round. */
const ratios: readonly (readonly [id: string, of: string, to: string, label: string])[] = [
  ['poll-empty', 'stockhold.poll', 'empty.empty', 'poll : an empty route'],
  ['join-empty', 'stockhold.join', 'empty.empty', 'join : an empty route'],
  ['reserve-empty', 'stockhold.reserve', 'empty.empty', 'reserve : an empty route'],
  ['reserve-post', 'stockhold.reserve', 'empty.post', 'reserve : an empty route that reads a cart'],
  ['reserve-plain', 'stockhold.reserve', 'plain.reserve', 'reserve : the shop with one EVALSHA each'],
  ['reserve-postgres', 'stockhold.reserve', 'postgres.reserve', 'reserve : the shop on PostgreSQL'],
  ['way-plain', 'stockhold.way', 'plain.way', 'whole ways : reserve and pay with one EVALSHA each'],
  ['way-postgres', 'stockhold.way', 'postgres.way', 'whole ways : reserve and pay on PostgreSQL'],
]

const PERCENTILES = [0.5, 0.9, 0.99, 0.999, 1]
/** One request in this number waits longer. */
const ONE_IN = [1, 2, 4, 10, 20, 50, 100, 200, 500, 1_000]

export function report(measured: Measured, invariants: Invariants): PartResult {
  const all = [...measured]
  return {
    figures: all.flatMap(([framework, rounds]) => figures(framework, rounds)),
    tables: all.flatMap(([framework, rounds]) => [
      rateTable(framework, rounds),
      ratioTable(framework, rounds),
      latencyTable(framework, rounds),
    ]),
    charts: all.flatMap(([framework, rounds]) => [bars(framework, rounds), distribution(framework, rounds)]),
    invariants: invariants.list(),
  }
}

const titles = { fastify: 'Fastify', hono: 'Hono' }

/** The costs of one operation, of which each round has one. */
const costsOf = (rounds: readonly Round[], name: string): Cost[] =>
  rounds.map((round) => round.get(name)).filter((cost) => cost !== undefined)

/** The operations that were measured, with their labels. */
const measuredIn = (rounds: readonly Round[]) => labels.filter(([name]) => rounds[0]?.has(name))

/** Of the rates, or the inverse one of the CPU: more is better in both. */
function ratiosOf(rounds: readonly Round[], of: string, to: string, field: 'perSecond' | 'cpu'): number[] {
  const others = costsOf(rounds, to)
  if (others.length === 0) return []
  return costsOf(rounds, of).map((cost, round) =>
    field === 'cpu' ? others[round]!.cpu / cost.cpu : cost.perSecond / others[round]!.perSecond,
  )
}

function figures(framework: Framework, rounds: readonly Round[]): Figure[] {
  const on = `on ${titles[framework]}`
  return [
    ...measuredIn(rounds).map(([name, label]) =>
      figureOf(
        costsOf(rounds, name).map(({ perSecond }) => perSecond),
        { id: `http.${framework}-${name}`, label: `${label}, ${on}`, unit: '/s', better: 'higher' },
      ),
    ),
    ...ratios.flatMap(([id, of, to, label]) => {
      const found = ratiosOf(rounds, of, to, 'perSecond')
      if (found.length === 0) return []
      return [
        figureOf(found, {
          id: `http.${id}-${framework}`,
          label: `${label}, a second, ${on}`,
          unit: 'ratio',
          better: 'higher',
        }),
      ]
    }),
  ]
}

const spreadOf = (values: readonly number[], digits: number) =>
  `${rounded(Math.min(...values), digits)} to ${rounded(Math.max(...values), digits)}`

function rateTable(framework: Framework, rounds: readonly Round[]): Table {
  return {
    title: `${titles[framework]}: callers that wait for their answers; CPU is that of the server's process, in µs for each`,
    columns: ['', 'a second', 'lowest', 'highest', 'HTTP requests each', 'CPU'],
    rows: measuredIn(rounds).map(([name, label]) => {
      const costs = costsOf(rounds, name)
      const rates = costs.map(({ perSecond }) => perSecond)
      return [
        label,
        ...[median(rates), Math.min(...rates), Math.max(...rates)].map(Math.round),
        rounded(median(costs.map(({ requests }) => requests)), 1),
        rounded(median(costs.map(({ cpu }) => cpu)), 1),
      ]
    }),
  }
}

function ratioTable(framework: Framework, rounds: readonly Round[]): Table {
  return {
    title: `${titles[framework]}: ratios within a round, of the rates and (the other way round) of the server's CPU`,
    columns: ['', 'rate', 'lowest to highest', 'CPU', 'lowest to highest'],
    rows: ratios.flatMap(([, of, to, label]) => {
      const both = (['perSecond', 'cpu'] as const).map((field) => ratiosOf(rounds, of, to, field))
      if (both[0]!.length === 0) return []
      return [[label, ...both.flatMap((found) => [rounded(median(found), 2), spreadOf(found, 2)])]]
    }),
  }
}

/** The rounds together. */
function openOf(rounds: readonly Round[], name: string) {
  const loads = costsOf(rounds, name).map(({ open }) => open)
  return {
    perSecond: median(loads.map(({ perSecond }) => perSecond)),
    latency: loads.reduce((all, { latency }) => all.merge(latency), new Histogram()),
    late: Math.max(...loads.map(({ late }) => late)),
  }
}

function latencyTable(framework: Framework, rounds: readonly Round[]): Table {
  return {
    title:
      `${titles[framework]}: open arrivals (Poisson) at half of these rates, in ms from the intended start. ` +
      'A whole way includes the pauses between the polls',
    columns: ['', 'arrivals/s', 'p50', 'p90', 'p99', 'p99.9', 'max', 'generator late at most'],
    rows: measuredIn(rounds).flatMap(([name, label]) => {
      const { perSecond, latency, late } = openOf(rounds, name)
      if (latency.count === 0) return []
      const waits = PERCENTILES.map((share) => rounded(latency.at(share), 2))
      return [[label, Math.round(perSecond), ...waits, rounded(late, 2)]]
    }),
  }
}

function bars(framework: Framework, rounds: readonly Round[]): BarChart {
  return {
    kind: 'bars',
    title: `${titles[framework]}, a second`,
    unit: '/s',
    bars: measuredIn(rounds).map(([name, label]) => {
      const rates = costsOf(rounds, name).map(({ perSecond }) => perSecond)
      return { label, value: median(rates), spread: [Math.min(...rates), Math.max(...rates)] }
    }),
  }
}

function distribution(framework: Framework, rounds: readonly Round[]): LineChart {
  return {
    kind: 'lines',
    title: `${titles[framework]}: latency of open arrivals by percentile`,
    x: {
      label: 'one request in n waits longer: 10 is p90, 100 p99, 1,000 p99.9',
      values: ONE_IN,
      log: true,
    },
    y: { label: 'ms', log: true },
    series: measuredIn(rounds).map(([name, label]) => {
      const { latency } = openOf(rounds, name)
      return {
        label,
        values: ONE_IN.map((many) => (many <= latency.count ? latency.at(1 - 1 / many) : null)),
      }
    }),
  }
}
