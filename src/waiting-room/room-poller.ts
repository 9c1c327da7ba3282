import { backoff } from '../batching/backoff.js'
import type { CallOptions } from '../batching/batcher-set.js'
import { settledBy, type Waiter, waitFor } from '../batching/shared-wait.js'
import type { Timer } from '../engine/clock.js'
import type { FinalRoomAnswer, RoomState, StockReading, Visit, VisitAnswer } from '../engine/room.js'
import { isAway, isIncompatible, StockholdError } from '../errors.js'
import type { FlashSale } from '../sale/flash-sale.js'
import { admissionChannel } from '../telemetry/channels.js'
import { type Carried, isObserved, noteAsked, runForAll, runOwn } from '../telemetry/open-calls.js'
import { again, unanswered } from './errors.js'
import type { RoomClient } from './room-client.js'
import { RoomIndex } from './room-index.js'
import { admissionOf } from './room-stats.js'
import { SharedRefresh } from './shared-refresh.js'
import { readStock } from './stock-reader.js'
import { FRESH_MS, tuning } from './tuning.js'

const LONG_AGO = { elapsed: Number.NEGATIVE_INFINITY, clock: Number.NEGATIVE_INFINITY }

/** `carried`: for telemetry; only while something subscribes. */
interface Asking<T> extends Waiter<T> {
  readonly carried?: Carried
}

interface Visiting extends Asking<VisitAnswer> {
  readonly visit: Visit
}

/**
 * Polls the room for one process. One call at a time carries all visits since the last call, and
 * returns the state of the room. Whatever the number of visitors, the process makes a few calls a
 * second: at once while it is quiet, at a fixed interval while it is busy.
 */
export class RoomPoller {
  readonly queue = new RoomIndex()
  readonly shared = new SharedRefresh((limits) => this.refresh(limits))
  readonly #client: RoomClient
  readonly #sale: FlashSale | undefined
  readonly #listeners = new Set<() => void>()
  #state: RoomState | undefined
  /**
   * When the state was asked for, by `elapsed()` and by the timers' clock. Its age is the greater
   * of the two.
   */
  #askedAt = LONG_AGO
  #stock: StockReading | undefined
  #stockAt = LONG_AGO
  /** The reading of the stock that is under way, and until when the poller waits for it. */
  #reading: Promise<void> | undefined
  #patientUntil = LONG_AGO.clock
  #visits: Visiting[] = []
  #watchers: Asking<RoomState>[] = []
  #ticking = false
  #timer: Timer | undefined
  #timerAt = Number.POSITIVE_INFINITY
  #allowance = tuning.callsAtOnce
  #allowanceAt = LONG_AGO.clock
  /**
   * How often the known state was invalidated: a call that began before must not count as fresh.
   */
  #forgotten = 0
  #saleError: StockholdError | undefined
  #touched = false
  #activeUntil = LONG_AGO.clock
  #failures = 0
  #lastError: unknown
  readonly #revoked = new Map<string, { readonly visitId: number; readonly until: number }>()
  #prunedAt = tuning.firstPrune
  #revokedSince = 0
  #turns: ReadonlySet<number> = new Set()
  #stopped = false

  constructor(client: RoomClient, sale: FlashSale | undefined) {
    this.#client = client
    this.#sale = sale
  }

  /** The latest state, whatever its age. */
  get state(): RoomState | undefined {
    return this.#state
  }

  /** Whether the last attempt to reach the engine failed. */
  get away(): boolean {
    return this.#failures > 0
  }

