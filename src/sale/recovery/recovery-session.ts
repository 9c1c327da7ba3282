import { randomUUID } from 'node:crypto'
import type { FinalAnswer, Op, PresentRules, StoredReservation, Units } from '../../engine/engine.js'
import type { LogOffset } from '../../engine/port.js'
import { makeId, PART_LENGTH, partitionOf } from '../../engine/reservation-id.js'
import { longestHoldOf } from '../../engine/rules.js'
import { isAway, isIncompatible, StockholdError } from '../../errors.js'
import type { SignalOption } from '../../validation.js'
import { completeDepartures, getNow } from '../complete-transfer.js'
import { askAll, changeAll, failureOf, readAll } from '../fan-out.js'
import { bindHousehold, eachReservation } from '../household.js'
import { type Parts, STOCK_PARTITION } from '../partitions.js'
import { Rebalancer } from '../rebalancing/rebalancer.js'
import {
  amendWithRebalancing,
  confirmWithRebalancing,
  moveWithRebalancing,
  reserveWithRebalancing,
  restockWithRebalancing,
} from '../rebalancing/with-rebalancing.js'
import type { SaleRulesIndex } from '../reserve-request.js'
import type { Recovery } from '../results.js'
import { adoptRules, readRules, spreadRules } from '../rules-revisions.js'
import type { SaleClient } from '../sale-client.js'
import { KnownSkus } from './known-skus.js'
import { isActive, isLater, isOvertaken, PresentRecords, uniteRecords } from './present-records.js'
import { reconcileTransfers } from './reconcile-transfers.js'
import type { Recover } from './recover.js'
import { type NotRestored, type RecoverySource, replay } from './replay.js'
import { advanceGenerations, latestGenerations, seenOffsets, type Unfreeze, unfreezing } from './unfreeze.js'

/** How one partition, or all together, lack units. */
type Lack = Pick<Extract<FinalAnswer<'reserve'>, { status: 'sold_out' }>, 'sku' | 'available'>

/** Of an id that no reservation has. */
const NO_PART = 'A'.repeat(PART_LENGTH)

/** Recovers a frozen sale step by step. Any process can repeat each step. */
export class RecoverySession {
  readonly #client: SaleClient
  #rulesIndex: SaleRulesIndex
  readonly #options: SignalOption | undefined
  readonly #parts: Parts
  readonly #rebalancer: Rebalancer | undefined
  #present = new PresentRecords()
  readonly #overtaken: StoredReservation[] = []
  /** How far the history of each partition had come with the last look. */
  #recovered: readonly LogOffset[] = []

