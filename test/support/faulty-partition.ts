import type fc from 'fast-check'
import type { Command, Op, Partition, Reply } from '../../src/engine/engine.js'
import { NotReadyError, StockholdError } from '../../src/errors.js'

/**
 * What becomes of a batch. `refused`, `not ready`: it fails before it is carried out; `retry`: it
 * comes after its deadline.
 */
export type Fate = 'answered' | 'refused' | 'not ready' | 'reply lost' | 'never settled' | 'retry'

export interface FaultyPartition {
  readonly partition: Partition
  /** How often each id was carried out. */
  readonly executions: ReadonlyMap<string, number>
  /** No faults from now on. */
  heal(): void
}

/**
 * A partition whose batches fare as told, one fate each, and come and go when the scheduler lets
 * them.
 *
 * @param away Whether it is away, each time somebody asks if it is ready.
 */
export function faultyPartition(
  inner: Partition,
  scheduler: fc.Scheduler,
  fates: readonly Fate[],
  away: readonly boolean[],
): FaultyPartition {
  const executions = new Map<string, number>()
  let batches = 0
  let healed = false
  const run: Partition['run'] = async (command, ops, call) => {
    const number = batches++
    const fate = healed ? 'answered' : (fates[number] ?? 'answered')
    await scheduler.schedule(Promise.resolve(), `batch ${number} arrives`)
    if (fate === 'refused') throw new StockholdError('UNAVAILABLE', 'refused')
    if (fate === 'not ready') throw new NotReadyError('not ready', new Error('MOVED'))
    const deadline = fate === 'retry' ? -1 : call.deadline
    const reply = await inner.run(command, ops, { ...call, deadline })
    count(ops, reply)
    await scheduler.schedule(Promise.resolve(), `batch ${number} is answered`)
    if (fate === 'reply lost') throw new StockholdError('UNKNOWN_OUTCOME', 'lost')
    if (fate === 'never settled') return new Promise(() => {})
    return reply
  }
  const count = <C extends Command>(ops: readonly Op<C>[], reply: Reply<C>) => {
    if (reply.outcome !== 'done') return
    for (const [i, { status }] of reply.answers.entries()) {
      const { id } = ops[i] as { id: string }
      if (status !== 'retry') executions.set(id, (executions.get(id) ?? 0) + 1)
    }
  }
  let asked = 0
  const ready = async () => {
    const isAway = !healed && away[asked++]
    await scheduler.schedule(Promise.resolve(), isAway ? 'the partition is away' : 'the partition is ready')
    if (isAway) throw new StockholdError('UNAVAILABLE', 'away')
  }
  const heal = () => {
    healed = true
  }
  return { partition: { ready, run }, executions, heal }
}
