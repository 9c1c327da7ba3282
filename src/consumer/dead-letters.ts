import { chunksOf } from '../common/chunks.js'
import type { Rules } from '../engine/engine.js'
import type { ParkedEvent } from '../engine/groups.js'
import { invalid } from '../errors.js'
import { checkId } from '../validation.js'
import { generationOf, type History, parseEventId, type SaleEvent, toDeadEvent } from './events.js'
import { END } from './history-reader.js'
import type { EventSource } from './source.js'

const tuning = {
  /** Events that one call retries or discards. */
  atOnce: 100,
}

/** An event that has failed `maxAttempts` times. */
export interface DeadLetter {
  /** If its reservation does not exist any more, `reservation` has its id and nothing else. */
  readonly event: SaleEvent
  readonly attempts: number
  /** The message of the last failure, cut to 1,024 bytes. */
  readonly error: string
}

/** The dead letters of a group: lists, retries and discards them. */
export class DeadLetters {
  readonly #source: EventSource
  readonly #group: string

  constructor(source: EventSource, group: string) {
    this.#source = source
    this.#group = group
  }

  /** In order, one partition after the other. */
  async *all(): AsyncGenerator<DeadLetter, void, undefined> {
    // The events may name SKUs that were added by another process.
    const { rules } = await this.#source.describe(true)
    for (let partition = 0; partition < rules.partitions; partition++) {
      const history = await this.#history(partition)
      for await (const page of this.#pages(partition)) {
        for (const parked of page) {
          const letter = await this.#letter(parked, rules, history)
          if (letter) yield letter
        }
      }
    }
  }

  /** Returns the number of events. */
  async settle(ids: readonly string[] | 'all', action: 'retry' | 'discard'): Promise<number> {
    const wanted = ids === 'all' ? undefined : checkIds(ids)
    const { rules } = await this.#source.describe()
    let count = 0
    for (let partition = 0; partition < rules.partitions; partition++) {
      if (!wanted)
        for await (const page of this.#pages(partition)) {
          const sequences = page.map(({ event }) => event.sequence)
          count += await this.#retryDead(partition, sequences, action)
        }
      const named = wanted?.filter((id) => id.partition === partition) ?? []
      if (named.length === 0) continue
      // An id of another generation does not mean the event of that sequence in this one.
      const history = await this.#history(partition)
      const sequences = named
        .filter((id) => id.generation === generationOf(id.sequence, history))
        .map((id) => id.sequence)
      count += await this.#retryDead(partition, sequences, action)
    }
    return count
  }

  async #retryDead(
    partition: number,
    sequences: readonly number[],
    action: 'retry' | 'discard',
  ): Promise<number> {
    let count = 0
    for (const some of chunksOf(sequences, tuning.atOnce)) {
      const op = { group: this.#group, sequences: some, action }
      count += (await this.#source.ask(partition, 'revive', op)).count
    }
    return count
  }

  async *#pages(partition: number): AsyncGenerator<readonly ParkedEvent[], void, undefined> {
    for (let after = 0; ; ) {
      const { events } = await this.#source.ask(partition, 'dead', { group: this.#group, after })
      if (events.length === 0) return
      after = events.at(-1)!.event.sequence
      yield events
    }
  }

  async #history(partition: number): Promise<History> {
    const { generation, since } = await this.#source.read(partition, END)
    return { partition, generation, since }
  }

  async #letter(parked: ParkedEvent, rules: Rules, history: History): Promise<DeadLetter | undefined> {
    const { event, attempts, error } = parked
    const { partition } = history
    const stored = 'id' in event ? await this.#source.reservation(partition, event.id) : undefined
    const letter = toDeadEvent(event, stored, rules, history)
    return letter && { event: letter, attempts, error }
  }
}

function checkIds(ids: unknown) {
  if (!Array.isArray(ids)) throw invalid('ids', "must be an array of event ids, or 'all'")
  return ids.map((id, i) => {
    const parsed = parseEventId(checkId(id, `ids[${i}]`))
    if (!parsed) throw invalid(`ids[${i}]`, 'must be the id of an event')
    return parsed
  })
}
