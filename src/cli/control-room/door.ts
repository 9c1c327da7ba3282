import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { parseCookie, stringifySetCookie } from 'cookie'
import { redirectAnswer, textAnswer } from '../../control-room/answers.js'
import type { Answer } from '../../http/answer.js'

/** A secret that is known by its hash: how long a comparison takes says nothing of it. */
class Secret {
  readonly #hash: Buffer

  constructor(text: string) {
    this.#hash = hashOf(text)
  }

  is(text: string): boolean {
    return timingSafeEqual(hashOf(text), this.#hash)
  }
}

/**
 * Lets the browser in that opens the link of the terminal. The link works once, and gives the
 * browser a session that lasts until the command ends.
 */
export class Door {
  /** What the operator opens. */
  readonly url: string
  readonly #token: Secret
  readonly #hosts: ReadonlySet<string>
  /** Browsers give a cookie to every port of a host: each control room has a name of its own. */
  readonly #cookie: string
  readonly #onSecondUse: () => void
  #session: Secret | undefined

  /** @param onSecondUse A browser without the session has opened the link once more. */
  constructor(port: number, onSecondUse: () => void) {
    const token = newSecret()
    // `host` is without the port if that is 80, as browsers send it.
    this.#hosts = new Set(['127.0.0.1', 'localhost'].map((name) => new URL(`http://${name}:${port}`).host))
    this.url = `http://127.0.0.1:${port}/?token=${token}`
    this.#token = new Secret(token)
    this.#cookie = `stockhold-control-room-${port}`
    this.#onSecondUse = onSecondUse
  }

  /** The answer to a request that does not go through; `undefined`: it does. */
  stop({ method, headers, url }: Request): Answer | undefined {
    // The page of another site whose name leads to this machine has that name in `Host`.
    if (!this.#hosts.has(headers.get('host') ?? ''))
      return page(421, 'This is not the address of the terminal.')
    const given = method === 'GET' ? new URL(url).searchParams.get('token') : null
    if (this.#isKnown(headers.get('cookie'))) return given === null ? undefined : redirectAnswer(303, '/')
    if (given === null || !this.#token.is(given))
      return page(401, 'Open the link that stands in the terminal.')
    if (!this.#session) return this.#letIn()
    this.#onSecondUse()
    return page(
      401,
      'This link was used before. Look at the terminal: a new start of the command gives a new link.',
    )
  }

  #letIn(): Answer {
    const session = newSecret()
    this.#session = new Secret(session)
    const cookie = stringifySetCookie(this.#cookie, session, {
      httpOnly: true,
      sameSite: 'strict',
      path: '/',
    })
    return redirectAnswer(303, '/', [['set-cookie', cookie]])
  }

  #isKnown(cookies: string | null): boolean {
    const session = cookies === null ? undefined : parseCookie(cookies)[this.#cookie]
    return session !== undefined && this.#session?.is(session) === true
  }
}

function newSecret(): string {
  return randomBytes(32).toString('base64url')
}

function hashOf(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

/**
 * The link leads on a browser that has the session, and came from a page of another site: with such
 * a request it sends no cookie.
 */
function page(status: number, text: string): Answer {
  const html = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Control room</title>
<h1>Control room</h1>
<p>${text}</p>
<p><a href="/">If this browser has opened it: go on</a></p>
</html>
`
  return textAnswer('text/html', html, status)
}
