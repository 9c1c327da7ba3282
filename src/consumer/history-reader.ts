import type { StoredReservation } from '../engine/engine.js'
import type { History } from './events.js'
import { isForgetful } from './retry.js'
import type { EventSource } from './source.js'

export type Page = Awaited<ReturnType<EventSource['read']>>

/** After all events: a page from here is empty, and tells which history it is. */
export const END = Number.MAX_SAFE_INTEGER

/**
 * Reads a partition's events, and takes care that they are of one history: a server may come back
 * with an older one.
 */
export class HistoryReader {
  readonly #partition: number
  readonly #source: EventSource
  /** Line 0: not known yet. */
  history: History

  constructor(partition: number, source: EventSource) {
    this.#partition = partition
    this.#source = source
    this.history = { partition, generation: 0, since: 0 }
  }

  /** Nothing of it was read: whichever history there is will do. */
  begin(): void {
    this.history = { partition: this.#partition, generation: 0, since: 0 }
  }

  /**
   * Events after that sequence; nothing, if they are not of the history that was read before.
   *
   * @param read Up to here it was read.
   */
  async page(after: number, read: number): Promise<Page | undefined> {
    const page = await readEvents(this.#source, this.#partition, after)
    const { generation, since } = this.history
    return page.generation === generation && page.since === since ? page : this.#turn(page, after, read)
  }

  /**
   * The history has another line or beginning than the one that is known: it was rolled back, or
   * none was known.
   */
  async #turn(page: Page, after: number, read: number): Promise<Page | undefined> {
    // Rejects while the partition is frozen: what happens there until it goes on has no name yet.
    await this.#source.sweep(this.#partition)
    const again = await readEvents(this.#source, this.#partition, after)
    const { generation, since } = again
    const isSettled = generation === page.generation && since === page.since
    if (!isSettled || (this.history.generation > 0 && read > since)) return undefined
    this.history = { partition: this.#partition, generation, since }
    return again
  }
}

/**
 * A page of events after that sequence. To read freezes nothing: where the sale has forgotten what
 * this process has seen, this freezes the partition, before it sells on.
 */
export async function readEvents(source: EventSource, partition: number, after: number): Promise<Page> {
  try {
    return await source.read(partition, after)
  } catch (error) {
    if (isForgetful(error)) await source.sweep(partition).catch(() => {})
    throw error
  }
}

/**
 * Finds a page's reservations by id. They come in the order in which events first speak of them:
 * mostly the next one is it.
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
