import type { RankedVisitor } from './ranked-visitor.js'

/** The turns, and the passes that may still be used to buy: each in order of time. */
export class OutstandingPasses {
  /** Each with the door time at which it was given. */
  readonly #turns = new Map<RankedVisitor, number>()
  readonly #passes = new Set<RankedVisitor>()
  /** Passes that were used, and when: a later reading of the stock will include the purchase. */
  readonly #spent = new Map<RankedVisitor, number>()

  get size(): number {
    return this.#turns.size + this.#passes.size + this.#spent.size
  }

  hasTurn(place: RankedVisitor): boolean {
    return this.#turns.has(place)
  }

  isUnspent(place: RankedVisitor): boolean {
    return this.#passes.has(place)
  }

  addTurn(place: RankedVisitor, doorTime: number): void {
    this.#turns.set(place, doorTime)
  }

  /** Makes the turn a pass. */
  take(place: RankedVisitor): void {
    this.#turns.delete(place)
    this.#passes.add(place)
  }

  spend(place: RankedVisitor, now: number): void {
    this.#passes.delete(place)
    this.#spent.set(place, now)
  }

  /** Ends the visitor's turn or pass; returns whether it was a turn. */
  end(place: RankedVisitor): boolean {
    this.#passes.delete(place)
    this.#spent.delete(place)
    return this.#turns.delete(place)
  }

  /** The numbers whose turn was given at this door time or later. */
  turnsSince(doorTime: number): number[] {
    const numbers: number[] = []
    for (const [place, given] of this.#turns) if (given >= doorTime) numbers.push(place.number)
    return numbers
  }

  /** Ends the turns given up to this door time, and returns how many there were. */
  expire(doorTime: number): number {
    let expired = 0
    for (const [place, given] of this.#turns) {
      if (given > doorTime) break
      this.#turns.delete(place)
      expired++
    }
    return expired
  }

  /** Removes passes that have run out unused: they can no longer be used to buy. */
  runOut(now: number): void {
    for (const place of this.#passes) {
      if (now < place.expiresAt!) return
      this.#passes.delete(place)
    }
  }

  /** Removes passes spent before `at`: a reading of that time includes their purchases. */
  seeStockOf(at: number): void {
    for (const [place, spentAt] of this.#spent) {
      if (spentAt >= at) return
      this.#spent.delete(place)
    }
  }
}
