import { getEventListeners } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import { expect } from 'vitest'
import { random } from '../../scripts/lib/random.js'
import type { Clock, Timer } from '../../src/engine/clock.js'
import type { Port } from '../../src/engine/port.js'
import type { Engine } from '../../src/index.js'
import { memoryKind, type TimedEngine } from './engines.js'
import { unanswered } from './unanswered.js'
import { withPorts } from './wrapped-engine.js'

/**
 * Turns of the event loop in which a callback, and everything that follows from it without a timer,
 * has happened.
 */
const TURNS = 4
/** ms that pass between two looks of `until`. */
const STEP_MS = 5
/** ms in which what a test waits for happens, or never does. */
const LIMIT_MS = 600_000

interface Waiting {
  readonly at: number
  readonly callback: () => void
  keepsAlive: boolean
}

/**
 * A clock that a test moves on, and the timers on it. A timer goes off only while the test lets
 * time pass, so nothing is late because the machine is busy. Timers that did not go off are
 * counted.
 */
export class TestClock implements Clock {
  readonly #waiting = new Set<Waiting>()
  /** Calls of driven engines that have not been answered. */
  readonly #calls = new Set<Promise<unknown>>()
  #now: number
  readonly #varied: Clock = {
    now: () => this.#now,
    random: random(1),
    after: (ms, callback) => this.after(ms, callback),
  }
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
    // A timer that is due at once needs no time to pass.
    if (ms <= 0) setImmediate(() => this.#fire(waiting))
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

  /** The process stands still: time goes on, and no timer goes off. */
  stall(ms: number): void {
    this.#now += ms
  }

  /**
   * Lets so many ms pass. Each timer that becomes due goes off at its own time; before the clock
   * moves on, what follows from it has happened, and each call of a driven engine, and each command
   * to the Redis of the suite, is answered.
   */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    for (;;) {
      await this.#settled()
      const next = this.#earliest()
      if (next === undefined || next.at > end) break
      this.#now = Math.max(this.#now, next.at)
      this.#fire(next)
    }
    this.#now = end
  }

  /** Lets time pass until the condition holds. */
  async until(check: () => boolean | Promise<boolean>): Promise<void> {
    for (const end = this.#now + LIMIT_MS; !(await check()); await this.advance(STEP_MS))
      if (this.#now > end) expect.fail(`${check} did not become true`)
  }

  /** Lets time pass until the call has settled. */
  async during<T>(call: Promise<T>): Promise<T> {
    let over = false
    const end = () => {
      over = true
    }
    call.then(end, end)
    await this.#settled()
    await this.until(() => over)
    return call
  }

  /** Resolves after so many ms. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.after(ms, resolve))
  }

  /**
   * The engine with these timers. Its handles draw numbers that vary, so that they do not all wait
   * for equally long.
   *
   * @param beats Whether it has a heartbeat.
   */
  drive(engine: Engine, beats = false): Engine {
    const { servers } = engine
    return {
      ...withPorts(engine, (port) => this.#counted(port), beats),
      clock: this.#varied,
      sales: () => this.#listed(engine.sales()),
      rooms: () => this.#listed(engine.rooms()),
      servers:
        servers &&
        (() => servers().map((server) => ({ ...server, figures: () => this.#count(server.figures()) }))),
    }
  }

  #counted(port: Port<never>): Port<never> {
    return {
      ready: () => this.#count(port.ready()),
      run: (command, ops, call) => this.#count(port.run(command, ops, call)),
    }
  }

  async *#listed<T>(list: AsyncIterable<T>): AsyncGenerator<T> {
    const iterator = list[Symbol.asyncIterator]()
    try {
      for (;;) {
        const { done, value } = await this.#count(iterator.next())
        if (done) return
        yield value
      }
    } finally {
      await iterator.return?.()
    }
  }

  #count<T extends Promise<unknown> | undefined>(call: T): T {
    if (call === undefined) return call
    const over = () => void this.#calls.delete(call)
    this.#calls.add(call)
    call.then(over, over)
    return call
  }

  #earliest(): Waiting | undefined {
    let first: Waiting | undefined
    for (const waiting of this.#waiting) if (first === undefined || waiting.at < first.at) first = waiting
    return first
  }

  #fire(waiting: Waiting): void {
    if (this.#waiting.delete(waiting)) waiting.callback()
  }

  async #settled(): Promise<void> {
    for (let quiet = 0; quiet < TURNS; quiet++) {
      while (this.#calls.size > 0 || unanswered.size > 0) {
        await Promise.allSettled([...this.#calls, ...unanswered])
        quiet = 0
      }
      await turn()
    }
  }
}

/**
 * An engine, memory or Redis, whose handles wait by a clock of the test. `advance` moves the clock
 * of the server.
 */
export interface ClockedEngine extends TimedEngine {
  readonly clock: TestClock
}

export function clocked(timed: TimedEngine, clock = new TestClock()): ClockedEngine {
  return { ...timed, clock, engine: clock.drive(timed.engine) }
}

export async function clockedMemory(): Promise<ClockedEngine> {
  return clocked(await memoryKind().make())
}

/** What follows by itself from what has happened, answers of a memory engine included. */
export async function settled(): Promise<void> {
  for (let i = 0; i < TURNS; i++) await turn()
}

/** How many listen to a signal. */
export function listeners(signal: AbortSignal): number {
  return getEventListeners(signal, 'abort').length
}
