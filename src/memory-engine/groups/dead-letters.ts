import type { GroupAnswer, GroupOp } from '../../engine/groups.js'
import { type PartitionState, retry } from '../sale/partition-state.js'
import type { GroupStep } from './group-state.js'

const tuning = {
  deadAPage: 100,
}

export function groups(state: PartitionState): GroupAnswer<'groups'> {
  return { status: 'groups', groups: state.groups.states(), first: state.events.first }
}

export function dead(state: PartitionState, op: GroupOp<'dead'>): GroupAnswer<'dead'> {
  const all = state.groups.get(op.group)?.dead() ?? []
  const events = all.filter(({ event }) => event.sequence > op.after).slice(0, tuning.deadAPage)
  return { status: 'dead', events }
}

export function revive(
  state: PartitionState,
  { group: name, sequences, action }: GroupOp<'revive'>,
  { now, overdue }: GroupStep,
): GroupAnswer<'revive'> {
  const group = state.groups.get(name)
  const found = group?.dead().filter(({ event }) => sequences.includes(event.sequence)) ?? []
  if (overdue && found.length > 0) return retry
  for (const parked of found) {
    if (action === 'retry') group!.park({ ...parked, attempts: 0, retryAt: now })
    else group!.unpark(parked.event.sequence)
  }
  return { status: 'revived', count: found.length }
}

export function drop(
  state: PartitionState,
  { group }: GroupOp<'drop'>,
  { overdue }: GroupStep,
): GroupAnswer<'drop'> {
  if (!state.groups.get(group)) return { status: 'gone' }
  if (overdue) return retry
  state.groups.drop(group)
  return { status: 'dropped' }
}
