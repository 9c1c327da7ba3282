import { expect } from 'vitest'
import { random } from '../../scripts/random.js'
import type { Engine } from '../../src/engine/engine.js'
import type { Port } from '../../src/engine/port.js'
import type { Timing } from '../../src/engine/timing.js'
import type { TimedEngine } from './engines.js'

/** Turns of the event loop in which a callback, and everything that follows from it without a timer, has happened. */
const TURNS = 4
/** ms that pass between two looks of `until`. */
const STEP_MS = 5
/** ms in which what a test waits for happens, or never does. */
const LIMIT_MS = 600_000

/** An engine, memory or Redis, whose timers go off only while the test lets time pass. The clock of the server is moved by `advance`. */
export interface SteppedEngine extends TimedEngine {
  /** By the timers' clock, ms. */
  elapsed(): number
  /**
   * Lets so many ms pass for the timers. Calls to the engine take no time: before the clock moves on, each call that a timer has caused is
   * answered.
   */
  pass(ms: number): Promise<void>
  /** Lets time pass until the call has settled. */
  during<T>(call: Promise<T>): Promise<T>
  /** Lets time pass until the condition holds. */
  until(check: () => boolean | Promise<boolean>): Promise<void>
  /** Resolves after so many ms of the timers' clock. */
  sleep(ms: number): Promise<void>
}

export function stepped(timed: TimedEngine): SteppedEngine {
  let now = 0
  const timers = new Set<{ readonly at: number; readonly callback: () => void }>()
  const calls = new Set<Promise<unknown>>()
  const timing: Timing = {
    now: () => now,
    random: random(1),
    after(ms, callback) {
      const timer = { at: now + ms, callback }
      timers.add(timer)
      // What is due at once needs no time to pass.
      if (ms <= 0) setImmediate(() => timers.delete(timer) && callback())
      return { cancel: () => void timers.delete(timer), keepAlive: () => {} }
    },
  }
  const counted = <T extends Promise<unknown> | undefined>(call: T): T => {
    if (call === undefined) return call
    const over = () => void calls.delete(call)
    calls.add(call)
    call.then(over, over)
    return call
  }
  const countedPort = <P extends Port<never>>(port: P): P =>
    ({
      ready: () => counted(port.ready()),
      run: (command: never, ops: never, call: never) => counted(port.run(command, ops, call)),
    }) as unknown as P
  const engine: Engine = {
    timing,
    elapsed: () => timed.engine.elapsed(),
    close: () => timed.engine.close(),
    room: (name) => countedPort(timed.engine.room(name) as never),
    partition: (...place) => countedPort(timed.engine.partition(...place) as never),
    handoff: (...place) => countedPort(timed.engine.handoff(...place) as never),
  }

  async function settle(): Promise<void> {
    for (let quiet = 0; quiet < TURNS; quiet++) {
      while (calls.size > 0) {
        await Promise.allSettled(calls)
        quiet = 0
      }
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  async function pass(ms: number): Promise<void> {
    const end = now + ms
    for (;;) {
      await settle()
      const first = earliest(timers)
      if (first === undefined || first.at > end) break
      now = Math.max(now, first.at)
      if (timers.delete(first)) first.callback()
    }
    now = end
  }

  async function until(check: () => boolean | Promise<boolean>): Promise<void> {
    for (const end = now + LIMIT_MS; !(await check()); await pass(STEP_MS))
      if (now > end) expect.fail(`${check} did not become true`)
  }

  return {
    ...timed,
    engine,
    elapsed: timing.now,
    pass,
    until,
    async during(call) {
      let over = false
      const settled = call.finally(() => {
        over = true
      })
      settled.catch(() => {})
      await until(() => over)
      return settled
    },
    sleep: (ms) => new Promise((resolve) => void timing.after(ms, resolve)),
  }
}

function earliest<T extends { readonly at: number }>(timers: Iterable<T>): T | undefined {
  let first: T | undefined
  for (const timer of timers) if (first === undefined || timer.at < first.at) first = timer
  return first
}
