import type { QueueEvent } from '../http/views.js'
import { type Page, type PageChannel, type PageStream, pause, stopwatch } from './page.js'

const tuning = {
  /** While events come, a silence of this time, in ms, is worth a poll. */
  silenceMs: 30_000,
  /** Visitors whose streams were refused poll within this time, in ms, and not all at once. */
  spreadMs: 5_000,
  /** After a stream that was refused, the next one is tried after this time, in ms. */
  againMs: 60_000,
}

/** `EventSource.CLOSED`: the browser does not try again. */
const CLOSED = 2

/**
 * The events of the queue. Of several tabs of one browser, one has the stream and tells the others;
 * when that tab is closed, the next one opens a stream.
 */
export class QueueEvents {
  readonly #page: Page
  readonly #url: string
  readonly #channel: PageChannel | undefined
  #leads = false
  #stream: PageStream | undefined
  /** ms since a stream was refused. */
  #sinceRefused = () => Number.POSITIVE_INFINITY
  /** Whether the visitor hears of changes without a poll. */
  #isLive = false
  #latest: QueueEvent | undefined
  /** Since the visitor was told something. */
  #elapsed: () => number
  /** From when on the server expects a poll. ms after the visitor was told something */
  #retryAfterMs = 0
  /** When to poll. ms after the visitor was told something */
  #pollAfterMs = 0
  #wake = () => {}

  /** @param signal Ends the stream, and removes everything from the page. */
  constructor(page: Page, url: string, signal: AbortSignal) {
    this.#page = page
    this.#url = url
    this.#elapsed = stopwatch(page)
    const name = `stockhold:${url}`
    const { BroadcastChannel, navigator } = page
    if (BroadcastChannel) {
      this.#channel = new BroadcastChannel(name)
      this.#channel.onmessage = ({ data }) => this.#hear(data as QueueEvent)
    }
    const lead = async () => {
      // The lock may come at the moment in which the wait ends.
      if (signal.aborted) return
      this.#leads = true
      this.#open()
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
    }
    // The tab that has the lock has the stream. When it is closed, the next tab gets the lock.
    if (this.#channel && navigator?.locks) navigator.locks.request(name, { signal }, lead).catch(() => {})
    else lead()
    page.addEventListener?.('online', () => this.#catchUp(), { signal })
    page.document?.addEventListener('visibilitychange', () => this.#catchUp(), { signal })
    signal.addEventListener('abort', () => {
      this.#channel?.close()
      this.#stream?.close()
    })
  }

  /**
   * The next event; `undefined` when it is time to poll. Rejects when the signal aborts.
   *
   * @param retryAfterMs When the server expects a poll of a visitor without events.
   */
  async next(retryAfterMs: number, signal: AbortSignal): Promise<QueueEvent | undefined> {
    this.#elapsed = stopwatch(this.#page)
    this.#retryAfterMs = retryAfterMs
    this.#pollAfterMs = this.#isLive ? Math.max(retryAfterMs, tuning.silenceMs) : retryAfterMs
    if (this.#leads && !this.#stream && this.#sinceRefused() >= tuning.againMs) this.#open()
    while (!this.#latest) {
      const leftMs = this.#pollAfterMs - this.#elapsed()
      if (leftMs <= 0) break
      await pause(this.#page, leftMs, signal, (end) => {
        this.#wake = end
      })
    }
    const event = this.#latest
    this.#latest = undefined
    return event
  }

  /** What a poll has told is news for the other tabs, too. */
  tell(event: QueueEvent): void {
    this.#channel?.postMessage(event)
  }

  #hear(event: QueueEvent): void {
    this.#isLive = true
    this.#latest = event
    this.#wake()
  }

  #open(): void {
    const { EventSource } = this.#page
    if (!EventSource) return
    const stream = new EventSource(`${this.#url}/queue/events`, { withCredentials: true })
    stream.onmessage = ({ data }) => {
      const event: QueueEvent = JSON.parse(data)
      this.tell(event)
      this.#hear(event)
    }
    stream.onerror = () => {
      if (stream.readyState !== CLOSED) return
      stream.onerror = null
      this.#stream = undefined
      this.#sinceRefused = stopwatch(this.#page)
      this.#isLive = false
      const soonMs = this.#elapsed() + Math.random() * tuning.spreadMs
      this.#pollAfterMs = Math.max(this.#retryAfterMs, soonMs)
      this.#wake()
    }
    this.#stream = stream
  }

  /** The page is shown again, or has a network again, and may have missed what happened. */
  #catchUp(): void {
    if (this.#page.document?.hidden || this.#elapsed() < this.#retryAfterMs) return
    this.#pollAfterMs = 0
    this.#wake()
  }
}
