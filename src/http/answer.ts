import type { ServerResponse } from 'node:http'
import type { Http2Stream } from 'node:http2'
import { StockholdError } from '../errors.js'
import { type Header, PROBLEMS, type ProblemCode, problemDetails, type Refusal, Refused } from './problems.js'
import { spread } from './server-time.js'

/** An answer as the adapters send it. */
export interface Answer {
  readonly status: number
  readonly headers: Header[]
  readonly body: string | ReadableStream<Uint8Array> | null
}

const JSON_TYPE: Header = ['content-type', 'application/json; charset=utf-8']
const PROBLEM_TYPE: Header = ['content-type', 'application/problem+json; charset=utf-8']
const NO_STORE: Header = ['cache-control', 'no-store']

const tuning = {
  /** A request that failed is sent again after this time, in ms, or up to its double. */
  againMs: 2_000,
}

/** What a route replies. Without a `cache-control` of its own, no cache keeps it. */
export interface JsonReply {
  readonly status: number
  readonly body: unknown
  readonly headers?: readonly Header[] | undefined
}

/** A reply whose body is a stream, with all of its headers. */
export interface StreamReply {
  readonly status: 200
  readonly stream: ReadableStream<Uint8Array>
  readonly headers: readonly Header[]
}

export function answerOf(reply: JsonReply | StreamReply): Answer {
  const { status } = reply
  if ('stream' in reply) return { status, headers: [...reply.headers], body: reply.stream }
  const { body, headers = [] } = reply
  const isKept = headers.some(([name]) => name === 'cache-control')
  const all = isKept ? [...headers] : [NO_STORE, ...headers]
  if (body === null) return { status, headers: all, body: null }
  all.push(JSON_TYPE)
  return { status, headers: all, body: JSON.stringify(body) }
}

export function refusalAnswer(refusal: Refusal): Answer {
  const { problem, retryAfterMs, headers = [] } = refusal
  const all: Header[] = [NO_STORE, PROBLEM_TYPE, ...headers]
  if (retryAfterMs !== undefined)
    all.push(['retry-after', String(Math.max(1, Math.ceil(retryAfterMs / 1_000)))])
  return { status: PROBLEMS[problem].status, headers: all, body: JSON.stringify(problemDetails(refusal)) }
}

/**
 * What a visitor is told of an error: a code, and never the message, which may name what is no
 * business of a stranger. The shop is told the error itself.
 */
export function errorAnswer(error: unknown, onError: (error: unknown) => void): Answer {
  if (error instanceof Refused) return refusalAnswer(error.refusal)
  onError(error)
  const problem = codeOf(error)
  const isTemporary = PROBLEMS[problem].status === 503
  return refusalAnswer({ problem, retryAfterMs: isTemporary ? spread(tuning.againMs) : undefined })
}

/** An argument that the library refuses here was not the visitor's: that one was checked before. */
function codeOf(error: unknown): ProblemCode {
  if (!(error instanceof StockholdError)) return 'INTERNAL'
  const { code } = error
  return code === 'INVALID_ARGUMENT' || !(code in PROBLEMS) ? 'INTERNAL' : (code as ProblemCode)
}

/** Gives up a body that is not sent: the place of an event stream is free again. */
export function discard(body: Answer['body']): void {
  if (body instanceof ReadableStream) body.cancel().catch(() => {})
}

/**
 * Whether a connection of HTTP/1 is of no further use: the rest of the request's body is not read,
 * or it carried an event stream, and a server that closes would wait for it.
 */
export function endsConnection(status: number, body: Answer['body']): boolean {
  return leavesBody(status) || body instanceof ReadableStream
}

/** The rest of the request's body is not read. */
function leavesBody(status: number): boolean {
  return status === 408 || status === 413
}

/** Over HTTP/2 the stream of a request ends after the answer, though its body was not read. */
export function endStream(status: number, response: ServerResponse): void {
  const { stream } = response as { readonly stream?: Http2Stream }
  if (leavesBody(status)) stream?.once('finish', () => stream.destroy())
}
