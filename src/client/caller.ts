import type { RouteName } from '../http/routes.js'
import type { Answer, MethodOf, PathOf } from './answers.js'
import { type Page, type PageResponse, pause } from './page.js'

/** Options of `saleClient`. */
export interface SaleClientOptions {
  /** Where the routes are: `/shop`, or `https://api.shop.example`. @default '' */
  url?: string | undefined
  /**
   * Headers of each request, such as `authorization`; event streams cannot send any.
   * @default none
   */
  headers?: (() => Readonly<Record<string, string>>) | undefined
  /**
   * Is told `true` when a request has no answer and will be sent again, and `false` as soon as one
   * is answered again.
   * @default not told
   */
  onRetrying?: ((isRetrying: boolean) => void) | undefined
}

/** What every call takes. */
export interface CallOptions {
  /**
   * Ends the call, which rejects with the signal's reason.
   * @default none: the call goes on until it is answered
   */
  signal?: AbortSignal | undefined
}

interface Sent extends CallOptions {
  readonly body?: unknown
  readonly key?: string
}

const tuning = {
  /** The first retry comes after this time, in ms, or up to its double; each further one later. */
  againMs: 500,
  againAtMostMs: 30_000,
}

/** Sends requests until they have an answer. */
export class Caller {
  readonly page: Page
  readonly url: string
  readonly #options: SaleClientOptions
  /** What the page was told last. */
  #isRetrying = false

  constructor(page: Page, options: SaleClientOptions) {
    this.page = page
    this.url = options.url ?? ''
    this.#options = options
  }

  /**
   * Every route may be asked again: what changes something has a key, or is the same when it is
   * done twice. So a request without an answer is sent again until it has one.
   */
  async call<R extends RouteName>(method: MethodOf<R>, path: PathOf<R>, sent: Sent = {}): Promise<Answer<R>> {
    for (let tries = 0; ; tries++) {
      let afterMs = Math.min(tuning.againAtMostMs, tuning.againMs * 2 ** tries) * (1 + Math.random())
      let isOffline = false
      try {
        const response = await this.#send(method, path, sent)
        if (!isTemporary(response)) {
          const answer = (await response.json()) as Answer<R>
          this.#retries(false)
          // After a 304 the browser has the body from its cache, and this header from the server.
          const now = response.headers.get('stockhold-now')
          return now ? { ...answer, now: Number(now) } : answer
        }
        afterMs = (await retryAfterOf(response)) ?? afterMs
      } catch (error) {
        sent.signal?.throwIfAborted()
        if (error instanceof WrongAnswer) throw error
        // The network was away: it is worth a try as soon as it is back.
        isOffline = true
      }
      this.#retries(true)
      const { page } = this
      await pause(page, afterMs, sent.signal, (end, options) => {
        if (isOffline) page.addEventListener?.('online', end, options)
      })
    }
  }

  #retries(isRetrying: boolean): void {
    if (isRetrying !== this.#isRetrying) this.#options.onRetrying?.(isRetrying)
    this.#isRetrying = isRetrying
  }

  async #send(method: string, path: string, { body, key, signal }: Sent): Promise<PageResponse> {
    signal?.throwIfAborted()
    const response = await this.page.fetch(this.url + path, {
      method,
      headers: {
        ...this.#options.headers?.(),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(key === undefined ? {} : { 'idempotency-key': quoted(key) }),
      },
      body: body === undefined ? null : JSON.stringify(body),
      credentials: 'include',
      signal: signal ?? null,
    })
    const isJson = /^application\/(problem\+)?json/.test(response.headers.get('content-type') ?? '')
    if (isJson || isTemporary(response)) return response
    throw new WrongAnswer(
      `${method} ${this.url + path} was answered ${response.status}, and not by stockhold.`,
    )
  }
}

/** An answer that will be no better next time: the routes are somewhere else. */
class WrongAnswer extends Error {}

function isTemporary({ status }: PageResponse): boolean {
  return [408, 429, 502, 503, 504].includes(status)
}

/** ms; `undefined` if neither the routes nor a proxy has said when. */
async function retryAfterOf(response: PageResponse): Promise<number | undefined> {
  const problem = (await response.json().catch(() => undefined)) as { retryAfterMs?: number } | undefined
  const ms = problem?.retryAfterMs ?? Number(response.headers.get('retry-after') ?? Number.NaN) * 1_000
  return ms >= 0 ? ms : undefined
}

/** A string of RFC 9651, which has printable ASCII only. */
function quoted(key: string): string {
  return JSON.stringify(key.replace(/[^ -~]/gu, encodeURIComponent))
}
