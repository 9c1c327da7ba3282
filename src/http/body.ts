import { Refused } from './problems.js'

const tuning = {
  /** How long a body may take to arrive, in ms. */
  bodyMs: 10_000,
}

/**
 * Reads a body as text. It never holds more than `maxBytes`, and never waits longer than ten
 * seconds for a client that sends slowly.
 *
 * @throws {Refused} `body_too_large`, `body_too_slow`, `malformed`
 */
export async function readBody(request: Request, maxBytes: number): Promise<string> {
  const announced = request.headers.get('content-length')
  if (announced !== null && !(Number(announced) <= maxBytes)) throw tooLarge(maxBytes)
  if (request.bodyUsed)
    throw new Error('The body was read before stockhold could: mount its routes before other body parsers.')
  // Servers cut a body off at its announced length, so it is bounded. To read it at once is faster.
  const text = announced === null ? readChunks(request.body, maxBytes) : request.text()
  return inTime(text)
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

function inTime(text: Promise<string>): Promise<string> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Refused('body_too_slow')), tuning.bodyMs)
    const failed = (error: unknown) => {
      if (error instanceof Refused) return error
      // The client has gone, or has sent less than it announced: no answer will reach it.
      return new Refused('malformed', { detail: 'The body is not complete.' })
    }
    text.then(resolve, (error) => reject(failed(error))).finally(() => clearTimeout(timer))
  })
}

function tooLarge(maxBytes: number): Refused {
  return new Refused('body_too_large', {
    detail: `At most ${maxBytes} bytes.`,
    members: { maxBytes },
  })
}

/** @throws {Refused} `malformed` */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Refused('malformed', { detail: 'The body is not JSON.' })
  }
}

export function isJson(contentType: string | null): boolean {
  if (contentType === null) return false
  const end = contentType.indexOf(';')
  const type = (end < 0 ? contentType : contentType.slice(0, end)).trim().toLowerCase()
  return type === 'application/json'
}
