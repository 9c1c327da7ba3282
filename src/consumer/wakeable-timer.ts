import type { Clock, Timer } from '../engine/clock.js'

/**
 * Sleeps until a moment, or until it is woken. If it is woken while awake, the next sleep ends at
 * once.
 */
export class WakeableTimer {
  readonly #clock: Clock
  #timer: Timer | undefined
  #rise: (() => void) | undefined
  #called = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @param until By the process's clock; infinite: until it is woken. */
  sleep(until: number): Promise<void> {
    if (this.#called) {
      this.#called = false
      return Promise.resolve()
    }
    return new Promise((resolve) => {
      this.#rise = () => {
        this.#timer?.cancel()
        this.#rise = undefined
        resolve()
      }
      if (until === Number.POSITIVE_INFINITY) return
      const ms = Math.max(0, Math.ceil(until - this.#clock.now()))
      this.#timer = this.#clock.after(ms, this.#rise)
    })
  }

  wake(): void {
    if (this.#rise) this.#rise()
    else this.#called = true
  }
}
