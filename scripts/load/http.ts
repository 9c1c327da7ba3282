import http, { type ClientRequest, type IncomingMessage } from 'node:http'
import https from 'node:https'
import { text } from 'node:stream/consumers'
import type { PageResponse } from '../../src/client/page.js'

/** An answer whose body has perhaps not arrived. */
export interface HttpAnswer extends PageResponse {
  readonly body: IncomingMessage
}

export interface HttpRequest {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | null
  readonly signal: AbortSignal | null
  /** ms until the whole answer must be there. @default none */
  readonly answerMs?: number | undefined
}

const keepAlive = { keepAlive: true, maxFreeSockets: Number.POSITIVE_INFINITY }
const clients = {
  'http:': { request: http.request, agent: new http.Agent(keepAlive) },
  'https:': { request: https.request, agent: new https.Agent(keepAlive) },
}

/**
 * Sends a request, and follows no redirect. Node's `fetch` looks through all connections that are
 * open for one that is free: of ten thousand visitors it serves some hundreds a second.
 */
export function httpAnswer(url: string, sent: HttpRequest): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const { method, headers, body, signal, answerMs } = sent
    if (signal?.aborted) return reject(signal.reason)
    const { request: open, agent } = clients[url.startsWith('https:') ? 'https:' : 'http:']
    const request: ClientRequest = open(url, { method, headers, agent })
    const abort = () => request.destroy(signal!.reason)
    signal?.addEventListener('abort', abort, { once: true })
    const late = () => request.destroy(new Error('The shop has not answered in time.'))
    const timer = answerMs === undefined ? undefined : setTimeout(late, answerMs)
    request.on('close', () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
    })
    let isAnswered = false
    request.on('error', (error: NodeJS.ErrnoException) => {
      // The server has closed the connection at the moment in which it was used again. The reader
      // of a body hears of a connection that breaks later.
      const mayRepeat = !isAnswered && request.reusedSocket && error.code === 'ECONNRESET'
      if (mayRepeat) resolve(httpAnswer(url, sent))
      else reject(error)
    })
    request.on('response', (response) => {
      isAnswered = true
      resolve(answerOf(response))
    })
    request.end(body ?? undefined)
  })
}

function answerOf(response: IncomingMessage): HttpAnswer {
  const status = response.statusCode!
  return {
    ok: status >= 200 && status < 300,
    status,
    headers: { get: (name) => response.headers[name]?.toString() ?? null },
    body: response,
    json: async () => JSON.parse(await text(response)),
  }
}
