import type { StoredEvent } from '../../engine/engine.js'

type Unnumbered<E> = E extends unknown ? Omit<E, 'sequence' | 'at'> : never
/** An event without sequence and time. */
export type News = Unnumbered<StoredEvent>

/** The events that one call wrote. */
export interface LogEntry {
  readonly events: readonly StoredEvent[]
  /** The sequence of its last event. */
  readonly last: number
  readonly batchId: string
}

/**
 * The events of a partition, by the calls that wrote them. The oldest may have been trimmed; their
 * sequences are not used again.
 */
export class EventLog {
  /** How many events were ever written. */
  sequence = 0
  /** When the latest event was written; at first, when the partition was created. */
  changedAt = 0
  readonly #entries: LogEntry[] = []
  #open: StoredEvent[] = []

  /** The batch id of the latest entry. */
  get batchId(): string {
    return this.#entries.at(-1)?.batchId ?? ''
  }

  /** The sequence of the oldest event that is left, or of the next one. */
  get first(): number {
    return this.#entries[0]?.events[0]?.sequence ?? this.sequence + 1
  }

  append(event: News, at: number): void {
    this.changedAt = at
    this.#open.push({ sequence: ++this.sequence, at, ...event })
  }

  /** Makes an entry of the events that were appended since the last one. */
  close(batchId: string): void {
    if (this.#open.length === 0) return
    this.#entries.push({ events: this.#open, last: this.sequence, batchId })
    this.#open = []
  }

  /** The entry that contains an event, if it is left. */
  holding(sequence: number): LogEntry | undefined {
    return sequence < this.first ? undefined : this.#entries[this.#indexOf(sequence)]
  }

  /** The events after a sequence: of whole entries, until there are `enough`. */
  after(sequence: number, enough: number): StoredEvent[] {
    const found: StoredEvent[] = []
    for (let i = this.#indexOf(sequence); i < this.#entries.length && found.length < enough; i++)
      for (const event of this.#entries[i]!.events) if (event.sequence > sequence) found.push(event)
    return found
  }

  /** Removes the oldest entries while `mayGo` allows it: at most `atMost`, and never the latest. */
  trim(atMost: number, mayGo: (entry: LogEntry) => boolean): void {
    const end = Math.min(atMost, this.#entries.length - 1)
    let count = 0
    while (count < end && mayGo(this.#entries[count]!)) count++
    this.#entries.splice(0, count)
  }

  /** The index of the first entry that ends at this sequence or after it. */
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
