import type { StoredEvent } from '../../engine/engine.js'

type Unnumbered<E> = E extends unknown ? Omit<E, 'sequence' | 'at'> : never
/** An event without its place. */
export type News = Unnumbered<StoredEvent>

/** What one call wrote. */
export interface LogEntry {
  readonly events: readonly StoredEvent[]
  /** The number of its last event. */
  readonly last: number
  readonly batchId: string
}

/**
 * The events of a partition, by the calls that wrote them. The oldest may be gone; their numbers
 * are not used again.
 */
export class EventLog {
  /** How many events there have ever been. */
  sequence = 0
  readonly #entries: LogEntry[] = []
  #open: StoredEvent[] = []

  /** The mark of the latest entry. */
  get batchId(): string {
    return this.#entries.at(-1)?.batchId ?? ''
  }

  /** The number of the oldest event that is left, or of the next one. */
  get first(): number {
    return this.#entries[0]?.events[0]?.sequence ?? this.sequence + 1
  }

  append(event: News, at: number): void {
    this.#open.push({ sequence: ++this.sequence, at, ...event })
  }

  /** Makes an entry of what was appended since the last one. */
  close(batchId: string): void {
    if (this.#open.length === 0) return
    this.#entries.push({ events: this.#open, last: this.sequence, batchId })
    this.#open = []
  }

  /** The entry that holds an event, if it is left. */
  holding(sequence: number): LogEntry | undefined {
    return sequence < this.first ? undefined : this.#entries[this.#indexOf(sequence)]
  }

  /** The events behind a number: of whole entries, until there are `enough`. */
  after(sequence: number, enough: number): StoredEvent[] {
    const found: StoredEvent[] = []
    for (let i = this.#indexOf(sequence); i < this.#entries.length && found.length < enough; i++)
      found.push(...this.#entries[i]!.events.filter((event) => event.sequence > sequence))
    return found
  }

  /** The oldest entries go while they may: so many at most, and never the latest. */
  trim(atMost: number, mayGo: (entry: LogEntry) => boolean): void {
    const end = Math.min(atMost, this.#entries.length - 1)
    let count = 0
    while (count < end && mayGo(this.#entries[count]!)) count++
    this.#entries.splice(0, count)
  }

  /** The place of the first entry that ends at this number or behind it. */
  #indexOf(sequence: number): number {
    let from = 0
    let to = this.#entries.length
    while (from < to) {
      const middle = (from + to) >> 1
      if (this.#entries[middle]!.last < sequence) from = middle + 1
      else to = middle
    }
    return from
  }
}
