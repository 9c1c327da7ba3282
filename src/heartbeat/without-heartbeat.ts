import type { Engine } from '../engine/engine.js'

type Silent = { readonly [K in Exclude<keyof Engine, 'heartbeat'>]-?: Engine[K] }

/**
 * The engine for handles that only look: their process is not listed, and no recovery waits for it.
 * It is closed with the engine itself.
 */
export function withoutHeartbeat(engine: Engine): Engine {
  const { clock, isLocal, lifecycle, operationsLog, servers } = engine
  return {
    ...{ clock, isLocal, lifecycle, operationsLog, servers },
    elapsed: () => engine.elapsed(),
    partition: (...partition) => engine.partition(...partition),
    groups: (...partition) => engine.groups(...partition),
    room: (name) => engine.room(name),
    sales: () => engine.sales(),
    rooms: () => engine.rooms(),
    close: () => engine.close(),
  } satisfies Silent
}
