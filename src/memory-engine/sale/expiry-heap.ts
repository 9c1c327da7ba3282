import type { Entry } from './entry.js'

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

  /** The live hold that expires first; among equals the one made first. */
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
    this.#sink()
  }

  #rise(start: number): void {
    for (let index = start; index > 0; ) {
      const parent = (index - 1) >> 1
      if (!this.#comesBefore(index, parent)) return
      this.#swap(index, parent)
      index = parent
    }
  }

  #sink(): void {
    for (let index = 0; ; ) {
      const child = this.#earlierChild(index)
      if (child >= this.#heap.length || !this.#comesBefore(child, index)) return
      this.#swap(child, index)
      index = child
    }
  }

  #earlierChild(index: number): number {
    const left = 2 * index + 1
    const right = left + 1
    return right < this.#heap.length && this.#comesBefore(right, left) ? right : left
  }

  #comesBefore(one: number, other: number): boolean {
    const [a, b] = [this.#heap[one]!, this.#heap[other]!]
    return (a.at - b.at || a.entry.order - b.entry.order) < 0
  }

  #swap(one: number, other: number): void {
    const [a, b] = [this.#heap[one]!, this.#heap[other]!]
    this.#heap[one] = b
    this.#heap[other] = a
  }
}
