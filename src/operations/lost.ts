import type { Engine } from '../engine/engine.js'
import { stateOfRoom, stateOfSale } from '../engine/listing.js'
import type { ListedProcess } from '../heartbeat/processes.js'
import type { Listed } from './results.js'
import type { Target } from './target.js'

/**
 * The sales and waiting rooms that processes have used, and that the index of the engine does not
 * have: a Redis that has lost all of its data has lost the index too. What was removed is not among
 * them.
 *
 * @param isAsked Which are asked for. Another one of the same name hides a lost one.
 */
export async function findLost(
  { lifecycle }: Engine,
  processes: readonly ListedProcess[],
  isAsked: (target: Target) => boolean,
): Promise<Listed[]> {
  if (!lifecycle) return []
  const told = processes.flatMap(({ figures }) => (figures ? [figures] : []))
  const sales = new Map(told.flatMap(({ inUse }) => inUse.map((sale) => [sale.id, sale])))
  const rooms = new Map(told.flatMap(({ roomsInUse = [] }) => roomsInUse.map((room) => [room.id, room])))
  const found: Listed[] = []
  for (const { id, incarnation, partitions } of sales.values()) {
    if (!isAsked({ kind: 'sale', id })) continue
    const state = await stateOfSale(lifecycle, { name: id, incarnation, partitions })
    if (state) found.push({ kind: 'sale', id, state, partitions, createdAt: null })
  }
  for (const { id, incarnation } of rooms.values()) {
    if (!isAsked({ kind: 'room', id })) continue
    const state = await stateOfRoom(lifecycle, { name: id, incarnation })
    if (state) found.push({ kind: 'room', id, state, createdAt: null })
  }
  return found
}
