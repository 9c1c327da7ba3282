import type { Command, Engine } from '../../src/engine/engine.js'

/** The engine, and how many batches it was handed: of one command, or of all. */
export function watched(engine: Engine): { engine: Engine; runs(command?: Command): number } {
  const counts = new Map<Command, number>()
  return {
    engine: {
      elapsed: () => engine.elapsed(),
      close: () => engine.close(),
      room: (name) => engine.room(name),
      groups: (...place) => engine.groups(...place),
      partition(sale, index, partitions) {
        const partition = engine.partition(sale, index, partitions)
        return {
          ready: () => partition.ready(),
          run(command, ops, call) {
            counts.set(command, (counts.get(command) ?? 0) + 1)
            return partition.run(command, ops, call)
          },
        }
      },
    },
    runs: (command) =>
      command === undefined ? [...counts.values()].reduce((a, b) => a + b, 0) : (counts.get(command) ?? 0),
  }
}
