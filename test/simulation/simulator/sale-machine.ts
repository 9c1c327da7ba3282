import type { Commands, Op } from '../../../src/engine/engine.js'
import { PartitionState } from '../../../src/memory-engine/sale/partition-state.js'
import { executeSaleCommand } from '../../../src/memory-engine/sale/sale-commands.js'
import type { Machine } from './server.js'

/**
 * One partition of a sale at the simulated server, by the memory engine's state machine; it can be
 * looked into.
 */
export interface SaleMachine extends Machine<Commands> {
  readonly state: PartitionState
}

export function saleMachine(clock: () => number, index = 0): SaleMachine {
  const state = new PartitionState(index)
  return {
    state,
    run: (command, ops, call) => {
      // The token decides where each buyer is at home: with a random one, no run could be repeated.
      const known =
        command === 'create'
          ? (ops as readonly Op<'create'>[]).map((op) => ({ ...op, incarnation: 'sale' }))
          : ops
      return executeSaleCommand(state, command, known as typeof ops, call, clock())
    },
  }
}
