import { createHash } from 'node:crypto'
import { isAway } from '../errors.js'
import type { PollResult } from '../waiting-room/results.js'
import type { WaitingRoom } from '../waiting-room/waiting-room.js'
import type { StreamReply } from './answer.js'
import { EVENT_STREAM_HEADERS, type EventStreams, type Sent } from './event-streams.js'
import type { Exchange } from './exchange.js'
import { Refused } from './problems.js'
import { gone, isGone, viewOf, visitOf } from './queue.js'
import { spread } from './server-time.js'
import type { QueueEvent } from './views.js'

/**
 * `GET /queue/events`: what `GET /queue` answers, whenever it changes.
 *
 * Browsers open an `EventSource` that has ended again and again. So the last event has an id of its
 * own, and a browser that comes back with it is answered 204, after which it stays away.
 */
export async function events(
  room: WaitingRoom,
  streams: EventStreams,
  exchange: Exchange,
): Promise<StreamReply | { readonly status: 204; readonly body: null }> {
  const { ticket, buyer } = await visitOf(exchange)
  const lastId = lastIdOf(ticket)
  if (exchange.header('last-event-id') === lastId) return { status: 204, body: null }
  if (!streams.hasRoomFor(ticket)) throw new Refused('too_many_streams', { retryAfterMs: spread(5_000) })
  const stream = streams.open({
    owner: ticket,
    lastId,
    events: sent(updatesOf(room, ticket, buyer, exchange), exchange),
    onError: (error) => {
      if (!isAway(error)) exchange.options.onError(error)
    },
  })
  return { status: 200, stream, headers: EVENT_STREAM_HEADERS }
}

function updatesOf(
  room: WaitingRoom,
  ticket: string,
  buyer: string | undefined,
  exchange: Exchange,
): AsyncIterator<PollResult> {
  try {
    return room.updates(ticket, { buyer })
  } catch (error) {
    throw gone(error, exchange)
  }
}

/** @param updates Their `return` ends a `next` that still waits. */
function sent(updates: AsyncIterator<PollResult>, exchange: Exchange): AsyncIterator<Sent> {
  const next = async (): Promise<IteratorResult<Sent>> => {
    try {
      const { value, done } = await updates.next()
      if (done) return { value: undefined, done: true }
      const last = value.status === 'admitted' || (value.status === 'closed' && value.reason === 'ended')
      return { value: sentOf(viewOf(value, exchange.now()), last), done: false }
    } catch (error) {
      if (!isGone(error)) throw error
      return { value: sentOf({ status: 'gone', now: exchange.now() }, true), done: false }
    }
  }
  return {
    next,
    return: async () => {
      await updates.return?.()
      return { value: undefined, done: true }
    },
  }
}

function sentOf(event: QueueEvent, last: boolean): Sent {
  return { data: JSON.stringify(event), last }
}

/** Of this ticket only: with another ticket the same page may wait again. */
function lastIdOf(ticket: string): string {
  return `end-${createHash('sha256').update(ticket).digest('base64url').slice(0, 8)}`
}
