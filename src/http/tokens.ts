import { parseCookie, stringifySetCookie } from 'cookie'
import { invalid } from '../errors.js'
import { checkBoolean, checkOptions, type Names } from '../validation.js'
import type { RequestHeaders } from './incoming.js'
import type { Header } from './problems.js'

/** How the cookies of ticket and pass are set. They are always HttpOnly. */
export interface CookieOptions {
  /** Only over HTTPS; browsers make an exception for `localhost`. @default true */
  secure?: boolean | undefined
  /** @default 'lax' */
  sameSite?: 'strict' | 'lax' | 'none' | undefined
  /** For a page on another host of the same site: `shop.example`. @default this host only */
  domain?: string | undefined
}

const COOKIES: Names<CookieOptions> = { secure: true, sameSite: true, domain: true }

type Token = 'ticket' | 'pass'

/** A ticket is of use for the whole sale. A browser that has lost it joins again. */
const TICKET_SECONDS = 86_400

export interface CheckedCookies {
  readonly secure: boolean
  readonly sameSite: 'strict' | 'lax' | 'none'
  readonly domain: string | undefined
}

/** @throws {StockholdError} `INVALID_ARGUMENT` */
export function checkCookies(given: unknown = {}): CheckedCookies {
  const { secure = true, sameSite = 'lax', domain } = checkOptions(given, 'cookies', COOKIES)
  if (sameSite !== 'strict' && sameSite !== 'lax' && sameSite !== 'none')
    throw invalid('cookies.sameSite', "must be 'strict', 'lax' or 'none'")
  if (sameSite === 'none' && secure === false)
    throw invalid('cookies.sameSite', "must not be 'none' without 'secure': browsers refuse such a cookie")
  if (domain !== undefined && (typeof domain !== 'string' || !/^\.?[\w-]+(\.[\w-]+)*$/.test(domain)))
    throw invalid('cookies.domain', 'must be a host name')
  return { secure: checkBoolean(secure, 'cookies.secure'), sameSite, domain }
}

/**
 * The ticket or the pass of a request: from its header, else from its cookie. Neither is ever read
 * from a URL, which ends in logs.
 */
export function readToken(headers: RequestHeaders, token: Token): string | undefined {
  const name = nameOf(token)
  const sent = headers.header(name)
  if (sent !== undefined) return sent
  const cookies = headers.header('cookie')
  return cookies?.includes(name) ? parseCookie(cookies)[name] : undefined
}

/**
 * The headers that give a token to a visitor. A page gets a cookie that its scripts cannot read. A
 * client that is no page of this site, such as an app, gets the header as well.
 */
export function giveToken(
  token: Token,
  value: string,
  { cookies, path, maxAgeMs, headers }: TokenContext & { readonly maxAgeMs?: number | undefined },
): Header[] {
  const maxAge = maxAgeMs === undefined ? TICKET_SECONDS : Math.max(0, Math.ceil(maxAgeMs / 1_000))
  const cookie: Header = ['set-cookie', setCookie(token, value, cookies, path, maxAge)]
  return isPageOfThisSite(headers) ? [cookie] : [cookie, [nameOf(token), value]]
}

export interface TokenContext {
  readonly cookies: CheckedCookies
  readonly path: string
  /** Of the request. */
  readonly headers: RequestHeaders
}

/** Removes the cookie of a token that is of no use any more. */
export function takeToken(token: Token, { cookies, path }: TokenContext): Header {
  return ['set-cookie', setCookie(token, '', cookies, path, 0)]
}

function setCookie(
  token: Token,
  value: string,
  cookies: CheckedCookies,
  path: string,
  maxAge: number,
): string {
  const { secure, sameSite, domain } = cookies
  return stringifySetCookie(nameOf(token), value, {
    httpOnly: true,
    secure,
    sameSite,
    path,
    maxAge,
    ...(domain === undefined ? undefined : { domain }),
  })
}

function nameOf(token: Token): string {
  return `stockhold-${token}`
}

/** Browsers set this header, and no script can. */
function isPageOfThisSite(headers: RequestHeaders): boolean {
  const site = headers.header('sec-fetch-site')
  return site === 'same-origin' || site === 'same-site' || site === 'none'
}
