import { Refused } from './problems.js'

const tuning = {
  /** How long a body may take to arrive, in ms. */
  bodyMs: 10_000,
}

/** @param announced The header `content-length`. @throws {Refused} `body_too_large` */
export function checkLength(announced: string | null | undefined, maxBytes: number): void {
  if (announced !== null && announced !== undefined && !(Number(announced) <= maxBytes))
    throw tooLarge(maxBytes)
}

/** The body cannot be read a second time. */
export function readBefore(): Error {
  return new Error('The body was read before stockhold could: mount its routes before other body parsers.')
}

/**
 * Waits for a body, but never longer than ten seconds for a client that sends slowly.
 *
 * @throws {Refused} `body_too_slow`, `malformed`
 */
export function receiveText(
  read: (resolve: (text: string) => void, reject: (error: unknown) => void) => void,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Refused('body_too_slow')), tuning.bodyMs)
    const whole = (text: string) => {
      clearTimeout(timer)
      resolve(text)
    }
    read(whole, (error) => {
      clearTimeout(timer)
      reject(error instanceof Refused ? error : incomplete())
    })
  })
}

/** The client has gone, or has sent less than it announced: no answer will reach it. */
export function incomplete(): Refused {
  return new Refused('malformed', { detail: 'The body is not complete.' })
}

export function tooLarge(maxBytes: number): Refused {
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

export function isJson(contentType: string | undefined): boolean {
  if (contentType === undefined) return false
  if (contentType === 'application/json') return true
  const end = contentType.indexOf(';')
  const type = (end < 0 ? contentType : contentType.slice(0, end)).trim().toLowerCase()
  return type === 'application/json'
}
