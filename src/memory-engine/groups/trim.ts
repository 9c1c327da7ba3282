import type { Trim } from '../../engine/groups.js'
import { longestHoldOf } from '../../engine/rules.js'
import type { LogEntry } from '../sale/event-log.js'
import type { PartitionState } from '../sale/partition-state.js'

const tuning = {
  entriesAtOnce: 100,
}

/** Removes the oldest events that no group needs any more. */
export function trim(state: PartitionState, rules: Trim, now: number): void {
  state.events.trim(tuning.entriesAtOnce, rule(state, rules, now))
}

/** Whether `trim` would change anything. */
export function mayTrim(state: PartitionState, rules: Trim, now: number): boolean {
  const { first } = state.events
  const oldest = state.events.holding(first)
  return oldest !== undefined && oldest.last < state.events.sequence && rule(state, rules, now)(oldest)
}

function rule(state: PartitionState, { olderThanMs, maxEvents }: Trim, now: number) {
  const expiry = state.nextExpiry()
  const swept = expiry === null || now < expiry
  const dealtWith = state.groups.behind()
  const { sequence } = state.events
  // A consumer may know older rules.
  const { revision, rules } = state.present
  const kept = revision === 0 ? olderThanMs : Math.max(olderThanMs, longestHoldOf(rules))
  return ({ events, last }: LogEntry) =>
    swept && events.every(({ at }) => at <= now - kept) && (last <= dealtWith || sequence - last >= maxEvents)
}
