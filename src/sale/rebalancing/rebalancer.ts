import type { CallOptions } from '../../batching/batcher-set.js'
import { withDeadline } from '../../batching/shared-wait.js'
import { type Clock, sleep } from '../../engine/clock.js'
import type { Units } from '../../engine/engine.js'
import { restate, StockholdError, unavailable } from '../../errors.js'
import { failureOf } from '../fan-out.js'
import type { Parts } from '../partitions.js'
import { KnownStock } from './known-stock.js'
import { type StockSnapshot, StockSnapshots } from './stock-snapshots.js'
import { StockTransfer } from './stock-transfer.js'

const tuning = {
  /**
   * `hasty`: how many fruitless rounds have no pause. After them each pause is longer, up to
   * `maxPauseMs`, in ms.
   */
  hasty: 2,
  maxPauseMs: 64,
}

/** What a call lacks, as the target answered. */
export interface Shortage {
  /** The SKU that the target lacks, and how many units it had. */
  readonly sku: number
  readonly available: number
  /** All units that the call asks for: a cart. */
  readonly wants: Units
  /** The call accepts fewer units if there are no more. */
  readonly partly: boolean
}

/** Fewer units are left than the call asks for. */
export interface SoldOut {
  readonly sku: number
  readonly available: number
  /**
   * The upper bound of the units left. Other requests may be refused by this number, not by
   * `available`.
   */
  readonly unsold: number
  readonly mayReturn: boolean
}

/**
 * Finds units in other partitions for calls whose target has too few.
 *
 * The rebalancer reports a SKU as sold out only after two snapshots. The second must have begun
 * after the request, no units may have returned to any partition between its answers to the two,
 * and the first must have found fewer unsold units than the request asks for. This is correct: a
 * partition's unsold units (`total - held - confirmed`, which is available units plus its own count
 * of units in transit) do not change by transfers, and only fall unless units return. So at the
 * moment between the snapshots no partition had more than the first snapshot found, and all
 * partitions together had too few, available and in transit. That moment lies within the request.
 */
export class Rebalancer {
  readonly #parts: Parts
  readonly #known: KnownStock
  readonly #snapshots: StockSnapshots
  readonly #transfer: StockTransfer
  readonly #clock: Clock

  /** @param deadlineMs How long a call of this handle may last. */
  constructor(parts: Parts, clock: Clock, deadlineMs: number) {
    this.#parts = parts
    this.#clock = clock
    this.#known = new KnownStock(parts.count)
    // A waiting call must have time left to ask other partitions.
    const limitMs = Math.max(1, deadlineMs / 2)
    this.#snapshots = new StockSnapshots(parts, this.#known, clock, limitMs)
    this.#transfer = new StockTransfer(parts, this.#known, clock, limitMs)
  }

  /** How many snapshots have begun. Snapshots that begin later count for a request made now. */
  get snapshotCount(): number {
    return this.#snapshots.begun
  }

  /**
   * Notes that the target sold units without rebalancing, so this handle does not look for them
   * there.
   */
  sold(target: number, cart: Units): void {
    for (const [sku, quantity] of cart) {
      const known = this.#known.at(target, sku)
      if (known > 0) this.#known.note(target, sku, Math.max(0, known - quantity))
    }
  }

  /** Delivers what it can of the units in transit; see {@link StockTransfer.completeTransfers}. */
  completeTransfers(): Promise<boolean> {
    return this.#transfer.completeTransfers()
  }

  /** See {@link StockTransfer.deliver}. */
  deliver(): Promise<void> {
    return this.#transfer.deliver()
  }

  /**
   * Waits until it is worthwhile to ask the target again: then it returns `undefined`. If all
   * partitions together have too few units, it returns `SoldOut`.
   *
   * @param since `snapshotCount` when the request was made, or later.
   * @param round How often `acquire` was called for this request before.
   * @throws UNAVAILABLE: the reachable partitions do not have enough, or the deadline has passed.
   */
  async acquire(
    target: number,
    shortage: Shortage,
    since: number,
    round: number,
    limits: CallOptions,
  ): Promise<SoldOut | undefined> {
    const stopAsking = this.#snapshots.want(shortage.wants)
    try {
      return await this.#acquire(target, shortage, since, round, limits)
    } finally {
      stopAsking()
    }
  }

