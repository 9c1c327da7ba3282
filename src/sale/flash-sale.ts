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

/** The events of a sale, as a consumer or a ledger reads them. Internal, not exported. */
export let sourceOf: (sale: FlashSale) => EventSource

/**
 * A handle on one sale. Any number of processes may open any number of handles. A handle learns the
 * sale's rules from the engine with its first call; it need not call `create` itself.
 *
 * Refusals are values with a `status`; faults are thrown as {@link StockholdError}. All methods may
 * reject with `INVALID_ARGUMENT`, `UNAVAILABLE`, `UNKNOWN_OUTCOME`, `OVERLOADED`, `NOT_FOUND`,
 * `STATE_LOST`, `UNSAFE_CONFIG` and `CLOSED`; each method names its further codes.
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
   * Creates the sale. A call with the same rules changes nothing, so every process may call it at
   * startup.
   *
   * @returns `created`: whether this call created the sale.
   * @throws {StockholdError} `RULES_CONFLICT`: a sale of this name exists with other rules.
   *   `STATE_LOST`: this handle has seen the sale before, and the sale is gone; the call does not
   *   create it again.
   */
  async create(rules: SaleRules, options?: SignalOption): Promise<{ created: boolean }> {
    const wanted = normalizeRules(rules)
    return { created: await this.#client.create(wanted, this.#client.call(options)) }
  }

  /**
   * Holds units for a buyer: the whole cart or nothing.
   *
   * @returns `reserved`, or the reason for the refusal: see {@link ReserveResult}. Without a `key`,
   *   `sold_out` may be up to 200 ms old.
   * @throws {StockholdError} `IDEMPOTENCY_CONFLICT`: the key was used for another cart.
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
   * Confirms a payment: the result is `confirmed` or `refund_due`, and a repeated call gives the
   * same result. Call it when the buyer has paid, also after the hold has expired.
   *
   * @param options `buyer`: a reservation of another buyer is `not_found`. `paymentId`: stored with
   *   the reservation.
   */
  async confirm(
    reservationId: string,
    options: { buyer?: string | undefined; paymentId?: string | undefined } & SignalOption = {},
  ): Promise<ConfirmResult> {
    const asked = { ...checkConfirmOptions(options), final: true }
    const publish = (answer: FinalAnswer<'confirm'>, book: SaleRulesIndex): ConfirmResult => {
      // A partition answers `lacking` only to a call without `final`.
      if (answer.status === 'lacking') throw new Error('unreachable')
      return this.#reservations.publish(answer, book, { refundDue: answer.status === 'refund_due' })
    }
    return this.#reservations.run('confirm', reservationId, signalOf(options), asked, publish)
  }

  /** Releases a hold before it expires. `buyer`: a reservation of another buyer is `not_found`. */
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
   * Extends a hold to `holdMs` from now, at most to `maxHoldMs` after the reservation was created.
   * The call never shortens a hold.
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
   * Refunds a confirmed reservation. `restock`: its units go on sale again; otherwise they leave
   * the sale.
   */
  async refund(reservationId: string, options: { restock: boolean } & SignalOption): Promise<RefundResult> {
    const asked = checkRefundOptions(options)
    return this.#reservations.run('refund', reservationId, signalOf(options), asked, (answer, book) => {
      this.#soldOut.forget()
      return this.#reservations.publish(answer, book, { restocked: asked.restock })
    })
  }

  /** The current reservation, or `undefined` if the sale has none with this id. */
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
   * Adds units to the sale. A negative quantity removes unsold units, at most those that are
   * available.
   *
   * @param restock `key`: a repeated call with the same key changes nothing and returns the first
   *   result.
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
   * Stops new reservations; holds stay valid and can be confirmed. Returns the state of the sale
   * after the call. If a partition cannot be reached, `pause`, `resume` and `end` reject, and the
   * message names the partitions that have changed. Call again to complete.
   */
  pause(options?: SignalOption): Promise<SaleState> {
    return this.#control('pause', options)
  }

  /** Ends a pause. Returns the state of the sale after the call. */
  resume(options?: SignalOption): Promise<SaleState> {
    return this.#control('resume', options)
  }

  /** Ends the sale permanently. Holds can be confirmed until they expire. */
  end(options?: SignalOption): Promise<SaleState> {
    return this.#control('end', options)
  }

  /**
   * State and counts. Expired holds count as available. In a sale of several partitions, each
   * partition is read at a different moment, the state is the most restrictive one, and units that
   * have left a partition and not arrived in another are `inTransit`.
   */
  async stats(options?: SignalOption): Promise<Stats> {
    const call = this.#client.call(options)
    const book = await this.#client.learn(call)
    const { state, skus } = await this.#saleWide.totals(call)
    return { state, skus: Object.fromEntries(skus.map((counts, skuIndex) => [book.sku(skuIndex), counts])) }
  }

  /**
   * Recounts every reservation and compares the result with the counts, while the sale goes on.
   * Takes time and memory in proportion to the number of reservations; the handle's deadline
   * applies to each step.
   */
  async audit(options?: SignalOption): Promise<Audit> {
    const call = () => this.#client.call(options)
    const book = await this.#client.learn(call())
    await this.#saleWide.completeTransfers(call)
    return this.#client.fanOut((parts) => auditSale(parts, this.#client.partitions.incarnation!, book, call))
  }

  /**
   * Ends the freeze after ROLLBACK_DETECTED, or creates the sale again after STATE_LOST. Until then
   * the sale sells nothing.
   *
   * - `accept`: accepts the state of Redis. Changes that Redis has lost stay lost; a sale that is
   *   gone starts again with its whole stock.
   * - `replay`: first replays everything that this handle has acknowledged and still has in memory:
   *   at least its latest 50,000 reservations (fewer only if their carts take more than 64 MB), and
   *   its restocks. If other buyers have taken the units, a reservation is `refused`: tell its
   *   buyer.
   * - a ledger: rebuilds everything that the ledger has, then replays what only this handle has in
   *   memory. Any process can do this, even if it has never seen the sale.
   *
   * With several processes, let each process `replay` with `unfreeze: false`, except the last.
   *
   * @param recovery `unfreeze`: whether the sale sells again afterwards. @default true
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
   * Starts a consumer of a group: it calls the handler with each event of the sale at least once,
   * in order for each reservation.
   *
   * Close the consumer before the handle. A closed handle stops its consumers at once, and they
   * keep the leases of their partitions until these expire.
   *
   * @throws {StockholdError} `INVALID_ARGUMENT`
   */
  consume(options: ConsumeOptions, handler: EventHandler): Consumer {
    return new Consumer(this.#client.source, options, handler)
  }

  /** The consumer groups of this sale, and their positions. */
  async consumerGroups(): Promise<ConsumerGroup[]> {
    return consumerGroups(this.#client.source)
  }

  /**
   * Removes a consumer group with its position and its dead letters. The sale no longer keeps
   * events for the group, and consumers that still run in it stop. Returns whether the group
   * existed.
   */
  async removeConsumerGroup(group: string): Promise<boolean> {
    return removeGroup(this.#client.source, checkId(group, 'group'))
  }

  /**
   * Closes this handle: new calls reject with CLOSED, calls under way are answered. The engine and
   * its client stay open.
   */
  async close(): Promise<void> {
    this.#client.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #reserveAdmitted(
    gate: AdmissionGate,
    order: ValidatedRequest,
    call: CallOptions,
  ): Promise<ReserveResult> {
    const admission = await admit(gate, order, call)
    if ('status' in admission) return admission
    const result = await this.#reserveLearning(order, call)
    // This visitor had a try, so the next one may enter: a unit need not wait until the pass
    // expires.
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
