import { checkSignal } from '../check.js'
import type { Command, Engine, Op, Settled } from '../engine/engine.js'
import type { Limits } from '../engine/lanes.js'
import type { Session } from '../engine/session.js'
import { processTiming, type Timing } from '../engine/timing.js'
import { StockholdError } from '../errors.js'
import { Partitions } from './partitions.js'
import type { Recover } from './recovery.js'
import { RuleBook } from './reservation.js'
import { Sweeper } from './sweeper.js'

export interface SignalOption {
  /**
   * Ends the wait. Before the request was sent: nothing is sent, and the call rejects with the signal's reason. Afterwards:
   * UNKNOWN_OUTCOME, since it may have been executed.
   */
  signal?: AbortSignal
}

/** How a handle reaches its sale: it learns the rules, limits each call, sweeps, and knows when it was closed. */
export class SaleAccess {
  readonly #timing: Timing
  readonly #partitions: Partitions
  readonly #deadlineMs: number
  readonly #sweeper: Sweeper
  #book: RuleBook | undefined
  #learning: Promise<RuleBook> | undefined
  #closed = false

  constructor(sale: string, engine: Engine, limits: { deadlineMs: number; maxInFlight: number }) {
    this.#timing = engine.timing ?? processTiming
    this.#deadlineMs = limits.deadlineMs
    this.#partitions = new Partitions(engine, sale, limits.maxInFlight)
    const sweep = () => this.ask('sweep', {}, this.call(), ({ next }) => next)
    this.#sweeper = new Sweeper(sweep, () => this.session.serverTime(this.#timing.now()), this.#timing)
  }

  get session(): Session {
    return this.#partitions.session(0)
  }

  /** The rules, once they are known. */
  get book(): RuleBook | undefined {
    return this.#book
  }

  /** The limits of a call that begins now. Throws if the handle is closed or the signal has been given. */
  call(options?: SignalOption): Limits {
    const signal = checkSignal(options?.signal)
    if (this.#closed) {
      throw new StockholdError('CLOSED', 'this handle of the sale was closed. Nothing was sent.')
    }
    signal?.throwIfAborted()
    return { deadline: this.#timing.now() + this.#deadlineMs, signal }
  }

  ask<C extends Command, T>(
    command: C,
    op: Op<C>,
    call: Limits,
    result: (answer: Settled<C>) => T,
    weight?: number,
  ): Promise<T> {
    return this.#partitions.ask(0, command, op, call, result, weight)
  }

  /** The sale's rules, learned with the first call. Who aborts leaves the others waiting. */
  rules(call: Limits): Promise<RuleBook> {
    if (this.#book) return Promise.resolve(this.#book)
    this.#learning ??= this.describe({ ...call, signal: undefined })
      .then(({ token, rules }) => this.learn(token, new RuleBook(rules)))
      .finally(() => {
        this.#learning = undefined
      })
    return unlessAborted(this.#learning, call.signal)
  }

  describe(call: Limits): Promise<Settled<'describe'>> {
    return this.ask('describe', {}, call, (answer) => answer)
  }

  learn(token: string, book: RuleBook): RuleBook {
    if (this.#book) return this.#book
    this.session.token = token
    this.#book = book
    // Somebody else's holds may be waiting to be swept.
    this.#sweeper.watch(0)
    return book
  }

  /** There is a hold that lapses at this server time. */
  watch(expiresAt: number): void {
    this.#sweeper.watch(expiresAt)
  }

  /** The server's time, as far as it is known. */
  serverNow(): number {
    return this.session.serverTime(this.#timing.now())
  }

  /** Sends commands past a freeze. */
  recovering(): Recover {
    const lanes = this.#partitions.recovering(0)
    return (command, op) => lanes.ask(command, op, this.call(), (answer) => answer as never)
  }

  close(): void {
    this.#closed = true
    this.#sweeper.stop()
  }
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort)
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
