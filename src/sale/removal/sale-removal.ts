import type { CallOptions } from '../../batching/batcher-set.js'
import type { IndexClient } from '../../batching/index-client.js'
import type { Doubt, Gone } from '../../batching/rollback-detection.js'
import { between, type Clock, sleep } from '../../engine/clock.js'
import type { Engine } from '../../engine/engine.js'
import type { Lifecycle } from '../../engine/removal.js'
import { isNotFound, StockholdError } from '../../errors.js'
import { changeAll } from '../fan-out.js'
import type { Partitions } from '../partitions.js'
import type { DestroyResult } from '../results.js'
import { PartitionRemoval } from './partition-removal.js'

const tuning = {
  /**
   * A process that seals the partitions decides within this time, or has crashed. ms, and for each
   * partition.
   */
  patienceMs: 250,
  aPartitionMs: 5,
  /** The pause before another attempt, if two processes remove a sale at once. ms */
  pauseMs: { least: 5, most: 100 },
  /** How long the first call to a partition waits for an index that is away. ms */
  doubtMs: 500,
}

type Refusal = Exclude<DestroyResult['status'], 'destroyed'>

/**
 * Removes the sale of a handle, and finds out why a sale is not there. See `engine/sale-index.ts`
 * for the steps of a removal; any process can repeat each of them, and continue after it.
 */
export class SaleRemoval {
  readonly #index: IndexClient
  readonly #parts: PartitionRemoval
  readonly #partitions: Partitions
  readonly #clock: Clock
  readonly #deadlineMs: number
  readonly #title: string
  /** The incarnation that was removed, as far as this handle has heard. */
  #removed: string | null = null
  /** The latest attempt that each partition was found to know. */
  readonly #attempts: number[] = []

  constructor(
    engine: Engine,
    lifecycle: Lifecycle,
    sale: string,
    {
      index,
      partitions,
      clock,
      deadlineMs,
    }: { index: IndexClient; partitions: Partitions; clock: Clock; deadlineMs: number },
  ) {
    this.#index = index
    this.#parts = new PartitionRemoval(engine, lifecycle, sale)
    this.#partitions = partitions
    this.#clock = clock
    this.#deadlineMs = deadlineMs
    this.#title = `the sale ${JSON.stringify(sale)}`
    partitions.onGone = (outcome, partition) => this.#explain(outcome, partition)
    partitions.onFirstEvents = (partition) => this.#doubt(partition).catch(() => 'unknown')
  }

  /** The incarnation of this handle was removed, and the handle has heard so. */
  get isRemoved(): boolean {
    return this.#removed !== null && this.#removed === this.#partitions.incarnation
  }

