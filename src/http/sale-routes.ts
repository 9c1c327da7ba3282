import type { Answer } from './answer.js'
import type { SaleRoutesOptions } from './options.js'
import { SaleService } from './sale-service.js'

/** The routes of a sale: a handler of requests on the web standards. */
export interface SaleRoutes {
  /** Answers a request. Never rejects. */
  (request: Request): Promise<Response>
  /**
   * Call it when the process is told to stop, before the server closes: it ends the event streams,
   * whose browsers go to another process, and `GET /readyz` answers 503 from then on.
   */
  close(): Promise<void>
}

/**
 * The routes of a sale over HTTP, for Hono, Next.js, Deno, Bun and every other framework that has
 * the `Request` and `Response` of the web standards. For Node's own servers see
 * `stockhold/express` and `stockhold/fastify`.
 *
 * @throws {StockholdError} `INVALID_ARGUMENT`
 */
export function saleRoutes(options: SaleRoutesOptions): SaleRoutes {
  const service = new SaleService(options)
  const { basePath } = service.options
  const handle = async (request: Request) => {
    const whole = pathOf(request.url)
    const isWithin = whole.startsWith(`${basePath}/`)
    const path = isWithin ? whole.slice(basePath.length) : ''
    const answer = await service.answer({ request, native: request, path, base: basePath })
    return responseOf(answer)
  }
  return Object.assign(handle, { close: () => service.close() })
}

/** The `Response` is looked up with each answer: frameworks put a faster one in its place. */
function responseOf({ status, headers, body }: Answer): Response {
  return new Response(body, { status, headers: headers as [string, string][] })
}

/** To parse the whole URL would take longer than the rest of a poll. */
function pathOf(url: string): string {
  const begin = url.indexOf('/', url.indexOf('://') + 3)
  if (begin < 0) return '/'
  const end = url.slice(begin).search(/[?#]/)
  return end < 0 ? url.slice(begin) : url.slice(begin, begin + end)
}
