import { backoff } from '../batching/backoff.js'
import { type Waiter, waitFor } from '../batching/shared-wait.js'
import { confirmHistory, isSameHistory, type Page, readEvents } from '../consumer/history-reader.js'
import type { EventSource } from '../consumer/source.js'
import { sleep } from '../engine/clock.js'
import type { Rules } from '../engine/engine.js'
import type { LogOffset } from '../engine/port.js'
import { StockholdError } from '../errors.js'
import { ledgerChannel } from '../telemetry/channels.js'
import { batchOf } from './page.js'
import { arraysOf, type BatchArrays, type Position } from './rows.js'
import type { Tables } from './tables.js'

/**
 * If a page has this many events, more will follow: the next page is read and prepared while this
 * one is written.
 */
const FULL = 500
/** Between attempts after a failure, in ms. */
const MIN_RETRY_MS = 5
const MAX_RETRY_MS = 1_000

/** A caller that waits until the tables have the events up to `offset`. */
interface Waiting extends Waiter<void> {
  readonly offset: LogOffset
}

/** A page, and the rows to write for it. */
interface Prepared {
  readonly page: Page
  readonly batch: BatchArrays
}

/**
 * Writes the events of one partition into the tables, page by page. One step at a time serves all
 * callers that wait for the events. All its state comes from the tables: another process may do the
 * same at the same time.
 */
export class PartitionWriter {
  readonly #source: EventSource
  readonly #partition: number
  readonly #tables: Tables
  readonly #rules: () => Promise<Rules>
  /** The position as far as it is known; `undefined` if it must be read again. */
  #position: Position | undefined
  /** The latest position that was ever known. */
  #known: Position | undefined
  #ahead: { readonly after: number; readonly prepared: Promise<Prepared> } | undefined
  #step: Promise<number> | undefined
  /** In the order in which they came. */
  readonly #waiting = new Set<Waiting>()
  #driving = false
  #lastError: unknown
  /** Events that this process has written, and its transactions. */
  written = 0
  batches = 0

  /** @param rules Reads the rules in force. */
  constructor(source: EventSource, partition: number, tables: Tables, rules: () => Promise<Rules>) {
    this.#source = source
    this.#partition = partition
    this.#tables = tables
    this.#rules = rules
  }

  /** The latest position that is known here. */
  get position(): Position | undefined {
    return this.#known
  }

