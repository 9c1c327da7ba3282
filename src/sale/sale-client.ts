import { unlessAborted } from '../batching/abort.js'
import type { CallOptions } from '../batching/batcher-set.js'
import { rulesConflict } from '../common/rules-conflict.js'
import type { EventSource } from '../consumer/source.js'
import { type Clock, processClock } from '../engine/clock.js'
import type { Command, Engine, FinalAnswer, Op, Rules } from '../engine/engine.js'
import { StockholdError } from '../errors.js'
import { checkSignalOption, type SignalOption } from '../validation.js'
import { completeSale, createSale } from './create-sale.js'
import type { Ledger, LedgerRecord } from './ledger.js'
import { Partitions, type Parts } from './partitions.js'
import { Rebalancer } from './rebalancing/rebalancer.js'
import type { AskAt } from './rebalancing/with-rebalancing.js'
import { SaleRulesIndex } from './reserve-request.js'
import { nameRules } from './rules.js'
import { Sweeper } from './sweeper.js'

/** How a handle reaches its sale: it makes it or learns its rules, limits each call, sweeps, and knows when it was closed. */
export class SaleClient {
  readonly clock: Clock
  readonly partitions: Partitions
  /** How long a call may last. */
  readonly deadlineMs: number
  readonly #sale: string
  readonly #sweepers: Sweeper[] = []
  #rulesIndex: SaleRulesIndex | undefined
  #rebalancer: Rebalancer | undefined
  #learning: Promise<SaleRulesIndex> | undefined
  #source: EventSource | undefined
  #closed = false

  constructor(sale: string, engine: Engine, limits: { deadlineMs: number; maxInFlight: number }) {
    this.#sale = sale
    this.clock = engine.clock ?? processClock
    this.deadlineMs = limits.deadlineMs
    this.partitions = new Partitions(engine, sale, limits.maxInFlight)
  }

  /** The rules, once they are known. */
  get rulesIndex(): SaleRulesIndex | undefined {
    return this.#rulesIndex
  }

  /** Where units come from that a partition lacks; a sale of one partition has none. */
  get rebalancer(): Rebalancer | undefined {
    return this.#rebalancer
  }

  /** The limits of a call that begins now. Throws if the handle is closed or the signal has been given. */
  call(options?: SignalOption): CallOptions {
    const signal = checkSignalOption(options)
    if (this.#closed) {
      throw new StockholdError('CLOSED', 'this handle of the sale was closed. Nothing was sent.')
    }
    signal?.throwIfAborted()
    return { deadline: this.clock.now() + this.deadlineMs, signal }
  }

  ask<C extends Command, T>(
    partition: number,
    command: C,
    op: Op<C>,
    call: CallOptions,
    result: (answer: FinalAnswer<C>) => T,
  ): Promise<T> {
    return this.partitions.ask(partition, command, op, call, result)
  }

  /** A call that asks several partitions: it is counted once. */
  async fanOut<T>(work: (parts: Parts) => Promise<T>): Promise<T> {
    this.partitions.acquire()
    try {
      return await work(this.partitions.parts)
    } finally {
      this.partitions.release()
    }
  }

