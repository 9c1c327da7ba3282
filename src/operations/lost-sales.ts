import type { Engine } from '../engine/engine.js'
import { stateOfSale } from '../engine/listing.js'
import type { SaleInUse } from '../heartbeat/figures.js'
import type { ListedProcess } from '../heartbeat/processes.js'
import type { Listed } from './results.js'

/**
 * The sales that processes have used, and that the index of the engine does not have: a Redis that
 * has lost all of its data has lost the index too. A sale that was removed is not among them.
 *
 * @param isAsked Which names are asked for. Another sale of the same name hides a lost one.
 */
export async function lostSales(
  { lifecycle }: Engine,
  processes: readonly ListedProcess[],
  isAsked: (id: string) => boolean,
): Promise<Listed[]> {
  if (!lifecycle) return []
  const unlisted = new Map<string, SaleInUse>()
  for (const { figures } of processes)
    for (const sale of figures?.inUse ?? []) if (isAsked(sale.id)) unlisted.set(sale.id, sale)
  const found: Listed[] = []
  for (const { id, incarnation, partitions } of unlisted.values()) {
    const state = await stateOfSale(lifecycle, { name: id, incarnation, partitions })
    if (state) found.push({ kind: 'sale', id, state, partitions, createdAt: null })
  }
  return found
}
