import { isThenable } from '../common/callback.js'
import { type StockholdError, unavailable } from '../errors.js'
import { checkId } from '../validation.js'
import { isJson, parseJson } from './body.js'
import type { Incoming } from './incoming.js'
import type { Checked, Visitor } from './options.js'
import { Refused } from './problems.js'
import type { RouteName, Success } from './routes.js'
import { serverTime } from './server-time.js'
import type { TokenContext } from './tokens.js'

/** Everything a handler of a route may ask about its request. */
export class Exchange {
  readonly options: Checked
  readonly incoming: Incoming
  /** The reservation that the path names. */
  readonly id: string

  constructor(options: Checked, incoming: Incoming, id: string) {
    this.options = options
    this.incoming = incoming
    this.id = id
  }

  header(name: string): string | undefined {
    return this.incoming.header(name)
  }

  /** What cookies of this request depend on. */
  get tokens(): TokenContext {
    const { incoming } = this
    return { cookies: this.options.cookies, path: incoming.base || '/', headers: incoming }
  }

  /** The server's time. @param reservation By whose server; any, if it is not given. */
  now(reservation?: string): number {
    return serverTime(this.options.sale, reservation)
  }

  /**
   * Who sends the request; `undefined`: the shop does not know.
   *
   * @throws {StockholdError} `UNAVAILABLE`: `identify` has failed. The page asks again.
   */
  visitor(): Visitor | undefined | Promise<Visitor | undefined> {
    let found: ReturnType<Checked['identify']>
    try {
      found = this.options.identify(this.incoming.native)
    } catch (error) {
      throw unidentified(error)
    }
    if (!isThenable(found)) return checkVisitor(found)
    return Promise.resolve(found).then(checkVisitor, (error) => {
      throw unidentified(error)
    })
  }

  /** @throws {Refused} `login_required` */
  buyer(): Visitor | Promise<Visitor> {
    const visitor = this.visitor()
    return visitor instanceof Promise ? visitor.then(known) : known(visitor)
  }

  /** The body as text, of at most `maxBytes`. @throws {Refused} */
  text(maxBytes: number): Promise<string> {
    if (this.incoming.parsed !== undefined)
      throw new Error('A parser has read the body: mount these routes before it, or keep `rawBody`.')
    return this.incoming.text(maxBytes)
  }

  /** The body as JSON: an object with some of these members. @throws {Refused} */
  async json(maxBytes: number): Promise<unknown> {
    if (!isJson(this.header('content-type'))) throw new Refused('media_type')
    const { parsed } = this.incoming
    return parsed === undefined ? parseJson(await this.text(maxBytes)) : parsed
  }
}

/** RFC 9110, section 11.6.1: a 401 names a way to log in. That of a shop is its session. */
function known(visitor: Visitor | undefined): Visitor {
  if (visitor !== undefined) return visitor
  throw new Refused('login_required', { headers: [['www-authenticate', 'Session']] })
}

/** A visitor does not lose their place because the shop cannot read its sessions for a moment. */
function unidentified(cause: unknown): StockholdError {
  return unavailable('`identify` has failed, so the request was not handled. Nothing was executed.', cause)
}

/**
 * An empty name, as of a header without a value, is no buyer, no household, no tier and no guest.
 * Another wrong value that `identify` returns is the shop's fault and not the visitor's.
 */
function checkVisitor(found: Visitor | string | undefined): Visitor | undefined {
  if (found === undefined || found === null) return undefined
  const visitor = typeof found === 'string' ? { buyer: found } : found
  if (visitor.buyer === '') return undefined
  try {
    return {
      buyer: checkId(visitor.buyer, 'buyer'),
      household: nameOrNone(visitor, 'household'),
      tier: nameOrNone(visitor, 'tier'),
      guest: nameOrNone(visitor, 'guest'),
    }
  } catch (error) {
    throw new Error(`identify must return a buyer: ${(error as Error).message}`)
  }
}

/** `null`, as of a column of a database, is none too. */
function nameOrNone(visitor: Visitor, name: 'household' | 'tier' | 'guest'): string | undefined {
  const value: unknown = visitor[name]
  return value === undefined || value === null || value === '' ? undefined : checkId(value, name)
}

/** The answer of a route when all is well. */
export type Reply<R extends RouteName> = Success<R> & {
  readonly headers?: readonly (readonly [string, string])[] | undefined
}
