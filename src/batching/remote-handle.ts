import { type NamedRules, rulesConflict } from '../common/rules-conflict.js'
import { type Clock, processClock } from '../engine/clock.js'
import type { Engine } from '../engine/engine.js'
import { StockholdError } from '../errors.js'
import { checkSignalOption, type SignalOption } from '../validation.js'
import { unlessAborted } from './abort.js'
import type { CallOptions } from './batcher-set.js'
import type { Session } from './session.js'

/** What the engine tells of a sale or a room. */
export interface Described<R> {
  readonly rules: R
  readonly incarnation: string
}

/** What became of a `create`, with the description of what was created. */
export interface Created<D> {
  readonly status: 'created' | 'exists' | 'conflict'
  readonly described: D
}

/**
 * The part that handles of sales and of waiting rooms share: such a handle creates its sale or
 * room, or learns it with the first call, limits each call, and knows when it was closed.
 *
 * @typeParam R The rules as they are stored.
 * @typeParam D The engine's description.
 * @typeParam K What the handle keeps of it.
 */
export abstract class RemoteHandle<R, D extends Described<R>, K> {
  readonly clock: Clock
  /** How long a call may last, in ms. */
  readonly deadlineMs: number
  /** For messages: `the sale "spring"`. */
  protected readonly title: string
  readonly #kind: string
  #known: K | undefined
  #learning: Promise<K> | undefined
  #closed = false

  constructor(kind: 'sale' | 'waiting room', id: string, engine: Engine, deadlineMs: number) {
    this.#kind = kind
    this.title = `the ${kind} ${JSON.stringify(id)}`
    this.clock = engine.clock ?? processClock
    this.deadlineMs = deadlineMs
  }

  /** The session whose incarnation this handle works with. */
  protected abstract readonly session: Session
  protected abstract readonly nameRules: (rules: R) => NamedRules
  protected abstract askDescription(call: CallOptions): Promise<D>
  protected abstract askCreation(rules: R, call: CallOptions): Promise<Created<D>>
  /** Keeps what the handle needs of a description, by {@link keep}. */
  protected abstract adopt(described: D, call: CallOptions): Promise<K> | K

  /** What {@link learn} answers, once it is known. */
  get known(): K | undefined {
    return this.#known
  }

  protected keep(known: K): K {
    this.#known = known
    return known
  }

  get closed(): boolean {
    return this.#closed
  }

  close(): void {
    this.#closed = true
  }

  /** @throws {StockholdError} `CLOSED` */
  checkOpen(): void {
    if (this.#closed)
      throw new StockholdError('CLOSED', `This handle of the ${this.#kind} was closed. Nothing was sent.`)
  }

  /**
   * The limits of a call that begins now. Throws if the handle is closed or the signal has been
   * given.
   */
  call(options?: SignalOption): CallOptions {
    const signal = checkSignalOption(options)
    this.checkOpen()
    signal?.throwIfAborted()
    return { deadline: this.deadline(), signal }
  }

  /** Of a call that begins now. */
  deadline(): number {
    return this.clock.now() + this.deadlineMs
  }

  /**
   * Asks the engine once, for all calls that need it. A call that is aborted leaves the others
   * waiting.
   */
  learn(call: CallOptions): Promise<K> | K {
    if (this.#known) return this.#known
    const shared = { ...call, signal: undefined }
    this.#learning ??= this.describe(shared)
      .then((described) => this.adopt(described, shared))
      .finally(() => {
        this.#learning = undefined
      })
    return unlessAborted(this.#learning, call.signal)
  }

  /** @throws {StockholdError} `STATE_LOST`: it is another incarnation than this handle has seen. */
  async describe(call: CallOptions): Promise<D> {
    const described = await this.askDescription(call)
    const { incarnation } = this.session
    if (incarnation !== null && described.incarnation !== incarnation) throw this.session.stateError('lost')
    return described
  }

  /**
   * @returns Whether it was this call that created it.
   * @throws {StockholdError} `RULES_CONFLICT`, `STATE_LOST`: what this handle has seen is never
   *   created again.
   */
  async create(rules: R, call: CallOptions): Promise<boolean> {
    if (this.session.incarnation !== null) {
      const described = await this.describe(call)
      if (JSON.stringify(described.rules) !== JSON.stringify(rules))
        throw this.conflict(described.rules, rules)
      await this.adopt(described, call)
      return false
    }
    const { status, described } = await this.askCreation(rules, call)
    if (status === 'conflict') throw this.conflict((await this.describe(call)).rules, rules)
    await this.adopt(described, call)
    return status === 'created'
  }

  protected conflict(known: R, wanted: R): StockholdError {
    const subject = this.title.replace(/^t/, 'T')
    return rulesConflict(subject, this.nameRules(known), this.nameRules(wanted))
  }
}