  /**
   * `true`: the event is in the tables. `false`: not yet. `null`: the sale was recovered since, and
   * the event of that sequence may be another one now.
   */
  #covers(offset: LogOffset): boolean | null {
    const position = this.#known
    if (!position || position.generation < offset.generation) return false
    return position.generation === offset.generation ? position.sequence >= offset.sequence : null
  }

  hasWritten(offset: LogOffset): boolean {
    return this.#covers(offset) === true
  }

  /**
   * Waits until the tables have every event up to `offset`. Writes them, unless another process
   * does.
   */
  waitUntilWritten(offset: LogOffset, deadline: number, signal?: AbortSignal): Promise<void> {
    if (this.hasWritten(offset)) return Promise.resolve()
    const tooLate = () => unwritten('The ledger did not have it in time', this.#lastError)
    let waiting: Waiting | undefined
    return waitFor<void>(this.#source.clock, { deadline, signal }, tooLate, (waiter) => {
      waiting = { ...waiter, offset }
      this.#waiting.add(waiting)
      if (!this.#driving) void this.#drive()
    })
      .catch((error) => {
        throw error === signal?.reason ? unwritten('The wait for the ledger was aborted', error) : error
      })
      .finally(() => waiting && this.#waiting.delete(waiting))
  }

  /**
   * Reads and writes the next page. Only one step runs at a time; a call meanwhile joins it.
   *
   * @returns How many events it wrote; 0 if there were none, or if another process was faster.
   */
  step(): Promise<number> {
    this.#step ??= this.#observed().finally(() => {
      this.#step = undefined
      this.#settleWaiting()
    })
    return this.#step
  }

  /** Reads the position again: other processes may have moved it. */
  async look(): Promise<Position> {
    const position = await this.#tables.position(this.#source.sale, this.#partition)
    if (!position) throw new StockholdError('NOT_FOUND', 'the ledger does not follow this sale')
    this.#position = position
    this.#known = position
    return position
  }

  #observed(): Promise<number> {
    if (!ledgerChannel.hasSubscribers) return this.#next()
    const { sale, clock } = this.#source
    const [partition, begun, lost] = [this.#partition, clock.now(), this.#known?.lost]
    return this.#next().then(
      (events) => {
        if (events === 0) return 0
        const { sequence: position, lost: lostNow } = this.#known!
        const latest = Math.max(position, this.#source.latest(partition).sequence)
        const written = { events, lost: lostNow - (lost ?? lostNow), durationMs: clock.now() - begun }
        ledgerChannel.publish({
          ...{ type: 'written', sale, partition, ...written },
          ...{ position, latest, lag: latest - position },
        })
        return events
      },
      (error) => {
        ledgerChannel.publish({ type: 'failed', sale, partition, error })
        throw error
      },
    )
  }

  async #next(): Promise<number> {
    const position = this.#position ?? (await this.look())
    if (!this.#ahead && this.#waiting.size > 0 && this.#isServed()) return 0
    const { page, batch } = await this.#read(position)
    if (!isSameHistory(page, position)) {
      const confirmed = await confirmHistory(this.#source, this.#partition, page, position.sequence)
      if (confirmed) await this.#switchGeneration(position, confirmed)
      return 0
    }
    if (page.events.length === 0) return 0
    const first = page.events[0]!.sequence
    const last = page.events.at(-1)!.sequence
    const lost = first - position.sequence - 1
    const next: Position = {
      ...position,
      sequence: last,
      lost: position.lost + lost,
      stale: position.stale || lost > 0,
    }
    const offset = this.#source.lastSeen(this.#partition)
    if (page.events.length >= FULL) this.#readAhead(last)
    const moved = await this.#change(() =>
      this.#tables.write(this.#source.sale, this.#partition, position, next, offset, batch),
    )
    if (!moved) return 0
    this.#position = next
    this.#known = next
    this.written += page.events.length
    this.batches++
    return page.events.length
  }

  /** Switches to a generation that is new to the tables. */
  async #switchGeneration(position: Position, { generation, since }: Page): Promise<void> {
    const isOlder =
      generation === position.generation ? since < position.since : generation < position.generation
    if (isOlder) {
      await this.#freeze(position.generation + (generation === position.generation ? 1 : 0))
      throw new StockholdError('ROLLBACK_DETECTED', 'the sale is older than what the ledger has of it')
    }
    const sequence = await this.#common(position, generation, Math.min(position.sequence, since))
    const next = { ...position, generation, since, sequence, stale: true }
    const { sale } = this.#source
    if (await this.#change(() => this.#tables.switchGeneration(sale, this.#partition, position, next))) {
      this.#position = next
      this.#known = next
    }
  }

  /**
   * Freezes the partition: it has come back from before this generation, and it may be that no
   * process which has seen that is left.
   */
  async #freeze(generation: number): Promise<void> {
    this.#source.advanceTo(this.#partition, { generation, sequence: 0, batchId: '' })
    await this.#source.sweep(this.#partition)
  }

  /**
   * Up to which event the tables have the present history. If the last one that they can have of it
   * is another one there, it is unknown which others are left: the whole stream is read again. So
   * it is if two or more generations began unseen.
   */
  async #common(position: Position, generation: number, last: number): Promise<number> {
    if (last === 0) return 0
    const read = async (after: number) => (await readEvents(this.#source, this.#partition, after)).events[0]
    if (generation === position.generation + 1) {
      const event = await read(last - 1)
      const isSame = event?.sequence === last
      if (isSame && (await this.#tables.hasEvent(this.#source.sale, this.#partition, event))) return last
    }
    return Math.min(last, ((await read(0))?.sequence ?? Number.POSITIVE_INFINITY) - 1)
  }

  /** Unless the result is `true`, the position must be read again, whatever happened. */
  async #change(write: () => Promise<boolean>): Promise<boolean> {
    this.#position = undefined
    const moved = await write()
    if (!moved) {
      this.#ahead = undefined
      await this.look()
    }
    return moved
  }

  async #read({ sequence }: Position): Promise<Prepared> {
    const ahead = this.#ahead
    this.#ahead = undefined
    if (ahead?.after === sequence) {
      const prepared = await ahead.prepared.catch(() => undefined)
      if (prepared && prepared.page.events.length > 0) return prepared
    }
    return this.#prepare(sequence)
  }

  async #prepare(after: number): Promise<Prepared> {
    const page = await readEvents(this.#source, this.#partition, after)
    return { page, batch: arraysOf(batchOf(page, await this.#rules())) }
  }

  #readAhead(after: number): void {
    const prepared = this.#prepare(after)
    prepared.catch(() => {})
    this.#ahead = { after, prepared }
  }

  /** Runs steps while any caller waits. */
  async #drive(): Promise<void> {
    this.#driving = true
    let failures = 0
    while (this.#waiting.size > 0) {
      try {
        const written = await this.step()
        // Nothing was written, but a caller still waits: for another process to write, or for
        // events that do not exist yet.
        failures = written > 0 ? 0 : failures + 1
        this.#lastError = undefined
      } catch (error) {
        this.#lastError = error
        failures++
      }
      if (failures > 1 && this.#waiting.size > 0)
        await sleep(backoff(failures - 1, MIN_RETRY_MS, MAX_RETRY_MS), this.#source.clock)
    }
    this.#driving = false
  }

  /** Whether the tables have all events that the callers wait for. */
  #isServed(): boolean {
    for (const { offset } of this.#waiting) if (!this.hasWritten(offset)) return false
    return true
  }

  #settleWaiting(): void {
    for (const waiting of this.#waiting) {
      const covers = this.#covers(waiting.offset)
      if (covers === false) continue
      this.#waiting.delete(waiting)
      if (covers) waiting.resolve()
      else waiting.reject(unwritten('The sale was recovered before the ledger had it'))
    }
  }
}

function unwritten(what: string, cause?: unknown): StockholdError {
  return new StockholdError(
    'UNKNOWN_OUTCOME',
    `${what}: it was done, but may not be in the ledger yet. Send the same key, or the same id, again.`,
    cause === undefined ? undefined : { cause },
  )
}
