import type { ReserveResult } from '../../../src/index.js'

/** The expected state of the waiting room, from nothing but the answers that visitors got. */
export class ExpectedAdmissions {
  readonly #passMs: number
  /** By buyer: when the latest pass ends, by the server's clock; 0 without one. */
  readonly #until: Float64Array
  /** By buyer: 1 after the first join. */
  readonly #known: Uint8Array
  /** Visitors: buyers who joined. */
  visitors = 0
  /** Places given; more than there are visitors if passes have expired. */
  joins = 0
  /** Answers to polls, and updates. */
  polls = 0
  passes = 0
  /** Visitors who got a pass, each counted once. */
  admitted = 0
  /** Passes given to a buyer who had a valid one. */
  doubled = 0
  left = 0
  vanished = 0
  /**
   * Visitors who were told that the sale is sold out: without any pass so far, and after joining
   * again.
   */
  turnedAway = 0
  turnedAwayAgain = 0
  readonly forged = { tried: 0, refused: 0, accepted: 0 }
  /** Reservations of buyers who never had a pass. */
  withoutPass = 0

  constructor(buyers: number, passMs: number) {
    this.#passMs = passMs
    this.#until = new Float64Array(buyers)
    this.#known = new Uint8Array(buyers)
  }

  joined(buyer: number): void {
    this.joins++
    if (this.#known[buyer] === 0) this.visitors++
    this.#known[buyer] = 1
  }

  /** The visitor is admitted. The same pass told again is one pass. */
  entered(buyer: number, expiresAt: number): void {
    const until = this.#until[buyer]!
    if (until === expiresAt) return
    this.passes++
    if (until === 0) this.admitted++
    // Both times are the server's, so this is exact: the new pass was given while the old one was
    // valid.
    else if (expiresAt - this.#passMs < until) this.doubled++
    this.#until[buyer] = expiresAt
  }

  /** The visitor was told that the room is closed. */
  closed(buyer: number): void {
    if (this.#until[buyer] === 0) this.turnedAway++
    else this.turnedAwayAgain++
  }

  /** A reservation was made. */
  reserved(buyer: number): void {
    if (this.#until[buyer] === 0) this.withoutPass++
  }

  /** A buyer tried to reserve without a pass of their own. */
  cheated({ status }: ReserveResult): void {
    this.forged.tried++
    if (status === 'pass_rejected') this.forged.refused++
    else this.forged.accepted++
  }
}
