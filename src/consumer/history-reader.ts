import type { StoredReservation } from '../engine/engine.js'
import { isLost } from '../errors.js'
import type { History } from './events.js'
import type { EventSource } from './source.js'

export type Page = Awaited<ReturnType<EventSource['read']>>

/** Past all events: a page from here is empty, and reports the present history. */
export const END = Number.MAX_SAFE_INTEGER

/**
 * Reads a partition's events, and makes sure that they are of one history: a server may come back
 * with an older one.
 */
export class HistoryReader {
  readonly #partition: number
  readonly #source: EventSource
  /** Generation 0: not known yet. */
  history: History

  constructor(partition: number, source: EventSource) {
    this.#partition = partition
    this.#source = source
    this.history = { partition, generation: 0, since: 0 }
  }

  /** Nothing has been read: any history is accepted. */
  begin(): void {
    this.history = { partition: this.#partition, generation: 0, since: 0 }
  }

  /**
   * A page of events with `sequence > after`; `undefined` if they are not of the history that was
   * read before. A later generation is not: what was read may have been lost long before the
   * partition froze, and another process may have written other events since.
   */
  async page(after: number): Promise<Page | undefined> {
    const page = await readEvents(this.#source, this.#partition, after)
    if (isSameHistory(page, this.history)) return page
    const confirmed = await confirmHistory(this.#source, this.#partition, page, after)
    if (!confirmed || this.history.generation > 0) return undefined
    const { generation, since } = confirmed
    this.history = { partition: this.#partition, generation, since }
    return confirmed
  }
}

interface Generation {
  readonly generation: number
  readonly since: number
}

/**
 * Whether both are of one history: a recovery, and a server that came back with an older state,
 * give it another generation or another beginning.
 */
export function isSameHistory(one: Generation, other: Generation): boolean {
  return one.generation === other.generation && one.since === other.since
}

/**
 * Reads a page whose history is new to its reader once more; `undefined` if the history has changed
 * again. Rejects while the partition is frozen: its next generation is not decided until it
 * continues.
 */
export async function confirmHistory(
  source: EventSource,
  partition: number,
  page: Page,
  after: number,
): Promise<Page | undefined> {
  await source.sweep(partition)
  const again = await readEvents(source, partition, after)
  return isSameHistory(page, again) ? again : undefined
}

/**
 * Reads a page of events after `after`. Reading alone freezes nothing: if the sale has lost events
 * that this process has seen, this call freezes the partition before it sells on.
 */
export async function readEvents(source: EventSource, partition: number, after: number): Promise<Page> {
  try {
    return await source.read(partition, after)
  } catch (error) {
    if (isLost(error)) await source.sweep(partition).catch(() => {})
    throw error
  }
}

/**
 * Finds a page's reservations by id. They are in the order in which the events first refer to them,
 * so the next one usually matches.
 */
export function reservationsOf({ reservations }: Page): (id: string) => StoredReservation | undefined {
  let next = 0
  let byId: Map<string, StoredReservation> | undefined
  return (id) => {
    if (reservations[next]?.id === id) return reservations[next++]
    byId ??= new Map(reservations.map((one) => [one.id, one]))
    return byId.get(id)
  }
}
