import { BroadcastChannel } from 'node:worker_threads'
import { HEARTBEAT } from './protocol.js'

/**
 * Loaded in the thread of the tests: it beats as long as no loop blocks the thread, however slow
 * the machine is.
 */
const key = Symbol.for(HEARTBEAT)
const known = globalThis as { [key]?: NodeJS.Timeout }
if (!known[key]) {
  const channel = new BroadcastChannel(HEARTBEAT)
  channel.unref()
  known[key] = setInterval(() => channel.postMessage(''), 200).unref()
}
