import { StockholdError } from '../errors.js'
import type { Effect } from './effects.js'

/**
 * The error for a request that may have been executed.
 *
 * @param what What went wrong, without a full stop.
 * @param effect The effect of the command. A call that only reads has nothing to resolve.
 */
export function unknownOutcome(what: string, effect: Effect, cause?: unknown): StockholdError {
  const advice =
    effect === 'writes'
      ? 'it may have been executed. Send the same key, or the same id, again.'
      : 'nothing was read. Repeat the call.'
  return new StockholdError('UNKNOWN_OUTCOME', `${what}: ${advice}`, cause === undefined ? {} : { cause })
}
