import { unlessAborted } from '../batching/abort.js'
import type { Limits } from '../batching/batcher-set.js'
import { rulesConflict } from '../common/rules-conflict.js'
import type { EventSource } from '../consumer/source.js'
import { processTiming, type Timing } from '../engine/clock.js'
import type { Command, Engine, Op, Rules, Settled } from '../engine/engine.js'
import { StockholdError } from '../errors.js'
import { checkSignalOption, type SignalOption } from '../validation.js'
import { completeSale, makeSale } from './create-sale.js'
import type { Ledger, LedgerRecord } from './ledger.js'
import { Partitions, type Parts } from './partitions.js'
import { Supply } from './rebalancing/rebalancer.js'
import type { AskAt } from './rebalancing/with-rebalancing.js'
import { RuleBook } from './reserve-request.js'
import { nameRules } from './rules.js'
import { Sweeper } from './sweeper.js'

/** How a handle reaches its sale: it makes it or learns its rules, limits each call, sweeps, and knows when it was closed. */
export class SaleAccess {
  readonly timing: Timing
  readonly partitions: Partitions
  /** How long a call may last. */
  readonly deadlineMs: number
  readonly #sale: string
  readonly #sweepers: Sweeper[] = []
  #book: RuleBook | undefined
  #supply: Supply | undefined
  #learning: Promise<RuleBook> | undefined
  #source: EventSource | undefined
  #closed = false

  constructor(sale: string, engine: Engine, limits: { deadlineMs: number; maxInFlight: number }) {
    this.#sale = sale
    this.timing = engine.timing ?? processTiming
    this.deadlineMs = limits.deadlineMs
    this.partitions = new Partitions(engine, sale, limits.maxInFlight)
  }

  /** The rules, once they are known. */
  get book(): RuleBook | undefined {
    return this.#book
  }

  /** Where units come from that a partition lacks; a sale of one partition has none. */
  get supply(): Supply | undefined {
    return this.#supply
  }

  /** The limits of a call that begins now. Throws if the handle is closed or the signal has been given. */
  call(options?: SignalOption): Limits {
    const signal = checkSignalOption(options)
    if (this.#closed) {
      throw new StockholdError('CLOSED', 'this handle of the sale was closed. Nothing was sent.')
    }
    signal?.throwIfAborted()
    return { deadline: this.timing.now() + this.deadlineMs, signal }
  }

  ask<C extends Command, T>(
    partition: number,
    command: C,
    op: Op<C>,
    call: Limits,
    result: (answer: Settled<C>) => T,
  ): Promise<T> {
    return this.partitions.ask(partition, command, op, call, result)
  }

  /** A call that asks several partitions: it is counted once. */
  async whole<T>(work: (parts: Parts) => Promise<T>): Promise<T> {
    this.partitions.enter()
    try {
      return await work(this.partitions.parts)
    } finally {
      this.partitions.leave()
    }
  }

