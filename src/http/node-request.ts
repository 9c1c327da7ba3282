import type { IncomingMessage } from 'node:http'
import { checkLength, incomplete, readBefore, receiveText, tooLarge } from './body.js'
import type { Incoming } from './incoming.js'

/** A request of Node, as its frameworks give it. */
export class NodeRequest implements Incoming {
  readonly native: unknown
  readonly path: string
  readonly base: string
  readonly query: string
  readonly parsed: unknown
  readonly #message: IncomingMessage

  /** @param native The request of the framework. `parsed`: its body, if it was parsed already. */
  constructor(
    message: IncomingMessage,
    native: unknown,
    at: { readonly path: string; readonly base: string; readonly query: string },
    parsed?: unknown,
  ) {
    this.#message = message
    this.native = native
    this.path = at.path
    this.base = at.base
    this.query = at.query
    this.parsed = parsed
  }

  get method(): string {
    return this.#message.method!
  }

  header(name: string): string | undefined {
    const value = this.#message.headers[name]
    return typeof value === 'string' ? value : value?.join(', ')
  }

  text(maxBytes: number): Promise<string> {
    const message: IncomingMessage & { readonly rawBody?: unknown } = this.#message
    checkLength(message.headers['content-length'], maxBytes)
    const raw = message.rawBody
    if (Buffer.isBuffer(raw)) {
      if (raw.length > maxBytes) throw tooLarge(maxBytes)
      return Promise.resolve(decoder.decode(raw))
    }
    if (message.readableDidRead) throw readBefore()
    if (message.destroyed) throw incomplete()
    return receiveText((resolve, reject) => readChunks(message, maxBytes, resolve, reject))
  }

  toRequest(body: string): Request {
    const message: IncomingMessage & { readonly originalUrl?: string } = this.#message
    const { method, rawHeaders, headers, socket } = message
    const all = new Headers()
    for (let index = 0; index < rawHeaders.length; index += 2) {
      const name = rawHeaders[index]!
      // HTTP/2 has the parts of the address there.
      if (!name.startsWith(':')) all.append(name, rawHeaders[index + 1]!)
    }
    const host = String(headers.host ?? headers[':authority'] ?? '')
    const scheme = 'encrypted' in socket ? 'https' : 'http'
    // Express keeps the address there as it was sent.
    const address = message.originalUrl ?? message.url
    const sent = `${scheme}://${host}${address}`
    // The sender chooses the host, and no other part by it.
    const isHost = HOST.test(host) && URL.canParse(sent)
    return new Request(isHost ? sent : `${scheme}://localhost${address}`, {
      method: method!,
      headers: all,
      body,
    })
  }
}

const decoder = new TextDecoder()
/** Names and addresses with their ports; a URL has further rules. */
const HOST = /^[\w.:[\]-]+$/

function readChunks(
  message: IncomingMessage,
  maxBytes: number,
  resolve: (text: string) => void,
  reject: (error: unknown) => void,
): void {
  const chunks: Buffer[] = []
  let bytes = 0
  const read = (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes <= maxBytes) chunks.push(chunk)
    else {
      message.off('data', read).pause()
      reject(tooLarge(maxBytes))
    }
  }
  message
    .on('data', read)
    .on('end', () => resolve(decoder.decode(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks))))
    .on('close', () => {
      if (!message.readableEnded) reject(incomplete())
    })
}
