import type { CallOptions } from '../../batching/batcher-set.js'
import { changeAll, readAll } from '../fan-out.js'
import type { Parts } from '../partitions.js'

/**
 * Before a freeze ends: if any partition is paused, or was ended, the frozen ones are so too, since
 * they may have forgotten it. What was commanded decides, whatever the time is.
 *
 * @param paused All partitions are paused.
 */
export async function restrict(parts: Parts, paused: boolean, call: CallOptions): Promise<void> {
  const all = await readAll(parts.count, (index) => parts.ask(index, 'describe', {}, call, (found) => found))
  const pauses = paused || all.some((one) => one.paused)
  const ofFrozen = all.some(({ ended }) => ended) ? 'end' : pauses ? 'pause' : undefined
  await changeAll(parts.count, async (index) => {
    const action = all[index]!.frozen ? ofFrozen : paused ? 'pause' : undefined
    if (action) await parts.ask(index, 'control', { action }, call, () => {})
  })
}
