import type { CallOptions } from '../batching/batcher-set.js'
import { type Created, RemoteHandle } from '../batching/remote-handle.js'
import type { Session } from '../batching/session.js'
import type { EventSource } from '../consumer/source.js'
import type { Engine, FinalAnswer, PresentRules, Rules } from '../engine/engine.js'
import { isLost, isNotFound, StockholdError } from '../errors.js'
import type { SignalOption } from '../validation.js'
import { completeSale, createSale } from './create-sale.js'
import type { Ledger, LedgerRecord } from './ledger.js'
import { Partitions, type Parts } from './partitions.js'
import { Rebalancer } from './rebalancing/rebalancer.js'
import type { AskAt } from './rebalancing/with-rebalancing.js'
import { SaleRemoval } from './removal/sale-removal.js'
import { SaleRulesIndex } from './reserve-request.js'
import { nameRules } from './rules.js'
import { adoptRules, latestRules, spreadRules, updateRules } from './rules-revisions.js'
import { type CheckedUpdate, refuseHouseholds, type UpdateResult } from './rules-update.js'
import { Sweeper } from './sweeper.js'

type Description = Pick<FinalAnswer<'describe'>, 'rules' | 'present' | 'incarnation' | 'complete'>

/**
 * The connection of a handle to its sale: creates the sale or learns its rules, limits each call,
 * and sweeps.
 */
export class SaleClient extends RemoteHandle<Rules, Description, SaleRulesIndex> {
  readonly partitions: Partitions
  /** `undefined` for an engine without an index. */
  readonly removal: SaleRemoval | undefined
  protected readonly nameRules = nameRules
  readonly #sale: string
  readonly #sweepers: Sweeper[] = []
  /** Called when other rules have become known. */
  onRules: (() => void) | undefined
  /** The partitions that are being told of the rules in force. */
  readonly #behind = new Set<number>()
  /** The generation of partition 0 by whose history the rules are known. */
  #generation: number | undefined
  /** The sale was recovered since: rules may be lost. */
  #mayBeLost = false
  #rebalancer: Rebalancer | undefined
  #source: EventSource | undefined

  constructor(sale: string, engine: Engine, limits: { deadlineMs: number; maxInFlight: number }) {
    super('sale', sale, engine, limits.deadlineMs)
    this.#sale = sale
    this.partitions = new Partitions(engine, sale, limits.maxInFlight)
    this.partitions.onRevision = (partition) => this.#hear(partition)
    const { index, partitions, clock, deadlineMs } = this
    const parts = { partitions, clock, deadlineMs }
    if (engine.lifecycle && index)
      this.removal = new SaleRemoval(engine, engine.lifecycle, sale, { index, ...parts })
  }

  protected get session(): Session {
    return this.partitions.session(0)
  }

  /** Moves units between partitions; `undefined` in a sale of one partition. */
  get rebalancer(): Rebalancer | undefined {
    return this.#rebalancer
  }

  /** Runs a call to several partitions; it is counted once. */
  async fanOut<T>(work: (parts: Parts) => Promise<T>): Promise<T> {
    this.partitions.acquire()
    try {
      return await work(this.partitions.parts)
    } finally {
      this.partitions.release()
    }
  }

