import { backoff } from '../batching/backoff.js'
import { notify } from '../common/callback.js'
import type { Timer } from '../engine/clock.js'
import { isIncompatible } from '../errors.js'
import type { Filled } from '../validation.js'
import { Checkpointer } from './checkpointer.js'
import { compare } from './compare.js'
import type { PartitionWriter } from './partition-writer.js'
import type { SaleWriter } from './sale-writer.js'

/** Options of `follow`. */
export interface FollowOptions {
  /**
   * Under which name the sale knows the ledger as a group of consumers: its stream is only trimmed
   * behind what every group has.
   * @default 'ledger:' and the schema
   */
  group?: string | undefined
  /**
   * How many events the stream of a partition keeps at most, whether the ledger has them or not; a
   * ledger that is away for longer than that puts its reservations right by the sale itself.
   * `null`: the stream is not trimmed.
   * @default 1_000_000
   */
  maxEvents?: number | null | undefined
  /**
   * The longest pause between two looks at a sale that is quiet, in ms. What this process does
   * itself is written at once. @default 1_000
   */
  maxPauseMs?: number | undefined
  /**
   * Told of each failure. The follower goes on by itself, with growing pauses; after
   * `INCOMPATIBLE_VERSION` it ends. @default nobody
   */
  onError?: ((error: unknown) => void) | undefined
}

/** How far a ledger is with a sale. */
export interface LedgerStats {
  readonly partitions: readonly {
    /** The generation of the history: one more after each recovery. */
    readonly generation: number
    /** Every event up to this one is in the ledger. */
    readonly position: number
    /** The latest event that this process knows of. */
    readonly latest: number
    /** How many of those are not in the ledger yet. */
    readonly lag: number
    /** Events that were gone from the stream before they could be written. */
    readonly lost: number
    /** Events this process has written, and in how many transactions. */
    readonly written: number
    readonly batches: number
  }[]
}

/** The shortest pause between two looks, ms. */
const MIN_PAUSE_MS = 20
/** Between attempts after a failure, ms. */
const MIN_RETRY_MS = 50
const MAX_RETRY_MS = 5_000

/**
 * Writes the events of a sale into the ledger until it is closed. Made by `ledger.follow(sale)`.
 */
export interface LedgerFollower extends AsyncDisposable {
  /** How far the ledger is, by its tables and by what this process knows of the sale. */
  stats(): Promise<LedgerStats>
  /** Finishes the page it is at. What is not written yet, the next follower writes. */
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
    const { source, rules } = this.#sale
    const { group, maxEvents, maxPauseMs } = this.#options
    const bookmark = new Checkpointer(source, partition, group, maxEvents, rules.maxHoldMs)
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
        await bookmark.keep(writer.position, written === 0)
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
    await bookmark.keep(writer.position, true).catch(() => {})
  }

  /**
   * Ends early with `close`, and by whatever is handed to `wakeable`. It keeps no process alive.
   */
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
