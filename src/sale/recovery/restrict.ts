import type { CallOptions } from '../../batching/batcher-set.js'
import { askAll, failureOf, readAll } from '../fan-out.js'
import type { Parts } from '../partitions.js'
import { mostRestrictive } from '../totals.js'

/**
 * Pauses, or ends, the partitions that were lost or frozen if any other one is paused or was ended:
 * they may have forgotten it.
 *
 * @param hasClosed The sale has ended by time, so no partition says whether it was ended before.
 */
export async function restrictAsOthers(
  parts: Parts,
  damaged: readonly number[],
  hasClosed: boolean,
  call: CallOptions,
): Promise<void> {
  if (damaged.length === 0 || parts.count === 1 || hasClosed) return
  const states = await readAll(parts.count, (index) =>
    parts.ask(index, 'stats', { skus: [] }, call, ({ status }) => status),
  )
  const state = mostRestrictive(states)
  if (state !== 'paused' && state !== 'ended') return
  const action = state === 'ended' ? 'end' : 'pause'
  const { failures } = await askAll(damaged, (index) =>
    parts.ask(index, 'control', { action }, call, () => {}),
  )
  if (failures.size > 0) throw failureOf(failures, parts.count)
}
