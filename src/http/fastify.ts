import type { FastifyInstance, FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify'
import { type Answer, discard, endStream, endsConnection, refusalAnswer } from './answer.js'
import { NodeRequest } from './node-request.js'
import type { SaleRoutesOptions } from './options.js'
import { splitAddress } from './paths.js'
import { SaleService } from './sale-service.js'

/** The routes of a sale as a plugin of Fastify. */
export interface FastifySaleRoutes extends FastifyPluginCallback {
  /**
   * Ends the event streams, and makes `GET /readyz` answer 503 from then on. `app.close()` does it
   * first; call it earlier if the balancer needs time to notice.
   */
  close(): Promise<void>
}

/**
 * The routes of a sale as a plugin for Fastify 5. `identify` and `allow` are given Fastify's
 * request, and the hooks of the application run as for its own routes. When the application closes,
 * the event streams end before it waits for its connections.
 *
 * @throws {StockholdError} `INVALID_ARGUMENT`
 */
export function saleRoutes(options: SaleRoutesOptions<FastifyRequest>): FastifySaleRoutes {
  const service = new SaleService(options)
  const { basePath } = service.options
  const plugin: FastifyPluginCallback = (app, _options, done) => {
    leaveBodies(app)
    app.addHook('preClose', () => service.close())
    const base = app.prefix + basePath
    // No async function: Fastify would watch each answer until its end, which costs time.
    const answer = (request: FastifyRequest, reply: FastifyReply) => {
      const [whole, query] = splitAddress(request.raw.url ?? '/')
      const at = { path: whole.slice(base.length), base, query }
      service
        .answer(new NodeRequest(request.raw, request, at))
        .then((answer) => send(answer, request, reply))
        .catch((error) => reply.send(error))
    }
    for (const path of service.paths) app.all(basePath + path, answer)
    done()
  }
  return Object.assign(plugin, { close: () => service.close() })
}

/** The routes read bodies themselves: the signature of a webhook is of the bytes that were sent. */
function leaveBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, parsed) => parsed(null))
  app.setErrorHandler((error: Error & { code?: string }, request, reply) => {
    // A `content-type` that is none. All other errors are those of the application's hooks.
    if (!error.code?.startsWith('FST_ERR_CTP_')) throw error
    return send(refusalAnswer({ problem: 'media_type' }), request, reply)
  })
}

function send({ status, headers, body }: Answer, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  // The application has answered before the routes did.
  if (reply.sent || reply.raw.headersSent) {
    discard(body)
    return reply
  }
  reply.code(status)
  for (const [name, value] of headers) reply.header(name, value)
  if (request.raw.httpVersionMajor === 1 && endsConnection(status, body)) reply.header('connection', 'close')
  endStream(status, reply.raw)
  return reply.send(body ?? undefined)
}
