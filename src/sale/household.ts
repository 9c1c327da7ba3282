import pLimit from 'p-limit'
import type { CallOptions } from '../batching/batcher-set.js'
import type { StoredReservation } from '../engine/engine.js'
import { partitionIn } from '../engine/reservation-id.js'
import { mintId, type Parts } from './partitions.js'

const tuning = {
  /** How many reservations are visited at a time. */
  atOnce: 64,
}

/**
 * A buyer's household, as the buyer's own partition has it; `household`, if it has none yet, from
 * now on. Every step that may hold units for a buyer comes after this one, so the units of a buyer
 * are never of two households. The step can be repeated; nothing takes it back.
 */
export function bindHousehold(
  parts: Parts,
  incarnation: string,
  buyer: string,
  household: string,
  call: CallOptions,
): Promise<string> {
  const id = mintId(incarnation, buyer, parts.count)
  return parts.ask(partitionIn(id), 'bind', { id, buyer, household }, call, (answer) => answer.household!)
}

/** Visits every reservation of these partitions. */
export async function eachReservation(
  parts: Parts,
  indices: readonly number[],
  call: () => CallOptions,
  visit: (reservation: StoredReservation) => Promise<void>,
): Promise<void> {
  const limit = pLimit(tuning.atOnce)
  for (const index of indices) {
    let cursor = '0'
    do {
      const page = await parts.ask(index, 'scan', { cursor }, call(), (answer) => answer)
      await limit.map(page.reservations, visit)
      cursor = page.cursor
    } while (cursor !== '0')
  }
}
