import type { GroupState } from '../engine/groups.js'
import type { EventSource } from './source.js'

/** The progress of a group in one partition. */
export interface GroupPartition {
  readonly partition: number
  /** The group has handled the events up to this sequence, except those that are parked. */
  readonly position: number
  /** The sequence of the partition's latest event. */
  readonly latest: number
  /** Events that the group has not handled yet: `latest - position`. */
  readonly lag: number
  /** Events set aside for another try, or while a handler takes long. */
  readonly parked: number
  /** Dead letters. */
  readonly dead: number
  /** The consumer that holds the lease: its name and a random part; `null`: none. */
  readonly consumer: string | null
}

/** A group of consumers over all partitions of the sale. */
export interface ConsumerGroup {
  readonly group: string
  readonly lag: number
  readonly parked: number
  readonly dead: number
  readonly partitions: readonly GroupPartition[]
}

/** All groups, in order of their names. */
export async function consumerGroups(source: EventSource): Promise<ConsumerGroup[]> {
  const { rules } = await source.describe()
  const found = new Map<string, GroupPartition[]>()
  for (let partition = 0; partition < rules.partitions; partition++) {
    for (const state of (await source.ask(partition, 'groups', {})).groups) {
      const partitions = found.get(state.group) ?? []
      found.set(state.group, partitions)
      partitions.push(groupStates(state, partition, source))
    }
  }
  const names = [...found.keys()].sort((a, b) => (a < b ? -1 : 1))
  return names.map((group) => ({ group, ...sums(found.get(group)!), partitions: found.get(group)! }))
}

export function groupStates(state: GroupState, partition: number, source: EventSource): GroupPartition {
  const { position, parked, dead, until, consumer } = state
  const latest = Math.max(position, source.latest(partition).sequence)
  const leads = until > source.serverTime(partition)
  const lag = latest - position
  return { partition, position, latest, lag, parked, dead, consumer: leads ? consumer : null }
}

function sums(partitions: readonly GroupPartition[]) {
  const total = { lag: 0, parked: 0, dead: 0 }
  for (const { lag, parked, dead } of partitions) {
    total.lag += lag
    total.parked += parked
    total.dead += dead
  }
  return total
}

/** Removes a group in all partitions. Returns whether it existed. */
export async function removeGroup(source: EventSource, group: string): Promise<boolean> {
  const { rules } = await source.describe()
  let removed = false
  for (let partition = 0; partition < rules.partitions; partition++) {
    const { status } = await source.ask(partition, 'drop', { group })
    removed ||= status === 'dropped'
  }
  return removed
}
