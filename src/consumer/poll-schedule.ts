import { between, type Clock } from '../engine/clock.js'
import { SETTLE_MS } from './consumer-context.js'

const tuning = {
  /** Between two readings of few events each, and between two looks when there are none. ms */
  readMs: 5,
  pollMs: 20,
  /** A page with fewer events is a sign that there are no more at the moment. */
  smallPage: 256,
  /**
   * A reading that is older says nothing about whether the engine still knows what it was told. ms
   */
  validMs: 1_000,
}

/**
 * When a partition is to be read: at once while there is much, ever more seldom while there is
 * nothing, and soon after news of it.
 */
export class PollSchedule {
  /** When to read next. */
  at = 0
  readonly #longestMs: number
  readonly #clock: Clock
  #lastAt = Number.NEGATIVE_INFINITY
  #pollMs = tuning.pollMs
  /** The latest sequence that is known to be no reason to read. */
  #knownLatest = 0

  constructor(longestMs: number, clock: Clock) {
    this.#longestMs = longestMs
    this.#clock = clock
  }

  /** Another lease: it is to be read at once. */
  begin(): void {
    this.at = this.#clock.now()
    this.#pollMs = tuning.pollMs
  }

  /** It was read, asked at that moment. */
  hasRead(at: number): void {
    this.#lastAt = at
  }

  /** The engine may come back as another than it was. */
  distrust(): void {
    this.#lastAt = Number.NEGATIVE_INFINITY
  }

  /** Whether it was read just now. */
  get isFresh(): boolean {
    return this.#clock.now() - this.#lastAt <= tuning.validMs
  }

  /**
   * Plans the next reading after one that brought so many events.
   *
   * @param latest What was said to be there when it was asked for.
   * @param at When it was asked for.
   * @returns Whether news may bring it forward.
   */
  plan(events: number, latest: number, at: number): boolean {
    const now = this.#clock.now()
    if (events === 0) {
      // What is said to be there and is not belongs to a history that was rolled back.
      this.#knownLatest = latest
      this.#pollMs = Math.min(this.#longestMs, this.#pollMs * 1.5)
    } else this.#pollMs = Math.min(this.#longestMs, tuning.pollMs)
    if (events >= tuning.smallPage) {
      // Others get a turn, where the engine answers without any time passing.
      this.at = Math.max(now, at + 1)
      return false
    }
    this.at = now + this.#pollMs * between(0.75, 1.25, this.#clock)
    return true
  }

  /** The partition is known to have gone on: whether it is to be read sooner than planned. */
  hurries(latest: number, read: number): boolean {
    if (latest <= read || latest <= this.#knownLatest) return false
    const at = this.#lastAt + tuning.readMs
    if (at >= this.at) return false
    this.at = at
    return true
  }

  /**
   * A reply of another kind, asked for at that moment, has told of new events, too: no need to look
   * for them as well.
   */
  hasHeard(at: number): void {
    if (this.#pollMs <= SETTLE_MS) return
    const longest = Math.min(2 * this.#pollMs, at - this.#lastAt + this.#pollMs)
    this.at = Math.max(this.at, this.#lastAt + longest)
  }
}
