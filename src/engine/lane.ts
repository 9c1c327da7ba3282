import { performance } from 'node:perf_hooks'
import { StockholdError } from '../errors.js'
import type { Command, Op, Partition, Reply, Settled } from './engine.js'
import type { Session } from './session.js'

/** Items one call carries at most. Beyond some 200 the gain is small, and the server is held for longer at a time. */
export const MAX_BATCH = 256
/** Calls that may be out at a time: while the server works on one, the next is on its way. */
const MAX_CALLS = 2

interface Pending<C extends Command> {
  readonly op: Op<C>
  readonly deadline: number
  readonly weight: number
  readonly answer: (answer: Settled<C>) => void
  readonly fail: (error: unknown) => void
  /** Somebody has told the caller: an answer, a failure, the deadline or an abort. */
  settled: boolean
}

interface Batch<C extends Command> {
  readonly items: readonly Pending<C>[]
  sent: boolean
}

/**
 * Micro-batching: the way of one command to one partition. What is submitted while no call is out leaves at once, with
 * everything else of the same turn of the event loop; while calls are out, the queue grows into the next batch. There is
 * no timer to wait for, so a lone caller waits for nobody, and the busier the lane, the larger its batches.
 *
 * Each promise settles by its deadline: as UNAVAILABLE if its item was not sent, as UNKNOWN_OUTCOME if it was.
 */
export class Lane<C extends Command> {
  readonly #command: C
  readonly #partition: Partition
  readonly #session: Session
  readonly #queue: Pending<C>[] = []
  readonly #calls = new Set<Batch<C>>()
  #turn: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #timerAt = Number.POSITIVE_INFINITY

  constructor(command: C, partition: Partition, session: Session) {
    this.#command = command
    this.#partition = partition
    this.#session = session
  }

  /**
   * @param deadline When the caller must have been told, by `performance.now()`.
   * @param weight How much of a batch the item fills: its lines.
   * @param settle Makes the caller's result of the answer; what it throws is the caller's failure.
   */
  submit<T>(
    op: Op<C>,
    deadline: number,
    weight: number,
    settle: (answer: Settled<C>) => T,
    signal?: AbortSignal,
  ): Promise<T> {
    if (signal?.aborted) return Promise.reject(signal.reason)
    const overload = this.#session.enter()
    if (overload) return Promise.reject(overload)
    return new Promise<T>((resolve, reject) => {
      const pending: Pending<C> = {
        op,
        deadline,
        weight,
        answer: (answer) => {
          try {
            resolve(settle(answer))
          } catch (error) {
            reject(error)
          }
        },
        fail: reject,
        settled: false,
      }
      if (signal) this.#watch(pending, signal, reject)
      else this.#enqueue(pending)
    })
  }

  #enqueue(pending: Pending<C>): void {
    if (this.#idle) this.#timer?.ref()
    this.#queue.push(pending)
    this.#arm(pending.deadline)
    this.#wake()
  }

  #watch(pending: Pending<C>, signal: AbortSignal, reject: (reason: unknown) => void): void {
    const onAbort = () => {
      if (!this.#settle(pending)) return
      const queued = this.#queue.indexOf(pending)
      if (queued >= 0) this.#queue.splice(queued, 1)
      const sent = [...this.#calls].some((batch) => batch.sent && batch.items.includes(pending))
      reject(sent ? unknownOutcome('The call was aborted', { cause: signal.reason }) : signal.reason)
    }
    const forget = () => signal.removeEventListener('abort', onAbort)
    signal.addEventListener('abort', onAbort)
    this.#enqueue(
      Object.assign(pending, {
        answer: before(pending.answer, forget),
        fail: before(pending.fail, forget),
      }),
    )
  }