  /** A call that asks its home, and others for what that lacks: it is counted once. */
  withRebalancing<T>(call: CallOptions, work: (supply: Rebalancer, ask: AskAt) => Promise<T>): Promise<T> {
    return this.fanOut((parts) => work(this.#rebalancer!, askAt(parts, call)))
  }

  /** As `searching`, for a call that its home has answered: it was counted before, so there is room for it. */
  async resumeCall<T>(call: CallOptions, work: (supply: Rebalancer, ask: AskAt) => Promise<T>): Promise<T> {
    this.partitions.acquireUnchecked()
    try {
      return await work(this.#rebalancer!, askAt(this.partitions.parts, call))
    } finally {
      this.partitions.release()
    }
  }

  /** Makes the sale; answers whether it was this call that did. */
  async create(rules: Rules, call: CallOptions): Promise<boolean> {
    const { partitions } = this
    if (partitions.incarnation !== null) {
      const described = await this.#describe(call)
      if (described.incarnation !== partitions.incarnation) throw partitions.session(0).stateError('lost')
      if (JSON.stringify(described.rules) !== JSON.stringify(rules))
        throw this.#conflict(described.rules, rules)
      await this.#adopt(described, call)
      return false
    }
    const { status } = await createSale(partitions, rules, call)
    if (status === 'conflict') throw this.#conflict((await this.#describe(call)).rules, rules)
    this.#learn(rules)
    return status === 'created'
  }

  /** The sale's rules, learned with the first call. Who aborts leaves the others waiting. */
  rules(call: CallOptions): Promise<SaleRulesIndex> {
    if (this.#rulesIndex) return Promise.resolve(this.#rulesIndex)
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
    const record = await ledger.loadForRecovery(this.#sale)
    if (!record) throw new StockholdError('NOT_FOUND', `the ledger has never followed the sale ${name}`)
    const { partitions } = this
    await this.rules(this.call(options)).catch(passIfGone)
    if (partitions.incarnation === null) {
      partitions.count = record.rules.partitions
      partitions.incarnation = record.incarnation
      this.#learn(record.rules)
    }
    if (partitions.incarnation !== record.incarnation)
      throw new StockholdError('STATE_LOST', `the ledger knows another sale ${name}: this one is not it`)
    for (const [partition, offset] of record.lastSeen.entries())
      if (offset) partitions.session(partition).advanceTo(offset)
    return record
  }

  #describe(call: CallOptions): Promise<FinalAnswer<'describe'>> {
    return this.ask(0, 'describe', {}, call, (answer) => answer)
  }

  /** Whoever meets a sale that is not complete completes it, before anything else. */
  async #adopt(
    { incarnation, rules, complete }: FinalAnswer<'describe'>,
    call: CallOptions,
  ): Promise<SaleRulesIndex> {
    const { partitions } = this
    if (partitions.incarnation !== null && partitions.incarnation !== incarnation)
      throw partitions.session(0).stateError('lost')
    partitions.count = rules.partitions
    partitions.incarnation = incarnation
    if (!complete) await completeSale(partitions, rules, call)
    return this.#learn(rules)
  }

  #learn(rules: Rules): SaleRulesIndex {
    if (this.#rulesIndex) return this.#rulesIndex
    const { partitions } = this
    if (partitions.count > 1) this.#rebalancer = new Rebalancer(partitions.parts, this.clock, this.deadlineMs)
    // Somebody else's holds may be waiting to be swept. Of many partitions, those that are used here are looked at.
    else this.#watchFirst(0)
    this.#rulesIndex = new SaleRulesIndex(rules)
    return this.#rulesIndex
  }

  /** There is a hold in a partition that expires at this server time. */
  watch(partition: number, expiresAt: number): void {
    const sweeper = this.#sweepers[partition]
    if (sweeper) sweeper.watch(expiresAt)
    else this.#watchFirst(partition)
  }

  #watchFirst(partition: number): void {
    if (this.#closed) return
    const sweep = () => this.ask(partition, 'sweep', {}, this.call(), ({ next }) => next)
    const serverTime = () => this.serverNow(partition)
    const sweeper = new Sweeper(sweep, serverTime, this.clock, this.partitions.count)
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
      clock: this.clock,
      describe: async () => ({ rules: (await learned()).rules, incarnation: this.partitions.incarnation! }),
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
        return this.partitions.askGroups(partition, command, op, this.call(), (answer) => answer)
      },
      checkpoint: async (partition, group, position, trim) => {
        const op = { group, position, trim }
        await learned()
        return this.partitions.askGroups(partition, 'checkpoint', op, this.call(), ({ first }) => first)
      },
      latest: (partition) => {
        const { lastSeen, sequence } = this.partitions.session(partition)
        return { generation: lastSeen?.generation ?? 1, sequence }
      },
      lastSeen: (partition) => this.partitions.session(partition).lastSeen,
      advanceTo: (partition, offset) => this.partitions.session(partition).advanceTo(offset),
      serverTime: (partition) => this.serverNow(partition),
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

function askAt(parts: Parts, call: CallOptions): AskAt {
  return (index, command, op) => parts.ask(index, command, op, call, (answer) => answer)
}

/** Where there is nothing to learn a sale from, that is no failure; any other stays one. */
function passIfGone(error: unknown): void {
  const code = error instanceof StockholdError ? error.code : undefined
  if (code !== 'NOT_FOUND' && code !== 'STATE_LOST' && code !== 'ROLLBACK_DETECTED') throw error
}
