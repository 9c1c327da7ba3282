import type { GroupAnswer, GroupCommand, GroupOp, GroupReply } from '../../engine/groups.js'
import type { Call } from '../../engine/port.js'
import { incompatible } from '../incompatible.js'
import type { PartitionState } from '../sale/partition-state.js'
import { momentAt } from '../time.js'
import { dead, drop, groups, revive } from './dead-letters.js'
import type { GroupStep } from './group-state.js'
import { acknowledge, checkpoint, claim } from './leases.js'

type Handlers = {
  readonly [C in GroupCommand]: (state: PartitionState, op: GroupOp<C>, step: GroupStep) => GroupAnswer<C>
}

const handlers: Handlers = { claim, acknowledge, checkpoint, groups, dead, revive, drop }

/** The statuses of answers that have changed something, and so store the time. */
const changed: ReadonlySet<string> = new Set([
  'claimed',
  'acknowledged',
  'checkpointed',
  'revived',
  'dropped',
])

/**
 * Executes one batch on the consumer groups of a partition. `clock`: the time it shows, epoch ms.
 */
export function executeGroupCommand<C extends GroupCommand>(
  state: PartitionState,
  command: C,
  ops: readonly GroupOp<C>[],
  call: Call,
  clock: number,
): GroupReply<C> {
  if (state.incarnation === null) return { outcome: 'missing', now: clock }
  const unread = incompatible(state, clock)
  if (unread) return unread
  const isAnother = call.incarnation !== null && call.incarnation !== state.incarnation
  if (isAnother || state.seal.isSealed) return { outcome: 'lost', now: clock }
  const unreadGroups = incompatible(state.groups, clock, 'groups')
  if (unreadGroups) return unreadGroups
  const moment = momentAt(clock, state.time, call.minTime)
  const step: GroupStep = { ...moment, overdue: clock > call.deadline }
  const answers = ops.map((op) => handlers[command](state, op, step))
  if (step.isSetBack || answers.some(({ status }) => changed.has(status))) state.time = step
  return { outcome: 'done', now: step.now, clock, sequence: state.events.sequence, answers }
}
