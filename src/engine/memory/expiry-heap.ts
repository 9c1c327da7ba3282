import type { Entry } from './state.js'

interface Due {
  readonly at: number
  readonly entry: Entry
}

/**
 * The holds by expiry: a binary heap with one place per hold. A place may be out of date, since a hold that was settled
 * or extended keeps it; `first` corrects that when the place comes up. It is never too late, for no hold gets shorter.
 */
export class ExpiryHeap {
  readonly #heap: Due[] = []

  add(entry: Entry): void {
    this.#heap.push({ at: entry.reservation.expiresAt, entry })
    this.#rise(this.#heap.length - 1)
  }

  /** The live hold that lapses first; among equals the one made first. */
  first(): Entry | undefined {
    for (let top = this.#heap[0]; top; top = this.#heap[0]) {
      const { state, expiresAt } = top.entry.reservation
      if (state !== 'held') this.#removeFirst()
      else if (expiresAt > top.at) this.#replaceFirst({ at: expiresAt, entry: top.entry })
      else return top.entry
    }
    return undefined
  }

  #removeFirst(): void {
    const last = this.#heap.pop()
    if (last && this.#heap.length > 0) this.#replaceFirst(last)
  }

  #replaceFirst(due: Due): void {
    this.#heap[0] = due
    this.#sink(0)
  }

  #rise(start: number): void {
    let index = start
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (!this.#swapIfBefore(index, parent)) return
      index = parent
    }
  }

  #sink(start: number): void {
    let index = start
    for (;;) {
      const child = this.#earlierChild(index)
      if (child >= this.#heap.length || !this.#swapIfBefore(child, index)) return
      index = child
    }
  }

  #earlierChild(index: number): number {
    const left = 2 * index + 1
    const right = left + 1
    return right < this.#heap.length && isBefore(this.#heap[right]!, this.#heap[left]!) ? right : left
  }

  #swapIfBefore(lower: number, upper: number): boolean {
    const below = this.#heap[lower]!
    const above = this.#heap[upper]!
    if (!isBefore(below, above)) return false
    this.#heap[upper] = below
    this.#heap[lower] = above
    return true
  }
}

function isBefore(a: Due, b: Due): boolean {
  return (a.at - b.at || a.entry.order - b.entry.order) < 0
}
