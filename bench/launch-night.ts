/**
 * The evening this library is for: 100,000 phones and 430,000 orders of thousands of other stores.
 * Some buyers walk away, click twice or pay late. Several processes serve them, and at the end
 * every unit is accounted for.
 */

import { Invariants } from '../scripts/lib/load/invariants.js'
import type { Night } from './launch-night/plan.js'
import { charts, story } from './launch-night/report.js'
import { type NightResult, playNight } from './launch-night/run.js'
import type { Context, Part, PartResult } from './part.js'

/** Without the seed. */
export type Size = Omit<Night, 'seed'>

const SIZE: Size = { units: 100_000, phoneOrders: 150_000, stores: 10_000, orders: 430_000 }
const SMALLER = 50
/** `--real-time`. */
const REAL_SECONDS = 180

export const part: Part = {
  name: 'launch-night',
  question:
    'Does a launch night add up, with many stores and processes, and buyers who click twice and pay late?',
  run: (context) => measure(context, context.quick ? scaled(SIZE, 1 / SMALLER) : SIZE),
}

export async function measure(context: Context, size: Size, realSeconds = REAL_SECONDS): Promise<PartResult> {
  const invariants = new Invariants()
  const night = { ...size, seed: context.seed }
  const pace = { shortHoldMs: 1_000, payMs: 0, intervalMs: context.quick ? 100 : 250, seconds: 0 }
  const fast = await playNight(context, night, pace, invariants)
  const real = context.realTime
    ? await playNight(
        context,
        night,
        { shortHoldMs: realSeconds * 50, payMs: realSeconds * 20, intervalMs: 1_000, seconds: realSeconds },
        invariants,
      )
    : undefined
  return {
    figures: figures(fast, real),
    tables: [
      story('The night as fast as it goes', fast),
      ...(real ? [story('The night in real time (arrivals do not wait)', real)] : []),
    ],
    charts: [...charts('as fast as it goes', fast), ...(real ? charts('in real time', real) : [])],
    invariants: invariants.list(),
  }
}

function figures({ plan, seconds, told }: NightResult, real: NightResult | undefined): PartResult['figures'] {
  return [
    {
      id: 'launch-night.orders',
      label: 'launch night: orders, from the reservation to the payment',
      unit: '/s',
      value: plan.total / seconds,
      better: 'higher',
    },
    {
      id: 'launch-night.reservations',
      label: 'launch night: reservations',
      unit: '/s',
      value: told.reserved / seconds,
      better: 'higher',
    },
    {
      id: 'launch-night.seconds',
      label: 'launch night: as fast as it goes',
      unit: 's',
      value: seconds,
      better: 'lower',
    },
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

function scaled(size: Size, factor: number): Size {
  const { units, phoneOrders, stores, orders } = size
  const by = (value: number) => Math.round(value * factor)
  return { units: by(units), phoneOrders: by(phoneOrders), stores: by(stores), orders: by(orders) }
}
