import { type Answer, answerOf, discard, errorAnswer, type JsonReply, type StreamReply } from './answer.js'
import { ReportLimit } from './error-log.js'
import { EventStreams } from './event-streams.js'
import { events } from './events.js'
import { Exchange } from './exchange.js'
import { alive, ready } from './health.js'
import type { Incoming } from './incoming.js'
import { type Checked, checkSaleRoutesOptions, type SaleRoutesOptions } from './options.js'
import { corsHeaders, isForeign, preflightHeaders } from './origin.js'
import { pay } from './payments.js'
import { Refused } from './problems.js'
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

type Handlers = { readonly [R in RouteName]?: (exchange: Exchange) => Handled | Promise<Handled> }
type Handled = JsonReply | StreamReply

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
    const { origins, onError } = this.options
    let answer: Answer
    try {
      const handled = this.#handle(incoming)
      // Each promise that a request waits for costs: the usual handler makes the only one.
      answer = answerOf(handled instanceof Promise ? await handled : handled)
    } catch (error) {
      answer = errorAnswer(error, onError)
    }
    if (origins.size > 0) answer.headers.push(...corsHeaders(incoming, origins))
    if (incoming.method !== 'HEAD' || answer.body === null) return answer
    discard(answer.body)
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

  /** @throws {Refused} */
  #handle(incoming: Incoming): Handled | Promise<Handled> {
    const match = this.#router.find(incoming.path)
    if (match === undefined) throw new Refused('no_such_route')
    const { method } = incoming
    const { routes, id } = match
    if (method === 'OPTIONS')
      return { status: 204, body: null, headers: preflightHeaders(methodsOf(routes), incoming) }
    const name = routes.get(method === 'HEAD' ? 'GET' : method)
    if (name === undefined)
      throw new Refused('method_not_allowed', { headers: [['allow', methodsOf(routes)]] })
    if (isForeign(method, incoming, this.options.origins)) throw new Refused('foreign_origin')
    this.#learnTime()
    return this.#handlers[name]!(new Exchange(this.options, incoming, id))
  }

  #handlersOf(options: Checked): Handlers {
    const { room, verify } = options
    const reader = new SaleReader(options)
    const webhook = verify && { verify, rejections: new ReportLimit(1) }
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
      ...(webhook && { pay: (exchange) => pay(webhook, exchange) }),
      alive,
      ready: () =>
        ready(reader, this.#closing, (error) => {
          options.onError(error)
        }),
    }
  }
}
