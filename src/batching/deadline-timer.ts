import type { Clock, Timer } from '../engine/clock.js'

/**
 * One timer for many deadlines: it is set to the earliest, and its owner sets the next one when it
 * calls back.
 */
export class DeadlineTimer {
  readonly #clock: Clock
  readonly #onDue: (now: number) => void
  readonly #keepsAlive: boolean
  #timer: Timer | undefined
  #at = Number.POSITIVE_INFINITY

  /**
   * @param keepsAlive Whether it keeps the process alive, until {@link keepAlive} says otherwise.
   */
  constructor(clock: Clock, onDue: (now: number) => void, keepsAlive = true) {
    this.#clock = clock
    this.#onDue = onDue
    this.#keepsAlive = keepsAlive
  }

  /** Calls back at this moment of the clock, or at an earlier one that is set already. */
  set(deadline: number): void {
    if (deadline >= this.#at) return
    this.#timer?.cancel()
    this.#at = deadline
    this.#timer = this.#clock.after(Math.max(1, Math.ceil(deadline - this.#clock.now())), () => {
      this.#at = Number.POSITIVE_INFINITY
      this.#onDue(this.#clock.now())
    })
    if (!this.#keepsAlive) this.#timer.keepAlive(false)
  }

  keepAlive(keep: boolean): void {
    this.#timer?.keepAlive(keep)
  }

  cancel(): void {
    this.#timer?.cancel()
    this.#at = Number.POSITIVE_INFINITY
  }
}
