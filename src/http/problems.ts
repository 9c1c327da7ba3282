/**
 * Every problem that a route answers: its code, its status, and a sentence for the developer of the
 * page. Codes in lower case are refusals, as the library names them; codes in capitals are faults.
 */
export const PROBLEMS = {
  // The request itself.
  malformed: { status: 400, title: 'The request cannot be read.' },
  key_required: { status: 400, title: 'The header Idempotency-Key is missing.' },
  INVALID_ARGUMENT: { status: 400, title: 'A value in the request is invalid.' },
  webhook_rejected: { status: 400, title: 'The signature or the content of the webhook is invalid.' },
  login_required: { status: 401, title: 'The shop does not know the buyer: log in first.' },
  foreign_origin: { status: 403, title: 'A page of another origin may not do this.' },
  no_such_route: { status: 404, title: 'There is nothing here.' },
  method_not_allowed: { status: 405, title: 'The route does not have this method.' },
  body_too_slow: { status: 408, title: 'The body of the request did not arrive in time.' },
  body_too_large: { status: 413, title: 'The body of the request is too large.' },
  media_type: { status: 415, title: 'The body must be JSON: content-type: application/json.' },
  IDEMPOTENCY_CONFLICT: { status: 422, title: 'The key was used for another cart: use a new key.' },

  // The queue.
  TICKET_INVALID: { status: 403, title: 'The visitor is not in the queue: join it again.' },
  blocked: { status: 403, title: 'The shop has blocked the buyer.' },
  too_many_streams: { status: 503, title: 'No further event stream can be opened here: poll instead.' },

  // Reservations.
  pass_rejected: { status: 403, title: 'The buyer has no valid pass: join the queue.' },
  not_found: { status: 404, title: 'The buyer has no such reservation.' },
  sold_out: { status: 409, title: 'Too few units are available.' },
  limit_exceeded: { status: 409, title: 'The cart exceeds what one buyer or household may have.' },
  household_required: { status: 409, title: 'The shop does not know the household of the buyer yet.' },
  household_conflict: { status: 409, title: 'The buyer has bought as a member of another household.' },
  not_started: { status: 409, title: 'The sale has not started yet.' },
  paused: { status: 409, title: 'The sale is paused.' },
  ended: { status: 409, title: 'The sale has ended.' },
  key_spent: { status: 409, title: 'The reservation of this key has ended: use a new key.' },
  expired: { status: 409, title: 'The hold has expired.' },
  already_confirmed: { status: 409, title: 'The reservation is paid.' },
  already_released: { status: 409, title: 'The reservation was released.' },

  // Faults. What is the matter is told to `onError`, never to the visitor.
  NOT_FOUND: { status: 404, title: 'There is no such sale or waiting room.' },
  INTERNAL: { status: 500, title: 'The shop could not answer.' },
  UNAVAILABLE: { status: 503, title: 'The shop cannot answer now. Nothing was done: try again.' },
  UNKNOWN_OUTCOME: { status: 503, title: 'The answer was lost: send the same request again.' },
  OVERLOADED: { status: 503, title: 'The shop is overloaded. Nothing was done: try again.' },
  CLOSED: { status: 503, title: 'This server is shutting down: try again.' },
  STATE_LOST: { status: 503, title: 'The sale or its waiting room is out of order.' },
  ROLLBACK_DETECTED: { status: 503, title: 'The sale or its waiting room is out of order.' },
  UNSAFE_CONFIG: { status: 503, title: 'The sale or its waiting room is out of order.' },
  INCOMPATIBLE_VERSION: { status: 503, title: 'The sale or its waiting room is out of order.' },
  RULES_CONFLICT: { status: 503, title: 'The sale or its waiting room is out of order.' },
} as const satisfies Readonly<Record<string, { readonly status: number; readonly title: string }>>

/** The code of a problem. */
export type ProblemCode = keyof typeof PROBLEMS

/** The body of a refusal or a fault: problem details of RFC 9457, `application/problem+json`. */
export interface Problem<C extends ProblemCode = ProblemCode> {
  /** `urn:problem-type:stockhold:` and the code. */
  readonly type: string
  readonly title: string
  readonly status: number
  /** What to act on: titles and details are for people. */
  readonly code: C
  /** What exactly is wrong with the request, where the caller can mend it. */
  readonly detail?: string | undefined
  /** ms after which the same request may succeed. */
  readonly retryAfterMs?: number | undefined
  /** More about a refusal: `sku`, `available`, `limit`, `taken`, `opensAt`, `reason`, ... */
  readonly [member: string]: unknown
}

/** A refusal before it becomes an answer. */
export interface Refusal<C extends ProblemCode = ProblemCode> {
  readonly problem: C
  readonly detail?: string | undefined
  readonly retryAfterMs?: number | undefined
  /** Further members of the problem details. */
  readonly members?: Readonly<Record<string, unknown>> | undefined
  readonly headers?: readonly Header[] | undefined
}

/** A name, in lower case, and a value. */
export type Header = readonly [name: string, value: string]

/** Ends the handling of a request with a refusal. It is thrown where a return would be clumsy. */
export class Refused {
  readonly refusal: Refusal

  constructor(problem: ProblemCode, rest: Omit<Refusal, 'problem'> = {}) {
    this.refusal = { problem, ...rest }
  }
}

/** The body of a refusal. */
export function problemDetails({ problem, detail, retryAfterMs, members }: Refusal): Problem {
  const { status, title } = PROBLEMS[problem]
  return {
    type: `urn:problem-type:stockhold:${problem}`,
    title,
    status,
    code: problem,
    ...(detail === undefined ? undefined : { detail }),
    ...(retryAfterMs === undefined ? undefined : { retryAfterMs }),
    ...members,
  }
}
