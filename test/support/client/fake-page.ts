import { getEventListeners } from 'node:events'
import type { Page, PageChannel, PageRequest, PageResponse, PageStream } from '../../../src/client/page.js'
import type { Timer } from '../../../src/engine/clock.js'
import { settled, TestClock } from '../test-clock.js'

/** What stands in for a server: answers a request, or throws as a network that fails. */
export type FakeServer = (url: string, init: PageRequest) => PageResponse | Promise<PageResponse>

const START = Date.UTC(2026, 0, 1, 20)

/** What the tabs of one browser share. */
export class FakeBrowser {
  readonly clock = new TestClock()
  readonly storage = new Map<string, string>()
  readonly tabs: FakePage[] = []
  readonly #channels = new Map<string, Set<FakeChannel>>()
  readonly #locks = new Map<string, Promise<unknown>>()

  open(server: FakeServer, lacks: Lacks = {}): FakePage {
    const tab = new FakePage(this, server, lacks)
    this.tabs.push(tab)
    return tab
  }

  /** Lets this time pass. */
  pass(ms: number): Promise<void> {
    return this.clock.advance(ms)
  }

  channels(name: string): Set<FakeChannel> {
    const known = this.#channels.get(name) ?? new Set()
    this.#channels.set(name, known)
    return known
  }

  /** As `navigator.locks`: one holder at a time, and an abort gives up the wait. */
  async lock(name: string, { signal }: { signal: AbortSignal }, hold: () => Promise<void>): Promise<void> {
    const before = this.#locks.get(name)
    // A browser gives the lock up as soon as the signal aborts; this one may give it just before.
    const held = Promise.resolve(before).then(hold)
    this.#locks.set(name, held)
    await held
    signal.throwIfAborted()
  }

  /** What is left in the tabs: timers, streams, channels and listeners. */
  get leftovers(): number {
    const channels = [...this.#channels.values()].reduce((sum, { size }) => sum + size, 0)
    const open = this.tabs.flatMap(({ streams }) => streams).filter(({ readyState }) => readyState !== 2)
    const listeners = this.tabs.reduce((sum, tab) => sum + tab.listeners, 0)
    return this.clock.timers + channels + open.length + listeners
  }
}

/** What a browser may lack. */
interface Lacks {
  readonly events?: true
  readonly locks?: true
  readonly storage?: true
}

/** A tab of a browser, on the clock of the test. */
export class FakePage implements Page {
  readonly streams: FakeStream[] = []
  /** `METHOD url key` of each request. */
  readonly requests: string[] = []
  readonly crypto = globalThis.crypto
  readonly navigator
  readonly EventSource
  readonly BroadcastChannel
  readonly Date
  readonly performance
  /** How far the clock of the machine is off, in ms. */
  skew = 0
  readonly #window = new EventTarget()
  readonly #document = new EventTarget()
  readonly #clock: TestClock
  readonly #server: FakeServer
  readonly #storage: Map<string, string> | undefined
  #hidden = false

  constructor(browser: FakeBrowser, server: FakeServer, lacks: Lacks) {
    const { clock } = browser
    this.#clock = clock
    this.#server = server
    this.#storage = lacks.storage ? undefined : browser.storage
    this.Date = { now: () => START + clock.now() + this.skew }
    this.performance = { now: () => clock.now() }
    this.navigator = lacks.locks
      ? {}
      : { locks: { request: (...args: Parameters<FakeBrowser['lock']>) => browser.lock(...args) } }
    const { streams } = this
    this.EventSource = lacks.events
      ? undefined
      : class extends FakeStream {
          constructor(readonly url: string) {
            super()
            streams.push(this)
          }
        }
    this.BroadcastChannel = lacks.locks
      ? undefined
      : class extends FakeChannel {
          constructor(name: string) {
            super(browser.channels(name))
          }
        }
  }

  /** Privacy settings make the mere look at it throw. */
  get localStorage() {
    const storage = this.#storage
    if (storage === undefined) throw new Error('SecurityError')
    return {
      getItem: (name: string) => storage.get(name) ?? null,
      setItem: (name: string, value: string) => void storage.set(name, value),
      removeItem: (name: string) => void storage.delete(name),
    }
  }

  get document() {
    return { hidden: this.#hidden, addEventListener: listenTo(this.#document) }
  }

  readonly addEventListener = listenTo(this.#window)

  async fetch(url: string, init: PageRequest): Promise<PageResponse> {
    init.signal?.throwIfAborted()
    this.requests.push([init.method, url, init.headers['idempotency-key']].filter(Boolean).join(' '))
    return this.#server(url, init)
  }

  setTimeout(callback: () => void, ms: number): Timer {
    return this.#clock.after(ms, callback)
  }

  clearTimeout(timer: unknown): void {
    ;(timer as Timer | undefined)?.cancel()
  }

  async show(visible: boolean): Promise<void> {
    this.#hidden = !visible
    this.#document.dispatchEvent(new Event('visibilitychange'))
    await settled()
  }

  async online(): Promise<void> {
    this.#window.dispatchEvent(new Event('online'))
    await settled()
  }

  get listeners(): number {
    const count = (target: EventTarget, type: string) => getEventListeners(target, type).length
    return count(this.#window, 'online') + count(this.#document, 'visibilitychange')
  }
}

function listenTo(target: EventTarget) {
  return (type: string, listener: () => void, options: { readonly signal: AbortSignal }) =>
    target.addEventListener(type, listener, { signal: options.signal })
}

/** An `EventSource` whose server is the test. */
export class FakeStream implements PageStream {
  readyState = 0
  onmessage: PageStream['onmessage'] = null
  onerror: PageStream['onerror'] = null

  async say(event: object): Promise<void> {
    if (this.readyState === 2) throw new Error('The stream is closed.')
    this.readyState = 1
    this.onmessage?.({ data: JSON.stringify(event) })
    await settled()
  }

  /** The connection is lost; after a refusal the browser does not connect again. */
  async fail(refused: boolean): Promise<void> {
    this.readyState = refused ? 2 : 0
    this.onerror?.()
    await settled()
  }

  close(): void {
    this.readyState = 2
  }
}

class FakeChannel implements PageChannel {
  onmessage: PageChannel['onmessage'] = null
  readonly #others: Set<FakeChannel>

  constructor(others: Set<FakeChannel>) {
    this.#others = others.add(this)
  }

  postMessage(message: unknown): void {
    for (const other of this.#others)
      if (other !== this) setImmediate(() => other.onmessage?.({ data: structuredClone(message) }))
  }

  close(): void {
    this.#others.delete(this)
    this.onmessage = null
  }
}

/** An answer of the routes. */
export function json(body: object, status = 200, headers: Record<string, string> = {}): Response {
  const type = status < 400 ? 'application/json; charset=utf-8' : 'application/problem+json; charset=utf-8'
  return Response.json(body, { status, headers: { 'content-type': type, ...headers } })
}

export function problem(code: string, status: number, members: object = {}): Response {
  return json({ type: `urn:problem-type:stockhold:${code}`, title: code, status, code, ...members }, status)
}
