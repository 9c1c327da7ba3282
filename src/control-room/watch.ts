import { randomUUID } from 'node:crypto'
import { type Clock, processClock, type Timer } from '../engine/clock.js'
import { isAway, StockholdError } from '../errors.js'
import type { Sent } from '../http/event-streams.js'
import type { CheckedOptions } from './options.js'
import { Reader } from './reader.js'
import type { Told } from './view.js'

const tuning = {
  /** From the beginning of a reading to that of the next one. ms */
  everyMs: 1_000,
  /** A stream ends after this time: the browser comes back, and is authorized again. ms */
  streamMs: 300_000,
}

interface Latest {
  readonly id: string
  readonly readAt: number
  readonly told: Told
  /** The same as JSON: one text for all viewers. */
  readonly text: string
}

/** Reads once a second for all viewers together, as long as there are some. */
export class Watch {
  readonly #onError: (error: unknown) => void
  readonly #clock: Clock
  readonly #reader: Reader
  readonly #viewers = new Set<() => void>()
  /** Ids of different processes must differ: a browser may come back to another one. */
  readonly #name = randomUUID()
  #readings = 0
  #latest: Latest | undefined
  #reading: Promise<Latest> | undefined
  #timer: Timer | undefined

  constructor(options: CheckedOptions) {
    this.#onError = options.onError
    this.#clock = options.engine.clock ?? processClock
    this.#reader = new Reader(options)
  }

  /** What there is to see now, as JSON. It shares the readings of the viewers. */
  async current(): Promise<string> {
    return (this.#fresh ?? (await this.#read())).text
  }

  /**
   * What there is to see, whenever it was read again; a viewer who reads slowly misses some.
   *
   * @param seen The id of what the viewer has already.
   */
  updates(seen: string | null): AsyncIterator<Sent> {
    const until = this.#clock.now() + tuning.streamMs
    let last = seen
    let over = false
    let wake = () => {}
    const viewer = () => wake()
    this.#viewers.add(viewer)
    this.#start()
    const done = { value: undefined, done: true } as const
    return {
      next: async () => {
        for (;;) {
          if (over || this.#clock.now() >= until) return done
          const latest = this.#fresh
          if (latest && latest.id !== last) {
            last = latest.id
            return { value: { data: latest.text, id: latest.id, last: false }, done: false }
          }
          await new Promise<void>((resolve) => {
            wake = resolve
          })
        }
      },
      return: async () => {
        over = true
        wake()
        if (this.#viewers.delete(viewer) && this.#viewers.size === 0) this.#stop()
        return done
      },
    }
  }

  /** While there are viewers the latest one is fresh: every reading replaces it. */
  get #fresh(): Latest | undefined {
    const isFresh =
      this.#timer !== undefined ||
      (this.#latest !== undefined && this.#clock.now() - this.#latest.readAt < tuning.everyMs)
    return isFresh ? this.#latest : undefined
  }

  #start(): void {
    if (this.#timer) return
    this.#latest = this.#fresh
    this.#schedule()
    if (!this.#latest) this.#read()
  }

  #schedule(): void {
    this.#timer = this.#clock.after(tuning.everyMs, () => {
      this.#schedule()
      this.#read()
    })
    this.#timer.keepAlive(false)
  }

  #stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    if (!this.#reading) this.#rest()
  }

  /** One reading at a time, which all who ask meanwhile wait for. Never rejects. */
  #read(): Promise<Latest> {
    this.#reading ??= this.#readNow().finally(() => {
      this.#reading = undefined
      if (this.#viewers.size === 0) this.#rest()
    })
    return this.#reading
  }

  async #readNow(): Promise<Latest> {
    const readAt = this.#clock.now()
    const at = Date.now()
    const before = this.#latest?.told
    let told: Told
    try {
      told = { at, problem: null, viewAt: at, view: await this.#reader.read() }
    } catch (error) {
      if (!isAway(error)) this.#onError(error)
      const code = error instanceof StockholdError ? error.code : 'INTERNAL'
      const since = before?.problem?.since ?? at
      told = { at, problem: { code, since }, viewAt: before?.viewAt ?? null, view: before?.view ?? null }
    }
    const latest = { id: `${this.#name}-${++this.#readings}`, readAt, told, text: JSON.stringify(told) }
    this.#latest = latest
    for (const wake of this.#viewers) wake()
    return latest
  }

  #rest(): void {
    this.#reader.rest().catch(this.#onError)
  }
}
