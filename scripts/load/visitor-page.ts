import type { Page, PageRequest } from '../../src/client/page.js'
import { eventSource } from './event-source.js'
import { httpAnswer } from './http.js'
import { type Meter, routeOf } from './meter.js'

const tuning = {
  /** A request that is not answered within this time, in ms, is given up and sent again. */
  answerMs: 30_000,
}

/** Streams that are open, and how many may be. */
export interface Streams {
  readonly most: number
  readonly open: Set<AbortSignal>
}

export interface Browser {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly meter: Meter
  readonly streams: Streams
}

/**
 * The browser of one visitor. Ticket and pass travel in headers, as those of an app do: Node's
 * fetch keeps no cookies.
 */
export function visitorPage({ url, headers, meter, streams }: Browser): Page {
  const tokens: Record<string, string> = {}
  const ask = async (target: string, { method, headers: own, body, signal }: Asked) => {
    const send = () =>
      httpAnswer(target, {
        method,
        headers: { ...headers, ...tokens, ...own },
        body: body ?? null,
        signal: signal ?? null,
        // An event stream lasts.
        answerMs: own.accept ? undefined : tuning.answerMs,
      })
    const path = target.slice(url.length).split('?')[0]!
    const response = await meter.time(routeOf(method, path), send, signal ?? null)
    for (const name of ['stockhold-ticket', 'stockhold-pass']) {
      const token = response.headers.get(name)
      if (token !== null) tokens[name] = token
    }
    return response
  }
  const EventSource = eventSource(async (own, signal) => {
    if (!streams.open.has(signal)) {
      if (streams.open.size >= streams.most) return undefined
      streams.open.add(signal)
      signal.addEventListener('abort', () => streams.open.delete(signal))
    }
    return ask(`${url}/queue/events`, { method: 'GET', headers: own, signal })
  })
  const { crypto, performance, setTimeout, clearTimeout } = globalThis
  return {
    fetch: ask,
    EventSource,
    crypto,
    Date,
    performance,
    setTimeout: (callback, ms) => setTimeout(callback, ms),
    clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
  }
}

type Asked = Omit<PageRequest, 'credentials' | 'body'> & { readonly body?: string | null }
