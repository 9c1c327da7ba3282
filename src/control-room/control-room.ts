import { StockholdError } from '../errors.js'
import type { Answer } from '../http/answer.js'
import { isJson, parseJson } from '../http/body.js'
import { EVENT_STREAM_HEADERS, EventStreams } from '../http/event-streams.js'
import { isForeign } from '../http/origin.js'
import { Refused } from '../http/problems.js'
import { spread } from '../http/server-time.js'
import { WebRequest } from '../http/web-request.js'
import { Operations } from '../operations/operations.js'
import { askedOf } from './acts.js'
import {
  failureAnswer,
  internalAnswer,
  ownRefusal,
  redirectAnswer,
  refusal,
  streamAnswer,
  textAnswer,
} from './answers.js'
import { Courses, subjectOf } from './courses.js'
import {
  type CheckedOptions,
  type ControlRoomOptions,
  checkControlRoomOptions,
  type Operator,
  operatorOf,
} from './options.js'
import { SCRIPT, STYLE } from './page-assets.js'
import { pageHtml } from './page-html.js'
import { Watch } from './watch.js'

const tuning = {
  heartbeatMs: 15_000,
  /** The largest body of an operation: an update with a thousand SKUs. bytes */
  bodyBytes: 512 * 1024,
}

/** The page that an operator watches, and what it asks. */
export interface ControlRoom {
  /** Answers a request. Never rejects. */
  (request: Request): Promise<Response>
  /** Call it when the process is told to stop, before the server closes: it ends the live pages. */
  close(): Promise<void>
}

type Handler = (request: Request, operator: Operator) => Answer | Promise<Answer>

/**
 * The control room: one page with all sales, waiting rooms and processes of an engine, live, and
 * the operations. It is a handler of requests on the web standards; mount it under any path, with
 * everything below that path.
 *
 * @throws {StockholdError} `INVALID_ARGUMENT`
 */
export function controlRoom(options: ControlRoomOptions): ControlRoom {
  const service = new ControlRoomService(checkControlRoomOptions(options))
  const handle = async (request: Request) => {
    const { status, headers, body } = await service.answer(request)
    return new Response(body, { status, headers: headers as [string, string][] })
  }
  return Object.assign(handle, { close: () => service.close() })
}

class ControlRoomService {
  readonly #options: CheckedOptions
  readonly #watch: Watch
  readonly #courses: Courses
  readonly #streams: EventStreams
  readonly #routes: Readonly<Record<string, Readonly<Record<string, Handler>>>>

  constructor(options: CheckedOptions) {
    this.#options = options
    this.#watch = new Watch(options)
    this.#courses = new Courses(options.engine)
    const { maxViewers: maxStreams } = options
    const { heartbeatMs } = tuning
    this.#streams = new EventStreams({ maxStreams, perOwner: maxStreams, heartbeatMs })
    this.#routes = {
      '': { GET: (_, operator) => textAnswer('text/html', pageHtml(operator)) },
      'control-room.js': { GET: () => textAnswer('text/javascript', SCRIPT) },
      'control-room.css': { GET: () => textAnswer('text/css', STYLE) },
      snapshot: { GET: async () => textAnswer('application/json', await this.#watch.current()) },
      events: { GET: (request) => this.#events(request) },
      course: { GET: (request) => this.#course(request) },
      operations: { POST: (request, operator) => this.#operate(request, operator) },
    }
  }

  async answer(request: Request): Promise<Answer> {
    try {
      const answer = await this.#handle(request)
      if (request.method !== 'HEAD' || answer.body === null) return answer
      if (typeof answer.body !== 'string') answer.body.cancel().catch(() => {})
      return { ...answer, body: null }
    } catch (error) {
      if (error instanceof Refused) return refusal(error)
      this.#options.onError(error)
      return internalAnswer()
    }
  }

  async close(): Promise<void> {
    this.#streams.close()
  }

  async #handle(request: Request): Promise<Answer> {
    const operator = await operatorOf(this.#options, request)
    if (operator === undefined) return ownRefusal('unauthorized', [['www-authenticate', 'Session']])
    const { method, url } = request
    const { pathname } = new URL(url)
    const name = pathname.slice(pathname.lastIndexOf('/') + 1)
    const isRead = method === 'GET' || method === 'HEAD'
    if (!Object.hasOwn(this.#routes, name)) {
      // The page without the slash at its end, from where its relative addresses lead elsewhere:
      // only a browser that shows a page asks for it. No file has its name.
      const accepts = request.headers.get('accept')
      const isPage = isRead && !name.includes('.') && accepts?.includes('text/html')
      if (isPage) return redirectAnswer(308, `./${name}/`)
      throw new Refused('no_such_route')
    }
    const route = this.#routes[name]!
    const handler = route[method === 'HEAD' ? 'GET' : method]
    if (handler === undefined) {
      const allow = Object.keys(route).join(', ').replace('GET', 'GET, HEAD')
      throw new Refused('method_not_allowed', { headers: [['allow', allow]] })
    }
    if (isForeign(method, new WebRequest(request, ''), NO_ORIGINS)) throw new Refused('foreign_origin')
    return handler(request, operator)
  }

  #events(request: Request): Answer {
    if (request.method === 'HEAD') return streamAnswer(EVENT_STREAM_HEADERS, null)
    if (!this.#streams.hasRoomFor(''))
      throw new Refused('too_many_streams', { retryAfterMs: spread(5_000), headers: [['retry-after', '10']] })
    const events = this.#watch.updates(request.headers.get('last-event-id'))
    const { onError } = this.#options
    return streamAnswer(EVENT_STREAM_HEADERS, this.#streams.open({ owner: '', lastId: '', events, onError }))
  }

  async #course({ url }: Request): Promise<Answer> {
    try {
      const subject = subjectOf(new URL(url).searchParams)
      return textAnswer('application/json', await this.#courses.current(subject))
    } catch (error) {
      return failureOf(error)
    }
  }

  /**
   * A page of another origin can send no such request: it can neither set the header nor the type
   * of the body without asking first, and gets no answer to that.
   */
  async #operate(request: Request, { role, name }: Operator): Promise<Answer> {
    const incoming = new WebRequest(request, '')
    if (incoming.header('stockhold-control-room') === undefined) return ownRefusal('header_required')
    if (!isJson(incoming.header('content-type'))) throw new Refused('media_type')
    const body = parseJson(await incoming.text(tuning.bodyBytes))
    const { engine, ledger } = this.#options
    // The handles that an operation opens are closed after it: operations are few.
    const operations = new Operations({ engine, ledger })
    try {
      const asked = askedOf(body)
      if (asked.isChange && role !== 'operate') return ownRefusal('forbidden')
      return textAnswer('application/json', JSON.stringify(await asked.run(operations, name)))
    } catch (error) {
      return failureOf(error)
    } finally {
      await operations.close()
    }
  }
}

/** The message of a defect may name what is inside of the host: it is thrown again. */
function failureOf(error: unknown): Answer {
  if (!(error instanceof StockholdError) || error.code === 'INTERNAL') throw error
  return failureAnswer(error)
}

const NO_ORIGINS: ReadonlySet<string> = new Set()