  /**
   * The latest state if it is fresh enough to answer with, and a further call would not be cheap.
   */
  recent(): RoomState | undefined {
    if (this.#state === undefined) return undefined
    const now = this.#client.clock.now()
    if (this.#ageOf(this.#askedAt, now) > FRESH_MS) return undefined
    return this.#allowed(now) < tuning.quietCalls ? this.#state : undefined
  }

  /** Why the stock cannot be read, if the error does not pass by itself. */
  get saleError(): StockholdError | undefined {
    return this.#saleError
  }

  get stopped(): boolean {
    return this.#stopped
  }

  /** Whether the latest state is at most `maxAge` ms old. */
  isFresherThan(maxAge: number): boolean {
    return this.#state !== undefined && this.#ageOf(this.#askedAt) <= maxAge
  }

  /** A visitor waits in this process: the room is read often from now on. */
  markActive(): void {
    // Called with every poll, so the clock is read later, when it matters.
    this.#touched = true
  }

  /**
   * Starts reading the room now and then, if that has not started: this is how revocations become
   * known.
   */
  tick(): void {
    if (!this.#timer) this.#wake()
  }

  /** A state not older than `maxAge` ms. While the engine is away it fails at once. */
  refresh(limits: CallOptions = { deadline: this.#client.deadline() }, maxAge = 0): Promise<RoomState> {
    if (maxAge > 0 && this.isFresherThan(maxAge)) return Promise.resolve(this.#state!)
    return this.#join(limits, (waiter) => this.#watchers.push(waiter))
  }

  /** Sends the visit of a visitor who is near their turn or has it. */
  visit(visit: Visit, limits: CallOptions = { deadline: this.#client.deadline() }): Promise<VisitAnswer> {
    return this.#join(limits, (waiter) => this.#visits.push({ ...waiter, visit }))
  }

  /** Whether the buyer's pass of this visit was revoked. */
  isRevoked(buyer: string, visitId: number): boolean {
    const known = this.#revoked.get(buyer)
    return known !== undefined && known.visitId >= visitId
  }

  revoke(buyer: string, visitId: number): void {
    if (this.isRevoked(buyer, visitId)) return
    const now = this.#client.now()
    this.#revoked.set(buyer, { visitId, until: now + this.#client.known!.rules.passMs })
    if (this.#revoked.size < this.#prunedAt) return
    // An expired pass needs no revocation.
    for (const [name, { until }] of this.#revoked) if (until < now) this.#revoked.delete(name)
    this.#prunedAt = Math.max(tuning.firstPrune, 2 * this.#revoked.size)
  }

  /** Whether the visitor of this number has a turn. */
  hasTurn(number: number): boolean {
    return this.#turns.has(number)
  }

  /** Calls the listener with every new state; returns a function that stops it. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Invalidates the known state, after a change by this process. */
  forget(): void {
    this.#forgotten++
    this.#askedAt = LONG_AGO
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
    const closed = new StockholdError('CLOSED', 'this handle of the waiting room was closed.')
    this.#fail(closed, this.#visits.splice(0), this.#watchers.splice(0))
    for (const listener of this.#listeners) listener()
  }

  #join<T>(limits: CallOptions, enter: (waiter: Asking<T>) => void): Promise<T> {
    if (this.#stopped || this.#client.closed)
      return Promise.reject(new StockholdError('CLOSED', 'this handle of the waiting room was closed.'))
    if (limits.signal?.aborted) return Promise.reject(limits.signal.reason)
    if (this.away) return Promise.reject(again(this.#lastError))
    const { clock } = this.#client
    const carried = isObserved() ? noteAsked(clock.now()) : undefined
    const asking = carried ? (waiter: Waiter<T>) => enter({ ...waiter, carried }) : enter
    const answer = waitFor(clock, limits, () => unanswered(this.#lastError), asking)
    this.#wake()
    return answer
  }

  /** How many calls may be made right now. */
  #allowed(now = this.#client.clock.now()): number {
    return Math.min(tuning.callsAtOnce, this.#allowance + (now - this.#allowanceAt) / this.#interval())
  }

  /** ms between two calls while it is busy. */
  #interval(): number {
    return this.#state === undefined ? tuning.busyMs : intervalOf(this.#state)
  }

  #spendCall(): void {
    this.#allowance = this.#allowed() - 1
    this.#allowanceAt = this.#client.clock.now()
  }

  #wake(): void {
    if (!this.#ticking && !this.#stopped) this.#schedule(this.#pause())
  }

  get #isWaitedFor(): boolean {
    return this.#visits.length + this.#watchers.length > 0
  }

  /** How long to wait before the next call, in ms. */
  #pause(): number {
    if (this.away) return backoff(this.#failures, tuning.minRetryMs, tuning.maxRetryMs)
    if (this.#isWaitedFor) return Math.max(0, 1 - this.#allowed()) * this.#interval()
    const now = this.#client.clock.now()
    if (this.#touched) this.#activeUntil = now + tuning.activeMs
    this.#touched = false
    return now < this.#activeUntil ? this.#interval() : tuning.idleMs
  }

  #schedule(ms: number): void {
    const at = this.#client.clock.now() + ms
    if (at >= this.#timerAt) {
      if (this.#isWaitedFor) this.#timer?.keepAlive(true)
      return
    }
    this.#timer?.cancel()
    this.#timer = undefined
    this.#timerAt = at
    if (ms === 0) {
      // As a microtask: visits of the same turn of the event loop go along.
      void Promise.resolve().then(() => this.#tick())
      return
    }
    this.#timer = this.#client.clock.after(Math.ceil(ms), () => void this.#tick())
    // Callers that wait for an answer keep the process alive; reading the state does not.
    this.#timer.keepAlive(this.#isWaitedFor)
  }

  async #tick(): Promise<void> {
    this.#timerAt = Number.POSITIVE_INFINITY
    if (this.#stopped) return
    this.#ticking = true
    this.#spendCall()
    const forgotten = this.#forgotten
    const visits = this.#visits.splice(0, tuning.maxVisits).filter(({ settled }) => !settled())
    const watchers = this.#watchers.splice(0)
    this.shared.begin()
    try {
      const limits = this.#client.call()
      await this.#client.learn(limits)
      const askedAt = this.#moment()
      const stock = await this.#readStock(limits.deadline)
      // Taken before the call: a revocation that the answer does not contain is later than this.
      const heardBefore = this.#client.heardNow
      const op = {
        visits: visits.map(({ visit }) => visit),
        stock: stock ?? null,
        goneVersion: this.#state?.goneVersion ?? 0,
        turnsSince: this.#state?.doorTime ?? 0,
        revokedSince: this.#revokedSince,
        drawn: this.#state?.drawn ?? null,
      }
      const ask = () => this.#client.ask('tend', op, limits, (given) => given, visits.length)
      const carried = isObserved() ? [...visits, ...watchers].map((asking) => asking.carried) : undefined
      const answer = await (carried ? runForAll(carried, ask) : ask())
      this.#take(answer, forgotten === this.#forgotten ? askedAt : LONG_AGO)
      this.#revokedSince = heardBefore
      for (const [i, { resolve }] of visits.entries()) resolve(answer.visits[i]!)
      for (const { resolve } of watchers) resolve(answer)
    } catch (error) {
      // A final error (the room does not exist, ...) may be repaired at any moment, so it causes no
      // backoff; only an engine that is away does.
      this.#failures = error instanceof StockholdError && !isAway(error) ? 0 : this.#failures + 1
      this.#lastError = error
      this.#fail(error, visits, watchers, this.#visits.splice(0), this.#watchers.splice(0))
    } finally {
      this.#ticking = false
      // A room of another version does not change while this process runs: it is read again only
      // for a caller.
      if (!isIncompatible(this.#lastError) || this.#isWaitedFor) this.#wake()
    }
    for (const listener of this.#listeners) listener()
  }

  #take(answer: FinalRoomAnswer<'tend'>, askedAt: { elapsed: number; clock: number }): void {
    this.#failures = 0
    this.#lastError = undefined
    this.#state = answer
    this.#askedAt = askedAt
    if (admissionChannel.hasSubscribers) admissionChannel.publish(admissionOf(answer, this.#client))
    this.queue.update(answer)
    this.#turns = new Set(answer.turns)
    for (const { buyer, visitId } of answer.revoked) this.revoke(buyer, visitId)
  }

  /**
   * The stock, as far as it is known. If a partition of the sale does not answer, the reading goes
   * on until the sale's own deadline, and the poller does not wait that long.
   */
  async #readStock(deadline: number): Promise<StockReading | undefined> {
    if (!this.#sale || isIncompatible(this.#saleError)) return undefined
    const isDue = this.#ageOf(this.#stockAt) > tuning.stockMs || this.#allowed() > tuning.quietCalls
    if (this.#stock && !isDue) return this.#stock
    const { clock } = this.#client
    if (!this.#reading) {
      const now = clock.now()
      this.#patientUntil = now + (deadline - now) * tuning.stockPatience
      this.#reading = this.#askStock(this.#sale)
    }
    await settledBy(this.#patientUntil, this.#reading, clock)
    return this.#stock
  }

  async #askStock(sale: FlashSale): Promise<void> {
    const readAt = this.#moment()
    try {
      this.#stock = await runOwn(() => readStock(sale, () => this.#client.now()))
      this.#stockAt = readAt
      this.#saleError = undefined
    } catch (error) {
      this.#saleError = error instanceof StockholdError && !isAway(error) ? error : undefined
      // Without a reading no visitor is admitted. The room still answers, so every visitor still
      // learns their position.
      this.#stock = undefined
    } finally {
      this.#reading = undefined
    }
  }

  #moment(): { elapsed: number; clock: number } {
    return { elapsed: this.#client.elapsed(), clock: this.#client.clock.now() }
  }

  #ageOf(moment: { elapsed: number; clock: number }, now = this.#client.clock.now()): number {
    return Math.max(this.#client.elapsed() - moment.elapsed, now - moment.clock)
  }

  #fail(error: unknown, ...groups: (readonly Waiter<never>[])[]): void {
    for (const waiter of groups.flat()) waiter.reject(again(error))
  }
}

/** Twice in the time in which the token bucket fills, and at least ten times a second. */
function intervalOf({ pace: { rate, burst } }: RoomState): number {
  return Math.min(tuning.busyMs, Math.max(tuning.shortestMs, (burst * 500_000) / rate))
}
