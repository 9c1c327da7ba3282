import type { Engine, Partition } from '../../src/engine/engine.js'
import type { Port } from '../../src/engine/port.js'

/** The engine with some of its parts replaced, and without its heartbeat. */
export function wrapped(engine: Engine, replaced: Partial<Engine>): Engine {
  return {
    ...(engine.clock && { clock: engine.clock }),
    elapsed: () => engine.elapsed(),
    close: () => engine.close(),
    room: (name) => engine.room(name),
    groups: (...partition) => engine.groups(...partition),
    partition: (...partition) => engine.partition(...partition),
    lifecycle: engine.lifecycle,
    operationsLog: engine.operationsLog,
    servers: engine.servers,
    sales: () => engine.sales(),
    rooms: () => engine.rooms(),
    ...replaced,
  }
}

/** The engine with some methods of its partitions replaced. */
export function withPartitions(
  engine: Engine,
  replaced: (port: Partition, index: number) => Partial<Partition>,
): Engine {
  return wrapped(engine, {
    partition(sale, index, partitions) {
      const port = engine.partition(sale, index, partitions)
      return {
        ready: () => port.ready(),
        run: (command, ops, call) => port.run(command, ops, call),
        ...replaced(port, index),
      }
    },
  })
}

/**
 * The engine with all of its ports replaced: of partitions, groups, rooms and the lifecycle.
 *
 * @param beats Whether it has a heartbeat.
 */
export function withPorts(
  engine: Engine,
  replaced: (port: Port<never>) => Port<never>,
  beats = false,
): Engine {
  return wrapped(engine, {
    ...(beats && { heartbeat: replaced(engine.heartbeat as never) as never }),
    room: (name) => replaced(engine.room(name) as never) as never,
    groups: (...partition) => replaced(engine.groups(...partition) as never) as never,
    partition: (...partition) => replaced(engine.partition(...partition) as never) as never,
    operationsLog: engine.operationsLog && (replaced(engine.operationsLog as never) as never),
    lifecycle: engine.lifecycle && {
      index: replaced(engine.lifecycle.index as never) as never,
      partition: (...place) => replaced(engine.lifecycle!.partition(...place) as never) as never,
      room: (name) => replaced(engine.lifecycle!.room(name) as never) as never,
    },
  })
}
