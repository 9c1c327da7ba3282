import type { Command, Engine } from '../../src/engine/engine.js'
import { StockholdError } from '../../src/errors.js'
import { withPartitions } from './wrapped-engine.js'

/**
 * What becomes of a batch. `refused`: it is not carried out; `reply lost`: it is, and nobody hears
 * of it; `hangs`: neither is ever known.
 */
export type Fate = 'answered' | 'refused' | 'reply lost' | 'hangs'

export interface Batch {
  readonly partition: number
  readonly command: Command
  readonly ops: readonly unknown[]
}

/** The engine as a process sees it whose batches fare as told. */
export function faultyEngine(inner: Engine, fateOf: (batch: Batch) => Fate): Engine {
  return withPartitions(inner, (port, partition) => ({
    async run(command, ops, call) {
      const fate = fateOf({ partition, command, ops })
      if (fate === 'refused') throw new StockholdError('UNAVAILABLE', 'refused')
      if (fate === 'hangs') return new Promise(() => {})
      const reply = await port.run(command, ops, call)
      if (fate === 'reply lost') throw new StockholdError('UNKNOWN_OUTCOME', 'lost')
      return reply
    },
  }))
}

/**
 * A process that dies right after a batch that is `last` of it was carried out: nothing it sends
 * arrives any more.
 *
 * @returns `died`: settles once that batch was carried out.
 */
export function mortalEngine(
  inner: Engine,
  last: (batch: Batch) => boolean,
): { engine: Engine; died: Promise<void> } {
  let dead = false
  let die = () => {}
  const died = new Promise<void>((resolve) => {
    die = resolve
  })
  const engine = withPartitions(inner, (port, partition) => ({
    async run(command, ops, call) {
      if (dead) return new Promise(() => {})
      dead = last({ partition, command, ops })
      const reply = await port.run(command, ops, call)
      if (!dead) return reply
      die()
      throw new StockholdError('UNKNOWN_OUTCOME', 'lost')
    },
  }))
  return { engine, died }
}
