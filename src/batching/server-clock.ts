import { type Clock, processClock } from '../engine/clock.js'

/** The server's time as a process knows it, from the times in the replies. */
export class ServerClock {
  /** The latest server time seen. */
  lastNow = 0
  /** How far the time of the latest reply was ahead of the server's clock. ms */
  #ahead = 0
  /**
   * A lower bound of the server's clock minus this clock, from the reply that took the least time.
   */
  #offset = Number.NEGATIVE_INFINITY
  #learning: Promise<void> | undefined

  constructor(readonly local: Clock = processClock) {}

  /**
   * @param now The time of a reply.
   * @param clock The server's clock at that time: less, if it was set back.
   * @param sentAt When the call was sent, by the local clock.
   */
  record(now: number, clock: number, sentAt: number): void {
    this.lastNow = Math.max(this.lastNow, now)
    this.#measure(clock, sentAt)
    this.#ahead = now - clock
  }

  /** Asks for the server's time if it is not known yet; `undefined` if it is. */
  learn(time: () => Promise<number>): Promise<void> | undefined {
    if (this.#offset > Number.NEGATIVE_INFINITY) return undefined
    const sentAt = this.local.now()
    this.#learning ??= time()
      .then((now) => this.#measure(now, sentAt))
      .finally(() => {
        this.#learning = undefined
      })
    return this.#learning
  }

  /** The server's clock showed this (in whole ms) at some moment since `sentAt`. */
  #measure(clock: number, sentAt: number): void {
    const least = clock - this.local.now()
    const most = clock + 1 - sentAt
    // A greater offset is possible only if a clock was set since: then earlier measurements are
    // void.
    this.#offset = this.#offset > most ? least : Math.max(this.#offset, least)
  }

  /**
   * The server's clock at a moment of the local clock, as far as it is known. If it is not known,
   * the only safe answer is "no limit": clocks of applications may be hours off.
   */
  at(moment: number): number {
    return this.#offset === Number.NEGATIVE_INFINITY
      ? Number.MAX_SAFE_INTEGER
      : Math.floor(this.#offset + moment)
  }

  /**
   * The server's time, as far as it is known: its clock, or more while the clock is behind a time
   * it answered before.
   */
  get now(): number {
    return this.at(this.local.now()) + this.#ahead
  }

  /**
   * The latest time seen plus the time since, by a clock of this process: at half speed while the
   * time is ahead of the server's clock.
   */
  after(elapsedMs: number): number {
    return this.lastNow + Math.max(elapsedMs / 2, elapsedMs - this.#ahead)
  }
}
