import { closedLoop } from '../../scripts/lib/load/drive.js'
import { allAccepted, type Invariants } from '../../scripts/lib/load/invariants.js'
import { BenchSale, CALLERS } from '../../scripts/lib/load/sale.js'
import type { Engine } from '../../src/index.js'

/** Reserves in a new sale for this time; answers the accepted reservations a second. */
export async function reserveRound(
  engine: Engine,
  id: string,
  { seconds, callers = CALLERS }: { readonly seconds: number; readonly callers?: number },
  invariants: Invariants,
  audit: boolean,
): Promise<number> {
  const sale = await BenchSale.open(engine, id)
  const tally = await closedLoop({ callers, limit: { seconds }, work: sale.reserve })
  allAccepted(tally, invariants)
  await sale.finish(invariants, { audit })
  return tally.accepted / tally.seconds
}
