import type { RankedVisitor } from './ranked-visitor.js'

/** The turns, and the passes that may still buy something: each in order of time. */
export class OutstandingPasses {
  /** With the door time at which each was given. */
  readonly #turns = new Map<RankedVisitor, number>()
  readonly #passes = new Set<RankedVisitor>()
  /** Passes that were used, and when: the stock will show what was bought. */
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

  /** Ends whatever there is; answers whether it was a turn. */
  end(place: RankedVisitor): boolean {
    this.#passes.delete(place)
    this.#spent.delete(place)
    return this.#turns.delete(place)
  }

  /** Whose turn it has been since then. */
  turnsSince(doorTime: number): number[] {
    const numbers: number[] = []
    for (const [place, given] of this.#turns) if (given >= doorTime) numbers.push(place.number)
    return numbers
  }

  /** Ends the turns given until then, and answers how many they were. */
  expire(doorTime: number): number {
    let expired = 0
    for (const [place, given] of this.#turns) {
      if (given > doorTime) break
      this.#turns.delete(place)
      expired++
    }
    return expired
  }

  /** A pass that has run out and was not used buys nothing any more. */
  runOut(now: number): void {
    for (const place of this.#passes) {
      if (now < place.expiresAt!) return
      this.#passes.delete(place)
    }
  }

  /** The stock as it was then shows what was bought before. */
  seeStockOf(at: number): void {
    for (const [place, spentAt] of this.#spent) {
      if (spentAt >= at) return
      this.#spent.delete(place)
    }
  }
}
