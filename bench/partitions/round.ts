import type { Invariants } from '../../scripts/lib/load/invariants.js'
import { BenchSale, requestOf, SKU } from '../../scripts/lib/load/sale.js'
import { type SentBy, totalOf } from './call-counter.js'
import type { Masters } from './masters.js'
import type { Sale } from './seller-processes.js'

/** How many buyers ask for how many units. */
export interface Demand {
  readonly units: number
  /** Buyers under way at a time, in all processes, until 1 % is left. */
  readonly callers: number
  /** The same for the last 1 %. */
  readonly lastCallers: number
}

export interface Sizes {
  readonly partitions: readonly number[]
  readonly rounds: number
  readonly full: Demand
  readonly usual: Demand
}

export interface Round {
  readonly partitions: number
  /** Reservations a second while every partition has units. */
  readonly perSecond: number
  /** µs of all masters for each reservation. */
  readonly cpu: number
  /** Reservations in each script call, transfers and all. */
  readonly perCall: number
  readonly last: Last
}

/** How the last 1 % was sold: to as many buyers as there are units. */
interface Last {
  readonly units: number
  readonly seconds: number
  /** Script calls a reservation. */
  readonly calls: number
  /**
   * Calls beyond the one of each reservation, counted as if each command travelled alone. Sweeps do
   * not count.
   */
  readonly extra: number
  /** Script calls to tell the next buyer that every partition is sold out. */
  readonly soldOutCalls: number
  readonly sent: SentBy
}

/** The share of the units until which hardly any partition sells out. */
const PLENTY = 0.9

let rounds = 0

/** Sells one sale to the last unit, and recounts it. */
export async function sellOut(
  masters: Masters,
  partitions: number,
  { units, callers, lastCallers }: Demand,
  invariants: Invariants,
): Promise<Round> {
  const id = `round-${++rounds}`
  const sale = await BenchSale.open(masters.engine, id, { stock: { [SKU]: units }, partitions })
  const last = Math.ceil(units / 100)
  const plenty = Math.floor(units * PLENTY)
  const before = await masters.read()
  const most = await masters.sellers.sell(id, 0, plenty, callers)
  const thick = await masters.read()
  const thin = await masters.sellers.sell(id, plenty, units - last - plenty, callers)
  const between = await masters.read()
  const rest = await masters.sellers.sell(id, units - last, last, lastCallers)
  const after = await masters.read()
  for (const sold of [most, thin, rest]) allSold(sold, `${id}, ${partitions} partitions`, invariants)
  sale.held = most.accepted + thin.accepted + rest.accepted
  const { status } = await sale.sale.reserve(requestOf(units))
  invariants.check(
    'a buyer after the last unit is told that the sale is sold out',
    status === 'sold_out',
    status,
  )
  const soldOutCalls = (await masters.read()).calls - after.calls
  const { available, held, inTransit } = (await sale.sale.stats()).skus[SKU]!
  invariants.check(
    'exactly all units are sold, and none is in transit',
    available === 0 && held === units && inTransit === 0,
    `${id}, ${partitions} partitions: ${held} of ${units} held, ${available} available, ${inTransit} in transit`,
  )
  await sale.finish(invariants)
  await masters.clear()
  const { sweep: _, ...sent } = rest.sent
  return {
    partitions,
    perSecond: most.accepted / most.seconds,
    cpu: ((thick.cpu - before.cpu) * 1e6) / most.accepted,
    perCall: most.accepted / (thick.calls - before.calls),
    last: {
      units: last,
      seconds: rest.seconds,
      calls: (after.calls - between.calls) / last,
      extra: totalOf(sent).items / last - 1,
      soldOutCalls,
      sent: rest.sent,
    },
  }
}

function allSold({ refused, failed, error }: Sale, where: string, invariants: Invariants): void {
  invariants.check(
    'as many buyers as units: no buyer is refused, and no request fails',
    refused + failed === 0,
    `${where}: ${refused} refused, ${failed} failed (${error})`,
  )
}
