import { backoff } from '../batching/backoff.js'
import type { CallOptions } from '../batching/batcher-set.js'
import type { Timer } from '../engine/clock.js'
import type { FinalRoomAnswer, RoomState, StockReading, Visit, VisitAnswer } from '../engine/room.js'
import { isAway, isIncompatible, StockholdError } from '../errors.js'
import type { FlashSale } from '../sale/flash-sale.js'
import { again, unanswered } from './errors.js'
import { QueueIndex } from './queue-index.js'
import type { RoomClient } from './room-client.js'
import { readStock } from './stock-reader.js'
import { FRESH_MS, tuning } from './tuning.js'
import { settledBy, type Waiting, waitFor } from './wait-for-admission.js'

const LONG_AGO = { elapsed: Number.NEGATIVE_INFINITY, clock: Number.NEGATIVE_INFINITY }

interface Visiting extends Waiting<VisitAnswer> {
  readonly visit: Visit
}

/**
 * Tends the door for one process: one call at a time carries all who have come since the last one,
 * and brings back how the room stands. However many visitors there are, it makes a handful of calls
 * a second: at once while it is quiet, in step when it is busy.
 */
export class RoomPoller {
  readonly queue = new QueueIndex()
  readonly #client: RoomClient
  readonly #sale: FlashSale | undefined
  readonly #listeners = new Set<() => void>()
  #state: RoomState | undefined
  /**
   * When the state was asked for, by `elapsed()` and by the timers' clock: whichever went further
   * decides its age.
   */
  #askedAt = LONG_AGO
  #stock: StockReading | undefined
  #stockAt = LONG_AGO
  /** The reading of the stock that is under way, and until when the door waits for it. */
  #reading: Promise<void> | undefined
  #patientUntil = LONG_AGO.clock
  #visits: Visiting[] = []
  #watchers: Waiting<RoomState>[] = []
  #ticking = false
  #timer: Timer | undefined
  #timerAt = Number.POSITIVE_INFINITY
  #allowance = tuning.callsAtOnce
  #allowanceAt = LONG_AGO.clock
  /** How often what was known went out of date: a call begun before knows no better. */
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

