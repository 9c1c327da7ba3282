import type { StockholdError } from '../errors.js'
import type { Answer } from '../http/answer.js'
import { type Header, PROBLEMS, type ProblemCode, problemDetails, type Refused } from '../http/problems.js'

/** What every answer has: nothing is kept, guessed, framed, or loaded from elsewhere. */
const HEADERS: readonly Header[] = [
  ['cache-control', 'no-store'],
  ['x-content-type-options', 'nosniff'],
  ['x-frame-options', 'DENY'],
  ['referrer-policy', 'no-referrer'],
  ['cross-origin-opener-policy', 'same-origin'],
  ['cross-origin-resource-policy', 'same-origin'],
  [
    'content-security-policy',
    [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "connect-src 'self'",
      'img-src data:',
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'",
      "trusted-types 'none'",
    ].join('; '),
  ],
]

export function textAnswer(type: string, body: string, status = 200): Answer {
  return { status, headers: [...HEADERS, ['content-type', `${type}; charset=utf-8`]], body }
}

export function streamAnswer(headers: readonly Header[], body: Answer['body']): Answer {
  const own = new Set(headers.map(([name]) => name))
  return { status: 200, headers: [...HEADERS.filter(([name]) => !own.has(name)), ...headers], body }
}

export function redirectAnswer(status: 303 | 308, location: string, headers: readonly Header[] = []): Answer {
  return { status, headers: [...HEADERS, ['location', location], ...headers], body: null }
}

/** Refusals of the control room beside those of the routes of a sale. */
const REFUSALS = {
  unauthorized: { status: 401, title: 'You are not logged in.' },
  forbidden: { status: 403, title: 'You may look, and change nothing.' },
  header_required: { status: 403, title: 'The header stockhold-control-room is missing.' },
} as const

export function ownRefusal(code: keyof typeof REFUSALS, headers: readonly Header[] = []): Answer {
  const { status, title } = REFUSALS[code]
  return problemAnswer({ type: `urn:problem-type:stockhold:${code}`, title, status, code }, headers)
}

export function refusal(refused: Refused): Answer {
  return problemAnswer(problemDetails(refused.refusal), refused.refusal.headers)
}

/**
 * What an operator is told of an operation that failed: the message too. It is the same that the
 * operations log shows.
 */
export function failureAnswer(error: StockholdError): Answer {
  const problem: ProblemCode = error.code in PROBLEMS ? (error.code as ProblemCode) : 'INTERNAL'
  return problemAnswer(problemDetails({ problem, detail: error.message }))
}

export function internalAnswer(): Answer {
  return problemAnswer(problemDetails({ problem: 'INTERNAL' }))
}

function problemAnswer(
  problem: { readonly status: number; readonly [member: string]: unknown },
  headers: readonly Header[] = [],
): Answer {
  const type: Header = ['content-type', 'application/problem+json; charset=utf-8']
  return { status: problem.status, headers: [...HEADERS, type, ...headers], body: JSON.stringify(problem) }
}
