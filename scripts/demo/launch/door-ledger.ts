import type { ReserveResult } from '../../../src/index.js'

/** The demo's own books of the waiting room, kept from nothing but what visitors were told. */
export class DoorLedger {
  readonly #passMs: number
  /** By buyer: when the latest pass ends, by the server's clock; 0 without one. */
  readonly #until: Float64Array
  /** One bit a buyer would do; one byte is simpler. */
  readonly #known: Uint8Array
  /** Visitors: buyers who joined. */
  visitors = 0
  /** Places given; more than there are visitors where a pass had run out. */
  joins = 0
  /** Answers to looks, and updates pushed. */
  looks = 0
  passes = 0
  /** Visitors who got a pass, each counted once. */
  admitted = 0
  /** Passes given to a buyer who had a valid one. */
  doubled = 0
  left = 0
  vanished = 0
  /** Told that everything is sold: visitors who never had a pass, and those who came again. */
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

  /** A look has found the door open. The same pass told again is one pass. */
  entered(buyer: number, expiresAt: number): void {
    const until = this.#until[buyer]!
    if (until === expiresAt) return
    this.passes++
    if (until === 0) this.admitted++
    // Both times are the server's, so it is exact: this one was given while the other was valid.
    else if (expiresAt - this.#passMs < until) this.doubled++
    this.#until[buyer] = expiresAt
  }

  /** A look has found the door closed for good. */
  closed(buyer: number): void {
    if (this.#until[buyer] === 0) this.turnedAway++
    else this.turnedAwayAgain++
  }

  /** A reservation was made. */
  reserved(buyer: number): void {
    if (this.#until[buyer] === 0) this.withoutPass++
  }

  /** Somebody tried to reserve with no pass of theirs. */
  cheated({ status }: ReserveResult): void {
    this.forged.tried++
    if (status === 'pass_rejected') this.forged.refused++
    else this.forged.accepted++
  }
}
