/**
 * The time as anybody would count it: each ms of the clock is one of time, or half of one while
 * time is ahead.
 */
export class NaiveTime {
  #clock: number
  /** In halves of a ms. */
  #halves: number

  constructor(clock: number) {
    this.#clock = clock
    this.#halves = 2 * clock
  }

  get now(): number {
    return Math.floor(this.#halves / 2)
  }

  move(by: number): void {
    for (let i = 0; i < by; i++) {
      this.#clock++
      this.#halves = Math.max(this.#halves + 1, 2 * this.#clock)
    }
    if (by >= 0) return
    this.#clock += by
    this.#halves = 2 * this.now
  }

  see(minTime: number): void {
    if (minTime > this.now) this.#halves = 2 * minTime
    if (this.now <= this.#clock) this.#halves = 2 * this.#clock
  }
}
