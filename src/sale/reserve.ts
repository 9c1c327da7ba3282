import type { CallOptions } from '../batching/batcher-set.js'
import type { Cart, FinalAnswer, Moved, Op, StoredReservation } from '../engine/engine.js'
import { partitionIn } from '../engine/reservation-id.js'
import { invalid, StockholdError } from '../errors.js'
import type { AcknowledgementCache } from './acknowledgement-cache.js'
import { whereNow } from './complete-transfer.js'
import { bindHousehold } from './household.js'
import { mintId, type Parts } from './partitions.js'
import type { SoldOut } from './rebalancing/rebalancer.js'
import { reserveWithRebalancing } from './rebalancing/with-rebalancing.js'
import type { SaleRulesIndex, ValidatedRequest } from './reserve-request.js'
import type { ReserveResult } from './results.js'
import type { SaleClient } from './sale-client.js'
import type { SoldOutCache } from './sold-out-cache.js'

/** Returns a result once it is durable; see `durability` of the sale. */
export type Acknowledge = <T>(result: T, partition: number, call: CallOptions) => T

type Decided = Exclude<FinalAnswer<'reserve'>, Moved>

/** A request under way. */
interface Asked {
  readonly op: Op<'reserve'>
  readonly rulesIndex: SaleRulesIndex
  readonly call: CallOptions
  /** For the cache of `sold_out`. */
  readonly askedAt: number
  readonly forgotten: number
}

/** Turns a request into a reservation, or into a refusal. */
export class ReserveOperation {
  readonly #client: SaleClient
  readonly #soldOut: SoldOutCache
  readonly #acknowledged: AcknowledgementCache
  readonly #acknowledge: Acknowledge

  constructor(
    access: SaleClient,
    memory: { readonly soldOut: SoldOutCache; readonly told: AcknowledgementCache },
    acknowledge: Acknowledge,
  ) {
    this.#client = access
    this.#soldOut = memory.soldOut
    this.#acknowledged = memory.told
    this.#acknowledge = acknowledge
  }

  /** @param pass `false`: the waiting room has not admitted the buyer. */
  reserve(
    order: ValidatedRequest,
    rulesIndex: SaleRulesIndex,
    call: CallOptions,
    pass = true,
  ): Promise<ReserveResult> {
    const { household, key } = order
    const cart = rulesIndex.cart(order.items)
    if ((household !== null) !== rulesIndex.hasHouseholds) throw householdError(household)
    const remembered = key === null ? this.#soldOut.recall(cart) : undefined
    if (remembered) return Promise.resolve(remembered)
    return household === null
      ? this.#send(order, cart, rulesIndex, call, pass)
      : this.#sendBound(order, household, cart, rulesIndex, call, pass)
  }