  /** Sends at the end of this turn: whoever submits in the same turn travels along. */
  #wake(): void {
    if (this.#turn || this.#calls.size >= MAX_CALLS) return
    this.#turn = Promise.resolve().then(() => {
      this.#turn = undefined
      while (this.#calls.size < MAX_CALLS && this.#queue.length > 0) void this.#send()
    })
  }

  async #send(): Promise<void> {
    const batch: Batch<C> = { items: this.#nextItems(), sent: false }
    this.#calls.add(batch)
    try {
      const reply = await this.#partition.run(
        this.#command,
        batch.items.map((item) => item.op),
        {
          token: this.#session.token,
          deadline: this.#session.serverTime(Math.min(...batch.items.map((item) => item.deadline))),
          floor: this.#session.lastNow,
          sent: () => {
            if (!this.#calls.has(batch)) return false
            batch.sent = true
            return true
          },
        },
      )
      this.#session.observe(reply)
      this.#answer(batch.items, reply)
    } catch (error) {
      for (const item of batch.items) this.#fail(item, () => ownError(error))
    } finally {
      this.#calls.delete(batch)
      if (this.#queue.length > 0) this.#wake()
      // With nobody left to tell, the timer must not keep the process alive.
      else if (this.#idle) this.#timer?.unref()
    }
  }

  get #idle(): boolean {
    return this.#queue.length === 0 && this.#calls.size === 0
  }

  #nextItems(): Pending<C>[] {
    const queue = this.#queue
    let count = 0
    let weight = 0
    while (count < queue.length && weight < MAX_BATCH) {
      weight += queue[count]!.weight
      if (count > 0 && weight > MAX_BATCH) break
      count++
    }
    return queue.splice(0, count)
  }

  #answer(items: readonly Pending<C>[], reply: Reply<C>): void {
    if (reply.outcome !== 'done') {
      for (const item of items) this.#fail(item, () => this.#session.gone(reply.outcome))
      return
    }
    const again: Pending<C>[] = []
    for (let i = 0; i < items.length; i++) {
      const item = items[i]!
      if (item.settled) continue
      const answer = reply.answers[i]!
      if (answer.status === 'retry') {
        again.push(item)
      } else if (this.#settle(item)) {
        item.answer(answer as Settled<C>)
      }
    }
    if (again.length > 0) this.#retry(again)
  }

  /** Undecided items go to the head of the queue while there is time. */
  #retry(items: readonly Pending<C>[]): void {
    const now = performance.now()
    const inTime = items.filter((item) => item.deadline > now)
    this.#queue.unshift(...inTime)
    for (const item of items)
      if (item.deadline <= now) this.#fail(item, () => tooLate('reached the server too late'))
  }

  #fail(item: Pending<C>, error: () => unknown): void {
    if (this.#settle(item)) item.fail(error())
  }

  /** Whether nobody has told the caller before. */
  #settle(item: Pending<C>): boolean {
    if (item.settled) return false
    item.settled = true
    this.#session.leave()
    return true
  }

  /** One timer a lane, set to the earliest deadline there is. */
  #arm(deadline: number): void {
    if (deadline >= this.#timerAt) return
    clearTimeout(this.#timer)
    this.#timerAt = deadline
    this.#timer = setTimeout(() => this.#expire(), Math.max(1, Math.ceil(deadline - performance.now())))
  }

  #expire(): void {
    const now = performance.now()
    this.#timerAt = Number.POSITIVE_INFINITY
    const expired = this.#queue.filter((item) => item.deadline <= now)
    if (expired.length > 0) {
      const rest = this.#queue.filter((item) => item.deadline > now)
      this.#queue.splice(0, this.#queue.length, ...rest)
      for (const item of expired) this.#fail(item, () => tooLate('could not be sent in time'))
    }
    for (const batch of this.#calls) {
      for (const item of batch.items) {
        if (item.deadline > now) continue
        this.#fail(item, () =>
          batch.sent ? unknownOutcome('No answer came in time') : tooLate('could not be sent in time'),
        )
      }
      // A driver may never settle what it has lost; the call must not block the lane for ever.
      if (batch.items.every((item) => item.settled)) this.#calls.delete(batch)
    }
    let next = Number.POSITIVE_INFINITY
    for (const item of this.#queue) next = Math.min(next, item.deadline)
    for (const batch of this.#calls) {
      for (const item of batch.items) if (!item.settled) next = Math.min(next, item.deadline)
    }
    if (next < Number.POSITIVE_INFINITY) this.#arm(next)
    if (this.#queue.length > 0) this.#wake()
  }
}

function before<A>(action: (value: A) => void, first: () => void): (value: A) => void {
  return (value) => {
    first()
    action(value)
  }
}

/** Each caller gets an error of its own: one that many share would collect the stack and the changes of all. */
function ownError(error: unknown): unknown {
  return error instanceof StockholdError
    ? new StockholdError(error.code, error.message, { cause: error.cause })
    : unknownOutcome('The engine failed', { cause: error })
}

function tooLate(what: string): StockholdError {
  return new StockholdError('UNAVAILABLE', `The request ${what}. Nothing was executed.`)
}

function unknownOutcome(what: string, options?: { cause: unknown }): StockholdError {
  const advice = 'it may have been executed. Send the same key, or the same id, again.'
  return new StockholdError('UNKNOWN_OUTCOME', `${what}: ${advice}`, options)
}
