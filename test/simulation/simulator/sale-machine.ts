import type { Commands, Op } from '../../../src/engine/engine.js'
import type { RemovalCommands } from '../../../src/engine/removal.js'
import { partitionRemoval } from '../../../src/memory-engine/removal/remove-partition.js'
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

/** @returns With `removal`, what removes it. */
export function saleMachine(
  clock: () => number,
  index = 0,
): SaleMachine & { readonly removal: Machine<RemovalCommands> } {
  let state = new PartitionState(index)
  const remove = partitionRemoval(
    () => state,
    () => {
      state = new PartitionState(index)
    },
  )
  return {
    get state() {
      return state
    },
    removal: { run: (command, ops, call) => remove(command, ops, call, clock()) },
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
