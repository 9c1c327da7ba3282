import { type Answer, answerOf, errorAnswer, refusalAnswer, tell } from './answer.js'
import { EventStreams } from './event-streams.js'
import { events, type StreamReply } from './events.js'
import { Exchange, type Incoming } from './exchange.js'
import { alive, ready } from './health.js'
import { type Checked, checkSaleRoutesOptions, type SaleRoutesOptions } from './options.js'
import { corsHeaders, isForeign, preflightHeaders } from './origin.js'
import { pay } from './payments.js'
import { join, leave, poll } from './queue.js'
import { RateLimitFields } from './rate-limit.js'
import { amend, extend, list, read, release, reserve } from './reservations.js'
import { methodsOf, Router } from './router.js'
import { ROUTES, type RouteName } from './routes.js'
import { readSale, SaleReader } from './sale-view.js'

const tuning = {
  /** Tabs of one visitor that may have a stream. */
  perOwner: 4,
}

interface AnyReply {
  readonly status: number
  readonly body: unknown
  readonly headers?: readonly (readonly [string, string])[] | undefined
}
type Handlers = { readonly [R in RouteName]?: (exchange: Exchange) => Handled | Promise<Handled> }
type Handled = AnyReply | StreamReply

/** The routes of a sale, whatever the framework. */
export class SaleService {
  readonly options: Checked
  readonly #router: Router
  readonly #handlers: Handlers
  readonly #streams: EventStreams
  #closing = false
  #knowsTime = false

  constructor(given: SaleRoutesOptions<never>) {
    this.options = checkSaleRoutesOptions(given)
    this.#streams = new EventStreams({ ...this.options.events, perOwner: tuning.perOwner })
    this.#handlers = this.#handlersOf(this.options)
    this.#router = new Router((name) => this.#handlers[name] !== undefined)
  }

  /** The paths that there are, with `:id` for a reservation. */
  get paths(): readonly string[] {
    const served = Object.entries(ROUTES).filter(([name]) => this.#handlers[name as RouteName])
    return [...new Set(served.map(([, { path }]) => path))]
  }

  /** Whether a path is one of these routes. */
  has(path: string): boolean {
    return this.#router.find(path) !== undefined
  }

  /** Answers a request. Never rejects. */
  async answer(incoming: Incoming): Promise<Answer> {
    const { method, headers } = incoming.request
    const answer = await this.#handle(method, incoming).catch((error) =>
      errorAnswer(error, this.options.onError),
    )
    answer.headers.push(...corsHeaders(headers, this.options.origins))
    if (method !== 'HEAD' || answer.body === null) return answer
    if (typeof answer.body !== 'string') answer.body.cancel().catch(() => {})
    return { ...answer, body: null }
  }

  /** Ends the event streams, and makes `GET /readyz` answer 503. Other routes go on. */
  async close(): Promise<void> {
    this.#closing = true
    this.#streams.close()
  }

  /** Visitors of the queue need the server's time, which only a call to the sale tells. */
  #learnTime(): void {
    if (this.#knowsTime) return
    this.#knowsTime = true
    this.options.sale.rules().catch(() => {
      this.#knowsTime = false
    })
  }

  async #handle(method: string, incoming: Incoming): Promise<Answer> {
    const match = this.#router.find(incoming.path)
    if (match === undefined) return refusalAnswer({ problem: 'no_such_route' })
    const { headers } = incoming.request
    const allow = methodsOf(match.routes)
    if (method === 'OPTIONS') return answerOf(204, null, preflightHeaders(allow, headers))
    const name = match.routes.get(method === 'HEAD' ? 'GET' : method)
    if (name === undefined)
      return refusalAnswer({ problem: 'method_not_allowed', headers: [['allow', allow]] })
    if (isForeign(method, headers, this.options.origins)) return refusalAnswer({ problem: 'foreign_origin' })
    this.#learnTime()
    const handled = await this.#handlers[name]!(new Exchange(this.options, incoming, match.id))
    return 'stream' in handled
      ? { status: handled.status, headers: [...handled.headers], body: handled.stream }
      : answerOf(handled.status, handled.body, handled.headers)
  }

  #handlersOf(options: Checked): Handlers {
    const { room, verify } = options
    const reader = new SaleReader(options)
    const queue = room && { room, limits: new RateLimitFields(room) }
    return {
      sale: (exchange) => readSale(reader, exchange),
      ...(queue && {
        join: (exchange) => join(queue, exchange),
        poll: (exchange) => poll(queue, exchange),
        events: (exchange) => events(queue.room, this.#streams, exchange),
        leave: (exchange) => leave(queue, exchange),
      }),
      reserve,
      list,
      read,
      amend,
      release,
      extend,
      ...(verify && { pay: (exchange) => pay(verify, exchange) }),
      alive,
      ready: () =>
        ready(reader, this.#closing, (error) => {
          tell(error, options.onError)
        }),
    }
  }
}
