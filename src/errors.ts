/**
 * Why a call failed. Refusals (sold out, limit exceeded, ...) are results, never errors.
 *
 * - `INVALID_ARGUMENT`: an argument is invalid; nothing was sent.
 * - `UNAVAILABLE`: nothing was executed; `cause` says why. Retryable, except for a fault that needs
 *   intervention: a wrong password, an untrusted certificate, a missing permission.
 * - `UNKNOWN_OUTCOME`: the call may have been executed. Retryable: a call with the same `key` (or
 *   the same id) returns the actual result. A call that only reads has returned nothing and can be
 *   repeated.
 * - `OVERLOADED`: more than `maxInFlight` calls are open on this handle; nothing was sent.
 *   Retryable.
 * - `RULES_CONFLICT`: a sale or waiting room of this name has other rules; the message names them.
 * - `NOT_FOUND`: no sale or waiting room has this name, or the one that this handle has seen was
 *   removed.
 * - `IDEMPOTENCY_CONFLICT`: the `key` was used for another request.
 * - `STATE_LOST`: the sale that this handle has seen is gone, or parts of it are. The sale sells
 *   nothing until `recover`.
 * - `ROLLBACK_DETECTED`: Redis has an older state than the one it has acknowledged.
 * - `INCOMPATIBLE_VERSION`: the sale, the waiting room or the consumer groups are stored in a
 *   layout that this version does not read; the message names both layouts. Nothing was executed.
 * - `UNSAFE_CONFIG`: the server's configuration or version does not meet the requirements of this
 *   library.
 * - `TICKET_INVALID`: not a ticket of this waiting room, or its visitor has left or was revoked.
 * - `PASS_INVALID`, `PASS_EXPIRED`: the pass of the waiting room is invalid, or has expired.
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
 * Every error that this library throws. Distinguish errors by {@link code}, never by the message.
 */
export class StockholdError extends Error {
  override readonly name = 'StockholdError'
  readonly code: StockholdErrorCode
  /** Whether the same call may succeed if it is repeated unchanged. */
  readonly retryable: boolean
  /** With `IDEMPOTENCY_CONFLICT` of `reserve`: the id of the reservation that the key has made. */
  declare readonly reservations?: readonly string[] | undefined

  /** @param options `retryable`: follows from the code, unless given. */
  constructor(
    code: StockholdErrorCode,
    message: string,
    options: {
      cause?: unknown
      retryable?: boolean | undefined
      reservations?: readonly string[] | undefined
    } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.code = code
    this.retryable = options.retryable ?? retryable.has(code)
    if (options.reservations) this.reservations = options.reservations
  }
}

export function invalid(argument: string, rule: string): StockholdError {
  return new StockholdError('INVALID_ARGUMENT', `${argument} ${rule}`)
}

/** An `UNAVAILABLE` error. Nothing was executed; the message must say so. */
export function unavailable(
  message: string,
  cause: unknown,
  options: { retryable?: boolean | undefined } = {},
): StockholdError {
  return new StockholdError('UNAVAILABLE', message, { ...options, cause })
}

/**
 * A port rejects a batch with this error if it is not ready: the server refused the whole batch, or
 * the port did not send it. Nothing was executed. The batch is sent again once `ready` resolves; if
 * a caller's deadline passes first, its call rejects with a plain `UNAVAILABLE`.
 */
export class NotReadyError extends StockholdError {
  constructor(message: string, cause: unknown) {
    super('UNAVAILABLE', message, { cause })
  }
}

/**
 * A copy of an error for another caller, or with another message: an error object shared by many
 * callers would collect the stack and the changes of all.
 */
export function restate(
  { code, message, cause, retryable, reservations }: StockholdError,
  changed: { message?: string; cause?: unknown } = {},
): StockholdError {
  const given = { cause: changed.cause ?? cause, retryable, reservations }
  return new StockholdError(code, changed.message ?? message, given)
}

/** @param failed What this library could not do, for example `read the answer to reserve`. */
export function internal(failed: string, cause: unknown): StockholdError {
  const detail = cause instanceof Error ? `${cause.name}: ${cause.message}` : 'unknown'
  return new StockholdError(
    'INTERNAL',
    `stockhold could not ${failed} (${detail}). What was sent may have been executed. This is a defect of stockhold: please report this message, the stack of its cause, and the versions of stockhold, of the server and of its driver.`,
    { cause },
  )
}

/** Whether there is no such sale or room; to a handle that has seen it, it was removed. */
export function isNotFound(error: unknown): boolean {
  return error instanceof StockholdError && error.code === 'NOT_FOUND'
}

/**
 * Whether Redis has lost acknowledged state of it: all, some partitions, or its latest changes.
 */
export function isLost(error: unknown): boolean {
  return (
    error instanceof StockholdError && (error.code === 'STATE_LOST' || error.code === 'ROLLBACK_DETECTED')
  )
}

/** Whether Redis does not have it: there is none, it was removed, or it is lost. */
export function isGone(error: unknown): boolean {
  return error instanceof StockholdError && (error.code === 'NOT_FOUND' || error.code === 'STATE_LOST')
}

/** Whether Redis has come back with an older state of it, which is frozen. */
export function isRolledBack(error: unknown): boolean {
  return error instanceof StockholdError && error.code === 'ROLLBACK_DETECTED'
}

/** Whether the engine could not be reached or did not answer, so its answer is unknown. */
export function isAway(error: unknown): boolean {
  return error instanceof StockholdError && (error.retryable || error.code === 'UNAVAILABLE')
}

/**
 * Whether the stored data is of another version. Waiting does not change that, so background work
 * ends.
 */
export function isIncompatible(error: unknown): boolean {
  return error instanceof StockholdError && error.code === 'INCOMPATIBLE_VERSION'
}
