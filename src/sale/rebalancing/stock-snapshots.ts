import type { Clock, Timer } from '../../engine/clock.js'
import type { Units } from '../../engine/engine.js'
import { StockholdError } from '../../errors.js'
import { askAll } from '../fan-out.js'
import type { Parts } from '../partitions.js'
import type { KnownStock } from './known-stock.js'

const tuning = {
  /**
   * Who lacks units looks at what is known of them after so long, in ms, though some partition has
   * not answered yet.
   */
  glimpseMs: 30,
  /**
   * Between two surveys of a sale of so many partitions lies a ms at least: a handle asks 4,000 of
   * them a second at most.
   */
  partitionsAMs: 4,
}

/**
 * What all partitions said when they were asked one after another: of the SKUs that callers waited
 * for when it began, and of no others.
 */
export interface StockSnapshot {
  /** Counts from 1 in the order in which they were begun; each was over when the next began. */
  readonly number: number
  /** The SKUs it asked for. */
  readonly asked: ReadonlySet<number>
  /** Why partitions did not answer. */
  readonly failures: ReadonlyMap<number, unknown>
  /**
   * All partitions answered, in this survey and the one before, and no units came back on sale in
   * between.
   */
  readonly still: boolean
  /**
   * By SKU: what the survey before found unsold, in transit included, if it asked. Says something
   * only if this one is `still`.
   */
  readonly unsoldBefore: readonly number[]
  readonly inTransitBefore: readonly number[]
  /** By SKU. */
  readonly available: readonly number[]
  readonly unsold: readonly number[]
  readonly held: readonly number[]
}

/** What tells whether units have come back to a partition. */
interface Trace {
  readonly returns: number
  readonly generation: number
}

interface Running {
  /** Everybody has answered, or will not. */
  readonly done: Promise<StockSnapshot>
  /** The same, or a moment has passed. */
  readonly partialResult: Promise<unknown>
}

/**
 * Asks all partitions what they have: one survey at a time for all of a handle who want to know.
 */
export class StockSnapshots {
  readonly #parts: Parts
  readonly #known: KnownStock
  readonly #clock: Clock
  readonly #limitMs: number
  /** How many were begun. */
  begun = 0
  /** How many wait for each SKU. */
  readonly #wanted = new Map<number, number>()
  #running: Running | undefined
  #last: { survey: StockSnapshot; traces: readonly (Trace | undefined)[] } | undefined
  #endedAt = Number.NEGATIVE_INFINITY

  /** @param limitMs When a partition that has not answered is given up. */
  constructor(parts: Parts, known: KnownStock, clock: Clock, limitMs: number) {
    this.#parts = parts
    this.#known = known
    this.#clock = clock
    this.#limitMs = limitMs
  }

  /** The latest that is over. */
  get last(): StockSnapshot | undefined {
    return this.#last?.survey
  }

  /** From now on each survey asks for these SKUs too, until what is returned is called. */
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

  /** The survey that is under way, or a new one. */
  current(): Running {
    this.#running ??= this.#begin()
    return this.#running
  }

  #begin(): Running {
    let timer: Timer | undefined
    const done = this.#pause()
      .then(() => this.#take())
      .finally(() => {
        timer?.cancel()
        this.#running = undefined
        this.#endedAt = this.#clock.now()
      })
    const moment = new Promise<void>((resolve) => {
      timer = this.#clock.after(tuning.glimpseMs, resolve)
    })
    return { done, partialResult: Promise.race([done, moment]) }
  }

  async #pause(): Promise<void> {
    const ms = this.#endedAt + this.#parts.count / tuning.partitionsAMs - this.#clock.now()
    if (ms >= 1) await new Promise<void>((resolve) => void this.#clock.after(ms, resolve))
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
      const generationBefore = session.lastSeen?.generation
      return this.#parts.ask(index, 'stats', { skus: asked }, call, ({ skus, returns }) => {
        for (const [place, counts] of skus.entries()) {
          const sku = asked[place]!
          this.#known.note(index, sku, counts.available)
          available[sku] = (available[sku] ?? 0) + counts.available
          unsold[sku] = (unsold[sku] ?? 0) + counts.total - counts.held - counts.confirmed
          held[sku] = (held[sku] ?? 0) + counts.held
        }
        // A history that goes on as another generation may have put units back without a word.
        const generation = session.lastSeen!.generation
        return {
          returns,
          generation:
            generationBefore === undefined || generationBefore === generation ? generation : Number.NaN,
        }
      })
    }
    const { done: traces, failures } = await askAll(this.#parts.count, (index) =>
      // A reply that was lost on the way need not cost everybody the survey.
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
      before?.survey.failures.size === 0 &&
      traces.every((trace, index) => isSame(trace!, before.traces[index]!))
    const survey = {
      ...{ number, asked: new Set(asked), failures, still, available, unsold, held },
      unsoldBefore: before?.survey.unsold ?? [],
      inTransitBefore: before ? inTransitOf(before.survey) : [],
    }
    this.#last = { survey, traces }
    return survey
  }
}

function inTransitOf({ unsold, available }: Pick<StockSnapshot, 'unsold' | 'available'>): number[] {
  return unsold.map((units, sku) => units - available[sku]!)
}

/** NaN is like nothing else. */
function isSame(a: Trace, b: Trace): boolean {
  return a.returns === b.returns && a.generation === b.generation
}
