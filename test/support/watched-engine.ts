import type { Command, Engine } from '../../src/engine/engine.js'
import { withPartitions } from './wrapped-engine.js'

/** The engine, and how many batches it was handed: of one command, or of all. */
export function watched(engine: Engine): { engine: Engine; runs(command?: Command): number } {
  const counts = new Map<Command, number>()
  return {
    engine: withPartitions(engine, (port) => ({
      run(command, ops, call) {
        counts.set(command, (counts.get(command) ?? 0) + 1)
        return port.run(command, ops, call)
      },
    })),
    runs: (command) =>
      command === undefined ? [...counts.values()].reduce((a, b) => a + b, 0) : (counts.get(command) ?? 0),
  }
}
