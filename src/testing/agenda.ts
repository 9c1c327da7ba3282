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
 * The one clock of a simulation, and what is to happen when. Time passes only from one event to the next; events of the same
 * moment happen in the order in which they were entered.
 */
export class Agenda {
  /** ms since the beginning. */
  now = 0
  readonly #heap: Entry[] = []
  #entered = 0

  after(ms: number, run: () => void): Event {
    const entry: Entry = { at: this.now + Math.max(0, ms), order: this.#entered++, run }
    this.#heap.push(entry)
    this.#rise(this.#heap.length - 1)
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

  /** Lets one thing after another happen, until it is `done` or nothing is left. After each, all that follows by itself has. */
  async play(done: () => boolean): Promise<void> {
    await settle()
    while (!done()) {
      const entry = this.#takeFirst()
      if (!entry) return
      if (!entry.run) continue
      this.now = entry.at
      entry.run()
      await settle()
    }
  }

  #takeFirst(): Entry | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (!first || !last || first === last) return first
    heap[0] = last
    this.#sink()
    return first
  }

  #rise(start: number): void {
    const heap = this.#heap
    for (let at = start; at > 0; ) {
      const parent = (at - 1) >> 1
      if (!isBefore(heap[at]!, heap[parent]!)) return
      ;[heap[at], heap[parent]] = [heap[parent]!, heap[at]!]
      at = parent
    }
  }

  #sink(): void {
    const heap = this.#heap
    for (let at = 0; ; ) {
      let child = 2 * at + 1
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (child >= heap.length || !isBefore(heap[child]!, heap[at]!)) return
      ;[heap[at], heap[child]] = [heap[child]!, heap[at]!]
      at = child
    }
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.at === b.at ? a.order < b.order : a.at < b.at
}

/** Promises that follow from what has happened are settled by then, however long their chain: the event loop has gone round. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
