import type { Command, Op } from '../../../../src/engine/engine.js'
import type { Call } from '../../../../src/engine/port.js'
import { PartitionState } from '../../../../src/memory-engine/sale/partition-state.js'
import { executeSaleCommand } from '../../../../src/memory-engine/sale/sale-commands.js'
import { demand } from '../../../model/violation.js'
import type { SaleMachine } from '../sale-machine.js'

interface Batch {
  readonly command: Command
  readonly ops: readonly Op<Command>[]
  readonly call: Call
  readonly clock: number
}

/**
 * A sale at a server that can come back with an older state: what was done since then it has never
 * heard of.
 */
export class RollingMachine implements SaleMachine {
  readonly #clock: () => number
  readonly #newState: () => PartitionState
  #log: Batch[] = []
  /** By the id of a record that a transfer made: the first id of the reservation; for good. */
  readonly #firstIds = new Map<string, string>()
  state: PartitionState

  constructor(clock: () => number, newState = () => new PartitionState()) {
    this.#clock = clock
    this.#newState = newState
    this.state = newState()
  }

  get batches(): number {
    return this.#log.length
  }

  readonly run: SaleMachine['run'] = (command, ops, call) => {
    const clock = this.#clock()
    const { frozen, events } = this.state
    const before = events.sequence
    this.#log.push({ command, ops, call, clock })
    const reply = executeSaleCommand(this.state, command, ops, call, clock)
    const wrote = this.state.events.sequence > before
    demand(
      !wrote || !frozen || call.bypassFreeze === true,
      'promise',
      () => `a frozen sale went on with ${command}`,
    )
    if (command === 'transfer' && !call.bypassFreeze) this.#noteTransfers(ops as readonly Op<'transfer'>[])
    return reply
  }

  #noteTransfers(ops: readonly Op<'transfer'>[]): void {
    for (const { id, wish } of ops)
      if (wish && this.state.find(wish.newId)) this.#firstIds.set(wish.newId, this.firstIdOf(id))
  }

  firstIdOf(id: string): string {
    return this.#firstIds.get(id) ?? id
  }

  /** Forgets all but the first so many batches. */
  rollBackTo(batches: number): void {
    this.#log = this.#log.slice(0, batches)
    this.state = this.#newState()
    for (const { command, ops, call, clock } of this.#log)
      executeSaleCommand(this.state, command, ops, call, clock)
  }
}
