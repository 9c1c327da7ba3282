import { getEventListeners } from 'node:events'
import { Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { queryObjects } from 'node:v8'
import { Consumer } from '../../../src/consumer/consumer.js'
import { FlashSale, WaitingRoom } from '../../../src/index.js'
import type { Sample } from '../messages.js'
import type { ApplicationContext } from './context.js'

const Timeout = timerClass()

/** Counts the resources of this process while it is idle. */
export async function takeSample({ client, shutdown, pool }: ApplicationContext): Promise<Sample> {
  // Objects with finalizers go with the second collection.
  for (let collection = 0; collection < 2; collection++) {
    globalThis.gc!()
    await turn()
  }
  const { heapUsed, external, arrayBuffers } = process.memoryUsage()
  const active = process.getActiveResourcesInfo()
  const timers = active.filter((type) => type === 'Timeout' || type === 'Immediate').length
  const sockets = active.filter((type) => type.includes('TCP')).length
  return {
    'heap (MiB)': heapUsed / 2 ** 20,
    'external memory (MiB)': external / 2 ** 20,
    'array buffers (MiB)': arrayBuffers / 2 ** 20,
    'active timers': timers,
    'active sockets': sockets,
    'other active handles': active.length - timers - sockets,
    // Also timers that keep no process alive.
    timers: reachable(Timeout),
    sockets: reachable(Socket),
    'abort signals': reachable(AbortSignal),
    sales: reachable(FlashSale),
    'waiting rooms': reachable(WaitingRoom),
    consumers: reachable(Consumer),
    promises: reachable(Promise),
    'listeners: Redis client': listenersOf(client),
    'listeners: abort signal': getEventListeners(shutdown.signal, 'abort').length,
    'listeners: pool': listenersOf(pool),
    'listeners: process': listenersOf(process),
  }
}

/** Objects of a class that are reachable after another collection. */
function reachable(of: abstract new (...args: never[]) => unknown): number {
  return queryObjects(of) as number
}

function listenersOf(emitter: NodeJS.EventEmitter): number {
  return emitter.eventNames().reduce((count, name) => count + emitter.listenerCount(name), 0)
}

function timerClass() {
  const timer = setTimeout(() => {}, 0)
  clearTimeout(timer)
  return timer.constructor as new () => NodeJS.Timeout
}