  /** A call that asks its home, and others for what that lacks: it is counted once. */
  searching<T>(call: Limits, work: (supply: Supply, ask: AskAt) => Promise<T>): Promise<T> {
    return this.whole((parts) => work(this.#supply!, askAt(parts, call)))
  }

  /** As `searching`, for a call that its home has answered: it was counted before, so there is room for it. */
  async goOn<T>(call: Limits, work: (supply: Supply, ask: AskAt) => Promise<T>): Promise<T> {
    this.partitions.reenter()
    try {
      return await work(this.#supply!, askAt(this.partitions.parts, call))
    } finally {
      this.partitions.leave()
    }
  }

  /** Makes the sale; answers whether it was this call that did. */
  async create(rules: Rules, call: Limits): Promise<boolean> {
    const { partitions } = this
    if (partitions.token !== null) {
      const described = await this.#describe(call)
      if (described.token !== partitions.token) throw partitions.session(0).gone('lost')
      if (JSON.stringify(described.rules) !== JSON.stringify(rules))
        throw this.#conflict(described.rules, rules)
      await this.#adopt(described, call)
      return false
    }
    const { status } = await makeSale(partitions, rules, call)
    if (status === 'conflict') throw this.#conflict((await this.#describe(call)).rules, rules)
    this.#learn(rules)
    return status === 'created'
  }

  /** The sale's rules, learned with the first call. Who aborts leaves the others waiting. */
  rules(call: Limits): Promise<RuleBook> {
    if (this.#book) return Promise.resolve(this.#book)
    const shared = { ...call, signal: undefined }
    this.#learning ??= this.#describe(shared)
      .then((described) => this.#adopt(described, shared))
      .finally(() => {
        this.#learning = undefined
      })
    return unlessAborted(this.#learning, call.signal)
  }

  /**
   * What a ledger knows of the sale, for its recovery. Rules and token are learned from it where the engine has nothing, and how far
   * the history went is known from here on.
   */
  async recall(ledger: Ledger, options?: SignalOption): Promise<LedgerRecord> {
    const name = JSON.stringify(this.#sale)
    const record = await ledger.recall(this.#sale)
    if (!record) throw new StockholdError('NOT_FOUND', `the ledger has never followed the sale ${name}`)
    const { partitions } = this
    await this.rules(this.call(options)).catch(passIfGone)
    if (partitions.token === null) {
      partitions.count = record.rules.partitions
      partitions.token = record.token
      this.#learn(record.rules)
    }
    if (partitions.token !== record.token)
      throw new StockholdError('STATE_LOST', `the ledger knows another sale ${name}: this one is not it`)
    for (const [partition, tip] of record.seen.entries()) if (tip) partitions.session(partition).witness(tip)
    return record
  }

  #describe(call: Limits): Promise<Settled<'describe'>> {
    return this.ask(0, 'describe', {}, call, (answer) => answer)
  }

  /** Whoever meets a sale that is not complete completes it, before anything else. */
  async #adopt({ token, rules, complete }: Settled<'describe'>, call: Limits): Promise<RuleBook> {
    const { partitions } = this
    if (partitions.token !== null && partitions.token !== token) throw partitions.session(0).gone('lost')
    partitions.count = rules.partitions
    partitions.token = token
    if (!complete) await completeSale(partitions, rules, call)
    return this.#learn(rules)
  }

  #learn(rules: Rules): RuleBook {
    if (this.#book) return this.#book
    const { partitions } = this
    if (partitions.count > 1) this.#supply = new Supply(partitions.parts, this.timing, this.deadlineMs)
    // Somebody else's holds may be waiting to be swept. Of many partitions, those that are used here are looked at.
    else this.#watchFirst(0)
    this.#book = new RuleBook(rules)
    return this.#book
  }

  /** There is a hold in a partition that lapses at this server time. */
  watch(partition: number, expiresAt: number): void {
    const sweeper = this.#sweepers[partition]
    if (sweeper) sweeper.watch(expiresAt)
    else this.#watchFirst(partition)
  }

  #watchFirst(partition: number): void {
    if (this.#closed) return
    const sweep = () => this.ask(partition, 'sweep', {}, this.call(), ({ next }) => next)
    const serverNow = () => this.serverNow(partition)
    const sweeper = new Sweeper(sweep, serverNow, this.timing, this.partitions.count)
    this.#sweepers[partition] = sweeper
    sweeper.watch(0)
  }

  /** The time in a partition, as far as it is known. */
  serverNow(partition: number): number {
    return this.partitions.session(partition).now
  }

  /** What those see who follow the sale's events. */
  get source(): EventSource {
    this.#source ??= this.#makeSource()
    return this.#source
  }

  /** Its calls are counted as no caller's: however busy the handle is, its events are read. */
  #makeSource(): EventSource {
    const learned = () => this.rules(this.call())
    return {
      sale: this.#sale,
      timing: this.timing,
      describe: async () => ({ rules: (await learned()).rules, token: this.partitions.token! }),
      read: async (partition, after) => {
        await learned()
        this.#sweepers[partition] ?? this.#watchFirst(partition)
        const op = { after, reservations: true }
        return this.partitions.parts.ask(partition, 'events', op, this.call(), (page) => page)
      },
      scan: async (partition, cursor) => {
        await learned()
        return this.partitions.parts.ask(partition, 'scan', { cursor }, this.call(), (page) => page)
      },
      reservation: async (partition, id) => {
        await learned()
        return this.partitions.parts.ask(partition, 'get', { id }, this.call(), (answer) =>
          answer.status === 'found' ? answer.reservation : undefined,
        )
      },
      sweep: async (partition) => {
        await learned()
        return this.partitions.parts.ask(partition, 'sweep', {}, this.call(), ({ next }) => next)
      },
      ask: async (partition, command, op) => {
        await learned()
        return this.partitions.askHandoff(partition, command, op, this.call(), (answer) => answer)
      },
      latest: (partition) => {
        const { tip, sequence } = this.partitions.session(partition)
        return { line: tip?.line ?? 1, sequence }
      },
      tip: (partition) => this.partitions.session(partition).tip,
      witness: (partition, tip) => this.partitions.session(partition).witness(tip),
      serverNow: (partition) => this.serverNow(partition),
      onChange: (partition, listener) => {
        const { onChange } = this.partitions.session(partition)
        onChange.add(listener)
        return () => onChange.delete(listener)
      },
    }
  }

  close(): void {
    this.#closed = true
    for (const sweeper of this.#sweepers) sweeper?.stop()
  }

  #conflict(known: Rules, wanted: Rules): StockholdError {
    return rulesConflict(`The sale ${JSON.stringify(this.#sale)}`, nameRules(known), nameRules(wanted))
  }
}

function askAt(parts: Parts, call: Limits): AskAt {
  return (index, command, op) => parts.ask(index, command, op, call, (answer) => answer)
}

/** Where there is nothing to learn a sale from, that is no failure; any other stays one. */
function passIfGone(error: unknown): void {
  const code = error instanceof StockholdError ? error.code : undefined
  if (code !== 'NOT_FOUND' && code !== 'STATE_LOST' && code !== 'ROLLBACK_DETECTED') throw error
}
