import { setImmediate as turn } from 'node:timers/promises'
import { Heap } from '../common/heap.js'

/** 2026-01-01: the default start of virtual time. */
export const EPOCH = 1_767_225_600_000

/** A scheduled event. */
export interface Event {
  /** Cancels the event. */
  cancel(): void
}

interface Entry {
  readonly at: number
  readonly order: number
  run: (() => void) | undefined
}

/**
 * The clock of a simulation, with its scheduled events. Time passes only from one event to the
 * next. Events of the same moment run in the order in which they were scheduled.
 */
export class Agenda {
  /** ms since the start. */
  now = 0
  readonly #entries = new Heap<Entry>((a, b) => (a.at === b.at ? a.order < b.order : a.at < b.at))
  readonly #settle: () => Promise<void>
  #entered = 0

  /** @param settle Resolves when all promises that follow from past events are settled. */
  constructor(settle: () => Promise<void> = () => turn()) {
    this.#settle = settle
  }

  after(ms: number, run: () => void): Event {
    const entry: Entry = { at: this.now + Math.max(0, ms), order: this.#entered++, run }
    this.#entries.add(entry)
    return {
      cancel: () => {
        entry.run = undefined
      },
    }
  }

  /** Resolves after this much time has passed. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve))
  }

  /**
   * Runs one event after another until `done` is true or no event is left. After each event, all
   * promises that follow from it settle before the next.
   */
  async play(done: () => boolean): Promise<void> {
    await this.#settle()
    while (!done()) {
      const entry = this.#entries.takeFirst()
      if (!entry) return
      if (!entry.run) continue
      this.now = entry.at
      entry.run()
      await this.#settle()
    }
  }
}
