import { SHOW_MS } from '../../engine/room.js'
import { CallLog } from './call-log.js'
import { DepartedRanks } from './departed-ranks.js'
import { RateSamples } from './rate-samples.js'

/** The queue of one tier: its length, and how far it has moved. */
export class Queue {
  readonly gone: DepartedRanks
  waiting = 0
  drawn: number | null = null
  readonly #log: CallLog
  readonly #ends: RateSamples<{ readonly called: number; readonly tail: number }>
  #tail = 0
  #tailAt = 0
  #called = 0
  #calledAt = 0

  constructor(claimMs: number, now: number, latest?: { version: number }) {
    this.gone = new DepartedRanks(latest)
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
    this.drawn = this.#tail
    this.#tailAt = now
    this.#ends.restart(now, { called: this.#called, tail: 0 })
  }

  callUpTo(rank: number, now: number): void {
    if (rank <= this.#called) return
    this.#called = rank
    this.#calledAt = now
  }

  /** Takes the samples of this moment, before anything changes. */
  sample(now: number): void {
    this.#ends.take(now, { called: this.#called, tail: this.#tail })
  }

  /** All visitors up to this rank have had time to poll. */
  settled(now: number, near: number): number {
    const { called } = this.#ends.older.values
    const calledBefore = this.#calledAt <= now - SHOW_MS ? this.#called : called
    return Math.min(calledBefore + near, this.#tailBefore(now))
  }

  /** Whether each visitor has been called, or has left, except for those who joined just now. */
  isExhausted(now: number): boolean {
    return this.nobodyBefore(Math.max(this.#tailBefore(now), this.drawn ?? 0) + 1)
  }

  #tailBefore(now: number): number {
    return this.#tailAt <= now - SHOW_MS ? this.#tail : this.#ends.older.values.tail
  }

  /**
   * Whether all visitors between `called` and this rank have departed. A drawn visitor's rank
   * differs from their number.
   */
  nobodyBefore(rank: number): boolean {
    const isNumber = this.#called >= (this.drawn ?? 0)
    return rank <= this.#called + 1 || (isNumber && this.gone.allBetween(this.#called, rank))
  }

  note(doorTime: number): void {
    this.#log.note(doorTime, this.#called)
  }

  /** The room has waited long enough for all visitors up to this rank. */
  passed(doorTime: number): number {
    return this.#log.passed(doorTime)
  }
}
