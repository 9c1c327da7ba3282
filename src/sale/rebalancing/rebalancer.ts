import type { CallOptions } from '../../batching/batcher-set.js'
import type { Clock } from '../../engine/clock.js'
import type { Units } from '../../engine/engine.js'
import { restate, StockholdError, unavailable } from '../../errors.js'
import { failureOf } from '../fan-out.js'
import type { Parts } from '../partitions.js'
import { KnownStock } from './known-stock.js'
import { type StockSnapshot, StockSnapshots } from './stock-snapshots.js'
import { StockTransfer } from './stock-transfer.js'
import { withDeadline } from './with-deadline.js'

const tuning = {
  /**
   * Fruitless rounds without a pause; from then on each is longer than the one before, up to a
   * limit, in ms.
   */
  hasty: 2,
  maxPauseMs: 64,
}

/** What somebody was told at the target. */
export interface Shortage {
  /** The SKU of which there was too little, and what there was. */
  readonly sku: number
  readonly available: number
  /** All that is wanted: a cart. */
  readonly wants: Units
  /** Takes fewer too, if there are no more. */
  readonly partly: boolean
}

/** Fewer units are left than are wanted. */
export interface SoldOut {
  readonly sku: number
  readonly available: number
  /** No more than so many can have been had: by this, not by `available`, others can be refused. */
  readonly unsold: number
  readonly mayReturn: boolean
}

/**
 * Where the units of a sale are, for those whose target has too few of them.
 *
 * That fewer are left than somebody wants can be said after two surveys, the second of which was
 * begun after the request, if no units came back on sale in any partition between what it said in
 * the first and in the second, and the first found fewer unsold than are wanted. For what a
 * partition has unsold (`total - held - confirmed`: available, and its own account of what is in
 * transit) is not changed by transfers, and falls unless units come back. So at the moment between
 * the surveys no partition had more than the first of them found, and all of them together had too
 * few: available, in transit, wherever they were. That moment lies within the request.
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
    // One who waits shall have time to turn to others.
    const limitMs = Math.max(1, deadlineMs / 2)
    this.#snapshots = new StockSnapshots(parts, this.#known, clock, limitMs)
    this.#transfer = new StockTransfer(parts, this.#known, clock, limitMs)
  }

  /**
   * Surveys begun so far: those that are begun from now on count for a request that is made now.
   */
  get snapshotCount(): number {
    return this.#snapshots.begun
  }

  /**
   * Somebody has got them there without a search: this handle need not look for them there any
   * more.
   */
  sold(target: number, cart: Units): void {
    for (const [sku, quantity] of cart) {
      const known = this.#known.at(target, sku)
      if (known > 0) this.#known.note(target, sku, Math.max(0, known - quantity))
    }
  }

  /** Brings to the target what is in transit; see {@link StockTransfer.completeTransfers}. */
  completeTransfers(): Promise<boolean> {
    return this.#transfer.completeTransfers()
  }

  /**
   * Waits until it is worth while to ask at the target again: then nothing is answered. Or nobody
   * need ask: there are too few units anywhere.
   *
   * @param since `surveys` when the request was made, or later.
   * @param round How often it has been asked for this request before.
   * @throws UNAVAILABLE: nobody who can be reached has enough, or the time is over.
   */
  async acquire(
    target: number,
    lack: Shortage,
    since: number,
    round: number,
    limits: CallOptions,
  ): Promise<SoldOut | undefined> {
    const stopAsking = this.#snapshots.want(lack.wants)
    try {
      return await this.#acquire(target, lack, since, round, limits)
    } finally {
      stopAsking()
    }
  }

  async #acquire(
    target: number,
    lack: Shortage,
    since: number,
    round: number,
    limits: CallOptions,
  ): Promise<SoldOut | undefined> {
    const { sku, wants } = lack
    for (const [one] of wants) this.#known.track(one)
    this.#known.note(target, sku, lack.available)
    for (let fruitless = round; ; fruitless++) {
      await this.#pause(fruitless, limits)
      const missing = this.#missing(target, wants)
      // Units have come to the target by themselves.
      if (missing.length === 0) return undefined
      if (this.#isWorthPulling(target, lack)) {
        const came = await this.#within(limits, this.#transfer.pull(target, missing))
        if (came.has(sku)) return undefined
        continue
      }
      const { done, partialResult } = this.#snapshots.current()
      await this.#within(limits, partialResult)
      if (this.#isWorthPulling(target, lack)) continue
      const survey = await this.#within(limits, done)
      if (this.#isWorthPulling(target, lack) || this.#missing(target, wants).length === 0) continue
      // Begun too early, or while others alone waited: it says nothing to this one, not even that a
      // partition is away.
      if (survey.number <= since || !wants.every(([one]) => survey.asked.has(one))) continue
      if (survey.failures.size > 0) throw away(survey, this.#parts.count)
      const verdict = verdictOf(survey, wants)
      if (verdict) return verdict
      if (isStuck(survey, wants)) await this.#within(limits, this.#transfer.completeTransfers())
    }
  }

  /** Where a cart cannot be had as a whole, none of it is moved. */
  #isWorthPulling(target: number, { sku, wants, partly }: Shortage): boolean {
    if (partly) return this.#known.sum(sku) > this.#known.at(target, sku)
    return wants.every(([one, quantity]) => this.#known.sum(one) >= quantity)
  }

  /** What the target is known to have too few of. */
  #missing(target: number, wants: Units): Units {
    return wants.filter(([sku, quantity]) => this.#known.at(target, sku) < quantity)
  }

  /** Who is after the same units tries again at another time. */
  async #pause(round: number, limits: CallOptions): Promise<void> {
    if (round < tuning.hasty) return
    const ms = this.#clock.random() * Math.min(tuning.maxPauseMs, 2 ** (round - tuning.hasty + 1))
    await this.#within(limits, new Promise<void>((resolve) => void this.#clock.after(ms, resolve)))
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
 * That there are too few of one of the SKUs, if that can be said; see {@link Rebalancer}. It is
 * said of the first one: so of those before it there must have been enough at that moment, as there
 * are if the second survey still finds enough.
 */
function verdictOf(survey: StockSnapshot, wants: Units): SoldOut | undefined {
  if (!survey.still) return undefined
  for (const [sku, quantity] of wants) {
    const [before, now] = [survey.unsoldBefore[sku], survey.unsold[sku]!]
    // The survey before was begun before it was wanted.
    if (before === undefined) return undefined
    if (before < quantity) {
      // What is in transit can be had by who asks for no more.
      const available = Math.min(before, now)
      return { sku, available, unsold: before, mayReturn: survey.held[sku]! > 0 }
    }
    if (now < quantity) return undefined
  }
  return undefined
}

/**
 * Units are in transit, and were when it was asked before: whoever sent them would have brought
 * them to the target by now.
 */
function isStuck(survey: StockSnapshot, wants: Units): boolean {
  return wants.some(
    ([sku]) => survey.unsold[sku]! > survey.available[sku]! && survey.inTransitBefore[sku]! > 0,
  )
}

/** Its stock cannot be counted, so nobody can say that there is none. */
function away({ failures }: StockSnapshot, partitions: number): unknown {
  const error = failureOf(failures, partitions)
  if (!(error instanceof StockholdError)) return error
  const message = `No other partition has enough units, and one cannot be asked for its own. Nothing was executed. ${error.message}`
  return error.retryable ? unavailable(message, error) : restate(error, { message, cause: error })
}
