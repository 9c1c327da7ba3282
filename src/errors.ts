/**
 * Why a call failed. Refusals (sold out, limit exceeded, ...) are values, never errors.
 *
 * - `INVALID_ARGUMENT`: the call itself is wrong; nothing was sent.
 * - `UNAVAILABLE`: nothing was executed. Retryable.
 * - `UNKNOWN_OUTCOME`: it may have been executed. Retryable: the same `key` (or the same id) gives the one true answer.
 * - `OVERLOADED`: more than `maxInFlight` calls are open on this handle; nothing was sent. Retryable.
 * - `SALE_EXISTS`: a sale of this name has other rules.
 * - `SALE_NOT_FOUND`: there is no sale of this name.
 * - `IDEMPOTENCY_CONFLICT`: the `key` was used for something else.
 * - `STATE_LOST`: the sale this handle has seen is gone, or parts of it are. Nothing is sold on.
 * - `ROLLBACK_DETECTED`: Redis came back with an older state than the one it acknowledged.
 * - `UNSAFE_CONFIG`: the server's configuration or version cannot keep the promises made here.
 * - `PASS_INVALID`, `PASS_EXPIRED`: the waiting room's pass or ticket does not hold.
 * - `CLOSED`: the handle or its engine was closed; nothing was sent.
 */
export type StockholdErrorCode =
  | 'INVALID_ARGUMENT'
  | 'UNAVAILABLE'
  | 'UNKNOWN_OUTCOME'
  | 'OVERLOADED'
  | 'SALE_EXISTS'
  | 'SALE_NOT_FOUND'
  | 'IDEMPOTENCY_CONFLICT'
  | 'STATE_LOST'
  | 'ROLLBACK_DETECTED'
  | 'UNSAFE_CONFIG'
  | 'PASS_INVALID'
  | 'PASS_EXPIRED'
  | 'CLOSED'

const retryable: ReadonlySet<StockholdErrorCode> = new Set(['UNAVAILABLE', 'UNKNOWN_OUTCOME', 'OVERLOADED'])

/** Every fault this library throws. Tell them apart by {@link code}, never by the text of the message. */
export class StockholdError extends Error {
  override readonly name = 'StockholdError'
  readonly code: StockholdErrorCode
  /** Whether the same call may succeed when it is sent again, unchanged. */
  readonly retryable: boolean

  constructor(code: StockholdErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
    this.retryable = retryable.has(code)
  }
}

export function invalid(argument: string, rule: string): StockholdError {
  return new StockholdError('INVALID_ARGUMENT', `${argument} ${rule}`)
}
