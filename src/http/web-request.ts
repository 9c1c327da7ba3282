import { checkLength, readBefore, receiveText, tooLarge } from './body.js'
import type { Incoming } from './incoming.js'
import { splitAddress } from './paths.js'

/** A request of the web standards. */
export class WebRequest implements Incoming {
  readonly native: Request
  readonly path: string
  readonly base: string
  readonly query: string
  readonly parsed = undefined

  /** @param base What stands before the routes. */
  constructor(request: Request, base: string) {
    this.native = request
    this.base = base
    // To parse the whole URL would take longer than the rest of a poll.
    const { url } = request
    const begin = url.indexOf('/', url.indexOf('://') + 3)
    const [path, query] = splitAddress(begin < 0 ? '/' : url.slice(begin))
    this.path = path.startsWith(`${base}/`) ? path.slice(base.length) : ''
    this.query = query
  }

  get method(): string {
    return this.native.method
  }

  header(name: string): string | undefined {
    return this.native.headers.get(name) ?? undefined
  }

  /** The body as text. It is never held beyond `maxBytes`. @throws {Refused} */
  text(maxBytes: number): Promise<string> {
    const announced = this.native.headers.get('content-length')
    checkLength(announced, maxBytes)
    if (this.native.bodyUsed) throw readBefore()
    // Servers cut a body off at its announced length. To read it at once is faster.
    const text = announced === null ? readChunks(this.native.body, maxBytes) : this.native.text()
    return receiveText((resolve, reject) => void text.then(resolve, reject))
  }

  toRequest(body: string): Request {
    const { url, method, headers } = this.native
    return new Request(url, { method, headers, body })
  }
}

async function readChunks(body: ReadableStream<Uint8Array> | null, maxBytes: number): Promise<string> {
  if (body === null) return ''
  const decoder = new TextDecoder()
  const reader = body.getReader()
  let text = ''
  let bytes = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return text + decoder.decode()
    bytes += value.byteLength
    if (bytes > maxBytes) {
      reader.cancel().catch(() => {})
      throw tooLarge(maxBytes)
    }
    text += decoder.decode(value, { stream: true })
  }
}
