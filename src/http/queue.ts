import { StockholdError } from '../errors.js'
import { NotOwnError } from '../waiting-room/errors.js'
import type { PollResult } from '../waiting-room/results.js'
import type { WaitingRoom } from '../waiting-room/waiting-room.js'
import type { Exchange, Reply } from './exchange.js'
import { Refused } from './problems.js'
import type { RateLimitFields } from './rate-limit.js'
import { spread } from './server-time.js'
import { giveToken, readToken, takeToken } from './tokens.js'
import type { QueueView } from './views.js'

const tuning = {
  /** While the room is sold out, a visitor polls after this time, in ms, or up to its double. */
  closedMs: 15_000,
}

/** The waiting room of the routes. */
export interface Queue {
  readonly room: WaitingRoom
  readonly limits: RateLimitFields
}

/** `POST /queue` */
export async function join({ room, limits }: Queue, exchange: Exchange): Promise<Reply<'join'>> {
  const { buyer, tier, guest } = await exchange.buyer()
  if (guest && guest !== buyer) await takeOver(guest, buyer, room, exchange)
  const joined = await room.join(buyer, { tier })
  if (joined.status === 'blocked') throw new Refused('blocked')
  const { ticket, position, etaMs, pollAfterMs } = joined
  return {
    status: 200,
    body: { status: 'waiting', now: exchange.now(), position, etaMs, retryAfterMs: pollAfterMs },
    headers: [...giveToken('ticket', ticket, exchange.tokens), ...limits.fields(etaMs)],
  }
}

/**
 * A guest has logged in: their place or pass is the buyer's from now on, or the better of both. The
 * ticket proves that this browser has it. A ticket that is not the guest's, or whose visit is over,
 * changes nothing.
 */
async function takeOver(guest: string, buyer: string, room: WaitingRoom, exchange: Exchange): Promise<void> {
  const ticket = readToken(exchange, 'ticket')
  if (ticket === undefined) return
  await room.transfer(ticket, { to: buyer, buyer: guest }).catch((error) => {
    if (!isGone(error)) throw error
  })
}

/** `GET /queue` */
export async function poll({ room, limits }: Queue, exchange: Exchange): Promise<Reply<'poll'>> {
  const { ticket, buyer } = await visitOf(exchange)
  let result: PollResult
  try {
    result = await room.poll(ticket, { buyer })
  } catch (error) {
    throw gone(error, exchange)
  }
  const body = viewOf(result, exchange.now())
  if (result.status === 'waiting') return { status: 200, body, headers: limits.fields(result.etaMs) }
  if (body.status !== 'admitted' || result.status !== 'admitted') return { status: 200, body }
  const pass = giveToken('pass', result.pass, { ...exchange.tokens, maxAgeMs: body.expiresInMs })
  return { status: 200, body, headers: [...pass, ...limits.fields(0)] }
}

/** `DELETE /queue` */
export async function leave({ room }: Queue, exchange: Exchange): Promise<Reply<'leave'>> {
  const { ticket, buyer } = await visitOf(exchange)
  const { left } = await room.leave(ticket, { buyer }).catch((error) => {
    throw gone(error, exchange)
  })
  const headers = [takeToken('ticket', exchange.tokens), takeToken('pass', exchange.tokens)]
  return { status: 200, body: { left }, headers }
}

/**
 * The ticket of a request, and whose it must be. The ticket alone is enough if the shop does not
 * know who sends it, as with an `EventSource` that cannot send the login: the pass serves its buyer
 * only. The shop is asked first: while it cannot say who sends requests, no visitor is at fault.
 *
 * @throws {Refused} `TICKET_INVALID`
 */
export async function visitOf(
  exchange: Exchange,
): Promise<{ readonly ticket: string; readonly buyer: string | undefined }> {
  const visitor = await exchange.visitor()
  const ticket = readToken(exchange, 'ticket')
  if (ticket === undefined) throw new Refused('TICKET_INVALID')
  return { ticket, buyer: visitor?.buyer }
}

/**
 * A ticket that is of no use leaves the browser: the page would ask with it again and again. That
 * of another buyer stays: a guest has logged in, and the shop transfers it in a moment.
 */
export function gone(error: unknown, exchange: Exchange): unknown {
  if (!isGone(error)) return error
  if (error instanceof NotOwnError) return new Refused('TICKET_INVALID')
  return new Refused('TICKET_INVALID', { headers: [takeToken('ticket', exchange.tokens)] })
}

/** The ticket is not one of this room or of this buyer, or its visitor has left or was removed. */
export function isGone(error: unknown): boolean {
  return error instanceof StockholdError && error.code === 'TICKET_INVALID'
}

/** What a visitor is told, without the pass. */
export function viewOf(result: PollResult, now: number): QueueView {
  switch (result.status) {
    case 'waiting': {
      const { position, etaMs, pollAfterMs, soldOutLikely } = result
      return { status: 'waiting', now, position, etaMs, retryAfterMs: pollAfterMs, soldOutLikely }
    }
    case 'admitted': {
      const { expiresAt } = result
      return { status: 'admitted', now, expiresAt, expiresInMs: Math.max(0, expiresAt - now) }
    }
    case 'closed': {
      const { reason } = result
      const again = reason === 'sold_out' ? { retryAfterMs: spread(tuning.closedMs) } : undefined
      return { status: 'closed', now, reason, ...again }
    }
  }
}
