/**
 * How the load generator asks the application: over a socket on loopback, four bytes for the number
 * of a request, five for its answer. All requests of one turn of the event loop travel in one
 * write, and so do all answers.
 */
import { createServer, type Socket } from 'node:net'
import type { Work } from '../../scripts/lib/load/drive.js'
import type { Outcome } from '../../scripts/lib/load/recorder.js'

const REQUEST = 4
const ANSWER = 5
const OUTCOMES: readonly Outcome[] = ['accepted', 'refused', 'failed']

/** Carries out the requests that arrive; answers the port. */
export function answerRequests(work: (n: number) => Promise<Outcome>): Promise<number> {
  const server = createServer({ noDelay: true }, (socket) => {
    const send = gather(socket, ANSWER, (frame, [n, outcome]: readonly [number, Outcome]) => {
      frame.writeUInt32LE(n)
      frame[REQUEST] = OUTCOMES.indexOf(outcome)
    })
    readFrames(socket, REQUEST, (frame) => {
      const n = frame.readUInt32LE()
      void work(n).then((outcome) => send([n, outcome]))
    })
    socket.on('error', () => socket.destroy())
  })
  return new Promise((listening) => {
    server.unref().listen(0, '127.0.0.1', () => listening((server.address() as { port: number }).port))
  })
}

/** Sends the request with this number; a request fails if the connection ends before its answer. */
export function remoteWork(socket: Socket): Work {
  const waiting = new Map<number, (outcome: Outcome) => void>()
  const send = gather(socket, REQUEST, (frame, n: number) => void frame.writeUInt32LE(n))
  readFrames(socket, ANSWER, (frame) => {
    const n = frame.readUInt32LE()
    waiting.get(n)?.(OUTCOMES[frame[REQUEST]!]!)
    waiting.delete(n)
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    for (const settle of waiting.values()) settle('failed')
  })
  return (n) =>
    new Promise((answered, failed) => {
      waiting.set(n, (outcome) => {
        if (outcome === 'failed') failed(new Error('The application could not carry out the request.'))
        else answered(outcome)
      })
      send(n)
    })
}

/** Writes frames of one size, all of a turn of the event loop at once. */
function gather<T>(
  socket: Socket,
  size: number,
  write: (frame: Buffer, value: T) => void,
): (value: T) => void {
  let values: T[] = []
  const flush = () => {
    const all = Buffer.allocUnsafe(size * values.length)
    for (const [i, value] of values.entries()) write(all.subarray(i * size, (i + 1) * size), value)
    values = []
    socket.write(all)
  }
  return (value) => {
    if (values.push(value) === 1) setImmediate(flush)
  }
}

function readFrames(socket: Socket, size: number, take: (frame: Buffer) => void): void {
  let rest: Buffer = Buffer.alloc(0)
  socket.on('data', (chunk) => {
    const all = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    let at = 0
    for (; at + size <= all.length; at += size) take(all.subarray(at, at + size))
    rest = all.subarray(at)
  })
}
