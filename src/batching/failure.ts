import type { Effect } from '../engine/effects.js'
import { unknownOutcome } from '../engine/unknown-outcome.js'
import { internal, restate, StockholdError } from '../errors.js'

/**
 * Each caller gets its own error: a shared one would collect the stacks and changes of all callers.
 */
function ownError(error: unknown): unknown {
  return error instanceof StockholdError ? restate(error) : internal('carry out the request', error)
}

/**
 * "Not decided" is true of the copy of a request that got this answer. Drivers may send a request
 * twice, and another copy may have been executed and undone since: once a request was sent, the
 * library cannot say that nothing was executed.
 */
export function failureOf(item: { readonly sent: boolean }, effect: Effect, error: unknown): unknown {
  return item.sent ? unknownOutcome('It was not decided', effect, error) : ownError(error)
}
