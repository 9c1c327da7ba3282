import type { Final, Reply } from '../engine/port.js'
import { unknownOutcome } from '../engine/unknown-outcome.js'
import { NotReadyError, restate, type StockholdError, unavailable } from '../errors.js'
import { batchChannel } from '../telemetry/channels.js'
import { isObserved, noteAsked } from '../telemetry/open-calls.js'
import { reportBatch } from '../telemetry/report-batch.js'
import { onAbort } from './abort.js'
import type { BatchTarget, Pending } from './batch-target.js'
import { DeadlineTimer } from './deadline-timer.js'
import { failureOf } from './failure.js'
import type { Session } from './session.js'

export const tuning = {
  /**
   * The most items one call carries. Beyond some 200 the gain is small, and each call occupies the
   * server for longer.
   */
  maxBatch: 256,
  /** The most calls in flight at a time: while the server works on one, the next is on its way. */
  maxCalls: 2,
}

/**
 * Micro-batching for one command of one port. An item that is submitted while no call is in flight
 * leaves at once, with all other items of the same turn of the event loop; while calls are in
 * flight, the queue grows into the next batch. The batcher never waits for a timer, so a lone item
 * has no added latency, and the batches grow with the load.
 *
 * Items leave the queue only when the port is ready, so an item that ends there (deadline, abort)
 * was certainly not sent. A batch that is refused because the port is not ready goes back to the
 * queue, before items that were submitted later. Each promise settles by its deadline: as
 * UNAVAILABLE if its item was not sent, as UNKNOWN_OUTCOME if it was.
 */
export class Batcher<O, A extends { readonly status: string }> {
  readonly #target: BatchTarget<O, A>
  readonly #session: Session
  readonly #counted: boolean
  /** Oldest first. Aborted items are skipped, and removed when they are the greater part. */
  #queue: Pending<O, A>[] = []
  /** How many items of the queue were not aborted. */
  #waiting = 0
  readonly #calls = new Set<readonly Pending<O, A>[]>()
  #submitted = 0
  #isWaking = false
  /** Why the latest batch was not executed, if the port was not ready for it. */
  #refusal: NotReadyError | undefined
  readonly #timer: DeadlineTimer

  /**
   * @param counted Whether each item counts as a call of the handle; parts of a call that was
   *   counted do not.
   */
  constructor(way: BatchTarget<O, A>, session: Session, counted: boolean) {
    this.#target = way
    this.#session = session
    this.#timer = new DeadlineTimer(session.clock, (now) => this.#expire(now))
    this.#counted = counted
  }

