import type { CallOptions } from '../batching/batcher-set.js'
import { isAway, restate, StockholdError, unavailable } from '../errors.js'

/** The error for a buyer who is in the queue but whose position could not be read. */
export function joinedUnread(error: unknown, { signal }: CallOptions): unknown {
  const mayBeRead = signal?.aborted || isAway(error)
  if (!mayBeRead) return error
  const message =
    'The buyer is in the queue, but the room could not be read. Join again: the same buyer keeps the position.'
  return new StockholdError('UNKNOWN_OUTCOME', message, { cause: error })
}

export function notRead(): StockholdError {
  return unavailable(
    'The waiting room was not read yet, so nothing is known of revoked passes. Call `await room.ready()` first.',
    new Error('This handle has had no answer yet.'),
  )
}

export function visitOver(): StockholdError {
  return new StockholdError('TICKET_INVALID', 'the visit of this ticket is over: join the waiting room again')
}

/** The ticket is one of another buyer, whom it goes on to serve. */
export class NotOwnError extends StockholdError {
  constructor() {
    super('TICKET_INVALID', 'the ticket is not one of this buyer: join the waiting room to get one')
  }
}

/** @param lastError Of the latest attempt, if that attempt failed. */
export function unanswered(lastError: unknown): StockholdError {
  const cause = lastError ?? new Error('The call to it is under way.')
  return unavailable('The waiting room did not answer in time.', cause)
}

/** Gives each caller an error of its own. A read that failed leaves no outcome unknown. */
export function again(error: unknown): unknown {
  if (error instanceof StockholdError && error.code === 'UNKNOWN_OUTCOME')
    return unavailable('The waiting room did not answer: ask again.', error)
  return error instanceof StockholdError ? restate(error) : error
}
