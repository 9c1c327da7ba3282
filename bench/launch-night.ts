/**
 * The evening this library is for: 100,000 phones and 430,000 orders of thousands of other stores.
 * Some buyers walk away, click twice or pay late. Several processes serve them, and at the end
 * every unit is accounted for.
 */

import { Invariants } from '../scripts/lib/load/invariants.js'
import { ServerMeter } from '../scripts/lib/load/server-meter.js'
import type { Table } from '../src/cli/terminal/table.js'
import { playPlainNight } from './launch-night/plain-night.js'
import type { Night } from './launch-night/plan.js'
import { charts, story } from './launch-night/report.js'
import { type NightResult, playNight } from './launch-night/run.js'
import { figureOf, rounded } from './load/figures.js'
import type { Context, Part, PartResult } from './part.js'

export interface Sizes extends Omit<Night, 'seed'> {
  /** Orders of one process under way at a time. */
  readonly callers: number
  readonly rounds: number
  /** How long a real night takes with `--real-time`. */
  readonly realSeconds: number
}

const long: Sizes = {
  units: 100_000,
  phoneOrders: 150_000,
  stores: 10_000,
  orders: 430_000,
  callers: 1_000,
  rounds: 3,
  realSeconds: 180,
}
/** A fortieth, with more callers for each store: a process has to have something to do. */
const quick: Sizes = {
  ...long,
  units: 2_500,
  phoneOrders: 3_750,
  stores: 250,
  orders: 10_750,
  callers: 250,
  rounds: 2,
}

export const part: Part = {
  name: 'launch-night',
  question:
    'Does a launch night add up, with many stores and processes, and buyers who click twice and pay late?',
  run: (context) => measure(context, context.quick ? quick : long),
}

/**
 * The night and the same orders by plain scripts take turns, in another order each time; ratios are
 * taken within a round.
 */
export async function measure(context: Context, sizes: Sizes): Promise<PartResult> {
  const { callers, rounds, realSeconds, ...size } = sizes
  const invariants = new Invariants()
  const night = { ...size, seed: context.seed }
  const pace = { callers, shortHoldMs: 1_000, payMs: 0, intervalMs: context.quick ? 100 : 250, seconds: 0 }
  const nights: NightResult[] = []
  const plain: number[] = []
  for (let round = 0; round < rounds; round++) {
    const turns = [
      async () => void plain.push(await playPlainNight(context, night, callers, invariants)),
      async () => void nights.push(await playNight(context, night, pace, invariants)),
    ]
    for (const turn of round % 2 === 0 ? turns : turns.reverse()) {
      await turn()
      await clear(context)
    }
  }
  const [shortHoldMs, payMs] = [realSeconds * 50, realSeconds * 20]
  const real = context.realTime
    ? await playNight(
        context,
        night,
        { callers, shortHoldMs, payMs, intervalMs: 1_000, seconds: realSeconds },
        invariants,
      )
    : undefined
  const last = nights.at(-1)!
  return {
    figures: figures(nights, plain, real),
    tables: [
      beside(nights, plain),
      story('The night as fast as it goes', last),
      ...(real ? [story('The night in real time (arrivals do not wait)', real)] : []),
    ],
    charts: [...charts('as fast as it goes', last), ...(real ? charts('in real time', real) : [])],
    invariants: invariants.list(),
  }
}

/** The sales of one night would make the next one slower. */
async function clear(context: Context): Promise<void> {
  const { url, own } = await context.redis()
  if (!own) return
  const meter = new ServerMeter(url)
  await meter.client.flushall('ASYNC')
  await meter.settled()
  meter.close()
}

const ratios = (nights: readonly NightResult[], plain: readonly number[]) =>
  nights.map(({ seconds }, round) => plain[round]! / seconds)

function beside(nights: readonly NightResult[], plain: readonly number[]): Table {
  return {
    title: 'The night beside the same orders by plain scripts, which neither release nor expire anything',
    columns: ['round', 'stockhold, seconds', 'plain scripts, seconds', 'rate, stockhold : plain'],
    rows: ratios(nights, plain).map((ratio, round) => [
      round + 1,
      rounded(nights[round]!.seconds, 2),
      rounded(plain[round]!, 2),
      rounded(ratio, 2),
    ]),
  }
}

function figures(
  nights: readonly NightResult[],
  plain: readonly number[],
  real: NightResult | undefined,
): PartResult['figures'] {
  const each = (of: (night: NightResult) => number) => nights.map(of)
  return [
    figureOf(ratios(nights, plain), {
      id: 'launch-night.ratio-plain',
      label: 'launch night over all stores, whole evening, stockhold : plain scripts',
      unit: 'ratio',
      better: 'higher',
    }),
    figureOf(
      each(({ plan, seconds }) => plan.total / seconds),
      {
        id: 'launch-night.orders',
        label: 'launch night: orders, from the reservation to the payment',
        unit: '/s',
        better: 'higher',
      },
    ),
    figureOf(
      each(({ told, seconds }) => told.reserved / seconds),
      { id: 'launch-night.reservations', label: 'launch night: reservations', unit: '/s', better: 'higher' },
    ),
    figureOf(
      each(({ seconds }) => seconds),
      { id: 'launch-night.seconds', label: 'launch night: as fast as it goes', unit: 's', better: 'lower' },
    ),
    figureOf(plain, {
      id: 'launch-night.plain-seconds',
      label: 'launch night: the same orders by plain scripts',
      unit: 's',
      better: 'lower',
    }),
    ...(real
      ? [
          {
            id: 'launch-night.real-time-p99',
            label: 'launch night in real time: p99 of reserve',
            unit: 'ms',
            value: real.recorder.latency().at(0.99),
            better: 'lower' as const,
          },
        ]
      : []),
  ]
}
