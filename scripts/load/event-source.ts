import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import type { Page, PageStream } from '../../src/client/page.js'

const CONNECTING = 0
const OPEN = 1
const CLOSED = 2

/** Opens the stream; answers `undefined` if this visitor must do without one. */
export type OpenStream = (
  headers: Record<string, string>,
  signal: AbortSignal,
) => Promise<{ readonly status: number; readonly body: Readable } | undefined>

/**
 * An `EventSource` for Node, as far as the client uses one: it comes back after the time that the
 * server has asked for, with the id of the last event, until it is answered with anything but a
 * stream.
 */
export function eventSource(open: OpenStream): NonNullable<Page['EventSource']> {
  return class implements PageStream {
    readyState = CONNECTING
    onmessage: PageStream['onmessage'] = null
    onerror: PageStream['onerror'] = null
    readonly #over = new AbortController()
    #retryMs = 3_000
    #lastId = ''
    /** Of the event that is being read. */
    #id = ''
    #data: string[] = []

    constructor() {
      void this.#run()
    }

    close(): void {
      this.readyState = CLOSED
      this.#over.abort()
    }

    async #run(): Promise<void> {
      while (this.readyState !== CLOSED) {
        const isRefused = await this.#read().catch(() => false)
        if (this.#over.signal.aborted) return
        if (isRefused) this.close()
        else this.readyState = CONNECTING
        this.onerror?.()
        await pause(this.#retryMs, this.#over.signal)
      }
    }

    /** Resolves when the stream has ended; `true` if there was none. */
    async #read(): Promise<boolean> {
      const { signal } = this.#over
      const headers = this.#lastId === '' ? {} : { 'last-event-id': this.#lastId }
      const response = await open({ accept: 'text/event-stream', ...headers }, signal)
      if (response?.status !== 200) {
        response?.body.resume()
        return true
      }
      this.readyState = OPEN
      // An event of which an earlier stream had only a part is not one.
      this.#id = this.#lastId
      this.#data = []
      let rest = ''
      for await (const text of response.body.setEncoding('utf8')) {
        const lines = (rest + text).split('\n')
        rest = lines.pop()!
        for (const line of lines) this.#line(line)
      }
      return false
    }

    #line(line: string): void {
      const [, field, value] = /^(\w+): ?(.*)$/.exec(line) ?? []
      if (field === 'retry') this.#retryMs = Number(value)
      else if (field === 'id') this.#id = value!
      else if (field === 'data') this.#data.push(value!)
      else if (line === '') {
        this.#lastId = this.#id
        const data = this.#data.splice(0)
        if (data.length > 0) this.onmessage?.({ data: data.join('\n') })
      }
    }
  }
}

const pause = (ms: number, signal: AbortSignal) => delay(ms, undefined, { signal }).catch(() => {})
