import { Heap } from '../common/heap.js'

/** 2026-01-01: when a virtual time begins, unless a test names another moment. */
export const EPOCH = 1_767_225_600_000

/** Something that is going to happen. */
export interface Event {
  /** Makes it never happen. */
  cancel(): void
}

interface Entry {
  readonly at: number
  readonly order: number
  run: (() => void) | undefined
}

/**
 * The one clock of a simulation, and what is to happen when. Time passes only from one event to the
 * next; events of the same moment happen in the order in which they were entered.
 */
export class Agenda {
  /** ms since the beginning. */
  now = 0
  readonly #entries = new Heap<Entry>((a, b) => (a.at === b.at ? a.order < b.order : a.at < b.at))
  #entered = 0

  after(ms: number, run: () => void): Event {
    const entry: Entry = { at: this.now + Math.max(0, ms), order: this.#entered++, run }
    this.#entries.add(entry)
    return {
      cancel: () => {
        entry.run = undefined
      },
    }
  }

  /** Resolves after so much time has passed. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve))
  }

  /**
   * Lets one thing after another happen, until it is `done` or nothing is left. After each, all
   * that follows by itself has.
   */
  async play(done: () => boolean): Promise<void> {
    await settle()
    while (!done()) {
      const entry = this.#entries.takeFirst()
      if (!entry) return
      if (!entry.run) continue
      this.now = entry.at
      entry.run()
      await settle()
    }
  }
}

/**
 * Promises that follow from what has happened are settled by then, however long their chain: the
 * event loop has gone round.
 */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
