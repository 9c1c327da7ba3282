import type { Invariants } from '../../scripts/lib/load/invariants.js'
import { BenchSale, requestOf, SKU } from '../../scripts/lib/load/sale.js'
import { type SentBy, totalOf } from './counted.js'
import type { Sale } from './crew.js'
import type { Masters } from './stage.js'

/** How a sale is asked for. */
export interface Manner {
  readonly units: number
  /** Buyers under way at a time, in all processes, until 1 % is left. */
  readonly callers: number
  /** The same for the last 1 %. */
  readonly lastCallers: number
}

export interface Round {
  readonly partitions: number
  /** While there are units everywhere. */
  readonly perSecond: number
  /** µs of all masters for each reservation. */
  readonly cpu: number
  /** Reservations in each script call, transfers and all. */
  readonly perCall: number
  readonly last: Last
}

/** How the last 1 % was sold: to as many buyers as there are units. */
export interface Last {
  readonly units: number
  readonly seconds: number
  /** Script calls a reservation. */
  readonly calls: number
  /** Steps a reservation beyond its own: as many calls as they would be if each travelled alone. Sweeps come by the clock, and do not count. */
  readonly extra: number
  /** Script calls to tell the next buyer that it is sold out everywhere. */
  readonly soldOutCalls: number
  readonly sent: SentBy
}

/** Of the units: until then hardly a partition runs dry, whatever the chance. */
const PLENTY = 0.9

let rounds = 0

/** Sells one sale to the last unit, and recounts it. */
export async function sellOut(
  masters: Masters,
  partitions: number,
  { units, callers, lastCallers }: Manner,
  invariants: Invariants,
): Promise<Round> {
  const id = `round-${++rounds}`
  const sale = await BenchSale.open(masters.engine, id, { stock: { [SKU]: units }, partitions })
  const last = Math.ceil(units / 100)
  const plenty = Math.floor(units * PLENTY)
  const before = await masters.read()
  const most = await masters.crew.sell(id, 0, plenty, callers)
  const thick = await masters.read()
  const thin = await masters.crew.sell(id, plenty, units - last - plenty, callers)
  const between = await masters.read()
  const rest = await masters.crew.sell(id, units - last, last, lastCallers)
  const after = await masters.read()
  for (const sold of [most, thin, rest]) allSold(sold, `${id}, ${partitions} partitions`, invariants)
  sale.held = most.accepted + thin.accepted + rest.accepted
  const { status } = await sale.sale.reserve(requestOf(units))
  invariants.check(
    'whoever comes after the last unit is told that it is sold out',
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
    'as many buyers as units: nobody is refused, and no request fails',
    refused + failed === 0,
    `${where}: ${refused} refused, ${failed} failed (${error})`,
  )
}
