import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type Answer, discard, endStream, endsConnection } from './answer.js'
import { NodeRequest } from './node-request.js'
import type { SaleRoutesOptions } from './options.js'
import { splitAddress } from './paths.js'
import { SaleService } from './sale-service.js'

/** The routes of a sale as a middleware: paths that are not among them go on to `next`. */
export interface ExpressSaleRoutes<R extends IncomingMessage = IncomingMessage> {
  (request: R, response: ServerResponse, next: (error?: unknown) => void): void
  /**
   * Call it when the process is told to stop, before `server.close()`: it ends the event streams,
   * whose browsers go to another process, and `GET /readyz` answers 503 from then on.
   */
  close(): Promise<void>
}

/** What Express and the parsers of bodies add to a request of Node. */
interface Added {
  readonly baseUrl?: string | undefined
  readonly body?: unknown
  rawBody?: Buffer | undefined
}

/**
 * The routes of a sale for Express 5, and for every server that takes its middlewares. `identify`
 * and `allow` are given the request of Express, with what earlier middlewares have put there.
 *
 * Mount it before `express.json()`, or the signature of a webhook cannot be verified.
 *
 * @throws {StockholdError} `INVALID_ARGUMENT`
 */
export function saleRoutes<R extends IncomingMessage>(options: SaleRoutesOptions<R>): ExpressSaleRoutes<R> {
  const service = new SaleService(options)
  const { basePath, onError } = service.options
  const handle = (req: R, res: ServerResponse, next: (error?: unknown) => void): void => {
    const [whole, query] = splitAddress(req.url ?? '/')
    const path = whole.startsWith(`${basePath}/`) ? whole.slice(basePath.length) : ''
    if (!service.has(path)) {
      next()
      return
    }
    const base = `${(req as Added).baseUrl ?? ''}${basePath}`
    service
      .answer(new NodeRequest(req, req, { path, base, query }, parsedOf(req)))
      .then((answer) => send(answer, res))
      .catch((error) => {
        onError(error)
        res.destroy()
      })
  }
  return Object.assign(handle, { close: () => service.close() })
}

async function send({ status, headers, body }: Answer, res: ServerResponse): Promise<void> {
  // Another middleware has answered, or the client has gone.
  if (res.headersSent || res.destroyed) return discard(body)
  res.statusCode = status
  for (const [name, value] of headers) {
    // There may be two cookies. Other headers take the place of those of earlier middlewares.
    if (name === 'set-cookie') res.appendHeader(name, value)
    else res.setHeader(name, value)
  }
  if (res.req.httpVersionMajor === 1 && endsConnection(status, body)) res.setHeader('connection', 'close')
  endStream(status, res)
  if (!(body instanceof ReadableStream)) res.end(body)
  // A client that goes away ends the stream at once, and that is no fault.
  else await pipeline(Readable.fromWeb(body, { highWaterMark: 0 }), res).catch(() => {})
}

/** A body that a parser before this middleware has read already. */
function parsedOf(req: IncomingMessage & Added): unknown {
  if (req.rawBody !== undefined) return undefined
  if (!Buffer.isBuffer(req.body)) return req.body
  req.rawBody = req.body
  return undefined
}
