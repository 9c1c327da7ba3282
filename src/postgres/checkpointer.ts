import type { EventSource } from '../consumer/source.js'
import type { Position } from './rows.js'

/**
 * The shortest time between two reports of the ledger's position to the sale, in ms. It is only
 * needed for trimming.
 */
const EVERY_MS = 1_000
/** The most calls for one report: each trims some entries. */
const CALLS = 50

/** Reports the ledger's position to a sale, so that its stream can be trimmed behind it. */
export class Checkpointer {
  readonly #source: EventSource
  readonly #partition: number
  readonly #group: string
  readonly #trim: { readonly olderThanMs: number; readonly maxEvents: number } | null
  #reported = -1
  #toldAt = Number.NEGATIVE_INFINITY
  #first = 0

  constructor(
    source: EventSource,
    partition: number,
    group: string,
    maxEvents: number | null,
    maxHoldMs: number,
  ) {
    this.#source = source
    this.#partition = partition
    this.#group = group
    // The event of a hold is needed while the hold may still expire.
    this.#trim = maxEvents === null ? null : { olderThanMs: maxHoldMs, maxEvents }
  }

  /** @param isIdle There is nothing else to do: a new position is reported without waiting. */
  async keep(position: Position | undefined, isIdle: boolean): Promise<void> {
    if (!position) return
    const now = this.#source.clock.now()
    const isDue = now - this.#toldAt >= EVERY_MS
    // Reported again from time to time: events that were too young to be trimmed grow old.
    if (isIdle ? position.sequence === this.#reported && !isDue : !isDue) return
    this.#toldAt = now
    for (let call = 0; call < CALLS; call++) {
      const first = await this.#source.checkpoint(this.#partition, this.#group, position.sequence, this.#trim)
      this.#reported = position.sequence
      const hasTrimmed = first > this.#first && this.#first > 0
      this.#first = first
      if (!hasTrimmed) return
    }
  }
}