  constructor(access: RoomClient, sale: FlashSale | undefined) {
    this.#client = access
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

  /** The latest state if it is fresh enough to be told, and asking again would not be cheap. */
  recent(): RoomState | undefined {
    if (this.#state === undefined) return undefined
    const now = this.#client.clock.now()
    if (this.#ageOf(this.#askedAt, now) > FRESH_MS) return undefined
    return this.#allowed(now) < tuning.quietCalls ? this.#state : undefined
  }

  /** Why the stock cannot be read, if that will not pass by itself. */
  get saleError(): StockholdError | undefined {
    return this.#saleError
  }

  get stopped(): boolean {
    return this.#stopped
  }

  /** Whether the latest state is at most so many ms old. */
  isFresherThan(maxAge: number): boolean {
    return this.#state !== undefined && this.#ageOf(this.#askedAt) <= maxAge
  }

  /** Somebody waits here: look often from now on. */
  markActive(): void {
    // With every poll: the clock is read when it matters.
    this.#touched = true
  }

  /**
   * Begins to look at the room now and then, if nothing has yet: that is how revocations become
   * known.
   */
  tick(): void {
    if (!this.#timer) this.#wake()
  }

  /** A state not older than `maxAge` ms. While the engine is away it fails at once. */
  refresh(limits: CallOptions = { deadline: this.#client.deadline() }, maxAge = 0): Promise<RoomState> {
    if (maxAge > 0 && this.isFresherThan(maxAge)) return Promise.resolve(this.#state!)
    return this.#join(limits, (waiting) => this.#watchers.push(waiting))
  }

  /** A visitor has come to the door. */
  visit(visit: Visit, limits: CallOptions = { deadline: this.#client.deadline() }): Promise<VisitAnswer> {
    return this.#join(limits, (waiting) => this.#visits.push({ ...waiting, visit }))
  }

  /** Whether the buyer's pass of this stay was revoked. */
  isRevoked(buyer: string, visitId: number): boolean {
    const known = this.#revoked.get(buyer)
    return known !== undefined && known.visitId >= visitId
  }

  revoke(buyer: string, visitId: number): void {
    if (this.isRevoked(buyer, visitId)) return
    const now = this.#client.now()
    this.#revoked.set(buyer, { visitId, until: now + this.#client.known!.rules.passMs })
    if (this.#revoked.size < this.#prunedAt) return
    // A pass that has run out by itself needs no revocation.
    for (const [name, { until }] of this.#revoked) if (until < now) this.#revoked.delete(name)
    this.#prunedAt = Math.max(tuning.firstPrune, 2 * this.#revoked.size)
  }

  /** Whether it is this place's turn. */
  hasTurn(number: number): boolean {
    return this.#turns.has(number)
  }

  /** Calls back with every new state; returns how to stop that. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** What is known is out of date by this process' own doing. */
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

  #join<T>(limits: CallOptions, enter: (waiting: Waiting<T>) => void): Promise<T> {
    if (this.#stopped || this.#client.closed)
      return Promise.reject(new StockholdError('CLOSED', 'this handle of the waiting room was closed.'))
    if (limits.signal?.aborted) return Promise.reject(limits.signal.reason)
    if (this.away) return Promise.reject(again(this.#lastError))
    const answer = waitFor(this.#client.clock, limits, () => unanswered(this.#lastError), enter)
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
    if (this.#ticking || this.#stopped) return
    this.#schedule(this.#pause())
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
      // At the end of this turn: whoever comes in the same turn goes along.
      void Promise.resolve().then(() => this.#tick())
      return
    }
    this.#timer = this.#client.clock.after(Math.ceil(ms), () => void this.#tick())
    // Who waits for an answer keeps the process alive; looking around does not.
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
    try {
      const limits = this.#client.call()
      await this.#client.learn(limits)
      const askedAt = this.#moment()
      const stock = await this.#readStock(limits.deadline)
      // Before the question: a revocation that its answer does not show comes later than this.
      const heardBefore = this.#client.heardNow
      const op = {
        visits: visits.map(({ visit }) => visit),
        stock: stock ?? null,
        goneVersion: this.#state?.goneVersion ?? 0,
        turnsSince: this.#state?.doorTime ?? 0,
        revokedSince: this.#revokedSince,
        drawn: this.#state?.drawn ?? null,
      }
      const answer = await this.#client.ask('tend', op, limits, (given) => given, visits.length)
      this.#take(answer, forgotten === this.#forgotten ? askedAt : LONG_AGO)
      this.#revokedSince = heardBefore
      for (const [i, { resolve }] of visits.entries()) resolve(answer.visits[i]!)
      for (const { resolve } of watchers) resolve(answer)
    } catch (error) {
      // What is final (no such room, ...) may be mended at any moment; only an engine that is away
      // is spared.
      this.#failures = error instanceof StockholdError && !isAway(error) ? 0 : this.#failures + 1
      this.#lastError = error
      this.#fail(error, visits, watchers, this.#visits.splice(0), this.#watchers.splice(0))
    } finally {
      this.#ticking = false
      // A room of another version does not change while this process looks at it: only a caller
      // asks again.
      if (!isIncompatible(this.#lastError) || this.#isWaitedFor) this.#wake()
    }
    for (const listener of this.#listeners) listener()
  }

  #take(answer: FinalRoomAnswer<'tend'>, askedAt: { elapsed: number; clock: number }): void {
    this.#failures = 0
    this.#lastError = undefined
    this.#state = answer
    this.#askedAt = askedAt
    this.queue.update(answer)
    this.#turns = new Set(answer.turns)
    for (const { buyer, visitId } of answer.revoked) this.revoke(buyer, visitId)
  }

  /**
   * The stock, as far as it is known. A part of the sale that is silent is waited for until the
   * sale's own deadline: by the reading, which goes on, and not by the door.
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
      this.#stock = await readStock(sale, () => this.#client.now())
      this.#stockAt = readAt
      this.#saleError = undefined
    } catch (error) {
      this.#saleError = error instanceof StockholdError && !isAway(error) ? error : undefined
      // Without a reading nobody is let in; the room's own answer still tells everybody their
      // place.
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

  #fail(error: unknown, ...groups: (readonly Waiting<never>[])[]): void {
    for (const waiting of groups.flat()) waiting.reject(again(error))
  }
}

/** Twice in the time in which the bucket fills, but no less often than ten times a second. */
function intervalOf({ pace: { rate, burst } }: RoomState): number {
  return Math.min(tuning.busyMs, Math.max(tuning.shortestMs, (burst * 500_000) / rate))
}