  /**
   * @param deadline When the caller must have an answer, by the session's clock.
   * @param weight How much of a batch the item fills: its lines.
   * @param result Converts the answer to the caller's result.
   */
  submit<T>(
    op: O,
    deadline: number,
    weight: number,
    result: (answer: Final<A>) => T,
    signal?: AbortSignal,
  ): Promise<T> {
    if (signal?.aborted) return Promise.reject(signal.reason)
    const overload = this.#counted ? this.#session.enter() : undefined
    if (overload) return Promise.reject(overload)
    const promise = new Promise<unknown>(handOver)
    const pending = {
      op,
      order: this.#submitted++,
      deadline,
      weight,
      carried: isObserved() ? noteAsked(this.#session.clock.now()) : undefined,
      result,
      resolve: handedOver.resolve,
      reject: handedOver.reject,
      forget: undefined,
      queued: true,
      sent: false,
      settled: false,
    }
    if (signal) this.#watch(pending, signal)
    this.#enqueue(pending)
    return promise as Promise<T>
  }

  #enqueue(pending: Pending<O, A>): void {
    if (this.#idle) this.#timer.keepAlive(true)
    this.#queue.push(pending)
    this.#waiting++
    this.#timer.set(pending.deadline)
    this.#wake()
  }

  #watch(pending: Pending<O, A>, signal: AbortSignal): void {
    pending.forget = onAbort(signal, () => {
      this.#settle(pending)
      if (pending.queued) this.#waiting--
      this.#clear()
      this.#relax()
      pending.reject(pending.sent ? this.#unknown('The call was aborted', signal.reason) : signal.reason)
    })
  }

  /** Sends at the end of this turn: all items that are submitted in the same turn go along. */
  #wake(): void {
    if (this.#isWaking || this.#calls.size >= tuning.maxCalls) return
    this.#isWaking = true
    void settled.then(this.#endTurn)
  }

  readonly #endTurn = (): void => {
    let waiting: Promise<void> | undefined
    try {
      waiting = this.#prepare()
    } catch (error) {
      this.#refuse(error)
      return
    }
    if (waiting) waiting.then(this.#leave, this.#refuse)
    else this.#leave()
  }

  readonly #leave = (): void => {
    this.#isWaking = false
    while (this.#calls.size < tuning.maxCalls && this.#queue.length > 0) void this.#send()
  }

  readonly #refuse = (error: unknown): void => {
    this.#isWaking = false
    if (error instanceof NotReadyError) {
      this.#refusal = error
      if (this.#queue.length > 0) this.#wake()
      return
    }
    const items = this.#queue.splice(0)
    this.#waiting = 0
    for (const item of items) this.#fail(item, () => failureOf(item, this.#target.effect, error))
    this.#relax()
  }

  /** Waits until a batch can be sent, and until the server's time is known, for the deadline. */
  #prepare(): Promise<void> | undefined {
    const { time } = this.#target
    const learn = () => time && this.#session.time.learn(time)?.then(() => this.#target.ready())
    const waiting = this.#target.ready()
    return waiting ? waiting.then(learn) : learn()
  }

  async #send(): Promise<void> {
    const items = this.#nextItems()
    const again = items.some((item) => item.sent) ? items.filter((item) => item.sent) : []
    for (const item of items) item.sent = true
    this.#calls.add(items)
    const sentAt = this.#session.clock.now()
    const call = this.#session.newCall(earliest(items))
    try {
      const ops = items.map((item) => item.op)
      const asked = this.#target.run(ops, call)
      const reply = await (batchChannel.hasSubscribers ? this.#report(asked, items, sentAt) : asked)
      this.#refusal = undefined
      this.#session.recordReply(reply, sentAt, call.incarnation)
      const isGone = reply.outcome !== 'done' && reply.outcome !== 'incompatible'
      const asking = isGone ? this.#session.explain?.(reply.outcome) : this.#session.history.disbelief()
      const explained = asking && (await asking)
      if (explained === 'again') this.#sendAgain(items)
      else if (explained) for (const item of items) this.#fail(item, () => restate(explained))
      else this.#answer(items, reply)
    } catch (error) {
      // The error tells the outcome of this call. It does not tell that of earlier ones.
      for (const item of items) item.sent = again.includes(item)
      if (error instanceof NotReadyError) {
        this.#refusal = error
        this.#sendAgain(items)
      } else for (const item of items) this.#fail(item, () => failureOf(item, this.#target.effect, error))
    } finally {
      this.#calls.delete(items)
      if (this.#queue.length > 0) this.#wake()
      this.#relax()
    }
  }

  #report(reply: Promise<Reply<A>>, items: readonly Pending<O, A>[], sentAt: number): Promise<Reply<A>> {
    const { clock, place } = this.#session
    return reportBatch(reply, { place, command: this.#target.command, items, sentAt, now: () => clock.now() })
  }

  /** If no caller waits, the timer must not keep the process alive. */
  #relax(): void {
    if (this.#idle) this.#timer.keepAlive(false)
  }

  get #idle(): boolean {
    return this.#queue.length === 0 && this.#calls.size === 0
  }

  #nextItems(): Pending<O, A>[] {
    const items: Pending<O, A>[] = []
    let passed = 0
    let weight = 0
    for (const item of this.#queue) {
      if (!item.settled) {
        weight += item.weight
        if (items.length > 0 && weight > tuning.maxBatch) break
        item.queued = false
        items.push(item)
      }
      passed++
    }
    this.#queue.splice(0, passed)
    this.#waiting -= items.length
    this.#clear()
    return items
  }

  /** Removes the aborted items once there are more of them than waiting ones. */
  #clear(): void {
    if (this.#queue.length > 2 * this.#waiting) this.#queue = this.#queue.filter(({ settled }) => !settled)
  }

  #answer(items: readonly Pending<O, A>[], reply: Reply<A>): void {
    if (reply.outcome !== 'done') {
      for (const item of items) this.#fail(item, () => this.#session.refusal(reply))
      return
    }
    const again: Pending<O, A>[] = []
    for (let i = 0; i < items.length; i++) {
      const item = items[i]!
      if (item.settled) continue
      const answer = reply.answers[i]!
      if (answer.status === 'retry') {
        again.push(item)
        continue
      }
      this.#settle(item)
      try {
        item.resolve(item.result(answer as Final<A>))
      } catch (error) {
        item.reject(error)
      }
    }
    if (again.length > 0) this.#sendAgain(again)
  }

