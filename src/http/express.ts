import type { IncomingMessage, ServerResponse } from 'node:http'
import { FastResponse, NodeRequest, sendNodeResponse } from 'srvx/node'
import { type Answer, endsConnection } from './answer.js'
import type { SaleRoutesOptions } from './options.js'
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
    const whole = pathOf(req.url ?? '/')
    const path = whole.startsWith(`${basePath}/`) ? whole.slice(basePath.length) : ''
    if (!service.has(path)) {
      next()
      return
    }
    const base = `${(req as Added).baseUrl ?? ''}${basePath}`
    const incoming = { request: new NodeRequest({ req, res }), native: req, path, base, ...bodyOf(req) }
    service
      .answer(incoming)
      .then((answer) => sendNodeResponse(res, responseOf(answer, req)))
      .catch((error) => {
        onError(error)
        res.destroy()
      })
  }
  return Object.assign(handle, { close: () => service.close() })
}

function responseOf({ status, headers, body }: Answer, { httpVersionMajor }: IncomingMessage): Response {
  const all = headers as [string, string][]
  if (httpVersionMajor === 1 && endsConnection(status, body)) all.push(['connection', 'close'])
  return new FastResponse(body, { status, headers: all })
}

/** A body that a parser before this middleware has read already. */
function bodyOf(req: IncomingMessage & Added): { readonly parsed?: unknown } {
  if (req.body === undefined || req.rawBody !== undefined) return {}
  if (!Buffer.isBuffer(req.body)) return { parsed: req.body }
  req.rawBody = req.body
  return {}
}

function pathOf(url: string): string {
  const end = url.search(/[?#]/)
  return end < 0 ? url : url.slice(0, end)
}
