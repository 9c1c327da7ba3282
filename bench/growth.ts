/**
 * Does a reservation stay as cheap when something grows: the sale, the buyer's holds, the cart, the
 * list of SKUs, the number of sales?
 *
 * Each of the five grows by itself while everything else stays small. Rounds go through all sizes
 * of one of them in turn, and the growth is taken within a round, to the smallest size. Redis and
 * the Node process, callers included, are measured apart. What grows is made before the measuring.
 */
import { allAccepted, Invariants } from '../scripts/lib/load/invariants.js'
import { ServerMeter } from '../scripts/lib/load/server-meter.js'
import { type Axis, axes, CALLERS } from './growth/axes.js'
import { type Grown, report } from './growth/report.js'
import { type Cost, costOf } from './load/cost.js'
import { openEngine } from './load/engine.js'
import type { Context, Part, PartResult } from './part.js'

export interface Sizes {
  readonly rounds: number
  /** Reservations of a round, or lines of all of them where carts grow. */
  readonly count: number
  readonly sizes: Readonly<Record<Axis['name'], readonly number[]>>
}

export const part: Part = {
  name: 'growth',
  question: 'What does a reservation cost as sale, holds of the buyer, cart, SKUs or sales grow?',
  run: (context) => measure(context, context.quick ? quick : long),
}

const long: Sizes = {
  rounds: 5,
  count: 20_000,
  sizes: {
    reservations: [1_000, 10_000, 100_000, 1_000_000],
    holds: [1, 10, 100, 1_000],
    lines: [1, 10, 100, 1_000],
    skus: [1, 10, 100, 1_000, 10_000],
    sales: [1, 10, 100, 1_000, 10_000],
  },
}

const quick: Sizes = {
  rounds: 3,
  count: 2_000,
  sizes: {
    reservations: [1_000, 100_000],
    holds: [1, 1_000],
    lines: [1, 1_000],
    skus: [1, 10_000],
    sales: [1, 10_000],
  },
}

export async function measure(context: Context, sizes: Sizes): Promise<PartResult> {
  const { url, own } = await context.redis()
  const meter = new ServerMeter(url)
  const invariants = new Invariants()
  const grown: Grown[] = []
  try {
    for (const axis of axes) {
      grown.push({ axis, costs: await grow(context, axis, sizes, meter, invariants) })
      if (own) await meter.client.flushall('ASYNC')
      await meter.settled()
    }
    return report(grown, invariants)
  } finally {
    meter.close()
  }
}

/** The costs of each size, round by round. */
async function grow(
  context: Context,
  axis: Axis,
  { rounds, count, sizes }: Sizes,
  meter: ServerMeter,
  invariants: Invariants,
): Promise<Map<number, Cost[]>> {
  const engine = await openEngine(context)
  const costs = new Map(sizes[axis.name].map((size) => [size, [] as Cost[]]))
  try {
    const sites = []
    // One more than the sizes: the first of all warms up.
    const all = [sizes[axis.name][0]!, ...costs.keys()]
    for (const [i, size] of all.entries()) {
      context.progress.update(`${axis.label}: making ${size.toLocaleString('en-US')}`, i, all.length, 'sizes')
      sites.push({ size, site: await axis.open(engine, size, { count, rounds, name: `${axis.name}-${i}` }) })
    }
    for (let round = 0; round < rounds; round++) {
      context.progress.update(axis.label, round, rounds, 'rounds')
      for (const [i, { size, site }] of sites.entries()) {
        const { cost, tally } = await costOf(meter, { callers: CALLERS, ...(await site.next()) })
        allAccepted(tally, invariants)
        if (i > 0) costs.get(size)!.push(cost)
      }
    }
    for (const { site } of sites) await site.finish(invariants)
    return costs
  } finally {
    await engine.close()
  }
}
