import { type NamedRules, rulesConflict } from '../common/rules-conflict.js'
import { type Clock, processClock } from '../engine/clock.js'
import type { Engine } from '../engine/engine.js'
import { isNotFound, StockholdError } from '../errors.js'
import { callCountsOf, type HandleCounts } from '../telemetry/call-counts.js'
import { checkSignalOption, type SignalOption } from '../validation.js'
import { unlessAborted } from './abort.js'
import type { CallOptions } from './batcher-set.js'
import { IndexClient } from './index-client.js'
import type { Session } from './session.js'

/** The engine's description of a sale or a room. */
export interface Described<R> {
  readonly rules: R
  readonly incarnation: string
}

/** The result of a `create`, with the description of the sale or room. */
export interface Created<D> {
  readonly status: 'created' | 'exists' | 'conflict'
  readonly described: D
}

/**
 * The base class of the handles of sales and of waiting rooms: it creates the sale or room, or
 * learns its description with the first call, limits each call, and knows whether the handle was
 * closed.
 *
 * @typeParam R The rules as they are stored.
 * @typeParam D The engine's description.
 * @typeParam K The part of it that the handle keeps.
 */
export abstract class RemoteHandle<R, D extends Described<R>, K> {
  readonly clock: Clock
  /** Counts the calls of this handle for the heartbeat. */
  readonly counts: HandleCounts | undefined
  /** How long a call may last, in ms. */
  readonly deadlineMs: number
  /** For messages: `the sale "spring"`. */
  protected readonly title: string
  /** The index in which the sale or room is registered. */
  protected readonly index: IndexClient | undefined
  readonly #kind: string
  /** Other rules are in force than this handle knows: the next call reads them. */
  protected isOutdated = false
  #known: K | undefined
  #learning: Promise<K> | undefined
  #closed = false

  constructor(kind: 'sale' | 'waiting room', id: string, engine: Engine, deadlineMs: number) {
    this.#kind = kind
    this.title = `the ${kind} ${JSON.stringify(id)}`
    this.clock = engine.clock ?? processClock
    const all = callCountsOf(engine, this.clock)
    this.counts = all && { all, sale: kind === 'sale' ? id : null }
    this.deadlineMs = deadlineMs
    this.index = IndexClient.of(engine, { kind: kind === 'sale' ? 'sale' : 'room', name: id })
  }

  /** The session whose incarnation this handle works with. */
  protected abstract readonly session: Session
  protected abstract readonly nameRules: (rules: R) => NamedRules
  /** What the index knows of the rules. */
  protected abstract indexedOf(rules: R): { readonly partitions: number; readonly retains: boolean }
  /** Removes what is being removed under this name. */
  protected abstract clear(call: CallOptions): Promise<void>
  /** Erases an incarnation that was removed. */
  protected abstract erase(described: D, call: CallOptions): Promise<void>
  protected abstract askDescription(call: CallOptions): Promise<D>
  protected abstract askCreation(rules: R, call: CallOptions): Promise<Created<D>>
  /** Keeps the part of a description that the handle needs, by {@link keep}. */
  protected abstract adopt(described: D, call: CallOptions): Promise<K> | K

  /** The result of {@link learn}, once it is known. */
  get known(): K | undefined {
    return this.#known
  }

  /** The same, unless it is known to be outdated. */
  get current(): K | undefined {
    return this.isOutdated ? undefined : this.#known
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
   * The limits of a call that begins now. Throws if the handle is closed or the signal is aborted.
   */
  call(options?: SignalOption): CallOptions {
    const signal = checkSignalOption(options)
    this.checkOpen()
    signal?.throwIfAborted()
    return { deadline: this.deadline(), signal }
  }

  /** The deadline of a call that begins now. */
  deadline(): number {
    return this.clock.now() + this.deadlineMs
  }

  /**
   * Asks the engine once, for all calls that need the description, and again when that is outdated.
   * Aborting one call does not affect the others.
   */
  learn(call: CallOptions): Promise<K> | K {
    if (this.#known && !this.isOutdated) return this.#known
    const shared = { ...call, signal: undefined }
    this.#learning ??= this.describe(shared)
      .then((described) => this.adopt(described, shared))
      .finally(() => {
        this.#learning = undefined
      })
    return unlessAborted(this.#learning, call.signal)
  }

  /**
   * Asks the engine now: before a call is refused by what this handle knows.
   */
  async refresh(call: CallOptions): Promise<K> {
    return this.adopt(await this.describe(call), call)
  }

  /** @throws {StockholdError} `STATE_LOST`: it is another incarnation than this handle has seen. */
  async describe(call: CallOptions): Promise<D> {
    const { incarnation: before } = this.session.history
    const described = await this.askDescription(call)
    const { incarnation } = this.session.history
    if (incarnation === null || described.incarnation === incarnation) return described
    // A call beside this one has created another in place of a removed one.
    if (before === null) return this.describe(call)
    throw this.session.history.error('lost')
  }

  /**
   * @returns Whether this call created it.
   * @throws {StockholdError} `RULES_CONFLICT`, `STATE_LOST`: a sale or room that this handle has
   *   seen is never created again.
   */
  async create(rules: R, call: CallOptions): Promise<boolean> {
    if (this.session.history.incarnation !== null) {
      const described = await this.describe(call)
      if (JSON.stringify(described.rules) !== JSON.stringify(rules))
        throw this.conflict(described.rules, rules)
      await this.#register(described, call)
      await this.adopt(described, call)
      return false
    }
    for (;;) {
      const created = await this.#createNew(rules, call)
      if (created !== undefined) return created
      this.forgetIncarnation()
    }
  }

  /** Before another one is created in place of one that was removed. */
  protected forgetIncarnation(): void {
    this.session.history.incarnation = null
  }

  /** `undefined`: what was there was removed meanwhile. */
  async #createNew(rules: R, call: CallOptions): Promise<boolean | undefined> {
    await this.clear(call)
    try {
      const { status, described } = await this.askCreation(rules, call)
      const there = status === 'conflict' ? await this.describe(call) : described
      if (await this.#register(there, call)) {
        if (status === 'conflict') throw this.conflict(there.rules, rules)
        await this.adopt(there, call)
        return status === 'created'
      }
      await this.erase(there, call)
    } catch (error) {
      if (!isNotFound(error) || this.#known) throw error
    }
    return undefined
  }

  /**
   * Before a `create` is acknowledged, its incarnation is in the index. Returns whether it is not
   * one that was removed.
   */
  async #register({ incarnation, rules }: D, call: CallOptions): Promise<boolean> {
    const { partitions, retains } = this.indexedOf(rules)
    const known = await this.index?.register(incarnation, partitions, call, { retains })
    return known === undefined || known.state === 'live'
  }

  protected conflict(known: R, wanted: R): StockholdError {
    const subject = this.title.replace(/^t/, 'T')
    return rulesConflict(subject, this.nameRules(known), this.nameRules(wanted))
  }
}
