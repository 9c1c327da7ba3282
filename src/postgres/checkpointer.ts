import type { EventSource } from '../consumer/source.js'
import type { Position } from './rows.js'

/**
 * The sale is told at most this often how far the ledger is, in ms: it is only for the trimming.
 */
const EVERY_MS = 1_000
/** Calls for one telling: each trims some entries. */
const CALLS = 50

/** Tells a sale how far the ledger is, so that its stream can be trimmed behind that. */
export class Checkpointer {
  readonly #source: EventSource
  readonly #partition: number
  readonly #group: string
  readonly #trim: { readonly olderThanMs: number; readonly maxEvents: number } | null
  #told = -1
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
    // An event whose hold may still expire is needed.
    this.#trim = maxEvents === null ? null : { olderThanMs: maxHoldMs, maxEvents }
  }

  /** @param isIdle There is nothing else to do: then it is told, though it was just before. */
  async keep(position: Position | undefined, isIdle: boolean): Promise<void> {
    if (!position) return
    const now = this.#source.clock.now()
    const isDue = now - this.#toldAt >= EVERY_MS
    // Told again from time to time: what was too young to be trimmed grows old.
    if (isIdle ? position.sequence === this.#told && !isDue : !isDue) return
    this.#toldAt = now
    for (let call = 0; call < CALLS; call++) {
      const first = await this.#source.checkpoint(this.#partition, this.#group, position.sequence, this.#trim)
      this.#told = position.sequence
      const hasTrimmed = first > this.#first && this.#first > 0
      this.#first = first
      if (!hasTrimmed) return
    }
  }
}