  /** Records the buyer's household before anything is held. */
  async #sendBound(
    order: ValidatedRequest,
    household: string,
    cart: Cart,
    rulesIndex: SaleRulesIndex,
    call: CallOptions,
    pass: boolean,
  ): Promise<ReserveResult> {
    const { buyer } = order
    const { incarnation } = this.#client.partitions
    const bound = await this.#client.fanOut((parts) =>
      bindHousehold(parts, incarnation!, buyer, household, call),
    )
    if (bound !== household) return { status: 'household_conflict', household: bound }
    return this.#send(order, cart, rulesIndex, call, pass)
  }

  #send(
    { buyer, household, key, holdMs }: ValidatedRequest,
    cart: Cart,
    rulesIndex: SaleRulesIndex,
    call: CallOptions,
    pass: boolean,
  ): Promise<ReserveResult> {
    const { incarnation, count } = this.#client.partitions
    const id = mintId(incarnation!, buyer, count, household ?? undefined)
    const plain = pass ? { id, buyer, cart, key, holdMs } : { id, buyer, cart, key, holdMs, pass }
    const op = household === null ? plain : { ...plain, household }
    const asked = { op, rulesIndex, call, askedAt: this.#soldOut.now(), forgotten: this.#soldOut.forgotten }
    const isAlone = this.#client.rebalancer === undefined
    const settle = (answer: FinalAnswer<'reserve'>): ReserveResult =>
      // The caller awaits a promise in place of a result; the usual answer needs none.
      answer.status === 'moved'
        ? (this.#transferred(answer, asked) as never)
        : isAlone || answer.status !== 'sold_out'
          ? this.#atOnce(answer, asked)
          : (this.#search(answer, asked) as never)
    return this.#client.partitions.at(partitionIn(id)).ask('reserve', op, call, settle)
  }

  #atOnce(answer: Decided, asked: Asked): ReserveResult {
    const { op } = asked
    if (answer.status === 'reserved' && !answer.replayed)
      this.#client.rebalancer?.sold(partitionIn(op.id), op.cart)
    return this.#decided(answer, asked)
  }

  /** Acquires units that the buyer's partition lacks from other partitions. */
  async #search(first: FinalAnswer<'reserve'>, asked: Asked): Promise<ReserveResult> {
    const { op, rulesIndex, call } = asked
    const end = await this.#client.resumeCall(call, (supply, ask) =>
      reserveWithRebalancing(supply, ask, op, first, rulesIndex.limited || !this.#client.current, call),
    )
    if (!('answer' in end)) {
      const soldOut = await soldOutEverywhere(this.#client, end.soldOut, call)
      return this.#refuse(soldOut, soldOut.unsold, asked)
    }
    return end.answer.status === 'moved'
      ? this.#transferred(end.answer, asked)
      : this.#decided(end.answer, asked)
  }

  /** The key's reservation is another buyer's now. */
  async #transferred(moved: Moved, asked: Asked): Promise<ReserveResult> {
    const { call } = asked
    const found = await this.#client.resume((parts) => presentOrLost(parts, moved, call))
    const rulesIndex = asked.rulesIndex.names(found.cart)
      ? asked.rulesIndex
      : await this.#client.refresh(call)
    const isActive = found.state === 'held' || found.state === 'confirmed'
    const answer = isActive
      ? ({ status: 'reserved', reservation: found, replayed: true } as const)
      : ({ status: 'key_spent', reservation: found } as const)
    return this.#acknowledge(this.#result(answer, { ...asked, rulesIndex }), partitionIn(found.id), call)
  }

  #decided(answer: Decided, asked: Asked): ReserveResult {
    return this.#acknowledge(this.#result(answer, asked), partitionIn(asked.op.id), asked.call)
  }

  #result(answer: Decided, asked: Asked): ReserveResult {
    const { rulesIndex } = asked
    this.#acknowledged.isSelling = true
    if (answer.status === 'conflict') throw conflict([answer.id])
    if (answer.status === 'hold_too_long')
      throw invalid('holdMs', `must not be more than the sale's maxHoldMs (${answer.maxHoldMs})`)
    if (answer.status === 'reserved') {
      const { reservation, replayed } = answer
      this.#client.watch(partitionIn(reservation.id), reservation.expiresAt)
      this.#acknowledged.note(reservation)
      if (!replayed) this.#acknowledged.notePaused(false)
      return { status: 'reserved', reservation: rulesIndex.reservation(reservation), replayed }
    }
    if (answer.status === 'sold_out') return this.#refuse(answer, answer.available, asked)
    if (answer.status === 'needs_pass') return { status: 'pass_rejected', reason: 'missing' }
    if (answer.status === 'paused' || this.#isEndedEarly(answer, rulesIndex))
      this.#acknowledged.notePaused(true)
    if (answer.status === 'ended' || answer.status === 'not_started') return rulesIndex.closed(answer)
    return answer.status === 'limit_exceeded' ? rulesIndex.limitExceeded(answer) : rulesIndex.result(answer)
  }

  /**
   * Whether the sale was ended before the time that this handle knows. A recovery pauses it: the
   * handle may not have heard of another time yet, and an end is final.
   */
  #isEndedEarly(answer: Decided, { rules: { closesAt } }: SaleRulesIndex): boolean {
    if (answer.status !== 'ended' || answer.sku !== undefined) return false
    return closesAt === null || closesAt > this.#client.serverNow(0)
  }

  #refuse(
    soldOut: Omit<SoldOut, 'unsold'>,
    unsold: number,
    { rulesIndex, askedAt, forgotten }: Asked,
  ): ReserveResult {
    const refusal = rulesIndex.soldOut(soldOut)
    this.#soldOut.remember(soldOut.sku, refusal, askedAt, forgotten, unsold)
    return refusal
  }
}

/** Completes what the counts of all partitions say: held units may go to another SKU. */
export async function soldOutEverywhere(
  client: SaleClient,
  soldOut: SoldOut,
  call: CallOptions,
): Promise<SoldOut> {
  if (!soldOut.mayReturn) return soldOut
  const { rules } = await client.learn(call)
  return { ...soldOut, mayReturn: rules.skus[soldOut.sku]!.returnsTo === undefined }
}

/**
 * A reservation that was transferred, as it is now. If a recovery has lost it, it is over: its key
 * is spent.
 */
async function presentOrLost(parts: Parts, moved: Moved, call: CallOptions): Promise<StoredReservation> {
  const found = await whereNow(parts, moved, call)
  if (found) return found
  const old = await parts.ask(partitionIn(moved.id), 'get', { id: moved.id }, call, (answer) => answer)
  if (old.status !== 'found') throw new StockholdError('STATE_LOST', 'the reservation of this key is lost')
  return { ...old.reservation, state: 'expired' }
}

function householdError(household: string | null): StockholdError {
  return household === null
    ? invalid('household', 'is missing: this sale limits households, so name the household of the buyer')
    : invalid('household', 'must not be given: this sale was created without a limit of households')
}

/** @param reservations What the key was used for. */
export function conflict(reservations?: readonly string[]): StockholdError {
  const message = 'the key was used for something else: use a new key'
  return new StockholdError('IDEMPOTENCY_CONFLICT', message, { reservations })
}
