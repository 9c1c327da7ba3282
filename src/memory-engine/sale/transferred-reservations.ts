import type { Moved } from '../../engine/engine.js'
import type { Move } from './entry.js'
import type { PartitionState } from './partition-state.js'

/** The answer of every command on a reservation that was transferred. */
export function movedIn(state: PartitionState, id: string): Moved | undefined {
  const moved = state.find(id)?.moved
  return moved && movedOf(moved)
}

export function movedOf({ status, id, next, to, receiver, settled }: Move): Moved {
  return { status, id, next, to, receiver, settled }
}
