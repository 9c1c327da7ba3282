import type { Commands } from '../../engine/engine.js'
import { execute } from '../../engine/memory/memory-engine.js'
import { PartitionState } from '../../engine/memory/state.js'
import type { Machine } from './server.js'

/** One partition of a sale at the simulated server, by the memory engine's state machine; it can be looked into. */
export interface SaleMachine extends Machine<Commands> {
  readonly state: PartitionState
}

export function saleMachine(clock: () => number): SaleMachine {
  const state = new PartitionState()
  return {
    state,
    run: (command, ops, call) => execute(state, command, ops, call, Math.max(clock(), state.now, call.floor)),
  }
}
