import type { Figure } from '../part.js'
import type { TargetResult } from './report.js'

type Figures = ReadonlyMap<string, Figure>

export interface Target {
  readonly label: string
  /** Its id. */
  readonly figure: string
  readonly bound: 'at least' | 'at most'
  readonly value: number
  readonly unit: string
}

/**
 * The targets of the library, the ones that are worked on first. All ratios come from alternating
 * rounds of one run.
 */
export const targets: readonly Target[] = [
  {
    label: 'stockhold : plain EVALSHA, reservations/s, 1 caller',
    figure: 'callers.reserve-plain-1',
    bound: 'at least',
    value: 0.75,
    unit: 'ratio',
  },
  {
    label: 'stockhold : plain EVALSHA, reservations/s, 8 callers',
    figure: 'callers.reserve-plain-8',
    bound: 'at least',
    value: 1.2,
    unit: 'ratio',
  },
  {
    label: 'stockhold : plain EVALSHA, reservations/s, 64 callers',
    figure: 'callers.reserve-plain-64',
    bound: 'at least',
    value: 2.5,
    unit: 'ratio',
  },
  {
    label: 'stockhold : plain EVALSHA, reservations/s, 512 callers',
    figure: 'callers.reserve-plain-512',
    bound: 'at least',
    value: 4.5,
    unit: 'ratio',
  },
  {
    label: 'stockhold : plain EVALSHA, reservations/s, 2,000 callers, default Node flags',
    figure: 'callers.reserve-plain-2000',
    bound: 'at least',
    value: 4,
    unit: 'ratio',
  },
  {
    label: 'launch night over all stores, whole evening, stockhold : plain scripts',
    figure: 'launch-night.ratio-plain',
    bound: 'at least',
    value: 1.5,
    unit: 'ratio',
  },
  {
    label: 'Redis CPU of a lone reservation : of the plain script (commandstats)',
    figure: 'callers.reserve-script-1',
    bound: 'at most',
    value: 1.6,
    unit: 'ratio',
  },
  {
    label: 'Redis CPU a reservation, some 7 a call over 64 partitions : 1 partition, one master',
    figure: 'partitions.cpu-ratio-usual-1',
    bound: 'at most',
    value: 2,
    unit: 'ratio',
  },
  {
    label: 'Redis CPU a reservation, some 7 a call over 64 partitions : 1 partition, three masters',
    figure: 'partitions.cpu-ratio-usual-3',
    bound: 'at most',
    value: 2,
    unit: 'ratio',
  },
  {
    label: 'refusals/s after sold out : accepted/s, requests with a key (answered by Redis)',
    figure: 'refusals.ratio-key',
    bound: 'at least',
    value: 1.5,
    unit: 'ratio',
  },
  {
    label: 'joins/s, tickets signed : accepted reservations/s',
    figure: 'waiting-room.ratio-join',
    bound: 'at least',
    value: 1,
    unit: 'ratio',
  },
  {
    label: "CPU of a consumer's process per event : of the reserving processes per reservation",
    figure: 'consumer.cpu',
    bound: 'at most',
    value: 0.2,
    unit: 'ratio',
  },
  {
    label: 'admissions of the worst second off the rate asked, 500/s, two processes, 40 % no-shows',
    figure: 'waiting-room.rate-500',
    bound: 'at most',
    value: 2,
    unit: '%',
  },
  {
    label: 'reservations/s into PostgreSQL, from a backlog',
    figure: 'consumer.ledger-backlog',
    bound: 'at least',
    value: 60_000,
    unit: '/s',
  },
  {
    label: 'reservations/s acknowledged when the ledger has them (durability: { ledger })',
    figure: 'consumer.durable',
    bound: 'at least',
    value: 50_000,
    unit: '/s',
  },
  {
    label: 'p99 at 50 % of the ceiling',
    figure: 'latency.p99-at-half',
    bound: 'at most',
    value: 5,
    unit: 'ms',
  },
  {
    label: 'bytes a reservation, all in',
    figure: 'memory.bytes',
    bound: 'at most',
    value: 100,
    unit: 'bytes',
  },
  {
    label: 'stockhold : the same callers, arguments and batches around an empty script',
    figure: 'peers.ratio-empty-in-library',
    bound: 'at least',
    value: 0.7,
    unit: 'ratio',
  },
  {
    label: 'stockhold : PostgreSQL conditional UPDATE',
    figure: 'peers.ratio-postgres-update',
    bound: 'at least',
    value: 50,
    unit: 'ratio',
  },
  {
    label: 'reserve and confirm (20 % drop-outs) : reserve alone, in operations/s',
    figure: 'reserve-confirm.ratio',
    bound: 'at least',
    value: 0.8,
    unit: 'ratio',
  },
  {
    label: 'server CPU a reservation of a buyer with thousands of holds : with hundreds',
    figure: 'one-buyer.growth',
    bound: 'at most',
    value: 1.5,
    unit: 'ratio',
  },
  {
    label: 'server CPU a call, whatever one buyer does, ms',
    figure: 'one-buyer.call',
    bound: 'at most',
    value: 10,
    unit: 'ms',
  },
  {
    label: 'refusals/s after sold out : accepted/s, requests without a key (answered in the process)',
    figure: 'refusals.ratio-no-key',
    bound: 'at least',
    value: 10,
    unit: 'ratio',
  },
  {
    label: 'with appendfsync always : without persistence',
    figure: 'durability.ratio-always',
    bound: 'at least',
    value: 0.6,
    unit: 'ratio',
  },
  {
    label: 'server CPU per reservation at 1,000,000 : at 1,000 reservations',
    figure: 'memory.cpu-growth',
    bound: 'at most',
    value: 1.3,
    unit: 'ratio',
  },
  {
    label: 'bytes of Redis a waiting visitor, all in',
    figure: 'waiting-room.bytes',
    bound: 'at most',
    value: 200,
    unit: 'bytes',
  },
  {
    label: 'polls/s of one process',
    figure: 'waiting-room.polls',
    bound: 'at least',
    value: 500_000,
    unit: '/s',
  },
  {
    label: 'events consumed : reservations made in the same time, at full speed',
    figure: 'consumer.keeps-up',
    bound: 'at least',
    value: 0.98,
    unit: 'ratio',
  },
  {
    label: 'reservations/s into PostgreSQL, live, while 25,000 a second are made',
    figure: 'consumer.ledger-live',
    bound: 'at least',
    value: 20_000,
    unit: '/s',
  },
  {
    label: 'a sale of 100,000 reservations rebuilt from the ledger',
    figure: 'consumer.rebuild',
    bound: 'at most',
    value: 10,
    unit: 's',
  },
  {
    label: 'server CPU a reservation, 64 partitions : 1, in full batches, one master',
    figure: 'partitions.cpu-ratio-1',
    bound: 'at most',
    value: 1.15,
    unit: 'ratio',
  },
  {
    label: 'server CPU a reservation, 64 partitions : 1, in full batches, three masters',
    figure: 'partitions.cpu-ratio-3',
    bound: 'at most',
    value: 1.15,
    unit: 'ratio',
  },
  {
    label: 'calls a reservation beyond one, over the last 1 % of the stock, 64 partitions',
    figure: 'partitions.extra-calls',
    bound: 'at most',
    value: 2,
    unit: '',
  },
  {
    label: 'behind HTTP on Fastify, poll : an empty route, a second',
    figure: 'http.poll-empty-fastify',
    bound: 'at least',
    value: 0.9,
    unit: 'ratio',
  },
  {
    label: 'behind HTTP on Fastify, reserve : an empty route, a second',
    figure: 'http.reserve-empty-fastify',
    bound: 'at least',
    value: 0.7,
    unit: 'ratio',
  },
  {
    label: 'behind HTTP on Fastify, reserve : the shop with one EVALSHA each, a second',
    figure: 'http.reserve-plain-fastify',
    bound: 'at least',
    value: 1.5,
    unit: 'ratio',
  },
  {
    label: 'behind HTTP on Fastify, reserve : the shop on PostgreSQL, a second',
    figure: 'http.reserve-postgres-fastify',
    bound: 'at least',
    value: 10,
    unit: 'ratio',
  },
  {
    label: 'behind HTTP on Hono, poll : an empty route, a second',
    figure: 'http.poll-empty-hono',
    bound: 'at least',
    value: 0.9,
    unit: 'ratio',
  },
  {
    label: 'behind HTTP on Hono, reserve : an empty route, a second',
    figure: 'http.reserve-empty-hono',
    bound: 'at least',
    value: 0.7,
    unit: 'ratio',
  },
  {
    label: 'behind HTTP on Hono, reserve : the shop with one EVALSHA each, a second',
    figure: 'http.reserve-plain-hono',
    bound: 'at least',
    value: 1.5,
    unit: 'ratio',
  },
  {
    label: 'behind HTTP on Hono, reserve : the shop on PostgreSQL, a second',
    figure: 'http.reserve-postgres-hono',
    bound: 'at least',
    value: 10,
    unit: 'ratio',
  },
]

export function judge(figures: Figures): TargetResult[] {
  return targets.map(({ figure, ...target }) => {
    const found = figures.get(figure)
    if (found === undefined) return { ...target, measured: null, verdict: 'not measured' }
    const { value, spread } = found
    const holds = target.bound === 'at least' ? value >= target.value : value <= target.value
    return { ...target, measured: value, ...(spread && { spread }), verdict: holds ? 'met' : 'missed' }
  })
}

/** Such as `6 met, 1 missed, 3 not measured`. */
export function tally(results: readonly TargetResult[]): string {
  return (['met', 'missed', 'not measured'] as const)
    .map((verdict) => [results.filter((result) => result.verdict === verdict).length, verdict] as const)
    .filter(([count]) => count > 0)
    .map(([count, verdict]) => `${count} ${verdict}`)
    .join(', ')
}
