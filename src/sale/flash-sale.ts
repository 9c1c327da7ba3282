import type { CallOptions } from '../batching/batcher-set.js'
import { Consumer } from '../consumer/consumer.js'
import { type ConsumerGroup, consumerGroups, removeGroup } from '../consumer/groups.js'
import type { ConsumeOptions, EventHandler } from '../consumer/options.js'
import type { EventSource } from '../consumer/source.js'
import type { FinalAnswer } from '../engine/engine.js'
import { partitionIn } from '../engine/reservation-id.js'
import { checkId, type SignalOption } from '../validation.js'
import { AcknowledgementCache } from './acknowledgement-cache.js'
import { type AdmissionGate, admit } from './admission-gate.js'
import { auditSale } from './audit-sale.js'
import {
  checkConfirmOptions,
  checkExtendOptions,
  checkRefundOptions,
  checkReleaseOptions,
  checkRestockOptions,
  signalOf,
} from './command-options.js'
import type { Ledger } from './ledger.js'
import { LedgerBarrier } from './ledger-barrier.js'
import { checkFlashSaleOptions, type FlashSaleOptions } from './options.js'
import { recoverSale } from './recovery/recover-sale.js'
import { ReservationCommands } from './reservation-commands.js'
import { ReserveOperation } from './reserve.js'
import {
  checkReserveRequest,
  type ReserveRequest,
  type SaleRulesIndex,
  type ValidatedRequest,
} from './reserve-request.js'
import type {
  Audit,
  ConfirmResult,
  ExtendResult,
  Recovery,
  RefundResult,
  ReleaseResult,
  Reservation,
  ReserveResult,
  RestockResult,
  SaleState,
  Stats,
} from './results.js'
import { normalizeRules, type SaleRules } from './rules.js'
import { SaleClient } from './sale-client.js'
import { SaleWide } from './sale-wide.js'
import { SoldOutCache } from './sold-out-cache.js'

/**
 * What a sale shows to those who follow its events. Not for users: it is no part of the package's
 * surface.
 */
export let sourceOf: (sale: FlashSale) => EventSource

/**
 * A handle on one sale: any number of processes may have any number of them. A handle learns the
 * sale's rules from the engine with its first call; it needs no `create` of its own.
 *
 * Refusals are values with a `status`; faults are thrown as {@link StockholdError}. All methods may
 * reject with `INVALID_ARGUMENT`, `UNAVAILABLE`, `UNKNOWN_OUTCOME`, `OVERLOADED`, `NOT_FOUND`,
 * `STATE_LOST`, `UNSAFE_CONFIG` and `CLOSED`; further codes stand with the method.
 */
export class FlashSale {
  static {
    sourceOf = (sale) => sale.#client.source
  }

  readonly id: string
  readonly #client: SaleClient
  readonly #saleWide: SaleWide
  readonly #soldOut: SoldOutCache
  readonly #gate: AdmissionGate | undefined
  readonly #acknowledged = new AcknowledgementCache()
  readonly #ledgerBarrier: LedgerBarrier | undefined
  readonly #reservations: ReservationCommands
  readonly #reserveOperation: ReserveOperation

