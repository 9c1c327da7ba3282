import { backoff } from '../batching/backoff.js'
import { notify } from '../common/callback.js'
import type { Timer } from '../engine/clock.js'
import { longestHoldOf } from '../engine/rules.js'
import { isIncompatible } from '../errors.js'
import type { Filled } from '../validation.js'
import { Checkpointer } from './checkpointer.js'
import { compare } from './compare.js'
import type { PartitionWriter } from './partition-writer.js'
import type { SaleWriter } from './sale-writer.js'

/** Options of `follow`. */
export interface FollowOptions {
  /**
   * The consumer group under which the sale knows the ledger: its stream is only trimmed behind the
   * positions of all groups.
   * @default 'ledger:' and the schema
   */
  group?: string | undefined
  /**
   * The most events that the stream of a partition keeps, whether the ledger has them or not. If
   * the ledger is away for longer than that, it corrects its reservations by comparing them with
   * the sale. `null`: the stream is not trimmed.
   * @default 1_000_000
   */
  maxEvents?: number | null | undefined
  /**
   * The longest pause between two polls of a quiet sale, in ms. Changes by this process are written
   * at once.
   * @default 1_000
   */
  maxPauseMs?: number | undefined
  /**
   * Called with each failure. The follower continues by itself, with growing pauses; after
   * `INCOMPATIBLE_VERSION` it ends.
   * @default none
   */
  onError?: ((error: unknown) => void) | undefined
}

/** The progress of a ledger with a sale. */
export interface LedgerStats {
  readonly partitions: readonly {
    /** The generation of the history: a later one after each recovery. */
    readonly generation: number
    /** Every event up to this one is in the ledger. */
    readonly position: number
    /** The latest event that this process knows of. */
    readonly latest: number
    /** How many events up to `latest` are not in the ledger yet. */
    readonly lag: number
    /** Events that were trimmed from the stream before they could be written. */
    readonly lost: number
    /** Events that this process has written, and in how many transactions. */
    readonly written: number
    readonly batches: number
  }[]
}

/** The shortest pause between two polls, in ms. */
const MIN_PAUSE_MS = 20
/** Between attempts after a failure, in ms. */
const MIN_RETRY_MS = 50
const MAX_RETRY_MS = 5_000

/**
 * Writes the events of a sale into the ledger until it is closed. Created by `ledger.follow(sale)`.
 */
export interface LedgerFollower extends AsyncDisposable {
  /**
   * The progress of the ledger, by its tables and by what this process knows of the sale.
   *
   * @throws {StockholdError} `UNAVAILABLE`: PostgreSQL cannot be reached. The follower goes on.
   */
  stats(): Promise<LedgerStats>
  /** Finishes the current page. The next follower writes the events after it. */
  close(): Promise<void>
}

export class Follower implements LedgerFollower {
  readonly #sale: SaleWriter
  readonly #options: Filled<FollowOptions>
  readonly #loops: Promise<void>[]
  readonly #wakers = new Set<() => void>()
  #closed = false

  constructor(sale: SaleWriter, writers: readonly PartitionWriter[], options: Filled<FollowOptions>) {
    this.#sale = sale
    this.#options = options
    this.#loops = writers.map((writer, partition) => this.#follow(writer, partition))
  }

  async stats(): Promise<LedgerStats> {
    const writers = await this.#sale.open()
    const { source, tables } = this.#sale
    const partitions = writers.map(async ({ written, batches }, partition) => {
      const { generation, sequence, lost } = (await tables.position(source.sale, partition))!
      const offset = source.latest(partition)
      const latest =
        offset.generation < generation
          ? sequence
          : Math.max(offset.sequence, offset.generation > generation ? 0 : sequence)
      return {
        generation,
        position: sequence,
        latest,
        lag: Math.max(0, latest - sequence),
        lost,
        written,
        batches,
      }
    })
    return { partitions: await Promise.all(partitions) }
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const wake of this.#wakers) wake()
    await Promise.all(this.#loops)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #follow(writer: PartitionWriter, partition: number): Promise<void> {
    const { source } = this.#sale
    // The sale itself keeps what a later, longer maxHoldMs needs.
    const rules = source.rules()!
    const { group, maxEvents, maxPauseMs } = this.#options
    const checkpointer = new Checkpointer(source, partition, group, maxEvents, longestHoldOf(rules))
    let changed = false
    let wake = () => {}
    const stopListening = source.onChange(partition, () => {
      changed = true
      wake()
    })
    const pause = (ms: number) =>
      this.#pause(ms, (resolve) => {
        wake = resolve
      })
    let idleMs = MIN_PAUSE_MS
    let failures = 0
    while (!this.#closed) {
      try {
        changed = false
        const written = await writer.step()
        await checkpointer.keep(writer.position, written === 0)
        failures = 0
        if (written > 0) {
          idleMs = MIN_PAUSE_MS
          continue
        }
        if (writer.position?.stale) {
          await compare(this.#sale, partition, { repair: true })
          await this.#sale.tables.settle(source.sale, partition, writer.position)
          await writer.look()
        } else if (!changed && !this.#closed) {
          await pause(idleMs)
          idleMs = Math.min(maxPauseMs, idleMs * 2)
        }
      } catch (error) {
        notify(this.#options.onError, error)
        if (this.#closed || isIncompatible(error)) break
        changed = false
        await this.#pause(backoff(++failures, MIN_RETRY_MS, MAX_RETRY_MS))
      }
    }
    stopListening()
    await checkpointer.keep(writer.position, true).catch(() => {})
  }

  /** Ends early by `close`, or by the function passed to `wakeable`. It keeps no process alive. */
  #pause(ms: number, wakeable?: (wake: () => void) => void): Promise<void> {
    return new Promise((resolve) => {
      let timer: Timer | undefined
      const end = () => {
        timer?.cancel()
        this.#wakers.delete(end)
        resolve()
      }
      this.#wakers.add(end)
      timer = this.#sale.source.clock.after(ms, end)
      timer.keepAlive(false)
      wakeable?.(end)
    })
  }
}