  async #acquire(
    target: number,
    shortage: Shortage,
    since: number,
    round: number,
    limits: CallOptions,
  ): Promise<SoldOut | undefined> {
    const { sku, wants } = shortage
    for (const [one] of wants) this.#known.track(one)
    this.#known.note(target, sku, shortage.available)
    for (let fruitless = round; ; fruitless++) {
      await this.#pause(fruitless, limits)
      const missing = this.#missing(target, wants)
      // Other calls have moved units to the target.
      if (missing.length === 0) return undefined
      if (this.#isWorthPulling(target, shortage)) {
        const came = await this.#within(limits, this.#transfer.pull(target, missing))
        if (came.has(sku)) return undefined
        continue
      }
      const { done, partialResult } = this.#snapshots.current()
      await this.#within(limits, partialResult)
      if (this.#isWorthPulling(target, shortage)) continue
      const snapshot = await this.#within(limits, done)
      if (this.#isWorthPulling(target, shortage) || this.#missing(target, wants).length === 0) continue
      // The snapshot began too early or did not ask for these SKUs: this call cannot use it, not
      // even to learn that a partition is unreachable.
      if (snapshot.number <= since || !wants.every(([one]) => snapshot.asked.has(one))) continue
      if (snapshot.failures.size > 0) throw away(snapshot, this.#parts.count)
      const verdict = verdictOf(snapshot, wants)
      if (verdict) return verdict
      if (isStuck(snapshot, wants)) await this.#within(limits, this.#transfer.completeTransfers())
    }
  }

  /** If the whole cart is not available, none of it is moved. */
  #isWorthPulling(target: number, { sku, wants, partly }: Shortage): boolean {
    if (partly) return this.#known.sum(sku) > this.#known.at(target, sku)
    return wants.every(([one, quantity]) => this.#known.sum(one) >= quantity)
  }

  /** The units of which the target is known to have too few. */
  #missing(target: number, wants: Units): Units {
    return wants.filter(([sku, quantity]) => this.#known.at(target, sku) < quantity)
  }

  /** Calls that want the same units retry at different times. */
  async #pause(round: number, limits: CallOptions): Promise<void> {
    if (round < tuning.hasty) return
    const ms = this.#clock.random() * Math.min(tuning.maxPauseMs, 2 ** (round - tuning.hasty + 1))
    await this.#within(limits, sleep(ms, this.#clock))
  }

  #within<T>(limits: CallOptions, promise: Promise<T>): Promise<T> {
    return withDeadline(promise, limits, this.#clock, () => {
      const { last } = this.#snapshots
      if (last && last.failures.size > 0) return away(last, this.#parts.count)
      return unavailable(
        'Units could not be brought here in time from other partitions. Nothing was executed.',
        new Error('Some partition did not answer.'),
      )
    })
  }
}

/**
 * Returns the SKU that is sold out, if the snapshots prove it; see {@link Rebalancer}. It names the
 * first such SKU of the cart, so for those before it there must have been enough at that moment:
 * there were if the second snapshot still finds enough.
 */
function verdictOf(snapshot: StockSnapshot, wants: Units): SoldOut | undefined {
  if (!snapshot.still) return undefined
  for (const [sku, quantity] of wants) {
    const [before, now] = [snapshot.unsoldBefore[sku], snapshot.unsold[sku]!]
    // The previous snapshot began before a call asked for this SKU.
    if (before === undefined) return undefined
    if (before < quantity) {
      // `available` includes units in transit: a request for no more than that can get them.
      const available = Math.min(before, now)
      return { sku, available, unsold: before, mayReturn: snapshot.held[sku]! > 0 }
    }
    if (now < quantity) return undefined
  }
  return undefined
}

/**
 * Whether units are in transit now and were in the previous snapshot: a running process would have
 * delivered them by now.
 */
function isStuck(snapshot: StockSnapshot, wants: Units): boolean {
  return wants.some(
    ([sku]) => snapshot.unsold[sku]! > snapshot.available[sku]! && snapshot.inTransitBefore[sku]! > 0,
  )
}

/**
 * The error if a partition cannot be counted: its stock is unknown, so no SKU can be reported as
 * sold out.
 */
function away({ failures }: StockSnapshot, partitions: number): unknown {
  const error = failureOf(failures, partitions)
  if (!(error instanceof StockholdError)) return error
  const message = `No other partition has enough units, and one cannot be asked for its own. Nothing was executed. ${error.message}`
  return error.retryable ? unavailable(message, error) : restate(error, { message, cause: error })
}
