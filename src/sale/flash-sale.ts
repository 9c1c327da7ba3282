import type { CallOptions } from '../batching/batcher-set.js'
import type { EventSource } from '../consumer/source.js'
import { partitionIn } from '../engine/reservation-id.js'
import { reportCalls } from '../telemetry/report-calls.js'
import { checkId, type SignalOption } from '../validation.js'
import { type AdmissionGate, admit } from './admission-gate.js'
import { amend } from './amend.js'
import {
  checkAmendOptions,
  checkConfirmOptions,
  checkExtendOptions,
  checkListOptions,
  checkRefundOptions,
  checkReleaseOptions,
  checkTransferOptions,
  signalOf,
} from './command-options.js'
import { checkFlashSaleOptions, type FlashSaleOptions } from './options.js'
import { type RefundOptions, refund } from './refund.js'
import type { Settled } from './reservation-commands.js'
import { reservationsOf } from './reservations-of.js'
import { ReserveOperation } from './reserve.js'
import {
  checkReserveRequest,
  type ReserveRequest,
  type SaleRulesIndex,
  type ValidatedRequest,
} from './reserve-request.js'
import type {
  AmendResult,
  ConfirmResult,
  ExtendResult,
  Item,
  RefundResult,
  ReleaseResult,
  Reservation,
  ReservationTransferResult,
  ReserveResult,
} from './results.js'
import { SaleAdministration } from './sale-administration.js'
import { openSale, type SaleContext } from './sale-context.js'
import { saleSubject } from './sale-subject.js'
import { transfer } from './transfer-reservation.js'

/** The events of a sale, as a consumer or a ledger reads them. Internal, not exported. */
export let sourceOf: (sale: FlashSale) => EventSource
/** What a handle is made of, as its HTTP routes read it. Internal, not exported. */
export let contextOf: (sale: FlashSale) => SaleContext

/**
 * A handle on one sale. Any number of processes may open any number of handles. A handle learns the
 * sale's rules from the engine with its first call; it need not call `create` itself.
 *
 * Refusals are values with a `status`; faults are thrown as {@link StockholdError}. All methods may
 * reject with `INVALID_ARGUMENT`, `UNAVAILABLE`, `UNKNOWN_OUTCOME`, `OVERLOADED`, `NOT_FOUND`,
 * `STATE_LOST`, `UNSAFE_CONFIG` and `CLOSED`; each method names its further codes.
 */
export class FlashSale extends SaleAdministration {
  static {
    sourceOf = (sale) => sale.context.client.source
    contextOf = (sale) => sale.context
    reportCalls(
      FlashSale,
      (sale) => saleSubject(sale.id, sale.context.client),
      (sale) => sale.context.client.counts,
      ['consume', 'close'],
    )
  }

  readonly id: string
  readonly #reserveOperation: ReserveOperation

  /** @throws {StockholdError} `INVALID_ARGUMENT` */
  constructor(id: string, options: FlashSaleOptions) {
    super(openSale(checkId(id, 'id'), checkFlashSaleOptions(options, id)))
    this.id = id
    const { client, soldOut, acknowledged, reservations } = this.context
    this.#reserveOperation = new ReserveOperation(
      client,
      { soldOut, told: acknowledged },
      (result, partition, call) => reservations.acknowledge(result, partition, call),
    )
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
      const call = this.context.client.call(options)
      if (this.context.gate) return this.#reserveAdmitted(this.context.gate, order, call)
      const { current } = this.context.client
      return current?.knows(order.items) && !this.context.ledgerBarrier
        ? this.#reserveOperation.reserve(order, current, call)
        : this.#reserveLearning(order, call)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * Confirms a payment: the result is `confirmed` or `refund_due`, and a repeated call with the
   * same payment gives the same result. Call it when the buyer has paid, also after the hold has
   * expired.
   *
   * @param options `buyer`: a reservation of another buyer is `not_found`. `paymentId`: tells one
   *   payment from another. Every further payment of a reservation is `refund_due`. Calls without
   *   it are repeats of one payment, whose id is the first that is given later.
   */
  async confirm(
    reservationId: string,
    options: { buyer?: string | undefined; paymentId?: string | undefined } & SignalOption = {},
  ): Promise<ConfirmResult> {
    const asked = { ...checkConfirmOptions(options), final: true }
    const publish = (answer: Settled<'confirm'>, book: SaleRulesIndex): ConfirmResult => {
      // A partition answers `lacking` only to a call without `final`.
      if (answer.status === 'lacking') throw new Error('unreachable')
      if (answer.status !== 'refund_due') return this.context.reservations.publish(answer, book)
      const { toldUnder, ...told } = answer
      this.context.acknowledged.noteRefundDue(told.reservation, asked.paymentId, told.reason, toldUnder)
      return book.result(told)
    }
    return this.context.reservations.run('confirm', reservationId, signalOf(options), asked, publish)
  }

