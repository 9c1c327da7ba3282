import { type AdmissionRate, TOKEN } from '../../engine/room.js'

/** Tokens in millionths, gained at a pace: whole numbers, so they do not drift. */
export class TokenBucket {
  #pace: AdmissionRate
  #tokens: number

  /** Begins full. */
  constructor(pace: AdmissionRate) {
    this.#pace = pace
    this.#tokens = pace.burst * TOKEN
  }

  get pace(): AdmissionRate {
    return this.#pace
  }

  get tokens(): number {
    return this.#tokens
  }

  /** Whether there is a token to take. */
  get filled(): boolean {
    return this.#tokens >= TOKEN
  }

  /** One token in a million ms at a rate of 1 is one millionth in a ms. */
  gain(elapsed: number): void {
    this.#fill(elapsed * this.#pace.rate)
  }

  take(): void {
    this.#tokens -= TOKEN
  }

  giveBack(): void {
    this.#fill(TOKEN)
  }

  setPace(pace: AdmissionRate): void {
    this.#pace = pace
    this.#fill(0)
  }

  #fill(millionths: number): void {
    this.#tokens = Math.min(this.#tokens + millionths, this.#pace.burst * TOKEN)
  }
}
