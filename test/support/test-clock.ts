import { getEventListeners } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import type { Clock, Timer } from '../../src/engine/clock.js'
import type { Engine } from '../../src/index.js'

interface Waiting {
  readonly at: number
  readonly callback: () => void
  keepsAlive: boolean
}

/** A clock that a test moves on, and all timers on it: what was neither called back nor cancelled is counted. */
export class TestClock implements Clock {
  readonly #waiting = new Set<Waiting>()
  #now: number
  /** What `random` answers. */
  luck = 0
  /** How many timers were set since the beginning. */
  everSet = 0

  constructor(now = 0) {
    this.#now = now
  }

  now(): number {
    return this.#now
  }

  random(): number {
    return this.luck
  }

  after(ms: number, callback: () => void): Timer {
    const waiting = { at: this.#now + ms, callback, keepsAlive: true }
    this.#waiting.add(waiting)
    this.everSet++
    return {
      cancel: () => void this.#waiting.delete(waiting),
      keepAlive: (keep) => {
        waiting.keepsAlive = keep
      },
    }
  }

  /** Timers that are set. */
  get timers(): number {
    return this.#waiting.size
  }

  /** Of these, those that keep the process alive. */
  get keptAliveBy(): number {
    return [...this.#waiting].filter(({ keepsAlive }) => keepsAlive).length
  }

  /** ms until each of them, the next one first. */
  get due(): number[] {
    return [...this.#waiting].map(({ at }) => at - this.#now).sort((a, b) => a - b)
  }

  /** Lets so many ms pass: each timer that becomes due is called back at its own time, and what follows from it happens. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    await settled()
    for (;;) {
      const [next] = [...this.#waiting].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)
      if (!next) break
      this.#now = Math.max(this.#now, next.at)
      this.#waiting.delete(next)
      next.callback()
      await settled()
    }
    this.#now = end
  }
}

/** What follows by itself from what has happened, answers of a memory engine included. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await setImmediate()
}

/** How many listen to a signal. */
export function listeners(signal: AbortSignal): number {
  return getEventListeners(signal, 'abort').length
}

/** The engine, on another clock. */
export function onClock(engine: Engine, clock: TestClock): Engine {
  return {
    clock,
    elapsed: () => clock.now(),
    close: () => engine.close(),
    room: (name) => engine.room(name),
    groups: (...place) => engine.groups(...place),
    partition: (...place) => engine.partition(...place),
  }
}
