import type { Header } from './problems.js'

export const EVENT_STREAM_HEADERS: readonly Header[] = [
  ['content-type', 'text/event-stream; charset=utf-8'],
  // A proxy that collects or compresses the stream would keep events back.
  ['cache-control', 'no-store, no-transform'],
  ['x-accel-buffering', 'no'],
]

/**
 * What a stream sends. After an event that is `last` the stream ends, and browsers must not return.
 */
export interface Sent {
  /** JSON. */
  readonly data: string
  /** @default the events of a stream are numbered */
  readonly id?: string | undefined
  readonly last: boolean
}

export interface StreamSource {
  /** Told apart from others by this: the ticket. */
  readonly owner: string
  /** `id` of an event that is `last`; a browser that comes back with it is told to stop. */
  readonly lastId: string
  readonly events: AsyncIterator<Sent>
  /** Is told what ended the events before their end. */
  onError(error: unknown): void
}

const tuning = {
  /** A browser that lost its stream comes back after this time, in ms, or up to five times. */
  retryMs: 2_000,
  /** A client that has read nothing for this many heartbeats is given up. */
  unreadBeats: 3,
}

/**
 * The open event streams of one process: it bounds them, keeps them awake by one timer, and can end
 * them all at once.
 */
export class EventStreams {
  readonly #maxStreams: number
  readonly #perOwner: number
  readonly #heartbeatMs: number
  readonly #open = new Set<Stream>()
  readonly #owners = new Map<string, number>()
  #timer: NodeJS.Timeout | undefined
  #closed = false

  /** @param limits `perOwner`: streams that one owner may have open. */
  constructor(limits: {
    readonly maxStreams: number
    readonly perOwner: number
    readonly heartbeatMs: number
  }) {
    const { maxStreams, perOwner, heartbeatMs } = limits
    this.#maxStreams = maxStreams
    this.#perOwner = perOwner
    this.#heartbeatMs = heartbeatMs
  }

  get size(): number {
    return this.#open.size
  }

  /** Whether this owner may have a further stream. */
  hasRoomFor(owner: string): boolean {
    const own = this.#owners.get(owner) ?? 0
    return !this.#closed && this.#open.size < this.#maxStreams && own < this.#perOwner
  }

  open(source: StreamSource): ReadableStream<Uint8Array> {
    const { owner } = source
    const stream = new Stream(source, () => this.#forget(stream, owner))
    this.#open.add(stream)
    this.#owners.set(owner, (this.#owners.get(owner) ?? 0) + 1)
    this.#timer ??= setInterval(() => this.#beat(), this.#heartbeatMs).unref()
    return stream.body
  }

  /** Ends all streams. The browsers come back after their `retry`, to another process. */
  close(): void {
    this.#closed = true
    for (const stream of this.#open) stream.end()
  }

  #beat(): void {
    for (const stream of this.#open) stream.beat()
  }

  #forget(stream: Stream, owner: string): void {
    if (!this.#open.delete(stream)) return
    const left = this.#owners.get(owner)! - 1
    if (left > 0) this.#owners.set(owner, left)
    else this.#owners.delete(owner)
    if (this.#open.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}

const encoder = new TextEncoder()

/** One event stream. It asks for the next event only when the client has read the one before. */
class Stream {
  readonly body: ReadableStream<Uint8Array>
  readonly #source: StreamSource
  readonly #onEnd: () => void
  #controller!: ReadableStreamDefaultController<Uint8Array>
  #events = 0
  #unread = 0
  #ended = false

  constructor(source: StreamSource, onEnd: () => void) {
    this.#source = source
    this.#onEnd = onEnd
    this.body = new ReadableStream({
      start: (controller) => {
        this.#controller = controller
        const retryMs = Math.ceil(tuning.retryMs * (1 + 4 * Math.random()))
        this.#write(`retry: ${retryMs}\n\n`)
      },
      pull: () => this.#pull(),
      cancel: () => this.#finish(),
    })
  }

  /** A comment, so that no proxy takes a quiet stream for a dead one. */
  beat(): void {
    const isRead = (this.#controller.desiredSize ?? 0) > 0
    if (isRead) {
      this.#unread = 0
      this.#write(':\n\n')
    } else if (++this.#unread >= tuning.unreadBeats) this.end()
  }

  end(): void {
    if (this.#ended) return
    this.#finish()
    this.#controller.close()
  }

  /** Nothing here may reject: no caller would handle it, and the process would end. */
  async #pull(): Promise<void> {
    try {
      const { value, done } = await this.#source.events.next()
      if (this.#ended) return
      if (done) return this.end()
      const id = value.last ? this.#source.lastId : (value.id ?? String(++this.#events))
      this.#write(`id: ${id}\ndata: ${value.data}\n\n`)
      if (value.last) this.end()
    } catch (error) {
      this.#source.onError(error)
      this.end()
    }
  }

  #write(text: string): void {
    this.#controller.enqueue(encoder.encode(text))
  }

  #finish(): void {
    if (this.#ended) return
    this.#ended = true
    this.#onEnd()
    // The events may wait for their next one: they are told to stop, and not waited for.
    Promise.resolve(this.#source.events.return?.()).catch(() => {})
  }
}
