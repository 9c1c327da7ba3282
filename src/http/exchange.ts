import { checkId } from '../validation.js'
import { isJson, parseJson, readBody } from './body.js'
import type { Checked, Visitor } from './options.js'
import { Refused } from './problems.js'
import type { RouteName, Success } from './routes.js'
import { serverTime } from './server-time.js'
import type { TokenContext } from './tokens.js'

/** A request as an adapter hands it over. */
export interface Incoming {
  readonly request: Request
  /** The request of the framework, for `identify` and `allow`. */
  readonly native: unknown
  /** The path within the routes: without query, and without what stands before them. */
  readonly path: string
  /** What stands before the routes: `/shop`. */
  readonly base: string
  /** The body, if the framework has parsed it already. */
  readonly parsed?: unknown
}

/** Everything a handler of a route may ask about its request. */
export class Exchange {
  readonly options: Checked
  readonly request: Request
  readonly headers: Headers
  readonly base: string
  /** The reservation that the path names. */
  readonly id: string
  readonly #incoming: Incoming

  constructor(options: Checked, incoming: Incoming, id: string) {
    this.options = options
    this.request = incoming.request
    this.headers = incoming.request.headers
    this.base = incoming.base
    this.id = id
    this.#incoming = incoming
  }

  get native(): unknown {
    return this.#incoming.native
  }

  /** What cookies of this request depend on. */
  get tokens(): TokenContext {
    return { cookies: this.options.cookies, path: this.base || '/', headers: this.headers }
  }

  /** The server's time. @param reservation By whose server; any, if it is not given. */
  now(reservation?: string): number {
    return serverTime(this.options.sale, reservation)
  }

  /** Who sends the request; `undefined`: the shop does not know. */
  async visitor(): Promise<Visitor | undefined> {
    const found = await this.options.identify(this.#incoming.native)
    if (found === undefined || found === null) return undefined
    // What `identify` returns comes from the shop. A wrong value is the shop's fault and not the
    // visitor's.
    try {
      const visitor = typeof found === 'string' ? { buyer: found } : found
      checkId(visitor.buyer, 'buyer')
      if (visitor.household !== undefined) checkId(visitor.household, 'household')
      if (visitor.tier !== undefined) checkId(visitor.tier, 'tier')
      return visitor
    } catch (error) {
      throw new Error(`identify must return a buyer: ${(error as Error).message}`)
    }
  }

  /** @throws {Refused} `login_required` */
  async buyer(): Promise<Visitor> {
    const visitor = await this.visitor()
    if (visitor === undefined)
      throw new Refused('login_required', { headers: [['www-authenticate', 'Session']] })
    return visitor
  }

  /** The body as text, of at most `maxBytes`. @throws {Refused} */
  async text(maxBytes: number): Promise<string> {
    if (this.#incoming.parsed !== undefined)
      throw new Error('A parser has read the body: mount these routes before it, or keep `rawBody`.')
    return readBody(this.request, maxBytes)
  }

  /** The body as JSON: an object with some of these members. @throws {Refused} */
  async json(maxBytes: number): Promise<unknown> {
    if (!isJson(this.headers.get('content-type'))) throw new Refused('media_type')
    if (this.#incoming.parsed !== undefined) return this.#incoming.parsed
    return parseJson(await this.text(maxBytes))
  }
}

/** The answer of a route when all is well. */
export type Reply<R extends RouteName> = Success<R> & {
  readonly headers?: readonly (readonly [string, string])[] | undefined
}
