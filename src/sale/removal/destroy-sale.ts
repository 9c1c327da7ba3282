import type { CallOptions } from '../../batching/batcher-set.js'
import { invalid } from '../../errors.js'
import { completeDepartures } from '../complete-transfer.js'
import type { DestroyResult } from '../results.js'
import type { SaleClient } from '../sale-client.js'
import { readTotals } from '../totals.js'

/** See `destroy` of `FlashSale`. */
export async function destroySale(
  client: SaleClient,
  force: boolean,
  call: CallOptions,
): Promise<DestroyResult> {
  const { removal } = client
  if (!removal) throw invalid('engine', 'must be an engine of this library')
  const prepare = async () => {
    // Brings an interrupted creation or update to its end.
    await client.refresh(call)
    await client.fanOut(async (parts) => {
      await completeDepartures(parts, call)
      // Sweeps expired holds, and finds what was lost.
      await readTotals(parts, call)
    })
  }
  return { status: await removal.destroy(force, prepare, call) }
}