  /**
   * Removes the sale.
   *
   * @param prepare Sweeps the sale, and brings the rules in force to all partitions.
   */
  async destroy(
    force: boolean,
    prepare: () => Promise<void>,
    call: CallOptions,
  ): Promise<DestroyResult['status']> {
    for (;;) {
      const incarnation = this.#partitions.incarnation ?? (await this.look(0, 1, call))?.incarnation
      if (incarnation !== undefined && (await this.#finishBegun(incarnation, call))) return 'destroyed'
      try {
        await prepare()
      } catch (error) {
        // Another process has removed it meanwhile.
        if (!isNotFound(error) || this.#partitions.incarnation === null) throw error
        continue
      }
      const outcome = await this.#attempt(this.#partitions.incarnation!, force, call)
      if (outcome === 'decided') continue
      if (outcome) return outcome
      await sleep(between(tuning.pauseMs.least, tuning.pauseMs.most, this.#clock), this.#clock)
      call.signal?.throwIfAborted()
    }
  }

  /** What there is of a partition, without a change; `undefined`: nothing, or parts are lost. */
  async look(partition: number, partitions: number, call: CallOptions) {
    const found = await this.#parts.ask(partition, partitions, 'inspect', {}, call)
    return found.status === 'found' ? found : undefined
  }

  /** Before a sale is created: what is being removed under its name is removed. */
  async clear(call: CallOptions): Promise<void> {
    for (;;) {
      const found = await this.look(0, 1, call)
      if (!found?.sealed) return
      await this.#settle(found.incarnation, call)
    }
  }

  /** Erases an incarnation that was removed and of which a part is there, as after a rollback. */
  async erase(incarnation: string, partitions: number, call: CallOptions): Promise<void> {
    const erase = async (index: number) =>
      void (await this.#parts.ask(index, partitions, 'erase', { incarnation }, call))
    // The last one to go is partition 0: as long as it is there, no other sale of this name is.
    await changeAll(partitions, (index) => (index === 0 ? Promise.resolve() : erase(index)))
    await erase(0)
    await this.#index.finish(incarnation, partitions, call)
  }

  /**
   * Erases a partition of a removed incarnation, which a late `create` has made again. Returns
   * whether it was one.
   */
  async eraseRemains(partition: number, partitions: number, call: CallOptions): Promise<boolean> {
    const found = await this.look(partition, partitions, call)
    if (!found) return false
    const { incarnation } = found
    if (!(await this.#index.findRemoved(incarnation, call))) return false
    await this.#parts.ask(partition, partitions, 'erase', { incarnation }, call)
    return true
  }

  /** After a recovery, because the index may have been lost too, and with a `retainMs`. */
  async registerAgain(call: CallOptions, retains = false): Promise<void> {
    const { incarnation, count } = this.#partitions
    await this.#index.register(incarnation!, count, call, { retains })
  }

  /** @throws {StockholdError} `NOT_FOUND`: the incarnation of this handle was removed. */
  async refuseRemoved(call: CallOptions): Promise<void> {
    const incarnation = this.#partitions.incarnation!
    // Redis may have lost the index since the handle has heard so.
    if (!this.isRemoved && !(await this.#index.findRemoved(incarnation, call))) return
    this.#removed = incarnation
    throw this.#removedError()
  }

  /** Continues a removal that was decided. Returns whether there was one. */
  async #finishBegun(incarnation: string, call: CallOptions): Promise<boolean> {
    const removed = await this.#index.findRemoved(incarnation, call)
    if (!removed) return false
    this.#removed = incarnation
    await this.erase(incarnation, removed.partitions, call)
    return true
  }

  /** Returns `decided`, or a refusal; `undefined`: another attempt is needed. */
  async #attempt(
    incarnation: string,
    force: boolean,
    call: CallOptions,
  ): Promise<'decided' | Refusal | undefined> {
    const { count } = this.#partitions
    const looked = await this.#seal({ incarnation, attempt: 0, force, dry: true }, call)
    if (looked !== 'sealed') return refusalOf(looked)
    const { state, attempt } = await this.#index.register(incarnation, count, call, { attempts: true })
    if (state !== 'live') return 'decided'
    try {
      const sealed = await this.#seal({ incarnation, attempt, force, dry: false }, call)
      if (sealed === 'sealed')
        return (await this.#index.commit(incarnation, attempt, call)) ? 'decided' : undefined
      if (refusalOf(sealed)) await this.#giveUp(incarnation, count, call)
      return refusalOf(sealed)
    } catch (error) {
      // The caller does not wait longer than for the removal itself.
      void this.#giveUp(incarnation, count, this.#call()).catch(() => {})
      throw error
    }
  }

  /** Asks partition 0 first: it decides on updates, so the sale is not opened again after it. */
  async #seal(op: { incarnation: string; attempt: number; force: boolean; dry: boolean }, call: CallOptions) {
    const { count } = this.#partitions
    const seal = async (index: number) => (await this.#parts.ask(index, count, 'seal', op, call)).status
    const first = await seal(0)
    if (first === 'frozen') throw this.#partitions.session(0).history.error('rolled_back')
    if (first !== 'sealed') return first
    const others = await changeAll(count, async (index) => (index === 0 ? first : seal(index)))
    const frozen = others.indexOf('frozen')
    if (frozen >= 0) throw this.#partitions.session(frozen).history.error('rolled_back')
    return others.find((status) => status !== 'sealed') ?? 'sealed'
  }

  /** Ends all attempts, unless one has decided. */
  async #giveUp(incarnation: string, partitions: number, call: CallOptions): Promise<void> {
    const { state, attempt } = await this.#index.register(incarnation, partitions, call, { attempts: true })
    if (state !== 'live') return
    await changeAll(partitions, (index) =>
      this.#parts.ask(index, partitions, 'unseal', { incarnation, attempt }, call),
    )
  }

  /**
   * Waits until the process that has sealed the sale decides, and does it in place of a process
   * that has crashed.
   */
  async #settle(incarnation: string, call: CallOptions): Promise<void> {
    const before = await this.#index.find(incarnation, call)
    if (before.status === 'found' && before.state !== 'live')
      return this.erase(incarnation, before.partitions, call)
    const { partitions, attempt } = before.status === 'found' ? before : { partitions: 1, attempt: 0 }
    await sleep(tuning.patienceMs + tuning.aPartitionMs * partitions, this.#clock)
    const after = await this.#index.find(incarnation, call)
    const isSame = after.status === 'unknown' || (after.state === 'live' && after.attempt === attempt)
    if (isSame) await this.#giveUp(incarnation, partitions, call)
  }

  #explain(outcome: Gone, partition: number): Promise<'again' | StockholdError> | undefined {
    if (this.#partitions.incarnation === null && outcome === 'missing') return undefined
    const found = this.#find(outcome, partition)
    // The sale is frozen, whether or not the index can be asked.
    return outcome === 'rolled_back'
      ? found.catch(() => this.#partitions.session(partition).history.error(outcome))
      : found
  }

  async #find(outcome: Gone, partition: number): Promise<'again' | StockholdError> {
    const call = this.#call()
    const lost = () => this.#partitions.session(partition).history.error(outcome)
    const { count } = this.#partitions
    const there = outcome === 'lost' ? await this.look(partition, count, call) : undefined
    const incarnation = this.#partitions.incarnation ?? there?.incarnation
    if (incarnation === undefined) return lost()
    const removed = await this.#index.findRemoved(incarnation, call)
    if (removed) {
      // The process that removes it may have crashed.
      if (removed.state === 'removing') void this.erase(incarnation, removed.partitions, call).catch(() => {})
      this.#removed = incarnation
      return this.#removedError()
    }
    if (there?.incarnation !== incarnation) return lost()
    if (there.sealed) {
      await this.#settle(incarnation, call)
      return 'again'
    }
    // It may have been sealed when it answered.
    if (there.attempt <= (this.#attempts[partition] ?? 0)) return lost()
    this.#attempts[partition] = there.attempt
    return 'again'
  }

  /**
   * A late `create` may have made a partition of a removed sale again, and a handle that has seen
   * nothing there cannot tell. The sale does not depend on the index: while that is away, the
   * partition is believed. What could not be erased is erased with the next call that meets it.
   */
  async #doubt(partition: number): Promise<Doubt> {
    const incarnation = this.#partitions.incarnation!
    const deadline = this.#clock.now() + Math.min(tuning.doubtMs, this.#deadlineMs)
    const removed = await this.#index.findRemoved(incarnation, { deadline })
    if (!removed) return 'live'
    this.#removed = incarnation
    const { partitions } = removed
    const isErased = await this.#parts
      .ask(partition, partitions, 'erase', { incarnation }, this.#call())
      .then(
        () => true,
        () => false,
      )
    return this.#removedError(
      isErased ? 'What was changed is gone with it.' : 'What was changed counts no more.',
    )
  }

  #removedError(outcome = 'Nothing was executed.'): StockholdError {
    return new StockholdError(
      'NOT_FOUND',
      `${this.#title} was removed. ${outcome} A sale that was created again under this name needs another handle.`,
    )
  }

  #call(): CallOptions {
    return { deadline: this.#clock.now() + this.#deadlineMs }
  }
}

function refusalOf(status: string): Refusal | undefined {
  return status === 'not_ended' || status === 'in_use' ? status : undefined
}