  /**
   * Gives a hold another cart in one step: more units, fewer, or other SKUs. What is dropped is
   * free at once; what is added is taken, or the whole change is refused and the hold stays as it
   * was. `expiresAt` stays. To send the same cart again changes nothing.
   *
   * @param options `items`: the whole cart, as in `reserve`. `buyer`: a reservation of another
   *   buyer is `not_found`. `pass`: needed as in `reserve` if units are added; a change that only
   *   gives back needs none, and works while the sale is paused and after its end.
   */
  async amend(
    reservationId: string,
    options: {
      items: readonly Item[]
      buyer?: string | undefined
      pass?: string | undefined
    } & SignalOption,
  ): Promise<AmendResult> {
    return amend(this.context, reservationId, checkAmendOptions(options), signalOf(options))
  }

  /**
   * Gives a hold or an order to another buyer: a guest has logged in. The receiver has it under a
   * new id, and it counts for the receiver's limit. Every method still accepts the old id. Works
   * also while the sale is paused, and after its end.
   *
   * The same call again changes nothing. To transfer it further, name its present id.
   *
   * @param options `to`: the receiver. `from`: if the reservation is another buyer's, the result is
   *   `not_found`.
   */
  async transfer(
    reservationId: string,
    options: { to: string; from?: string | undefined } & SignalOption,
  ): Promise<ReservationTransferResult> {
    return transfer(this.context, reservationId, checkTransferOptions(options), signalOf(options))
  }

  /** Releases a hold before it expires. `buyer`: a reservation of another buyer is `not_found`. */
  async release(
    reservationId: string,
    options: { buyer?: string | undefined } & SignalOption = {},
  ): Promise<ReleaseResult> {
    const asked = checkReleaseOptions(options)
    return this.context.reservations.run(
      'release',
      reservationId,
      signalOf(options),
      asked,
      (answer, book) => {
        this.context.soldOut.forget()
        return this.context.reservations.publish(answer, book)
      },
    )
  }

  /**
   * Extends a hold to `holdMs` from now, at most to `maxHoldMs` after the reservation was created.
   * The call never shortens a hold.
   */
  async extend(reservationId: string, options: { holdMs: number } & SignalOption): Promise<ExtendResult> {
    const asked = checkExtendOptions(options)
    return this.context.reservations.run(
      'extend',
      reservationId,
      signalOf(options),
      asked,
      (answer, book) => {
        if (answer.status === 'extended')
          this.context.client.watch(partitionIn(answer.reservation.id), answer.reservation.expiresAt)
        return this.context.reservations.publish(answer, book)
      },
    )
  }

  /**
   * Refunds an order, a confirmed reservation, or a part of it. The rest stays an order, and the
   * buyer's limits count only the rest. An order of which nothing is left is `refunded`. Without
   * `items` the call refunds what is left.
   *
   * @param options `restock`: the units go on sale again; otherwise they leave the sale. `items`: a
   *   part of the order. `key`: names the refund within the order; a repeated call with the same
   *   key refunds once. `items` need one.
   * @throws {StockholdError} `IDEMPOTENCY_CONFLICT`: the key was used for other items, or with
   *   another `restock`.
   */
  async refund(reservationId: string, options: RefundOptions & SignalOption): Promise<RefundResult> {
    return refund(this.context, reservationId, checkRefundOptions(options), signalOf(options))
  }

  /** The current reservation, or `undefined` if the sale has none with this id. */
  async get(reservationId: string, options: SignalOption = {}): Promise<Reservation | undefined> {
    return this.context.reservations
      .run('get', reservationId, options, {}, (answer, book) => {
        if (answer.status !== 'found') return { status: 'not_found' as const }
        this.context.acknowledged.note(answer.reservation)
        return book.reservation(answer.reservation)
      })
      .then((found) => ('status' in found ? undefined : found))
  }

  /**
   * A page of the buyer's reservations in any state, the latest first. After the last page there is
   * an empty one; a page may have fewer than `limit` before.
   *
   * @param options `limit`: the most that a page has, 1 to 100. @default 20 `cursor`: the id of the
   *   last reservation of the page before.
   */
  async reservationsOf(
    buyer: string,
    options: { limit?: number | undefined; cursor?: string | undefined } & SignalOption = {},
  ): Promise<Reservation[]> {
    return reservationsOf(this.context, checkId(buyer, 'buyer'), checkListOptions(options), signalOf(options))
  }

  async #reserveAdmitted(
    gate: AdmissionGate,
    order: ValidatedRequest,
    call: CallOptions,
  ): Promise<ReserveResult> {
    if (order.pass === null && (await this.#needsNoPass(order, call)))
      return this.#reserveLearning(order, call, false)
    const admission = await admit(gate, order, call)
    if ('status' in admission) return admission
    const result = await this.#reserveLearning(order, call)
    // This visitor had a try, so the next one may enter: a unit need not wait until the pass
    // expires.
    if (result.status === 'reserved' || result.status === 'sold_out' || result.status === 'limit_exceeded')
      admission.spend()
    return result
  }

  /** Whether all SKUs of the cart are `always`, as far as is known. */
  async #needsNoPass({ items }: ValidatedRequest, call: CallOptions): Promise<boolean> {
    const { current } = this.context.client
    return (current ?? (await this.context.client.learn(call))).needsNoPass(items)
  }

  async #reserveLearning(order: ValidatedRequest, call: CallOptions, pass = true): Promise<ReserveResult> {
    const book = await this.context.client.learnAbout(order.items, call)
    await this.context.ledgerBarrier?.ready(call)
    return this.#reserveOperation.reserve(order, book, call, pass)
  }
}
