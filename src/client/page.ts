/**
 * What the client uses of a browser. It is written down here, so that the types of the client need
 * neither those of a browser nor those of Node, and so that tests can stand in for the browser.
 * What is optional is missing in some browsers, or behind some settings of theirs.
 */
export interface Page {
  fetch(url: string, init: PageRequest): Promise<PageResponse>
  readonly EventSource?: (new (url: string, init: { withCredentials: boolean }) => PageStream) | undefined
  readonly BroadcastChannel?: (new (name: string) => PageChannel) | undefined
  readonly navigator?: { readonly locks?: PageLocks | undefined } | undefined
  readonly document?: (Listened & { readonly hidden: boolean }) | undefined
  readonly localStorage?: PageStorage | undefined
  readonly addEventListener?: Listened['addEventListener'] | undefined
  readonly crypto: { getRandomValues(array: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> }
  readonly Date: { now(): number }
  readonly performance: { now(): number }
  setTimeout(callback: () => void, ms: number): unknown
  clearTimeout(timer: unknown): void
}

export interface PageRequest {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | null
  readonly credentials: 'include'
  readonly signal: AbortSignal | null
}

export interface PageResponse {
  readonly ok: boolean
  readonly status: number
  readonly headers: { get(name: string): string | null }
  json(): Promise<unknown>
}

export interface PageStream {
  readonly readyState: number
  onmessage: ((event: { readonly data: string }) => void) | null
  onerror: (() => void) | null
  close(): void
}

export interface PageChannel {
  onmessage: ((event: { readonly data: unknown }) => void) | null
  postMessage(message: unknown): void
  close(): void
}

interface PageLocks {
  request(
    name: string,
    options: { readonly signal: AbortSignal },
    hold: () => Promise<void>,
  ): Promise<unknown>
}

interface PageStorage {
  getItem(name: string): string | null
  setItem(name: string, value: string): void
  removeItem(name: string): void
}

interface Listened {
  addEventListener(type: string, listener: () => void, options: { readonly signal: AbortSignal }): void
}

/**
 * Resolves after some time, or earlier if `listen` says so; rejects when the signal aborts. It
 * leaves neither a timer nor a listener behind.
 *
 * @param listen Is given what ends the pause, and the signal that removes its listeners.
 */
export function pause(
  page: Page,
  ms: number,
  signal: AbortSignal | undefined,
  listen?: (end: () => void, options: { readonly signal: AbortSignal }) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const over = new AbortController()
    const end = () => {
      page.clearTimeout(timer)
      over.abort()
      if (signal?.aborted) reject(signal.reason)
      else resolve()
    }
    const timer = page.setTimeout(end, Math.min(ms, MAX_TIMER_MS))
    if (signal?.aborted) return end()
    signal?.addEventListener('abort', end, { signal: over.signal })
    listen?.(end, { signal: over.signal })
  })
}

/** Timers of browsers that are longer go off at once. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** ms that pass, also while the machine sleeps or its clock is set back. */
export function stopwatch(page: Page): () => number {
  const [date, tick] = [page.Date.now(), page.performance.now()]
  return () => Math.max(page.Date.now() - date, page.performance.now() - tick)
}