  /** Runs a call to the buyer's partition that may move units from others; it is counted once. */
  withRebalancing<T>(
    call: CallOptions,
    work: (rebalancer: Rebalancer, ask: AskAt) => Promise<T>,
  ): Promise<T> {
    return this.fanOut((parts) => work(this.#rebalancer!, askAt(parts, call)))
  }

  /**
   * Like `withRebalancing`, for a call that the buyer's partition has answered: the call was
   * counted before, so `maxInFlight` is not checked again.
   */
  async resumeCall<T>(
    call: CallOptions,
    work: (rebalancer: Rebalancer, ask: AskAt) => Promise<T>,
  ): Promise<T> {
    return this.resume((parts) => work(this.#rebalancer!, askAt(parts, call)))
  }

  /** Goes on with a call that was counted before, at other partitions. */
  async resume<T>(work: (parts: Parts) => Promise<T>): Promise<T> {
    this.partitions.acquireUnchecked()
    try {
      return await work(this.partitions.parts)
    } finally {
      this.partitions.release()
    }
  }

  protected async askCreation(rules: Rules, call: CallOptions): Promise<Created<Description>> {
    const { status, incarnation } = await createSale(this.partitions, this.removal, rules, call)
    // Its rules may have been updated since.
    if (status === 'exists') return { status, described: await this.describe(call) }
    const present = { rules, revision: 0, everywhere: true }
    return { status, described: { rules, present, incarnation, complete: true } }
  }

  protected indexedOf({ partitions, retainMs }: Rules) {
    return { partitions, retains: retainMs !== undefined }
  }

  protected async clear(call: CallOptions): Promise<void> {
    await this.removal?.clear(call)
  }

  protected override forgetIncarnation(): void {
    this.partitions.incarnation = null
  }

  protected async erase({ incarnation, rules }: Description, call: CallOptions): Promise<void> {
    this.forgetIncarnation()
    await this.removal?.erase(incarnation, rules.partitions, call)
  }

  protected askDescription(call: CallOptions): Promise<Description> {
    return this.partitions.at(0).ask('describe', {}, call, (answer) => answer)
  }

  /** A handle that finds an incomplete sale, or an incomplete update, completes it first. */
  protected async adopt(
    { incarnation, rules, present, complete }: Description,
    call: CallOptions,
  ): Promise<SaleRulesIndex> {
    const { partitions } = this
    partitions.count = rules.partitions
    partitions.incarnation = incarnation
    if (!complete) await completeSale(partitions, rules, call)
    const latest = await latestRules(partitions.parts, present, partitions.revisions, call).catch(
      () => present,
    )
    // A partition that is away or frozen adopts the rules later: see #hear.
    if (!latest.everywhere) await spreadRules(partitions.parts, latest, call).catch(() => {})
    return this.know(latest, rules)
  }

  /** Keeps rules that are in force. */
  know({ rules, revision }: PresentRules, created: Rules): SaleRulesIndex {
    const { known } = this
    this.isOutdated = false
    const isOlder = known !== undefined && revision < known.revision && !this.#mayBeLost
    this.#mayBeLost = false
    if (known && (isOlder || (revision === known.revision && isSame(rules, known.rules)))) return known
    const kept = this.#index(rules, revision, created)
    this.onRules?.()
    return kept
  }

  /** A reply tells by which rules its partition decides. */
  #hear(partition: number): void {
    const { revision, lastSeen } = this.partitions.session(partition).history
    const { known } = this
    if (partition === 0 && lastSeen) {
      if (this.#generation !== undefined && lastSeen.generation > this.#generation) {
        this.#mayBeLost = true
        this.isOutdated = true
      }
      this.#generation = lastSeen.generation
    }
    if (!known || this.isOutdated) return
    if (revision > known.revision) this.isOutdated = true
    else if (revision < known.revision && partition > 0) void this.#bring(partition, known)
  }

  /** Brings the rules in force to a partition that an update has not reached. */
  async #bring(partition: number, { rules, revision }: SaleRulesIndex): Promise<void> {
    if (this.#behind.has(partition) || this.closed) return
    this.#behind.add(partition)
    const present = { rules, revision, everywhere: false }
    const { parts } = this.partitions
    // If it fails, the next reply of the partition tells again.
    await adoptRules(parts, partition, present, { deadline: this.deadline() }).catch(() => {})
    this.#behind.delete(partition)
  }

  /**
   * The rules. If they do not name all of these SKUs, others are read, if a reply tells of any: a
   * stranger can name what does not exist, and to read the rules of 10,000 SKUs takes 10 ms.
   */
  async learnAbout(items: readonly { readonly sku: string }[], call: CallOptions): Promise<SaleRulesIndex> {
    const known = await this.learn(call)
    if (known.knows(items)) return known
    const heard = this.#generation !== undefined
    await this.partitions.at(0).ask('debt', { sku: 0, partitions: 1 }, call, () => {})
    return heard ? this.learn(call) : this.refresh(call)
  }

  async update(update: CheckedUpdate, call: CallOptions): Promise<UpdateResult> {
    const { created, hasHouseholds } = await this.learn(call)
    if (!hasHouseholds) refuseHouseholds(update)
    const { present, ...result } = await this.fanOut((parts) => updateRules(parts, update, call))
    if (present.rules.retainMs !== undefined) await this.removal?.registerAgain(call, true)
    this.know(present, created)
    return result
  }

  /**
   * Loads the ledger's record of the sale for a recovery. If the engine has no sale, the handle
   * takes rules and incarnation from the record. It also takes the latest offset of each partition.
   */
  async recall(ledger: Ledger, options?: SignalOption): Promise<LedgerRecord> {
    const name = JSON.stringify(this.#sale)
    const record = await ledger.loadForRecovery(this.#sale)
    if (!record) throw new StockholdError('NOT_FOUND', `the ledger has never followed the sale ${name}`)
    const { partitions } = this
    await Promise.resolve(this.learn(this.call(options))).catch(passIfGone)
    if (partitions.incarnation === null) {
      partitions.count = record.rules.partitions
      partitions.incarnation = record.incarnation
      const asCreated = { rules: record.rules, revision: 0, everywhere: true }
      this.know(record.present ?? asCreated, record.rules)
    }
    if (partitions.incarnation !== record.incarnation)
      throw new StockholdError('STATE_LOST', `the ledger knows another sale ${name}: this one is not it`)
    for (const [partition, offset] of record.lastSeen.entries())
      if (offset) partitions.session(partition).history.advanceTo(offset)
    return record
  }

  #index(rules: Rules, revision: number, created: Rules): SaleRulesIndex {
    const index = new SaleRulesIndex(rules, revision, created)
    if (this.known) return this.keep(index)
    const { partitions } = this
    if (partitions.count > 1) this.#rebalancer = new Rebalancer(partitions.parts, this.clock, this.deadlineMs)
    // Holds of another process may need a sweep; of many partitions, only those in use are swept.
    else this.#watchFirst(0)
    return this.keep(index)
  }

  /** Tells the sweeper of a partition that a hold expires at this server time. */
  watch(partition: number, expiresAt: number): void {
    const sweeper = this.#sweepers[partition]
    if (sweeper) sweeper.watch(expiresAt)
    else this.#watchFirst(partition)
  }

  #watchFirst(partition: number): void {
    if (this.closed) return
    const sweep = () => this.partitions.at(partition).ask('sweep', {}, this.call(), ({ next }) => next)
    const serverTime = () => this.serverNow(partition)
    const sweeper = new Sweeper(sweep, serverTime, this.clock, this.partitions.count)
    this.#sweepers[partition] = sweeper
    sweeper.watch(0)
  }

  /** The estimated server time of a partition. */
  serverNow(partition: number): number {
    return this.partitions.session(partition).time.now
  }

  /** The sale's events, as consumers and ledgers read them. */
  get source(): EventSource {
    this.#source ??= this.#makeSource()
    return this.#source
  }

  /** Reading events does not count against `maxInFlight`: a busy handle can still read them. */
  #makeSource(): EventSource {
    const { partitions } = this
    const learned = async () => this.learn(this.call())
    return {
      sale: this.#sale,
      clock: this.clock,
      rules: () => this.known?.rules,
      describe: async (afresh = false) => {
        const { rules, revision, created } = await (afresh ? this.refresh(this.call()) : learned())
        return { rules, revision, created, incarnation: partitions.incarnation! }
      },
      read: async (partition, after) => {
        await learned()
        this.#sweepers[partition] ?? this.#watchFirst(partition)
        const op = { after, reservations: true }
        const page = await partitions.parts.ask(partition, 'events', op, this.call(), (found) => found)
        // The page may name a SKU that is new.
        await learned()
        return page
      },
      scan: async (partition, cursor) => {
        await learned()
        const page = await partitions.parts.ask(partition, 'scan', { cursor }, this.call(), (found) => found)
        await learned()
        return page
      },
      reservation: async (partition, id) => {
        await learned()
        const found = await partitions.parts.ask(partition, 'get', { id }, this.call(), (answer) =>
          answer.status === 'found' ? answer.reservation : undefined,
        )
        await learned()
        return found
      },
      sweep: async (partition) => {
        await learned()
        return partitions.parts.ask(partition, 'sweep', {}, this.call(), ({ next }) => next)
      },
      ask: async (partition, command, op) => {
        await learned()
        return partitions.groups(partition).ask(command, op, this.call(), (answer) => answer)
      },
      checkpoint: async (partition, group, position, trim) => {
        const op = { group, position, trim }
        await learned()
        return partitions.groups(partition).ask('checkpoint', op, this.call(), ({ first }) => first)
      },
      latest: (partition) => {
        const { lastSeen, sequence } = partitions.session(partition).history
        return { generation: lastSeen?.generation ?? 1, sequence }
      },
      lastSeen: (partition) => partitions.session(partition).history.lastSeen,
      advanceTo: (partition, offset) => partitions.session(partition).history.advanceTo(offset),
      serverTime: (partition) => this.serverNow(partition),
      onChange: (partition, listener) => {
        const { onChange } = partitions.session(partition).history
        onChange.add(listener)
        return () => onChange.delete(listener)
      },
    }
  }

  override close(): void {
    super.close()
    for (const sweeper of this.#sweepers) sweeper?.stop()
  }
}

function askAt(parts: Parts, call: CallOptions): AskAt {
  return (index, command, op) => parts.ask(index, command, op, call, (answer) => answer)
}

function isSame(a: Rules, b: Rules): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

/** Ignores errors that say that the sale is gone or frozen; rethrows all others. */
function passIfGone(error: unknown): void {
  if (!isNotFound(error) && !isLost(error)) throw error
}
