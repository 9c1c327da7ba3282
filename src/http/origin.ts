import type { RequestHeaders } from './incoming.js'
import type { Header } from './problems.js'

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS'])

/** What a page of another origin may send and read. */
const METHODS = 'GET, POST, PATCH, DELETE'
const SENT =
  'content-type, authorization, idempotency-key, if-none-match, last-event-id, stockhold-ticket, stockhold-pass'
const READ =
  'etag, location, ratelimit, ratelimit-policy, retry-after, stockhold-now, stockhold-ticket, stockhold-pass'
const PREFLIGHT_SECONDS = '7200'

/**
 * Whether a page of another origin makes the browser do what the buyer has not asked for. Browsers
 * say where a request comes from in `Sec-Fetch-Site`, old ones only in `Origin`. Clients that are
 * no browsers send neither.
 *
 * @param trusted The origins of `cors`.
 */
export function isForeign(method: string, headers: RequestHeaders, trusted: ReadonlySet<string>): boolean {
  if (SAFE.has(method)) return false
  const origin = headers.header('origin')
  if (origin !== undefined && trusted.has(origin)) return false
  const site = headers.header('sec-fetch-site')
  if (site !== undefined) return site !== 'same-origin' && site !== 'none'
  // Only the host is compared: behind a proxy the server does not know the scheme of the page.
  return origin !== undefined && !(URL.canParse(origin) && new URL(origin).host === headers.header('host'))
}

/** The headers that let the browser hand an answer to a page of an origin that `cors` names. */
export function corsHeaders(headers: RequestHeaders, trusted: ReadonlySet<string>): readonly Header[] {
  const origin = headers.header('origin')
  if (origin === undefined || !trusted.has(origin)) return [['vary', 'Origin']]
  return [
    ['vary', 'Origin'],
    ['access-control-allow-origin', origin],
    ['access-control-allow-credentials', 'true'],
    ['access-control-expose-headers', READ],
  ]
}

/** What OPTIONS answers beside {@link corsHeaders}, also before a request of another origin. */
export function preflightHeaders(allow: string, headers: RequestHeaders): readonly Header[] {
  const isPreflight = headers.header('access-control-request-method') !== undefined
  if (!isPreflight) return [['allow', allow]]
  return [
    ['allow', allow],
    ['access-control-allow-methods', METHODS],
    ['access-control-allow-headers', SENT],
    ['access-control-max-age', PREFLIGHT_SECONDS],
  ]
}
