import { GAP_MS, PRESENT_MS } from '../../engine/room.js'
import { PresentVisitors } from './present-visitors.js'
import type { RankedVisitor } from './ranked-visitor.js'

/** The door time, the visitors last seen, and the visitors now present. */
export class Presence {
  readonly visitors = new PresentVisitors()
  /** The latest seen comes last. */
  readonly #seen = new Map<RankedVisitor, number>()
  /** Visitors who missed a turn and have polled since: each is present until the first token. */
  readonly #returned = new Set<RankedVisitor>()
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

  remembers(visitor: RankedVisitor): boolean {
    return this.#seen.has(visitor)
  }

  hasReturned(visitor: RankedVisitor): boolean {
    return this.#returned.has(visitor)
  }

  /** From now on the visitor is present, until they get a turn. */
  welcomeBack(visitor: RankedVisitor, rank: number): void {
    this.#seen.delete(visitor)
    this.#returned.add(visitor)
    this.visitors.put(visitor, rank)
  }

  see(visitor: RankedVisitor, rank: number): void {
    this.#seen.delete(visitor)
    this.#seen.set(visitor, this.#time)
    this.visitors.put(visitor, rank)
  }

  isAway(visitor: RankedVisitor): boolean {
    if (this.#returned.has(visitor)) return false
    const seen = this.#seen.get(visitor)!
    return seen < this.#freshFrom || this.#time - seen > PRESENT_MS
  }

  /** The token goes to another, because this visitor is away. */
  passOver(visitor: RankedVisitor): void {
    this.visitors.remove(visitor)
    // Time in which the room stood still counts against no visitor.
    if (this.#seen.get(visitor)! < this.#freshFrom) return
    this.#seen.delete(visitor)
    visitor.offered = 'token'
  }

  forget(visitor: RankedVisitor): void {
    this.#seen.delete(visitor)
    this.#returned.delete(visitor)
    this.visitors.remove(visitor)
  }

  /** Forgets visitors who were not seen for this time. */
  forgetAfter(ms: number): void {
    for (const [visitor, seen] of this.#seen) {
      if (this.#time - seen < ms) return
      this.forget(visitor)
    }
  }
}