  /** @throws {StockholdError} `INVALID_ARGUMENT` */
  constructor(id: string, options: FlashSaleOptions) {
    this.id = checkId(id, 'id')
    const { engine, limits, gate, ledger } = checkFlashSaleOptions(options, id)
    this.#client = new SaleClient(id, engine, limits)
    this.#saleWide = new SaleWide(this.#client)
    this.#soldOut = new SoldOutCache(engine.elapsed, engine.isLocal ? 0 : undefined)
    this.#gate = gate
    if (ledger) {
      const writer = ledger.attach(this.#client.source)
      this.#ledgerBarrier = new LedgerBarrier(this.#client, writer, limits.maxInFlight)
    }
    this.#reservations = new ReservationCommands(this.#client, this.#acknowledged, this.#ledgerBarrier)
    this.#reserveOperation = new ReserveOperation(
      this.#client,
      { soldOut: this.#soldOut, told: this.#acknowledged },
      (result, partition, call) => this.#reservations.acknowledge(result, partition, call),
    )
  }

  /**
   * Makes the sale. The same rules again change nothing, so every process may call it at its start.
   *
   * @returns Whether it was this call that made it.
   * @throws {StockholdError} `RULES_CONFLICT`: there is a sale of this name with other rules.
   *   `STATE_LOST`: this handle has seen the sale before, and it is gone: it is never started
   *   afresh.
   */
  async create(rules: SaleRules, options?: SignalOption): Promise<{ created: boolean }> {
    const wanted = normalizeRules(rules)
    return { created: await this.#client.create(wanted, this.#client.call(options)) }
  }

  /**
   * Holds units for a buyer, all of a cart or nothing.
   *
   * @returns `reserved`, or why not: see {@link ReserveResult}. Without a `key`, `sold_out` may be
   *   up to 200 ms old.
   * @throws {StockholdError} `IDEMPOTENCY_CONFLICT`: the key made a reservation of another cart.
   */
  reserve(request: ReserveRequest, options?: SignalOption): Promise<ReserveResult> {
    try {
      const order = checkReserveRequest(request)
      const call = this.#client.call(options)
      if (this.#gate) return this.#reserveAdmitted(this.#gate, order, call)
      return this.#client.known && !this.#ledgerBarrier
        ? this.#reserveOperation.reserve(order, this.#client.known, call)
        : this.#reserveLearning(order, call)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * Settles a payment: as `confirmed` or as `refund_due`, the same for ever, however often it is
   * repeated. To be called by whatever learns that the buyer has paid, also after the hold has
   * expired.
   *
   * @param options `buyer`: whose reservation it must be, anybody else's is `not_found`.
   *   `paymentId`: kept with it.
   */
  async confirm(
    reservationId: string,
    options: { buyer?: string | undefined; paymentId?: string | undefined } & SignalOption = {},
  ): Promise<ConfirmResult> {
    const asked = { ...checkConfirmOptions(options), final: true }
    const publish = (answer: FinalAnswer<'confirm'>, book: SaleRulesIndex): ConfirmResult => {
      // Only who is not the last to be asked answers that.
      if (answer.status === 'lacking') throw new Error('unreachable')
      return this.#reservations.publish(answer, book, { refundDue: answer.status === 'refund_due' })
    }
    return this.#reservations.run('confirm', reservationId, signalOf(options), asked, publish)
  }

  /**
   * Gives a hold back before it expires. `buyer`: whose it must be, anybody else's is `not_found`.
   */
  async release(
    reservationId: string,
    options: { buyer?: string | undefined } & SignalOption = {},
  ): Promise<ReleaseResult> {
    const asked = checkReleaseOptions(options)
    return this.#reservations.run('release', reservationId, signalOf(options), asked, (answer, book) => {
      this.#soldOut.forget()
      return this.#reservations.publish(answer, book)
    })
  }

  /**
   * Holds longer: to `holdMs` from now, at most `maxHoldMs` after the reservation was made, never
   * shorter than before.
   */
  async extend(reservationId: string, options: { holdMs: number } & SignalOption): Promise<ExtendResult> {
    const asked = checkExtendOptions(options)
    return this.#reservations.run('extend', reservationId, signalOf(options), asked, (answer, book) => {
      if (answer.status === 'extended')
        this.#client.watch(partitionIn(reservationId), answer.reservation.expiresAt)
      return this.#reservations.publish(answer, book)
    })
  }

  /**
   * Takes a confirmed reservation back. `restock`: its units go on sale again; otherwise they leave
   * the sale.
   */
  async refund(reservationId: string, options: { restock: boolean } & SignalOption): Promise<RefundResult> {
    const asked = checkRefundOptions(options)
    return this.#reservations.run('refund', reservationId, signalOf(options), asked, (answer, book) => {
      this.#soldOut.forget()
      return this.#reservations.publish(answer, book, { restocked: asked.restock })
    })
  }

  /** The reservation as it is now, or `undefined`. */
  async get(reservationId: string, options: SignalOption = {}): Promise<Reservation | undefined> {
    return this.#reservations
      .run('get', reservationId, options, {}, (answer, book) => {
        if (answer.status !== 'found') return { status: 'not_found' as const }
        this.#acknowledged.note(answer.reservation)
        return book.reservation(answer.reservation)
      })
      .then((found) => ('status' in found ? undefined : found))
  }

  /**
   * Puts units on sale, or takes unsold ones out with a negative quantity (what is available, and
   * no more).
   *
   * @param restock `key`: the same key again changes nothing and gives the first answer.
   * @throws {StockholdError} `IDEMPOTENCY_CONFLICT`: the key was used with another SKU or quantity.
   */
  async restock(
    restock: { sku: string; quantity: number; key: string },
    options?: SignalOption,
  ): Promise<RestockResult> {
    const asked = checkRestockOptions(restock)
    return this.#reservations.restock(asked, options, () => this.#soldOut.forget())
  }

  /**
   * Stops new reservations; holds go on and can be confirmed. Answers the state the sale is in
   * afterwards. Where not all partitions can be reached, this, `resume` and `end` reject, and say
   * in which it was done: the same call again completes it.
   */
  pause(options?: SignalOption): Promise<SaleState> {
    return this.#control('pause', options)
  }

  /** Ends a pause. Answers the state the sale is in afterwards. */
  resume(options?: SignalOption): Promise<SaleState> {
    return this.#control('resume', options)
  }

  /** Ends the sale for good. Holds can be confirmed until they expire. */
  end(options?: SignalOption): Promise<SaleState> {
    return this.#control('end', options)
  }

  /**
   * State and counts, expired holds counted as available: at one instant, or, over several
   * partitions, of each at an instant of its own. The state is then the most restrictive one, and
   * units that have left a partition and not arrived in another are `inTransit`.
   */
  async stats(options?: SignalOption): Promise<Stats> {
    const call = this.#client.call(options)
    const book = await this.#client.learn(call)
    const { state, skus } = await this.#saleWide.totals(call)
    return { state, skus: Object.fromEntries(skus.map((counts, place) => [book.sku(place), counts])) }
  }

  /**
   * Recounts every reservation and compares with the counts, while the sale goes on. Takes time and
   * memory in proportion to the number of reservations; each step of it has the handle's deadline.
   */
  async audit(options?: SignalOption): Promise<Audit> {
    const call = () => this.#client.call(options)
    const book = await this.#client.learn(call())
    await this.#saleWide.completeTransfers(call)
    return this.#client.fanOut((parts) => auditSale(parts, this.#client.partitions.incarnation!, book, call))
  }

  /**
   * Ends the freeze after ROLLBACK_DETECTED, or makes the sale anew after STATE_LOST. Until then it
   * sells nothing.
   *
   * - `accept`: Redis' state counts as it is. What it has forgotten is forgotten; a sale that is
   *   gone begins again with all of its stock.
   * - `replay`: first everything is put back that this handle has answered and still knows (its
   *   latest 50,000 reservations at least, fewer only where their carts take more than 64 MB, and
   *   its restocks).
   *   Where others bought the units meanwhile, it is `refused`: those buyers must be told.
   * - a ledger: everything is put back that the ledger has, and then what this handle knows beyond
   *   that. Any process can do it, also one that has never seen the sale.
   *
   * With several processes, let each of them `replay` with `unfreeze: false`, and the last one
   * without.
   *
   * @param recovery `unfreeze`: whether the sale goes on afterwards. @default true
   */
  async recover(
    recovery: { from: 'accept' | 'replay' | Ledger; unfreeze?: boolean | undefined },
    options?: SignalOption,
  ): Promise<Recovery> {
    const result = await recoverSale(this.#client, this.#acknowledged, recovery, options)
    this.#soldOut.forget()
    return result
  }

  /**
   * Follows the sale's events, as one consumer of a group: calls the handler with each at least
   * once, in order for each reservation.
   *
   * Close the consumer before the sale: a closed handle ends its consumers as it stands, and their
   * partitions stay theirs until the lease runs out.
   *
   * @throws {StockholdError} `INVALID_ARGUMENT`
   */
  consume(options: ConsumeOptions, handler: EventHandler): Consumer {
    return new Consumer(this.#client.source, options, handler)
  }

  /** The groups that follow this sale's events, and where they stand. */
  async consumerGroups(): Promise<ConsumerGroup[]> {
    return consumerGroups(this.#client.source)
  }

  /**
   * Forgets a group of consumers: its position, and what it has put aside. Events are kept no
   * longer on its behalf; consumers that still run in it end. Answers whether there was one.
   */
  async removeConsumerGroup(group: string): Promise<boolean> {
    return removeGroup(this.#client.source, checkId(group, 'group'))
  }

  /**
   * Ends this handle: calls made from now on are CLOSED, those under way are answered. The engine
   * and its client stay.
   */
  async close(): Promise<void> {
    this.#client.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #reserveAdmitted(
    door: AdmissionGate,
    order: ValidatedRequest,
    call: CallOptions,
  ): Promise<ReserveResult> {
    const admission = await admit(door, order, call)
    if ('status' in admission) return admission
    const result = await this.#reserveLearning(order, call)
    // Whoever had their try makes room for another, or a unit could stand until the pass runs out.
    if (result.status === 'reserved' || result.status === 'sold_out' || result.status === 'limit_exceeded')
      admission.spend()
    return result
  }

  async #reserveLearning(order: ValidatedRequest, call: CallOptions): Promise<ReserveResult> {
    const book = await this.#client.learn(call)
    await this.#ledgerBarrier?.ready(call)
    return this.#reserveOperation.reserve(order, book, call)
  }

  async #control(action: 'pause' | 'resume' | 'end', options?: SignalOption): Promise<SaleState> {
    const state = await this.#saleWide.control(action, this.#client.call(options))
    if (action === 'end') this.#acknowledged.noteEnd()
    return state
  }
}
