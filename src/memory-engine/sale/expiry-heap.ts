import { Heap } from '../../common/heap.js'
import type { Entry } from './entry.js'

interface Due {
  readonly at: number
  readonly entry: Entry
}

/**
 * The holds by expiry: a heap with one element per hold. An element may be out of date, since a
 * hold that was ended or extended keeps it; `first` corrects that when the element reaches the top.
 * An element is never too late, because no hold gets shorter.
 */
export class ExpiryHeap {
  readonly #heap = new Heap<Due>((a, b) => (a.at - b.at || a.entry.order - b.entry.order) < 0)

  add(entry: Entry): void {
    this.#heap.add({ at: entry.reservation.expiresAt, entry })
  }

  /** The live hold that expires first; among equals the one created first. */
  first(): Entry | undefined {
    for (let top = this.#heap.first; top; top = this.#heap.first) {
      const { state, expiresAt } = top.entry.reservation
      if (state !== 'held') this.#heap.takeFirst()
      else if (expiresAt > top.at) this.#heap.replaceFirst({ at: expiresAt, entry: top.entry })
      else return top.entry
    }
    return undefined
  }
}
