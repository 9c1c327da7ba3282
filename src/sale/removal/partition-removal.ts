import { BatcherSet, type CallOptions } from '../../batching/batcher-set.js'
import { Session } from '../../batching/session.js'
import { removalEffects } from '../../engine/effects.js'
import type { Engine } from '../../engine/engine.js'
import type { Final } from '../../engine/port.js'
import type { Lifecycle, RemovalCommands } from '../../engine/removal.js'

/** The commands that remove the partitions of a sale, whatever incarnation is there. */
export class PartitionRemoval {
  readonly #engine: Engine
  readonly #lifecycle: Lifecycle
  readonly #sale: string
  /** By partition, and how many the incarnation has. */
  readonly #open = new Map<string, BatcherSet<RemovalCommands>>()

  constructor(engine: Engine, lifecycle: Lifecycle, sale: string) {
    this.#engine = engine
    this.#lifecycle = lifecycle
    this.#sale = sale
  }

  ask<C extends keyof RemovalCommands>(
    partition: number,
    partitions: number,
    command: C,
    op: RemovalCommands[C]['op'],
    call: CallOptions,
  ): Promise<Final<RemovalCommands[C]['answer']>> {
    return this.#at(partition, partitions).ask(command, op, call, (answer) => answer)
  }

  #at(partition: number, partitions: number): BatcherSet<RemovalCommands> {
    const key = `${partition}/${partitions}`
    const known = this.#open.get(key)
    if (known) return known
    const port = this.#lifecycle.partition(this.#sale, partition, partitions)
    const gate = { max: Number.POSITIVE_INFINITY, open: 0 }
    const sale = `the sale ${JSON.stringify(this.#sale)}`
    const name = partitions === 1 ? sale : `partition ${partition} of ${sale}`
    const place = { sale: this.#sale, room: null, partition }
    const session = new Session(name, gate, this.#engine.clock, place)
    const open = new BatcherSet(port, removalEffects, session)
    this.#open.set(key, open)
    return open
  }
}
