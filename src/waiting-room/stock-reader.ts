import type { StockReading } from '../engine/room.js'
import type { FlashSale } from '../sale/flash-sale.js'

/** Reads the stock of a sale in the form that admission needs. */
export async function readStock(sale: FlashSale, now: () => number): Promise<StockReading> {
  // Taken before the call: units sold from here on may be missing from the answer.
  const at = Math.floor(now())
  const { state, skus } = await sale.stats()
  let available = 0
  let couldReturn = 0
  for (const counts of Object.values(skus)) {
    available += counts.available
    couldReturn += Math.max(0, counts.held + counts.inTransit - (counts.owed ?? 0))
  }
  if (state === 'ended') return { at, state, available }
  if (available + couldReturn === 0) return { at, state: 'sold_out', available }
  return { at, state: state === 'open' ? 'open' : 'closed', available }
}
