import type { Command, Engine } from '../../src/engine/engine.js'
import { withPartitions } from './wrapped-engine.js'

const readOnly: ReadonlySet<Command> = new Set([
  'describe',
  'get',
  'stats',
  'sweep',
  'transfers',
  'scan',
  'events',
])

/** These change nothing, and sweep nothing. */
const looking: ReadonlySet<Command> = new Set(['describe', 'scan', 'events'])

/**
 * An engine whose changing batches arrive `times` times, as they do where a driver resends after a
 * broken connection.
 */
export interface Redelivering {
  readonly engine: Engine
  /** From now on; the caller gets the answer of the last delivery. */
  times: number
  /** The partitions that may have changed since this was last cleared. */
  readonly asked: Set<number>
}

export function redelivering(inner: Engine): Redelivering {
  const self = {
    times: 1,
    asked: new Set<number>(),
    engine: withPartitions(inner, (port, index) => ({
      async run(command, ops, call) {
        if (!looking.has(command)) self.asked.add(index)
        for (let sent = readOnly.has(command) ? self.times : 1; sent < self.times; sent++)
          await port.run(command, ops, call)
        return port.run(command, ops, call)
      },
    })),
  }
  return self
}
