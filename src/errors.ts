/**
 * Why a call failed. Refusals (sold out, limit exceeded, ...) are values, never errors.
 *
 * - `INVALID_ARGUMENT`: the call itself is wrong; nothing was sent.
 * - `UNAVAILABLE`: nothing was executed; `cause` says why. Retryable, unless it does not heal by
 *   itself: a wrong password, a certificate that is not trusted, a right that the user lacks.
 * - `UNKNOWN_OUTCOME`: it may have been executed. Retryable: the same `key` (or the same id) gives
 *   the one true answer. A call that only reads has read nothing, and may simply be repeated.
 * - `OVERLOADED`: more than `maxInFlight` calls are open on this handle; nothing was sent.
 *   Retryable.
 * - `RULES_CONFLICT`: a sale, or a waiting room, of this name has other rules; the message names
 *   them.
 * - `NOT_FOUND`: there is no sale, or waiting room, of this name.
 * - `IDEMPOTENCY_CONFLICT`: the `key` was used for something else.
 * - `STATE_LOST`: the sale this handle has seen is gone, or parts of it are. Nothing is sold on.
 * - `ROLLBACK_DETECTED`: Redis came back with an older state than the one it acknowledged.
 * - `INCOMPATIBLE_VERSION`: the sale, the waiting room or the consumer groups are stored in a
 *   layout that this version does not read; the message names both layouts. Nothing was executed.
 * - `UNSAFE_CONFIG`: the server's configuration or version cannot keep the promises made here.
 * - `TICKET_INVALID`: no ticket of this waiting room, or its owner left or was revoked.
 * - `PASS_INVALID`, `PASS_EXPIRED`: the waiting room's pass does not hold.
 * - `CLOSED`: the handle or its engine was closed; nothing was sent.
 * - `INTERNAL`: a defect of this library; the message says what to report. What was sent may have
 *   been executed.
 */
export type StockholdErrorCode =
  | 'INVALID_ARGUMENT'
  | 'UNAVAILABLE'
  | 'UNKNOWN_OUTCOME'
  | 'OVERLOADED'
  | 'RULES_CONFLICT'
  | 'NOT_FOUND'
  | 'IDEMPOTENCY_CONFLICT'
  | 'STATE_LOST'
  | 'ROLLBACK_DETECTED'
  | 'INCOMPATIBLE_VERSION'
  | 'UNSAFE_CONFIG'
  | 'TICKET_INVALID'
  | 'PASS_INVALID'
  | 'PASS_EXPIRED'
  | 'CLOSED'
  | 'INTERNAL'

const retryable: ReadonlySet<StockholdErrorCode> = new Set(['UNAVAILABLE', 'UNKNOWN_OUTCOME', 'OVERLOADED'])

/**
 * Every fault this library throws. Tell them apart by {@link code}, never by the text of the
 * message.
 */
export class StockholdError extends Error {
  override readonly name = 'StockholdError'
  readonly code: StockholdErrorCode
  /** Whether the same call may succeed when it is sent again, unchanged. */
  readonly retryable: boolean

  /** @param options `retryable`: as the code says, unless given. */
  constructor(
    code: StockholdErrorCode,
    message: string,
    options: { cause?: unknown; retryable?: boolean | undefined } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.code = code
    this.retryable = options.retryable ?? retryable.has(code)
  }
}

export function invalid(argument: string, rule: string): StockholdError {
  return new StockholdError('INVALID_ARGUMENT', `${argument} ${rule}`)
}

/** Nothing was executed; the message says so. */
export function unavailable(
  message: string,
  cause: unknown,
  options: { retryable?: boolean | undefined } = {},
): StockholdError {
  return new StockholdError('UNAVAILABLE', message, { ...options, cause })
}

/**
 * What a port rejects a batch with that was refused as a whole, or not sent, since the port is not
 * ready. Nothing was executed. The batch is sent again once `ready` resolves; the callers hear of
 * the refusal at their deadline, as a plain `UNAVAILABLE`.
 */
export class NotReadyError extends StockholdError {
  constructor(message: string, cause: unknown) {
    super('UNAVAILABLE', message, { cause })
  }
}

/**
 * The same failure for another caller, or in other words: an error that many share would collect
 * the stack and the changes of all.
 */
export function restate(
  { code, message, cause, retryable }: StockholdError,
  changed: { message?: string; cause?: unknown } = {},
): StockholdError {
  return new StockholdError(code, changed.message ?? message, { cause: changed.cause ?? cause, retryable })
}

/** @param failed What this library could not do: `read the answer to reserve`. */
export function internal(failed: string, cause: unknown): StockholdError {
  const detail = cause instanceof Error ? `${cause.name}: ${cause.message}` : 'unknown'
  return new StockholdError(
    'INTERNAL',
    `stockhold could not ${failed} (${detail}). What was sent may have been executed. This is a defect of stockhold: please report this message, the stack of its cause, and the versions of stockhold, of the server and of its driver.`,
    { cause },
  )
}

/** The engine could not be asked, or was not heard: nothing is known of what it would have said. */
export function isAway(error: unknown): boolean {
  return error instanceof StockholdError && (error.retryable || error.code === 'UNAVAILABLE')
}

/**
 * Data of another version does not change while a process waits for it: what works in the
 * background ends.
 */
export function isIncompatible(error: unknown): boolean {
  return error instanceof StockholdError && error.code === 'INCOMPATIBLE_VERSION'
}
