import { settledBy } from '../../batching/shared-wait.js'
import { type Clock, sleep } from '../../engine/clock.js'
import type { Units } from '../../engine/engine.js'
import { StockholdError } from '../../errors.js'
import { askAll } from '../fan-out.js'
import type { Parts } from '../partitions.js'
import type { KnownStock } from './known-stock.js'

const tuning = {
  /**
   * After this many ms a waiting call uses the answers so far, even if some partitions have not
   * answered.
   */
  partialMs: 30,
  /**
   * For this many partitions of the sale, at least 1 ms lies between two snapshots: a handle asks
   * at most 4,000 partitions a second.
   */
  partitionsAMs: 4,
}

/**
 * The counts of all partitions, read one after another, only for the SKUs that calls waited for
 * when the snapshot began.
 */
export interface StockSnapshot {
  /**
   * Snapshots are numbered from 1 in the order in which they begin. Each ends before the next
   * begins.
   */
  readonly number: number
  /** The SKUs that the snapshot asked for. */
  readonly asked: ReadonlySet<number>
  /** Why partitions did not answer. */
  readonly failures: ReadonlyMap<number, unknown>
  /**
   * All partitions answered in this snapshot and in the previous one, and no units returned to the
   * sale in between.
   */
  readonly still: boolean
  /**
   * By SKU: the unsold units of the previous snapshot, including those in transit, if it asked for
   * the SKU. Meaningful only if this snapshot is `still`.
   */
  readonly unsoldBefore: readonly number[]
  readonly inTransitBefore: readonly number[]
  /** By SKU. */
  readonly available: readonly number[]
  readonly unsold: readonly number[]
  /** Units on hold, less those that are owed: they do not come back on sale. */
  readonly held: readonly number[]
}

/** Shows whether units have returned to a partition. */
interface Trace {
  readonly returns: number
  readonly generation: number
}

interface Running {
  /** Resolves when every partition has answered or failed. */
  readonly done: Promise<StockSnapshot>
  /** Resolves at the same time, or after `partialMs` if that is earlier. */
  readonly partialResult: Promise<unknown>
}

/**
 * Asks all partitions for their stock: one snapshot at a time, shared by all waiting calls of a
 * handle.
 */
export class StockSnapshots {
  readonly #parts: Parts
  readonly #known: KnownStock
  readonly #clock: Clock
  readonly #limitMs: number
  /** How many snapshots have begun. */
  begun = 0
  /** How many calls wait for each SKU. */
  readonly #wanted = new Map<number, number>()
  #running: Running | undefined
  #last: { snapshot: StockSnapshot; traces: readonly (Trace | undefined)[] } | undefined
  #endedAt = Number.NEGATIVE_INFINITY

  /** @param limitMs After how many ms the snapshot stops waiting for a partition. */
  constructor(parts: Parts, known: KnownStock, clock: Clock, limitMs: number) {
    this.#parts = parts
    this.#known = known
    this.#clock = clock
    this.#limitMs = limitMs
  }

  /** The latest finished snapshot. */
  get last(): StockSnapshot | undefined {
    return this.#last?.snapshot
  }

  /**
   * Adds these SKUs to all snapshots that begin from now on, until the returned function is called.
   */
  want(units: Units): () => void {
    const add = (by: number) => {
      for (const [sku] of units) {
        const waiting = (this.#wanted.get(sku) ?? 0) + by
        if (waiting === 0) this.#wanted.delete(sku)
        else this.#wanted.set(sku, waiting)
      }
    }
    add(1)
    return () => add(-1)
  }

  /** The running snapshot, or a new one. */
  current(): Running {
    this.#running ??= this.#begin()
    return this.#running
  }

  #begin(): Running {
    const done = this.#pause()
      .then(() => this.#take())
      .finally(() => {
        this.#running = undefined
        this.#endedAt = this.#clock.now()
      })
    const partialAt = this.#clock.now() + tuning.partialMs
    return { done, partialResult: settledBy(partialAt, done, this.#clock) }
  }

  async #pause(): Promise<void> {
    const ms = this.#endedAt + this.#parts.count / tuning.partitionsAMs - this.#clock.now()
    if (ms >= 1) await sleep(ms, this.#clock)
  }

  async #take(): Promise<StockSnapshot> {
    const number = ++this.begun
    const call = { deadline: this.#clock.now() + this.#limitMs }
    const available: number[] = []
    const unsold: number[] = []
    const held: number[] = []
    const asked = [...this.#wanted.keys()]
    const ask = (index: number): Promise<Trace> => {
      const session = this.#parts.session(index)
      const generationBefore = session.history.lastSeen?.generation
      return this.#parts.ask(index, 'stats', { skus: asked }, call, ({ skus, returns }) => {
        for (const [i, counts] of skus.entries()) {
          const sku = asked[i]!
          this.#known.note(index, sku, counts.available)
          available[sku] = (available[sku] ?? 0) + counts.available
          unsold[sku] = (unsold[sku] ?? 0) + counts.total - counts.held - counts.confirmed
          held[sku] = (held[sku] ?? 0) + counts.held - (counts.owed ?? 0)
        }
        // If the generation has changed, units may have returned without being counted in
        // `returns`.
        const generation = session.history.lastSeen!.generation
        return {
          returns,
          generation:
            generationBefore === undefined || generationBefore === generation ? generation : Number.NaN,
        }
      })
    }
    const { done: traces, failures } = await askAll(this.#parts.count, (index) =>
      // Ask again: one lost reply should not fail the snapshot for all calls.
      ask(index).catch((error) => {
        if (error instanceof StockholdError && error.retryable && call.deadline > this.#clock.now())
          return ask(index)
        throw error
      }),
    )
    for (const index of failures.keys()) for (const sku of asked) this.#known.note(index, sku, 0)
    const before = this.#last
    const still =
      failures.size === 0 &&
      before?.snapshot.failures.size === 0 &&
      traces.every((trace, index) => isSame(trace!, before.traces[index]!))
    const snapshot = {
      ...{ number, asked: new Set(asked), failures, still, available, unsold, held },
      unsoldBefore: before?.snapshot.unsold ?? [],
      inTransitBefore: before ? inTransitOf(before.snapshot) : [],
    }
    this.#last = { snapshot, traces }
    return snapshot
  }
}

function inTransitOf({ unsold, available }: Pick<StockSnapshot, 'unsold' | 'available'>): number[] {
  return unsold.map((units, sku) => units - available[sku]!)
}

/** NaN equals nothing, so a trace with NaN is never the same. */
function isSame(a: Trace, b: Trace): boolean {
  return a.returns === b.returns && a.generation === b.generation
}
