import type { Engine } from '../engine/engine.js'
import { stateOfRoom, stateOfSale } from '../engine/listing.js'
import type { ListedProcess } from '../heartbeat/processes.js'
import type { Listed, Problem, ShownRoom } from './results.js'
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

/** An incarnation that a handle has seen. */
export interface Seen {
  readonly incarnation: string
  readonly partitions: number
}

/** What is known of a sale or room that cannot be read; only without either all are listed. */
interface Known {
  readonly seen: Seen | undefined
  readonly listed: Listed['state'] | undefined
}

/** As in the list: a sale that lacks any of its partitions is lost, also if others are frozen. */
export async function stateOfUnreadableSale(
  engine: Engine,
  id: string,
  problems: readonly Problem[],
  { seen, listed }: Known,
): Promise<'frozen' | 'lost'> {
  if (listed === 'frozen' || listed === 'lost') return listed
  let state: Listed['state'] | undefined
  if (engine.lifecycle && seen) state = await stateOfSale(engine.lifecycle, { name: id, ...seen })
  else if (listed === undefined) state = await listedState(engine.sales(), id)
  if (state === 'frozen' || state === 'lost') return state
  return problems.every(({ code }) => code === 'ROLLBACK_DETECTED') ? 'frozen' : 'lost'
}

/** The room may be there, and its sale lost. */
export async function stateOfUnreadableRoom(
  engine: Engine,
  id: string,
  { seen, listed }: Known,
): Promise<ShownRoom['state']> {
  const state =
    engine.lifecycle && seen
      ? await stateOfRoom(engine.lifecycle, { name: id, ...seen })
      : (listed ?? (await listedState(engine.rooms(), id)))
  return state === 'removing' ? 'ended' : ((state as ShownRoom['state'] | undefined) ?? 'lost')
}

async function listedState<T extends { readonly id: string; readonly state: Listed['state'] }>(
  list: AsyncIterable<T>,
  id: string,
): Promise<T['state'] | undefined> {
  for await (const one of list) if (one.id === id) return one.state
  return undefined
}
