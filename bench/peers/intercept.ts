import type { Redis } from 'ioredis'
import type { Engine } from '../../src/index.js'

/**
 * The same engine; `see` gets the arguments of each FCALL that the client sends for a batch of
 * reservations, and may change them.
 */
export function intercept(
  client: Redis,
  inner: Engine,
  see: (args: unknown[], items: number) => void,
): Engine {
  const send = client.sendCommand.bind(client)
  let items = 0
  client.sendCommand = (command, stream) => {
    if (items > 0 && command.name === 'fcall') see(command.args, items)
    return send(command, stream)
  }
  return {
    elapsed: inner.elapsed,
    close: () => inner.close(),
    room: (name) => inner.room(name),
    groups: (...place) => inner.groups(...place),
    lifecycle: inner.lifecycle,
    sales: () => inner.sales(),
    rooms: () => inner.rooms(),
    partition: (sale, index, partitions) => {
      const partition = inner.partition(sale, index, partitions)
      return {
        ready: () => partition.ready(),
        run: (command, ops, call) => {
          // The engine sends before `run` returns.
          items = command === 'reserve' ? ops.length : 0
          const reply = partition.run(command, ops, call)
          items = 0
          return reply
        },
      }
    },
  }
}
