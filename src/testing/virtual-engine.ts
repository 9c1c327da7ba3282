import { setImmediate as turn } from 'node:timers/promises'
import type { Timer } from '../engine/clock.js'
import type { Engine } from '../engine/engine.js'
import { memoryEngine } from '../memory-engine/memory-engine.js'
import { checkBoolean, checkInteger, checkOptions, type Names } from '../validation.js'
import { Agenda, EPOCH } from './agenda.js'

/** A memory engine whose time passes only when a test advances it. */
export interface VirtualEngine {
  readonly engine: Engine
  /** The time, epoch ms, as a sale on this engine sees it. */
  now(): number
  /**
   * Advances the clock by this many ms: holds expire, deadlines pass, and all timers due on the way
   * have run. Takes no real time.
   */
  advance(ms: number): Promise<void>
}

/** Options of `virtualEngine`. */
export interface VirtualEngineOptions {
  /** When the clock starts, epoch ms. @default 2026-01-01 */
  now?: number | undefined
  /**
   * Whether time passes by itself while a call waits for it, such as `room.poll()` for its turn to
   * ask: then the clock advances to the next timer at once. It stands still while only background
   * timers remain, such as those for expiring holds. A consumer always waits.
   * @default false
   */
  autoAdvance?: boolean | undefined
}

const OPTIONS: Names<VirtualEngineOptions> = { now: true, autoAdvance: true }

/**
 * Turns of the event loop until the request of a timer has been answered and the answer handled.
 */
const TURNS = 3

/**
 * A memory engine with its own clock: stock, holds, deadlines and sweeps of all its sales and rooms
 * use this clock, and not the timers of the process. A test of ten minutes takes no time.
 *
 * A call that has to wait, such as `room.poll()` when many visitors poll, is answered only when the
 * clock reaches that time: start the call, call `advance`, and then await the first call, or let
 * the clock advance by itself with `autoAdvance`.
 */
export function virtualEngine(options: VirtualEngineOptions = {}): VirtualEngine {
  const { now: given, autoAdvance } = checkOptions(options, 'options', OPTIONS)
  const start = checkInteger(given ?? EPOCH, 'now', 0, 8_640_000_000_000_000)
  const clock = new VirtualClock(checkBoolean(autoAdvance ?? false, 'autoAdvance'))
  const memory = memoryEngine({ now: () => start + clock.now() })
  return {
    engine: {
      elapsed: clock.now,
      clock: { now: clock.now, random: Math.random, after: (ms, callback) => clock.after(ms, callback) },
      isLocal: true,
      partition: (sale, index, partitions) => memory.partition(sale, index, partitions),
      room: (name) => memory.room(name),
      groups: (...partition) => memory.groups(...partition),
      lifecycle: memory.lifecycle,
      operationsLog: memory.operationsLog,
      heartbeat: memory.heartbeat,
      sales: () => memory.sales(),
      rooms: () => memory.rooms(),
      close: () => memory.close(),
    },
    now: () => start + clock.now(),
    advance: async (ms) => clock.advance(checkInteger(ms, 'ms', 0, 8_640_000_000_000_000)),
  }
}

class VirtualClock {
  readonly #agenda = new Agenda()
  readonly #autoAdvance: boolean
  /** The timers that a call waits for. */
  readonly #awaited = new Set<object>()
  /** How many timers were set. A call that continues without the clock sets some. */
  #set = 0
  #advancing = 0
  #drives = false

  constructor(autoAdvance: boolean) {
    this.#autoAdvance = autoAdvance
  }

  readonly now = () => this.#agenda.now

  after(ms: number, callback: () => void): Timer {
    this.#set++
    const { cancel } = this.#agenda.after(ms, () => {
      this.#awaited.delete(timer)
      pending = false
      callback()
    })
    let pending = true
    const timer: Timer = {
      cancel: () => {
        this.#awaited.delete(timer)
        pending = false
        cancel()
      },
      keepAlive: (keep) => {
        if (keep && pending) this.#await(timer)
        else this.#awaited.delete(timer)
      },
    }
    this.#await(timer)
    return timer
  }

  async advance(ms: number): Promise<void> {
    let over = false
    this.#advancing++
    this.#agenda.after(ms, () => {
      over = true
    })
    await turns(TURNS)
    while (!over) {
      await this.#step()
      await turns(TURNS)
    }
    this.#advancing--
    void this.#drive()
  }

  #await(timer: Timer): void {
    this.#awaited.add(timer)
    void this.#drive()
  }

  /** Advances from one timer to the next while a call waits for a timer. */
  async #drive(): Promise<void> {
    if (!this.#autoAdvance || this.#drives) return
    this.#drives = true
    await this.#atRest()
    while (this.#awaited.size > 0 && this.#advancing === 0) {
      await this.#step()
      await this.#atRest()
    }
    this.#drives = false
  }

  /** Runs one timer at a time, and checks before each whether to go on. */
  #step(): Promise<void> {
    let asked = 0
    return this.#agenda.play(() => asked++ > 0)
  }

  /** Waits until no call continues without the clock: each call that continues sets a timer. */
  async #atRest(): Promise<void> {
    for (let before = -1; before !== this.#set; ) {
      before = this.#set
      await turns(TURNS)
    }
  }
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await turn()
}
