import { between, type Clock } from '../engine/clock.js'
import { SETTLE_MS } from './consumer-context.js'

const tuning = {
  /** Between two reads of a few events each, and between two polls when there are none. ms */
  readMs: 5,
  pollMs: 20,
  /** A page with fewer events means that there are no more at the moment. */
  smallPage: 256,
  /** An older read does not prove that the engine still has the acknowledged history. ms */
  validMs: 1_000,
}

/**
 * When to read a partition: at once while there are many events, more and more seldom while there
 * are none, and soon after a reply that reports new ones.
 */
export class PollSchedule {
  /** When to read next. */
  at = 0
  readonly #longestMs: number
  readonly #clock: Clock
  #lastAt = Number.NEGATIVE_INFINITY
  #pollMs = tuning.pollMs
  /** The latest known sequence that is no reason to read. */
  #knownLatest = 0

  constructor(longestMs: number, clock: Clock) {
    this.#longestMs = longestMs
    this.#clock = clock
  }

  /** A new lease begins: the partition is read at once. */
  begin(): void {
    this.at = this.#clock.now()
    this.#pollMs = tuning.pollMs
  }

  /** The partition was read, with a call that began at `at`. */
  hasRead(at: number): void {
    this.#lastAt = at
  }

  /** The engine may come back with another history. */
  distrust(): void {
    this.#lastAt = Number.NEGATIVE_INFINITY
  }

  /** Whether the partition was read just now. */
  get isFresh(): boolean {
    return this.#clock.now() - this.#lastAt <= tuning.validMs
  }

  /**
   * Plans the next read after one that returned this number of events.
   *
   * @param latest The partition's latest sequence as known when the read began.
   * @param at When the read began.
   * @returns Whether a reply that reports new events may bring the next read forward.
   */
  plan(events: number, latest: number, at: number): boolean {
    const now = this.#clock.now()
    if (events === 0) {
      // Events that were reported and cannot be read belong to a history that was rolled back.
      this.#knownLatest = latest
      this.#pollMs = Math.min(this.#longestMs, this.#pollMs * 1.5)
    } else this.#pollMs = Math.min(this.#longestMs, tuning.pollMs)
    if (events >= tuning.smallPage) {
      // At least 1 ms later, so that other work gets a turn if the engine answers in no time.
      this.at = Math.max(now, at + 1)
      return false
    }
    this.at = now + this.#pollMs * between(0.75, 1.25, this.#clock)
    return true
  }

  /** A later sequence is known. Returns whether the next read was brought forward. */
  hurries(latest: number, read: number): boolean {
    if (latest <= read || latest <= this.#knownLatest) return false
    const at = this.#lastAt + tuning.readMs
    if (at >= this.at) return false
    this.at = at
    return true
  }

  /**
   * Another reply, of a call that began at `at`, would have reported new events too, so the next
   * read may be later.
   */
  hasHeard(at: number): void {
    if (this.#pollMs <= SETTLE_MS) return
    const longest = Math.min(2 * this.#pollMs, at - this.#lastAt + this.#pollMs)
    this.at = Math.max(this.at, this.#lastAt + longest)
  }
}
