import type { Answer } from './answer.js'
import type { SaleRoutesOptions } from './options.js'
import { SaleService } from './sale-service.js'
import { WebRequest } from './web-request.js'

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
    return responseOf(await service.answer(new WebRequest(request, basePath)))
  }
  return Object.assign(handle, { close: () => service.close() })
}

/** The `Response` is looked up with each answer: frameworks put a faster one in its place. */
function responseOf({ status, headers, body }: Answer): Response {
  return new Response(body, { status, headers: headers as [string, string][] })
}
