import { batcherFor } from '../../src/batching/batcher-set.js'
import { Session } from '../../src/batching/session.js'
import type { Clock } from '../../src/engine/clock.js'
import type { Effect } from '../../src/engine/effects.js'
import type { Commands } from '../../src/engine/engine.js'
import { FakePartition } from './fake-partition.js'
import { TestClock } from './test-clock.js'

/** ms a call lasts where its deadline is the point, and where it is not. */
export const SOON = 30
const LATER = 30_000

/**
 * A batcher of `get` over a partition that only notes what it is handed: on a clock of the test, or
 * on other timers.
 */
export function openBatcher(max = 10_000, others?: Clock, effect: Effect = 'reads') {
  const partition = new FakePartition()
  const clock = new TestClock()
  const timing = others ?? clock
  const session = new Session('sale', { max, open: 0 }, timing)
  const batcher = batcherFor<Commands, 'get'>(partition, 'get', session, effect)
  const ask = (id: string, rest: { ms?: number; weight?: number; signal?: AbortSignal } = {}) => {
    const { ms = LATER, weight = 1, signal } = rest
    const answer = batcher.submit(
      { id },
      timing.now() + ms,
      weight,
      ({ status }) => `${id}: ${status}`,
      signal,
    )
    // Looked at later; until then no rejection shall count as nobody's.
    answer.catch(() => {})
    return answer
  }
  return { clock, partition, session, batcher, ask, calls: partition.calls }
}

/** All that is due in this turn of the event loop. */
export const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

export const code = (expected: string) => ({ name: 'StockholdError', code: expected })