  /** Items with time left go back to the queue, before items that were submitted after them. */
  #sendAgain(items: readonly Pending<O, A>[]): void {
    const now = this.#session.clock.now()
    const open = items.filter(({ settled }) => !settled)
    const inTime = open.filter((item) => item.deadline > now)
    for (const item of inTime) item.queued = true
    const next = this.#queue[0]
    this.#queue.unshift(...inTime)
    // Another call may have put older ones there.
    const last = inTime.at(-1)
    if (last && next && last.order > next.order) this.#queue.sort((one, other) => one.order - other.order)
    this.#waiting += inTime.length
    for (const item of open) if (item.deadline <= now) this.#fail(item, () => this.#tooLate(item))
  }

  #fail(item: Pending<O, A>, error: () => unknown): void {
    if (item.settled) return
    this.#settle(item)
    item.reject(error())
  }

  /** The caller gets its result now. */
  #settle(item: Pending<O, A>): void {
    item.settled = true
    item.forget?.()
    if (this.#counted) this.#session.leave()
  }

  #unknown(what: string, cause?: unknown): StockholdError {
    return unknownOutcome(what, this.#target.effect, cause)
  }

  #tooLate(item: Pending<O, A>): StockholdError {
    if (item.sent) return this.#unknown('It was not decided in time')
    const latest = this.#refusal ?? this.#target.lastError?.()
    return latest
      ? restate(latest)
      : unavailable(
          'The request could not be sent in time. Nothing was executed.',
          new Error('What was sent before has not been answered yet.'),
        )
  }

  #expire(now: number): void {
    const waiting = this.#queue.filter(({ settled }) => !settled)
    const expired = waiting.filter((item) => item.deadline <= now)
    this.#queue = waiting.filter((item) => item.deadline > now)
    this.#waiting = this.#queue.length
    for (const item of expired) this.#fail(item, () => this.#tooLate(item))
    for (const items of this.#calls) {
      for (const item of items) {
        if (item.deadline <= now) this.#fail(item, () => this.#unknown('No answer came in time'))
      }
      // A driver may never settle a lost call; that call must not block the batcher for ever.
      if (items.every((item) => item.settled)) this.#calls.delete(items)
    }
    let next = earliest(this.#queue)
    for (const items of this.#calls) next = Math.min(next, earliest(items.filter((item) => !item.settled)))
    this.#timer.set(next)
    if (this.#queue.length > 0) this.#wake()
  }
}

const settled = Promise.resolve()

/** What settles the promise that was made last. */
const handedOver: { -readonly [K in 'resolve' | 'reject']: Pending<never, never>[K] } = {
  resolve() {},
  reject() {},
}

/** One function for all promises: a call makes none for its own. */
function handOver(resolve: (result: unknown) => void, reject: (error: unknown) => void): void {
  handedOver.resolve = resolve
  handedOver.reject = reject
}

function earliest(items: readonly { readonly deadline: number }[]): number {
  let deadline = Number.POSITIVE_INFINITY
  for (const item of items) deadline = Math.min(deadline, item.deadline)
  return deadline
}
