import type { EventSource } from './source.js'
import type { ConsumerWarning } from './warnings.js'

const tuning = {
  /** The fraction of `maxStreamLength` from which a group that lags causes a warning. */
  near: 0.8,
}

/**
 * Watches how much of a partition's stream waits for the slowest group, and warns before any of it
 * is trimmed.
 */
export class StreamWatch {
  /** The oldest event that is left; 0: not known. */
  first = 0
  readonly #partition: number
  readonly #max: number
  readonly #source: EventSource
  readonly #warn: (warning: ConsumerWarning) => void
  /** Groups that a warning was sent for, and that have not caught up since. */
  #warned = new Set<string>()
  #looking = false

  constructor(partition: number, max: number, source: EventSource, warn: (warning: ConsumerWarning) => void) {
    this.#partition = partition
    this.#max = max
    this.#source = source
    this.#warn = warn
  }

  look(first: number, latest: number): void {
    this.first = first
    const length = latest - first + 1
    if (length < tuning.near * this.#max) this.#warned.clear()
    else if (!this.#looking) void this.#findSlow(length, latest)
  }

  /** A long stream causes no warning if every group has had its events. */
  async #findSlow(length: number, latest: number): Promise<void> {
    this.#looking = true
    try {
      const { groups } = await this.#source.ask(this.#partition, 'groups', {})
      const warned = new Set<string>()
      for (const { group, position } of groups) {
        const lag = latest - position
        if (lag < tuning.near * this.#max) continue
        warned.add(group)
        if (this.#warned.has(group)) continue
        const partition = this.#partition
        this.#warn({ type: 'stream_length', partition, group, lag, length, maxStreamLength: this.#max })
      }
      this.#warned = warned
    } catch {
      // It is read again with the next trimming.
    } finally {
      this.#looking = false
    }
  }
}
