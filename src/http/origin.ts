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
export function isForeign(method: string, headers: Headers, trusted: ReadonlySet<string>): boolean {
  if (SAFE.has(method)) return false
  const origin = headers.get('origin')
  if (origin !== null && trusted.has(origin)) return false
  const site = headers.get('sec-fetch-site')
  if (site !== null) return site !== 'same-origin' && site !== 'none'
  // Only the host is compared: behind a proxy the server does not know the scheme of the page.
  return origin !== null && hostOf(origin) !== headers.get('host')
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined
}

/** The headers that let the browser hand an answer to a page of an origin that `cors` names. */
export function corsHeaders(headers: Headers, trusted: ReadonlySet<string>): readonly Header[] {
  if (trusted.size === 0) return []
  const origin = headers.get('origin')
  if (origin === null || !trusted.has(origin)) return [['vary', 'Origin']]
  return [
    ['vary', 'Origin'],
    ['access-control-allow-origin', origin],
    ['access-control-allow-credentials', 'true'],
    ['access-control-expose-headers', READ],
  ]
}

/** What OPTIONS answers beside {@link corsHeaders}, also before a request of another origin. */
export function preflightHeaders(allow: string, headers: Headers): readonly Header[] {
  const isPreflight = headers.get('access-control-request-method') !== null
  if (!isPreflight) return [['allow', allow]]
  return [
    ['allow', allow],
    ['access-control-allow-methods', METHODS],
    ['access-control-allow-headers', SENT],
    ['access-control-max-age', PREFLIGHT_SECONDS],
  ]
}
