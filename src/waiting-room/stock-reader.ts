import type { StockReading } from '../engine/room.js'
import type { FlashSale } from '../sale/flash-sale.js'

/** Reads what a sale still has, as the door needs to know it. */
export async function readStock(sale: FlashSale, now: () => number): Promise<StockReading> {
  // Before the question: whatever is sold from here on may not show in the answer.
  const at = Math.floor(now())
  const { state, skus } = await sale.stats()
  let available = 0
  let couldReturn = 0
  for (const counts of Object.values(skus)) {
    available += counts.available
    couldReturn += counts.held + counts.inTransit
  }
  if (state === 'ended') return { at, state, available }
  if (available + couldReturn === 0) return { at, state: 'sold_out', available }
  return { at, state: state === 'open' ? 'open' : 'closed', available }
}
