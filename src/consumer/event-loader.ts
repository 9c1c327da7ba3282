import { chunksOf } from '../common/chunks.js'
import type { ParkedEvent } from '../engine/groups.js'
import { consumerChannel } from '../telemetry/channels.js'
import type { Backlog } from './backlog.js'
import type { ConsumerContext, Counts } from './consumer-context.js'
import { type Page, reservationsOf } from './history-reader.js'

const tuning = {
  /**
   * Events in hand, over all partitions, above which nothing more is read. The last page may exceed
   * it, so the maximum is some thousands.
   */
  maxLoad: 4_096,
  /** Reservations of parked events that are fetched at a time. */
  fetches: 8,
}

/**
 * Loads a partition's events into the backlog and offers them to the worker pool, as long as there
 * is room for them.
 */
export class EventLoader {
  readonly #partition: number
  readonly #context: ConsumerContext
  readonly #tally: (what: keyof Counts, count: number) => void
  #warnedFull = false

  constructor(
    partition: number,
    around: ConsumerContext,
    tally: (what: keyof Counts, count: number) => void,
  ) {
    this.#partition = partition
    this.#context = around
    this.#tally = tally
  }

  /** Whether more may be read. */
  hasRoom(backlog: Backlog): boolean {
    const { full, parked, dead } = backlog
    if (full && !this.#warnedFull)
      this.#context.warn({ type: 'parked_limit', partition: this.#partition, parked, dead })
    this.#warnedFull = full
    if (full || backlog.crowded) return false
    const { load } = this.#context
    if (load.events < tuning.maxLoad) return true
    load.starved = true
    return false
  }

  take(page: Page, backlog: Backlog): void {
    const reservationOf = reservationsOf(page)
    const { workers } = this.#context
    for (const event of page.events) {
      const { sequence } = event
      if (sequence <= backlog.read) continue
      if (sequence > backlog.read + 1) this.#lost(backlog.read + 1, sequence - 1)
      const ready = backlog.add(event, 'id' in event ? reservationOf(event.id) : undefined)
      if (ready) workers.offer(ready)
    }
  }

  /** Loads the events that the engine has parked, with the present state of their reservations. */
  async takeParked(parked: readonly ParkedEvent[], backlog: Backlog): Promise<void> {
    const unknown = parked.filter(({ event }) => !backlog.knows(event.sequence))
    if (unknown.length === 0) return
    const { source, workers } = this.#context
    const offset = source.clock.now() - source.serverTime(this.#partition)
    // Another process has parked them, which may have known newer rules.
    if (unknown.some(({ event }) => 'sku' in event && !source.rules()?.skus[event.sku]))
      await source.describe(true)
    for (const some of chunksOf(unknown, tuning.fetches)) {
      const reservations = await Promise.all(
        some.map(({ event }) => ('id' in event ? source.reservation(this.#partition, event.id) : undefined)),
      )
      for (const [i, one] of some.entries()) {
        const ready = backlog.addParked(one, reservations[i], (one.retryAt ?? 0) + offset)
        if (ready) workers.offer(ready)
      }
    }
  }

  #lost(from: number, to: number): void {
    const { source, settings } = this.#context
    const [partition, events] = [this.#partition, to - from + 1]
    this.#tally('lost', events)
    if (consumerChannel.hasSubscribers)
      consumerChannel.publish({ type: 'lost', sale: source.sale, group: settings.group, partition, events })
    this.#context.warn({ type: 'events_lost', partition, from, to })
  }
}
