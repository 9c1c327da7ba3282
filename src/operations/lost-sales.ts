import type { Engine } from '../engine/engine.js'
import { type ListedSale, stateOfSale } from '../engine/listing.js'
import type { SaleInUse } from '../heartbeat/figures.js'
import type { ListedProcess } from '../heartbeat/processes.js'
import type { Listed } from './results.js'

/**
 * The sales that processes have used, and that the index of the engine does not have: a Redis that
 * has lost all of its data has lost the index too. A sale that was removed is not among them.
 *
 * @param listed What the index has: another sale of the same name hides a lost one.
 */
export async function lostSales(
  { lifecycle }: Engine,
  processes: readonly ListedProcess[],
  listed: readonly ListedSale[],
): Promise<Listed[]> {
  if (!lifecycle) return []
  const names = new Set(listed.map(({ id }) => id))
  const unlisted = new Map<string, SaleInUse>()
  for (const { figures } of processes)
    for (const sale of figures?.inUse ?? []) if (!names.has(sale.id)) unlisted.set(sale.id, sale)
  const found: Listed[] = []
  for (const { id, incarnation, partitions } of unlisted.values()) {
    const state = await stateOfSale(lifecycle, { name: id, incarnation, partitions })
    if (state) found.push({ kind: 'sale', id, state, partitions, createdAt: null })
  }
  return found
}
