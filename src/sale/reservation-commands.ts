import type { CallOptions } from '../batching/batcher-set.js'
import type { FinalAnswer, Op, StoredReservation } from '../engine/engine.js'
import { partitionIn, partitionOf } from '../engine/reservation-id.js'
import { checkId, type SignalOption } from '../validation.js'
import type { AcknowledgementCache } from './acknowledgement-cache.js'
import { follow, movedIn } from './complete-transfer.js'
import type { LedgerBarrier } from './ledger-barrier.js'
import { type Parts, STOCK_PARTITION } from './partitions.js'
import { confirmWithRebalancing, restockWithRebalancing } from './rebalancing/with-rebalancing.js'
import { conflict } from './reserve.js'
import type { Public, SaleRulesIndex } from './reserve-request.js'
import type { RestockResult } from './results.js'
import type { SaleClient } from './sale-client.js'
import { followPayment } from './transferred-payment.js'

/** The commands on an existing reservation. */
export type OfOne = 'confirm' | 'release' | 'extend' | 'refund' | 'get'

/** The answer of a reservation that is where it was asked. */
export type Settled<C extends OfOne> = Exclude<FinalAnswer<C>, { readonly status: 'moved' | 'earlier' }> & {
  /** With `refund_due`: the earlier id under which the payment was told so. */
  readonly toldUnder?: string | undefined
}

/** Sends commands to the partition of a reservation, and turns each answer into a result. */
export class ReservationCommands {
  readonly #client: SaleClient
  readonly #acknowledged: AcknowledgementCache
  readonly #ledgerBarrier: LedgerBarrier | undefined

  constructor(client: SaleClient, acknowledged: AcknowledgementCache, barrier: LedgerBarrier | undefined) {
    this.#client = client
    this.#acknowledged = acknowledged
    this.#ledgerBarrier = barrier
  }

  /**
   * The id determines the partition. An id that cannot belong to this sale is `not_found`.
   *
   * @param begun The limits of a call that has asked before.
   */
  async run<C extends OfOne, T>(
    command: C,
    reservationId: string,
    options: SignalOption,
    rest: Omit<Op<C>, 'id'>,
    result: (answer: Settled<C>, book: SaleRulesIndex) => T,
    begun?: CallOptions,
  ): Promise<T | { status: 'not_found' }> {
    const id = checkId(reservationId, 'reservationId')
    const call = begun ?? this.#client.call(options)
    const book = await this.#client.learn(call)
    const partition = partitionOf(id)
    if (partition === undefined || partition >= book.rules.partitions) return { status: 'not_found' }
    if (command !== 'get') await this.#ledgerBarrier?.ready(call)
    const publish = (answer: Settled<C>, known: SaleRulesIndex, at: number): T => {
      if (command === 'get') return result(answer, known)
      this.#acknowledged.isSelling = true
      return this.acknowledge(result(answer, known), at, call)
    }
    // The caller awaits a promise in place of a result.
    const told = (answer: Settled<C>, at = partition): T =>
      'reservation' in answer && !book.names((answer.reservation as StoredReservation).cart)
        ? (this.#client.refresh(call).then((known) => publish(answer, known, at)) as never)
        : publish(answer, book, at)
    const op = { ...rest, id } as unknown as Op<C>
    const settled = (answer: FinalAnswer<C>): T =>
      movedIn(answer) || answer.status === 'earlier'
        ? (this.#follow(command, op, answer, call, told) as never)
        : told(answer as Settled<C>)
    if (command !== 'confirm' || !this.#client.rebalancer)
      return this.#client.partitions.at(partition).ask(command, op, call, settled)
    const answer = await this.#client.withRebalancing(call, (rebalancer, ask) =>
      confirmWithRebalancing(rebalancer, ask, op as Op<'confirm'>, () => this.#client.learn(call), call),
    )
    return settled(answer as FinalAnswer<C>)
  }

  /** Repeats a command where its reservation has gone to. */
  async #follow<C extends OfOne, T>(
    command: C,
    op: Op<C>,
    first: FinalAnswer<C>,
    call: CallOptions,
    told: (answer: Settled<C>, partition: number) => T,
  ): Promise<T> {
    const moved = await this.#client.resume((parts) => {
      const again = (id: string) => this.#ask(parts, command, { ...op, id }, call)
      const pay = (one: Op<'confirm'>) => this.#ask(parts, 'confirm', one, call)
      return (
        command === 'confirm'
          ? followPayment(parts, op as Op<'confirm'>, first as FinalAnswer<'confirm'>, pay, call)
          : follow(parts, op.id, first, again, call)
      ) as Promise<{ readonly id: string; readonly answer: FinalAnswer<C> }>
    })
    return told(moved.answer as Settled<C>, partitionIn(moved.id))
  }

  #ask<C extends OfOne>(parts: Parts, command: C, op: Op<C>, call: CallOptions): Promise<FinalAnswer<C>> {
    const { rebalancer } = this.#client
    const ask = <D extends 'confirm' | 'get' | C>(index: number, name: D, one: Op<D>) =>
      parts.ask(index, name, one, call, (answer) => answer)
    if (command !== 'confirm' || !rebalancer) return ask(partitionIn(op.id), command, op)
    const rules = () => this.#client.learn(call)
    return confirmWithRebalancing(rebalancer, ask as never, op as Op<'confirm'>, rules, call) as never
  }

  /** @param onApplied Called when the answer arrives, before the wait for a ledger. */
  async restock(
    { sku, quantity, key }: { readonly sku: string; readonly quantity: number; readonly key: string },
    options: SignalOption | undefined,
    onApplied: () => void,
  ): Promise<RestockResult> {
    const call = this.#client.call(options)
    const book = await this.#client.learnAbout([{ sku }], call)
    const op = { sku: book.place(sku, 'sku'), quantity, key, final: true }
    await this.#ledgerBarrier?.ready(call)
    const answer = this.#client.rebalancer
      ? await this.#client.withRebalancing(call, (rebalancer, ask) =>
          restockWithRebalancing(rebalancer, ask, STOCK_PARTITION, op, call),
        )
      : await this.#client.partitions.at(STOCK_PARTITION).ask('restock', op, call, (settled) => settled)
    if (answer.status === 'conflict') throw conflict()
    if (answer.status === 'lacking') throw new Error('unreachable')
    this.#acknowledged.noteRestock(op, answer.applied)
    onApplied()
    const { applied, replayed } = answer
    return this.acknowledge({ status: 'restocked', sku, applied, replayed }, STOCK_PARTITION, call)
  }

  /** Records an answer in the acknowledgement cache and returns it in public form. */
  publish<A extends object>(
    answer: A,
    book: SaleRulesIndex,
    rest?: Parameters<AcknowledgementCache['note']>[1],
  ): Public<A> {
    if ('reservation' in answer) this.#acknowledged.note(answer.reservation as StoredReservation, rest)
    return book.result(answer)
  }

  /**
   * With a ledger, returns a result that reports a change only when the ledger has written it: the
   * result is then a promise, and the caller awaits it.
   */
  acknowledge<T>(result: T, partition: number, call: CallOptions): T {
    if (!this.#ledgerBarrier) return result
    const { status } = result as { status: string }
    const tells =
      status === 'restocked' || status === 'moved' || status === 'set' || 'reservation' in (result as object)
    return (tells ? this.#ledgerBarrier.acknowledge(result, partition, call) : result) as T
  }
}
