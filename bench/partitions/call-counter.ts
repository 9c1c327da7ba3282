import type { Command, Engine } from '../../src/engine/engine.js'

/** What was sent to the partitions, by command. */
export interface Sent {
  readonly calls: number
  readonly items: number
}
export type SentBy = { readonly [C in Command]?: Sent }

/** The engine, and a function that answers what was sent since its last call. */
export function countCalls(engine: Engine): { readonly engine: Engine; take(): SentBy } {
  let sent: { [C in Command]?: { calls: number; items: number } } = {}
  const count = (command: Command, items: number) => {
    sent[command] ??= { calls: 0, items: 0 }
    sent[command].calls++
    sent[command].items += items
  }
  return {
    engine: {
      elapsed: () => engine.elapsed(),
      close: () => engine.close(),
      room: (name) => engine.room(name),
      groups: (...place) => engine.groups(...place),
      lifecycle: engine.lifecycle,
      sales: () => engine.sales(),
      rooms: () => engine.rooms(),
      partition(...place) {
        const partition = engine.partition(...place)
        return {
          ready: () => partition.ready(),
          run(command, ops, call) {
            count(command, ops.length)
            return partition.run(command, ops, call)
          },
        }
      },
    },
    take() {
      const taken = sent
      sent = {}
      return taken
    },
  }
}

export function sumOf(all: readonly SentBy[]): SentBy {
  const sum: { [C in Command]?: { calls: number; items: number } } = {}
  for (const sent of all) {
    for (const [command, { calls, items }] of Object.entries(sent) as [Command, Sent][]) {
      const known = sum[command] ?? { calls: 0, items: 0 }
      sum[command] = { calls: known.calls + calls, items: known.items + items }
    }
  }
  return sum
}

export function totalOf(sent: SentBy): Sent {
  return Object.values(sent).reduce(
    (sum, { calls, items }) => ({ calls: sum.calls + calls, items: sum.items + items }),
    { calls: 0, items: 0 },
  )
}
