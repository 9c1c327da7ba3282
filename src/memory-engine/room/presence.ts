import { FORGET_AT_ONCE, GAP_MS, PRESENT_MS } from '../../engine/room.js'
import { PresentVisitors } from './present-visitors.js'
import { byText, type RankedVisitor } from './ranked-visitor.js'

/** The door time, the visitors last seen, and the visitors now present. */
export class Presence {
  readonly visitors = new PresentVisitors()
  /** The latest seen comes last. */
  readonly #seen = new Map<RankedVisitor, number>()
  /** Visitors who missed a turn and have polled since, and when they polled last. */
  readonly #returned = new Map<RankedVisitor, number>()
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

  /** From now on the visitor has returned, until they get a turn. */
  welcomeBack(visitor: RankedVisitor, rank: number): void {
    this.#seen.delete(visitor)
    this.#returned.set(visitor, this.#time)
    this.visitors.put(visitor, rank)
  }

  see(visitor: RankedVisitor, rank: number): void {
    this.#seen.delete(visitor)
    this.#seen.set(visitor, this.#time)
    this.visitors.put(visitor, rank)
  }

  /** @param waits Whether a visitor who has returned is present however long ago they polled. */
  isAway(visitor: RankedVisitor, waits: boolean): boolean {
    const returned = this.#returned.get(visitor)
    if (returned !== undefined && waits) return false
    const seen = returned ?? this.#seen.get(visitor)!
    return seen < this.#freshFrom || this.#time - seen > PRESENT_MS
  }

  /** The token goes to another, because this visitor is away. */
  passOver(visitor: RankedVisitor): void {
    this.visitors.remove(visitor)
    if (this.#returned.has(visitor)) return
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

  /** Forgets visitors who were not seen for this time: those seen earliest, a bounded number. */
  forgetAfter(ms: number): void {
    const stale: (readonly [RankedVisitor, number])[] = []
    for (const entry of this.#seen) {
      const isEnough = stale.length >= FORGET_AT_ONCE && entry[1] !== stale.at(-1)![1]
      if (this.#time - entry[1] < ms || isEnough) break
      stale.push(entry)
    }
    if (stale.length > FORGET_AT_ONCE) stale.sort(([a, seen], [b, other]) => seen - other || byText(a, b))
    for (const [visitor] of stale.slice(0, FORGET_AT_ONCE)) this.forget(visitor)
  }
}
