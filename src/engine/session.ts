import { performance } from 'node:perf_hooks'
import { StockholdError } from '../errors.js'
import type { Command, Reply } from './engine.js'

/** How many calls of a handle, over all its partitions, may be open at a time. */
export interface Gate {
  readonly max: number
  open: number
}

/** What a handle has learned of one partition: which incarnation it is, its time, and how far its history went. */
export class Session {
  readonly #name: string
  /** The incarnation this handle works with; `null` until it has seen the sale. */
  token: string | null = null
  /** The latest server time seen. */
  lastNow = 0
  /** The partition's sequence number in the latest reply. */
  sequence = 0
  /** Server time minus `performance.now()`, by the reply that took the least time to come. */
  #offset = Number.NEGATIVE_INFINITY

  readonly #gate: Gate

  constructor(name: string, gate: Gate) {
    this.#name = name
    this.#gate = gate
  }

  /** Counts a call in; answers why not, if there are too many. */
  enter(): StockholdError | undefined {
    if (this.#gate.open < this.#gate.max) {
      this.#gate.open++
      return undefined
    }
    return new StockholdError(
      'OVERLOADED',
      `${this.#gate.max} calls are open (maxInFlight). Nothing was sent.`,
    )
  }

  leave(): void {
    this.#gate.open--
  }

  observe(reply: Reply<Command>): void {
    this.lastNow = Math.max(this.lastNow, reply.now)
    this.#offset = Math.max(this.#offset, reply.now - performance.now())
    if (reply.outcome === 'done') this.sequence = Math.max(this.sequence, reply.sequence)
  }

  /**
   * A moment of `performance.now()` in the server's time, as far as it is known. Before the first reply the only honest
   * answer is "no limit": applications' clocks may be hours off.
   */
  serverTime(moment: number): number {
    return this.#offset === Number.NEGATIVE_INFINITY
      ? Number.MAX_SAFE_INTEGER
      : Math.floor(this.#offset + moment)
  }

  gone(outcome: 'missing' | 'lost'): StockholdError {
    if (outcome === 'missing' && this.token === null) {
      return new StockholdError(
        'SALE_NOT_FOUND',
        `there is no sale ${JSON.stringify(this.#name)}: create it first`,
      )
    }
    return new StockholdError(
      'STATE_LOST',
      `the sale ${JSON.stringify(this.#name)} has lost its state in Redis: nothing is sold until it is recovered`,
    )
  }
}
