import { GAP_MS, PRESENT_MS } from '../../engine/room.js'
import { PresentVisitors } from './admission.js'
import type { RankedVisitor } from './ranked-visitor.js'

/** The door time, the visitors last seen, and the visitors now present. */
export class Presence {
  readonly visitors = new PresentVisitors()
  /** The latest seen comes last. */
  readonly #seen = new Map<RankedVisitor, number>()
  #time = 0
  #freshFrom = 0
  #running = true

  get time(): number {
    return this.#time
  }

  pass(elapsed: number, running: boolean): void {
    if (running) {
      this.#time += Math.min(elapsed, GAP_MS)
      if (elapsed > GAP_MS || !this.#running) this.#freshFrom = ++this.#time
    }
    this.#running = running
  }

  remembers(place: RankedVisitor): boolean {
    return this.#seen.has(place)
  }

  see(place: RankedVisitor, rank: number): void {
    this.#seen.delete(place)
    this.#seen.set(place, this.#time)
    this.visitors.put(place, rank)
  }

  isAway(place: RankedVisitor): boolean {
    const seen = this.#seen.get(place)!
    return seen < this.#freshFrom || this.#time - seen > PRESENT_MS
  }

  forget(place: RankedVisitor): void {
    this.#seen.delete(place)
    this.visitors.remove(place)
  }

  /** Forgets visitors who were not seen for this time. */
  forgetAfter(ms: number): void {
    for (const [place, seen] of this.#seen) {
      if (this.#time - seen < ms) return
      this.forget(place)
    }
  }
}
