import type { Call, Command, Engine, Op } from '../../src/engine/engine.js'

const readOnly: ReadonlySet<Command> = new Set([
  'describe',
  'get',
  'stats',
  'sweep',
  'transfers',
  'scan',
  'events',
])

/**
 * An engine whose changing batches arrive `times` times, as they do where a driver resends after a
 * broken connection.
 */
export interface Redelivering {
  readonly engine: Engine
  /** From now on; the caller gets the answer of the last delivery. */
  times: number
}

export function redelivering(inner: Engine): Redelivering {
  const self = {
    times: 1,
    engine: {
      elapsed: inner.elapsed,
      close: () => inner.close(),
      room: (name: string) => inner.room(name),
      groups: (sale: string, index: number, partitions: number) => inner.groups(sale, index, partitions),
      partition: (sale: string, index: number, partitions: number) => {
        const partition = inner.partition(sale, index, partitions)
        const run = async <C extends Command>(command: C, ops: readonly Op<C>[], call: Call) => {
          for (let sent = readOnly.has(command) ? self.times : 1; sent < self.times; sent++)
            await partition.run(command, ops, call)
          return partition.run(command, ops, call)
        }
        return { ready: () => partition.ready(), run }
      },
    } satisfies Engine,
  }
  return self
}