  constructor(client: SaleClient, book: SaleRulesIndex, options?: SignalOption) {
    this.#client = client
    this.#rulesIndex = book
    this.#options = options
    this.#parts = client.partitions.recovering()
    if (this.#parts.count > 1) this.#rebalancer = new Rebalancer(this.#parts, client.clock, client.deadlineMs)
  }

  /**
   * Recovers everything that needs no record of acknowledged changes: afterwards all partitions
   * exist, those that lost state are frozen, have the same rules, and no units are in transit.
   *
   * @param known Rules that were in force, which all partitions may have lost.
   */
  async rebuild(known: readonly PresentRules[]): Promise<void> {
    await this.#notice()
    await this.#rebuild()
    await this.#restoreRules(known)
    await this.look()
    const parts = this.#parts
    const call = () => this.#call()
    // Units of reservations on their way go where these go.
    await completeDepartures(parts, this.#call())
    await this.#unite()
    if (parts.count === 1) return
    await reconcileTransfers(parts, call)
    // A buyer's own partition may have forgotten the household of reservations in other ones.
    const indices = Array.from({ length: parts.count }, (_, index) => index)
    if (this.#rulesIndex.hasHouseholds)
      await eachReservation(parts, indices, call, (one) => this.#rebind(one))
  }

  async #unite(): Promise<void> {
    const { present, overtaken } = await uniteRecords(this.#parts, this.#send, () => this.#call())
    this.#present = present
    for (const one of overtaken) this.#overtaken.push(one)
  }

  /**
   * Replays what these sources know. A reservation whose units other buyers have now is `refused`.
   */
  async replay(
    testimonies: readonly RecoverySource[],
  ): Promise<Pick<Recovery, 'restored' | 'refused'> & { readonly unknown: number }> {
    const now = (id?: string) => this.#client.serverNow(id === undefined ? 0 : partitionOf(id)!)
    const { rules } = this.#rulesIndex
    const sources = testimonies.map((source) => new KnownSkus(source, rules.skus.length))
    const { restored, refused } = await replay(sources, this.#present, this.#send, now, longestHoldOf(rules))
    await this.#unite()
    const all = refused.flatMap((one) => this.#asPresent(one.acknowledged.reservation, one.reason))
    return {
      unknown: sources.reduce((sum, { unknown }) => sum + unknown, 0),
      restored,
      refused: [...new Map([...all, ...this.overtaken].map((one) => [one.reservation.id, one])).values()],
    }
  }

  /** Reservations that other buyers keep, see {@link PresentRecords}. */
  get overtaken(): Recovery['refused'] {
    return this.#overtaken.map((one) => ({
      reservation: this.#rulesIndex.reservation(one),
      reason: 'transferred',
    }))
  }

  /** Another process may have restored a later record of a reservation that was refused. */
  #asPresent(refused: StoredReservation, reason: NotRestored['reason']): Recovery['refused'] {
    const latest = this.#present.of(refused)
    const isThere = latest !== undefined && isActive(latest) && isLater(latest, refused)
    if (isThere && isActive(refused) && !isOvertaken(refused, latest)) return []
    return [{ reservation: this.#rulesIndex.reservation(refused), reason: isThere ? 'transferred' : reason }]
  }

  /**
   * Notes how far the history of each partition has come: that is what `unfreeze` ends the freeze
   * of. A generation that has begun since the last look is passed over: it may have lost what this
   * session has recovered in the one before.
   */
  async look(): Promise<void> {
    const seen = await seenOffsets(this.#parts, () => this.#call())
    this.#recovered = seen.map((offset, index) => {
      const before = this.#recovered[index]
      return before && before.generation !== offset.generation ? before : offset
    })
  }

  /** How far the history of each partition had come when this session had recovered it. */
  get recovered(): readonly LogOffset[] {
    return this.#recovered
  }

  /**
   * Ends the freeze; `paused`: of a sale that is paused before. The function can be kept: it holds
   * none of the records of this session.
   */
  unfreezing(paused: boolean): Unfreeze {
    return unfreezing(this.#client, this.#parts, this.#recovered, paused, this.#options)
  }

  /** Other processes unfreeze the sale, and may not have seen what this one has: see `advance`. */
  leave(): Promise<void> {
    return advanceGenerations(this.#client, this.#parts, this.#call())
  }

  /**
   * Asks every partition, so that a loss that no call has detected yet is detected and freezes the
   * partition.
   */
  async #notice(): Promise<void> {
    const { parts } = this.#client.partitions
    const call = this.#call()
    const { failures } = await askAll(parts.count, (index) => parts.ask(index, 'stats', {}, call, () => {}))
    const others = [...failures].filter(
      ([, error]) =>
        !(error instanceof StockholdError) ||
        isAway(error) ||
        isIncompatible(error) ||
        error.code === 'CLOSED',
    )
    if (others.length > 0) throw failureOf(new Map(others), parts.count)
  }

  /** Creates the lost partitions again, frozen. */
  async #rebuild(): Promise<void> {
    const { partitions } = this.#client
    const count = this.#parts.count
    const op = {
      rules: this.#rulesIndex.created,
      incarnation: partitions.incarnation!,
      generation: Math.max(...latestGenerations(this.#client)) + 1,
    }
    const call = this.#call()
    await changeAll(count, (index) =>
      this.#parts.ask(index, 'rebuild', op, call, ({ incarnation }) => {
        if (incarnation !== op.incarnation) throw partitions.session(index).history.error('lost')
      }),
    )
  }

  /**
   * Has all partitions adopt the latest rules that any of them has, or that are known elsewhere.
   */
  async #restoreRules(known: readonly PresentRules[]): Promise<void> {
    const parts = this.#parts
    const call = this.#call()
    // Each reply carries the revision of its partition.
    await readAll(parts.count, (index) =>
      parts.ask(index, 'get', { id: makeId(index, NO_PART, NO_PART) }, call, () => {}),
    )
    const revisions = Array.from({ length: parts.count }, (_, index) => parts.session(index).history.revision)
    const newest = Math.max(...revisions)
    let latest = known.reduce<PresentRules | undefined>(
      (best, one) => (one.revision > (best?.revision ?? newest) ? one : best),
      undefined,
    )
    latest ??= await readRules(parts, revisions.indexOf(newest), call)
    const target = latest
    if (revisions.some((revision) => revision < target.revision)) {
      await adoptRules(parts, 0, target, call)
      await spreadRules(parts, target, call)
    }
    this.#rulesIndex = this.#client.know(target, this.#rulesIndex.created)
  }

  /** Sends a command to its partition, and moves units there if the partition lacks them. */
  readonly #send: Recover = async <C extends Parameters<Recover>[0]>(command: C, op: Op<C>) => {
    if (command === 'reserve') return (await this.#reserve(op as Op<'reserve'>)) as FinalAnswer<C>
    if (command === 'amend') return (await this.#amend(op as Op<'amend'>)) as FinalAnswer<C>
    if (command === 'confirm') return (await this.#confirm(op as Op<'confirm'>)) as FinalAnswer<C>
    if (command === 'restock') return (await this.#restock(op as Op<'restock'>)) as FinalAnswer<C>
    if (command === 'move') return (await this.#move(op as Op<'move'>)) as FinalAnswer<C>
    if (command === 'get')
      return (await getNow(this.#parts, (op as Op<'get'>).id, this.#call())) as FinalAnswer<C>
    if (command === 'transfer') return (await this.#transfer(op as Op<'transfer'>)) as FinalAnswer<C>
    if (command === 'setTotal') return this.#ask(0, command, op)
    if (command === 'control') return (await this.#control(op as Op<'control'>)) as FinalAnswer<C>
    return this.#ask(partitionOf((op as Op<'release' | 'extend' | 'refund'>).id)!, command, op)
  }

  async #transfer(op: Op<'transfer'>): Promise<FinalAnswer<'transfer'>> {
    if (op.wish?.record) await this.#rebind(op.wish.record)
    return this.#ask(partitionOf(op.id)!, 'transfer', op)
  }

  /** Restores whose household a buyer is of, before anything is held. */
  async #rebind({ buyer, household }: Pick<StoredReservation, 'buyer' | 'household'>): Promise<void> {
    const { incarnation } = this.#client.partitions
    if (household !== undefined)
      await bindHousehold(this.#parts, incarnation!, buyer, household, this.#call())
  }

  async #reserve(op: Op<'reserve'>): Promise<FinalAnswer<'reserve'>> {
    await this.#rebind(op)
    for (;;) {
      const answer = await this.#reserveOnce(op)
      if (answer.status !== 'sold_out' || !(await this.#takeBack(op.id, op.cart, answer))) return answer
    }
  }

  async #reserveOnce(op: Op<'reserve'>): Promise<FinalAnswer<'reserve'>> {
    const first = await this.#ask(partitionOf(op.id)!, 'reserve', op)
    if (first.status !== 'sold_out' || !this.#rebalancer) return first
    const end = await reserveWithRebalancing(
      this.#rebalancer,
      this.#ask,
      op,
      first,
      this.#rulesIndex.limited,
      this.#call(),
    )
    return 'answer' in end ? end.answer : { ...first, ...end.soldOut }
  }

  async #amend(op: Op<'amend'>): Promise<FinalAnswer<'amend'>> {
    for (;;) {
      const answer = await this.#amendOnce(op)
      if (answer.status !== 'sold_out' || !(await this.#takeBack(op.id, answer.wants, answer))) return answer
    }
  }

  async #amendOnce(op: Op<'amend'>): Promise<FinalAnswer<'amend'>> {
    const first = await this.#ask(partitionOf(op.id)!, 'amend', op)
    if (first.status !== 'sold_out' || !this.#rebalancer) return first
    const end = await amendWithRebalancing(this.#rebalancer, this.#ask, op, first, this.#call())
    return 'answer' in end ? end.answer : { ...first, ...end.soldOut }
  }

  /**
   * Units that a SKU lacks may have come back to another one since, or come back only later in the
   * replay: then they are moved, beyond what the cart itself wants there. Returns whether any were.
   */
  async #takeBack(id: string, wants: Units, { sku, available }: Lack): Promise<boolean> {
    const wanted = new Map(wants)
    const lacks = wanted.get(sku)! - available
    for (const from of this.#rulesIndex.returnsOf(sku)) {
      const counts = await readAll(this.#parts.count, (index) => this.#ask(index, 'stats', { skus: [from] }))
      const there = counts.reduce((sum, { skus }) => sum + skus[0]!.available, 0)
      const left = there - (wanted.get(from) ?? 0)
      if (left <= 0) continue
      const key = `returned:${randomUUID()}`
      const op = { from, to: sku, quantity: Math.min(lacks, left), key, final: true, atMost: null }
      const moved = await this.#move(op, partitionOf(id)!)
      if (moved.status === 'moved' && moved.applied > 0) return true
    }
    return false
  }

  async #confirm(op: Op<'confirm'>): Promise<FinalAnswer<'confirm'>> {
    if (this.#rebalancer)
      return confirmWithRebalancing(this.#rebalancer, this.#ask, op, () => this.#rulesIndex, this.#call())
    return this.#ask(partitionOf(op.id)!, 'confirm', op)
  }

  async #restock(op: Op<'restock'>): Promise<FinalAnswer<'restock'>> {
    if (!this.#rebalancer) return this.#ask(STOCK_PARTITION, 'restock', op)
    return restockWithRebalancing(this.#rebalancer, this.#ask, STOCK_PARTITION, op, this.#call())
  }

  async #move(op: Op<'move'>, partition = STOCK_PARTITION): Promise<FinalAnswer<'move'>> {
    if (!this.#rebalancer) return this.#ask(partition, 'move', op)
    return moveWithRebalancing(this.#rebalancer, this.#ask, partition, op, this.#call())
  }

  async #control(op: Op<'control'>): Promise<FinalAnswer<'control'>> {
    const call = this.#call()
    const answers = await changeAll(this.#parts.count, (index) =>
      this.#parts.ask(index, 'control', op, call, (answer) => answer),
    )
    return answers[0]!
  }

  readonly #ask = <C extends Parameters<Recover>[0] | 'get' | 'stats'>(
    index: number,
    command: C,
    op: Op<C>,
  ) => this.#parts.ask(index, command, op, this.#call(), (answer) => answer)

  #call() {
    return this.#client.call(this.#options)
  }
}
