import { SHOW_MS } from '../../engine/room.js'
import { CallLog } from './call-log.js'
import { DepartedRanks } from './departed-ranks.js'
import { RateSamples } from './rate-samples.js'

/** Door time between the two samples from which the speed is computed, in ms. */
const SPEED_MS = 10_000
/** The configured rate counts as observed for this time, in ms. */
const LEAN_MS = 5_000

/** The queue: its length, how far it has moved, and how fast. */
export class Queue {
  readonly gone = new DepartedRanks()
  readonly #log: CallLog
  readonly #ends: RateSamples<{ readonly called: number; readonly tail: number }>
  readonly #pace = new RateSamples(SPEED_MS, 0, 0)
  #tail = 0
  #tailAt = 0
  #called = 0
  #calledAt = 0

  constructor(claimMs: number, now: number) {
    this.#log = new CallLog(claimMs)
    this.#ends = new RateSamples(SHOW_MS, now, { called: 0, tail: 0 })
  }

  get tail(): number {
    return this.#tail
  }

  get called(): number {
    return this.#called
  }

  lengthen(now: number): number {
    this.#tailAt = now
    return ++this.#tail
  }

  /** From now on each visitor has another rank: no visitor has had time to poll with it. */
  shuffle(now: number): void {
    this.#tailAt = now
    this.#ends.restart(now, { called: this.#called, tail: 0 })
  }

  callUpTo(rank: number, now: number): void {
    if (rank <= this.#called) return
    this.#called = rank
    this.#calledAt = now
  }

  /** Takes the samples of this moment, before anything changes. */
  sample(now: number, doorTime: number, opened: boolean): void {
    this.#ends.take(now, { called: this.#called, tail: this.#tail })
    if (opened) this.restIfEmpty(doorTime)
    else this.restartSpeed(doorTime)
    this.#pace.take(doorTime, this.#called)
  }

  /**
   * Ranks called per 1,000 seconds: the observed speed, weighted with the configured rate while
   * there are few observations.
   */
  speed(doorTime: number, rate: number): number {
    const { at, values: called } = this.#pace.older
    return Math.floor(((this.#called - called) * 1e6 + rate * LEAN_MS) / (doorTime - at + LEAN_MS))
  }

  /** Measures the speed from now on only. */
  restartSpeed(doorTime: number): void {
    this.#pace.restart(doorTime, this.#called)
  }

  /** If all visitors have been called, the queue says nothing about speed. */
  restIfEmpty(doorTime: number): void {
    if (this.#called >= this.#tail) this.restartSpeed(doorTime)
  }

  /** All visitors up to this rank have had time to poll. */
  settled(now: number, near: number): number {
    const { called, tail } = this.#ends.older.values
    const calledBefore = this.#calledAt <= now - SHOW_MS ? this.#called : called
    const tailBefore = this.#tailAt <= now - SHOW_MS ? this.#tail : tail
    return Math.min(calledBefore + near, tailBefore)
  }

  /**
   * Whether all visitors between `called` and this rank have departed. A drawn visitor's rank
   * differs from their number.
   */
  nobodyBefore(rank: number, drawn: number): boolean {
    return rank <= this.#called + 1 || (this.#called >= drawn && this.gone.allBetween(this.#called, rank))
  }

  note(doorTime: number): void {
    this.#log.note(doorTime, this.#called)
  }

  /** The room has waited long enough for all visitors up to this rank. */
  passed(doorTime: number): number {
    return this.#log.passed(doorTime)
  }
}
