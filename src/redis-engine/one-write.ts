// From the module and not from the globals: a test that replaces the global timers holds no call
// back.
import { setImmediate } from 'node:timers'
import type { Redis } from 'ioredis'

type Stream = Redis['stream']

const tuning = {
  /** A call of many items leaves at once: a write costs little beside it, and the server waits. */
  atOnceBytes: 4_096,
}

/** The connections that hold back what is written to them until the end of this turn. */
const holding = new WeakSet<Stream>()

/**
 * Sends everything that is written to the client's present connection in this turn of the event
 * loop by one write, at the end of the turn: the calls of all sales, rooms and consumers, and the
 * application's own commands. ioredis writes each command by itself, and a write costs as much as
 * the command.
 *
 * The turn ends when all sockets that had data have been read, so calls for requests that came by
 * several sockets travel together. A connection that ends before sends the rest by itself.
 *
 * @param bytes The size of the argument that is about to be sent.
 */
export function writeTogether({ stream }: Redis, bytes: number): void {
  // There is none before the first connection.
  if (!stream) return
  if (bytes >= tuning.atOnceBytes) send(stream)
  else if (!holding.has(stream)) {
    holding.add(stream)
    stream.cork()
    setImmediate(send, stream)
  }
}

function send(stream: Stream): void {
  if (holding.delete(stream)) stream.uncork()
}
