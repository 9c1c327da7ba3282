import { byText, type RankedVisitor } from './ranked-visitor.js'

/** The turns, and the passes that may still be used to buy: each in order of time. */
export class OutstandingPasses {
  /** Each with the door time at which it was given. */
  readonly #turns = new Map<RankedVisitor, number>()
  /** The same of turns that are kept for longer, for visitors who have missed one. */
  readonly #longTurns = new Map<RankedVisitor, number>()
  readonly #passes = new Set<RankedVisitor>()
  /** Passes that were used, and when: a later reading of the stock will include the purchase. */
  readonly #spent = new Map<RankedVisitor, number>()

  get size(): number {
    return this.#turns.size + this.#longTurns.size + this.#passes.size + this.#spent.size
  }

  /** How many there are, without the passes that have run out by then. */
  sizeAt(now: number): number {
    this.runOut(now)
    return this.size
  }

  get longTurns(): number {
    return this.#longTurns.size
  }

  hasTurn(visitor: RankedVisitor): boolean {
    return this.#turns.has(visitor) || this.#longTurns.has(visitor)
  }

  isUnspent(visitor: RankedVisitor): boolean {
    return this.#passes.has(visitor)
  }

  addTurn(visitor: RankedVisitor, doorTime: number, isLong: boolean): void {
    ;(isLong ? this.#longTurns : this.#turns).set(visitor, doorTime)
  }

  /** If the visitor's turn is kept for longer, it no longer is. */
  shorten(visitor: RankedVisitor, doorTime: number): void {
    if (this.#longTurns.delete(visitor)) this.#turns.set(visitor, doorTime)
  }

  /** Ends the turn that is kept for longer and was given earliest; returns its visitor. */
  endLongTurn(): RankedVisitor {
    const [[, earliest]] = this.#longTurns as unknown as [[RankedVisitor, number]]
    const together = [...this.#longTurns].filter(([, given]) => given === earliest)
    const [visitor] = together.map(([each]) => each).toSorted(byText) as [RankedVisitor]
    this.#longTurns.delete(visitor)
    return visitor
  }

  /** Makes the turn a pass. */
  take(visitor: RankedVisitor): void {
    this.#endTurn(visitor)
    this.#passes.add(visitor)
  }

  spend(visitor: RankedVisitor, now: number): void {
    this.#passes.delete(visitor)
    this.#spent.set(visitor, now)
  }

  /** Ends the visitor's turn or pass; returns whether it was a turn. */
  end(visitor: RankedVisitor): boolean {
    this.#passes.delete(visitor)
    this.#spent.delete(visitor)
    return this.#endTurn(visitor)
  }

  #endTurn(visitor: RankedVisitor): boolean {
    return this.#turns.delete(visitor) || this.#longTurns.delete(visitor)
  }

  /** The numbers whose turn was given at this door time or later. */
  turnsSince(doorTime: number): number[] {
    const numbers: number[] = []
    for (const turns of [this.#turns, this.#longTurns])
      for (const [visitor, given] of turns) if (given >= doorTime) numbers.push(visitor.number)
    return numbers
  }

  /**
   * Ends the turns, and the turns that are kept for longer, that were given up to these door times;
   * returns how many there were.
   */
  expire(doorTime: number, longDoorTime: number): number {
    return expire(this.#turns, doorTime) + expire(this.#longTurns, longDoorTime)
  }

  /** Removes passes that have run out unused: they can no longer be used to buy. */
  runOut(now: number): void {
    for (const visitor of this.#passes) {
      if (now < visitor.expiresAt!) return
      this.#passes.delete(visitor)
    }
  }

  /** Removes passes spent before `at`: a reading of that time includes their purchases. */
  seeStockOf(at: number): void {
    for (const [visitor, spentAt] of this.#spent) {
      if (spentAt >= at) return
      this.#spent.delete(visitor)
    }
  }
}

function expire(turns: Map<RankedVisitor, number>, doorTime: number): number {
  let expired = 0
  for (const [visitor, given] of turns) {
    if (given > doorTime) break
    turns.delete(visitor)
    expired++
  }
  return expired
}
