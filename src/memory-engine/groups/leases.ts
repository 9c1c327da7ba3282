import type { GroupAnswer, GroupOp } from '../../engine/groups.js'
import { type PartitionState, retry } from '../sale/partition-state.js'
import type { Group, GroupStep } from './group-state.js'
import { mayTrim, trim } from './trim.js'

export function claim(
  state: PartitionState,
  op: GroupOp<'claim'>,
  { now, overdue }: GroupStep,
): GroupAnswer<'claim'> {
  const known = state.groups.get(op.group)
  if (known && isBusy(known, op.consumer, now))
    return { status: 'busy', consumer: known.consumer!, until: known.until }
  if (overdue) return retry
  const group = known ?? state.groups.make(op.group)
  if (!known && op.start === 'now') group.position = state.events.sequence
  if (group.consumer !== op.consumer) group.epoch++
  group.consumer = op.consumer
  group.until = now + op.leaseMs
  const { epoch, position, until } = group
  return { status: 'claimed', epoch, position, until, parked: group.parked() }
}

function isBusy({ consumer, until }: Group, asking: string, now: number): boolean {
  return consumer !== null && consumer !== asking && now < until
}

export function acknowledge(
  state: PartitionState,
  op: GroupOp<'acknowledge'>,
  { now, overdue }: GroupStep,
): GroupAnswer<'acknowledge'> {
  const group = state.groups.get(op.group)
  if (!group) return { status: 'gone' }
  // A group that was dropped and created again starts its epochs again, with other consumers.
  if (group.epoch !== op.epoch || group.consumer !== op.consumer) return { status: 'fenced' }
  if (overdue) return retry
  group.until = now + op.leaseMs
  moveOn(state, group, op.position)
  for (const event of op.park) group.park(event)
  for (const sequence of op.unpark) group.unpark(sequence)
  if (op.trim) trim(state, op.trim, now)
  return { status: 'acknowledged', until: group.until, first: state.events.first }
}

export function checkpoint(
  state: PartitionState,
  { group: name, position, trim: trimming }: GroupOp<'checkpoint'>,
  { now, overdue }: GroupStep,
): GroupAnswer<'checkpoint'> {
  const known = state.groups.get(name)
  const moves = !known || Math.min(position, state.events.sequence) > known.position
  if (overdue && (moves || (trimming && mayTrim(state, trimming, now)))) return retry
  moveOn(state, known ?? state.groups.make(name), position)
  if (trimming) trim(state, trimming, now)
  return { status: 'checkpointed', first: state.events.first }
}

/** A position is never beyond the latest event. */
function moveOn(state: PartitionState, group: Group, position: number): void {
  group.position = Math.max(group.position, Math.min(position, state.events.sequence))
}
