import { expect } from 'vitest'

import { random } from '../../scripts/lib/random.js'
import type { Clock } from '../../src/engine/clock.js'

import type { Engine } from '../../src/engine/engine.js'
import type { Port } from '../../src/engine/port.js'
import { memoryKind, type TimedEngine } from './engines.js'

/** Turns of the event loop in which a callback, and everything that follows from it without a timer, has happened. */
const TURNS = 4
/** ms that pass between two looks of `until`. */
const STEP_MS = 5
/** ms in which what a test waits for happens, or never does. */
const LIMIT_MS = 600_000

interface Timer {
  readonly at: number
  keepsAlive: boolean
  readonly callback: () => void
}

/** Timers that go off only while the test lets time pass: nothing is late because the machine is busy. */
export class SteppedClock {
  #now = 0
  readonly #timers = new Set<Timer>()
  readonly #calls = new Set<Promise<unknown>>()
  readonly timing: Clock = {
    now: () => this.#now,
    random: random(1),
    after: (ms, callback) => {
      const timer = { at: this.#now + ms, keepsAlive: true, callback }
      this.#timers.add(timer)
      // What is due at once needs no time to pass.
      if (ms <= 0) setImmediate(() => this.#fire(timer))
      const keepAlive = (keep: boolean) => {
        timer.keepsAlive = keep
      }
      return { cancel: () => void this.#timers.delete(timer), keepAlive }
    },
  }

  /** ms since the beginning. */
  elapsed(): number {
    return this.#now
  }

  /** Timers that have not gone off; those that keep the process alive. */
  get timers(): { readonly all: number; readonly keepingAlive: number } {
    return {
      all: this.#timers.size,
      keepingAlive: [...this.#timers].filter(({ keepsAlive }) => keepsAlive).length,
    }
  }

  /** The process stands still: time goes on, and no timer goes off. */
  stall(ms: number): void {
    this.#now += ms
  }

  /** Lets so many ms pass. Before the clock moves on, each call of an engine that a timer has caused is answered. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms
    for (;;) {
      await this.#settle()
      const first = earliest(this.#timers)
      if (first === undefined || first.at > end) break
      this.#now = Math.max(this.#now, first.at)
      this.#fire(first)
    }
    this.#now = end
  }

  /** Lets time pass until the condition holds. */
  async until(check: () => boolean | Promise<boolean>): Promise<void> {
    for (const end = this.#now + LIMIT_MS; !(await check()); await this.pass(STEP_MS))
      if (this.#now > end) expect.fail(`${check} did not become true`)
  }

  /** Lets time pass until the call has settled. */
  async during<T>(call: Promise<T>): Promise<T> {
    let over = false
    const end = () => {
      over = true
    }
    call.then(end, end)
    await this.#settle()
    await this.until(() => over)
    return call
  }

  /** Resolves after so many ms. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.timing.after(ms, resolve))
  }

  /** The engine with these timers. */
  drive(engine: Engine): Engine {
    return {
      clock: this.timing,
      elapsed: () => engine.elapsed(),
      close: () => engine.close(),
      room: (name) => this.#counted(engine.room(name) as never),
      partition: (...place) => this.#counted(engine.partition(...place) as never),
      groups: (...place) => this.#counted(engine.groups(...place) as never),
    }
  }

  #counted<P extends Port<never>>(port: P): P {
    const count = <T extends Promise<unknown> | undefined>(call: T): T => {
      if (call === undefined) return call
      const over = () => void this.#calls.delete(call)
      this.#calls.add(call)
      call.then(over, over)
      return call
    }
    return {
      ready: () => count(port.ready()),
      run: (command: never, ops: never, call: never) => count(port.run(command, ops, call)),
    } as unknown as P
  }

  #fire(timer: Timer): void {
    if (this.#timers.delete(timer)) timer.callback()
  }

  async #settle(): Promise<void> {
    for (let quiet = 0; quiet < TURNS; quiet++) {
      while (this.#calls.size > 0) {
        await Promise.allSettled(this.#calls)
        quiet = 0
      }
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
}

/** An engine, memory or Redis, on a stepped clock. The clock of the server is moved by `advance`. */
export interface SteppedEngine extends TimedEngine {
  readonly clock: SteppedClock
}

export function stepped(timed: TimedEngine, clock = new SteppedClock()): SteppedEngine {
  return { ...timed, clock, engine: clock.drive(timed.engine) }
}

export async function steppedMemory(): Promise<SteppedEngine> {
  return stepped(await memoryKind().make())
}

function earliest(timers: Iterable<Timer>): Timer | undefined {
  let first: Timer | undefined
  for (const timer of timers) if (first === undefined || timer.at < first.at) first = timer
  return first
}
