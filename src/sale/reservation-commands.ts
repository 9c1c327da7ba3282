import type { Limits } from '../batching/batcher-set.js'
import type { Op, Settled, StoredReservation } from '../engine/engine.js'
import { partitionOf } from '../engine/reservation-id.js'
import { checkId, type SignalOption } from '../validation.js'
import type { AcknowledgedMemory } from './acknowledgement-cache.js'
import type { Written } from './ledger-barrier.js'
import { searchToConfirm } from './rebalancing/with-rebalancing.js'
import type { Public, RuleBook } from './reserve-request.js'
import type { SaleAccess } from './sale-client.js'

/** What is asked of a reservation that there is. */
export type OfOne = 'confirm' | 'release' | 'extend' | 'refund' | 'get'

/** Asks where a reservation is kept, and turns the answer into a result. */
export class Settling {
  readonly #access: SaleAccess
  readonly #told: AcknowledgedMemory
  readonly #written: Written | undefined

  constructor(access: SaleAccess, told: AcknowledgedMemory, written: Written | undefined) {
    this.#access = access
    this.#told = told
    this.#written = written
  }

  /** The id routes; one that cannot be of this sale is `not_found`. */
  async settle<C extends OfOne, T>(
    command: C,
    reservationId: string,
    options: SignalOption,
    rest: Omit<Op<C>, 'id'>,
    result: (answer: Settled<C>, book: RuleBook) => T,
  ): Promise<T | { status: 'not_found' }> {
    const id = checkId(reservationId, 'reservationId')
    const call = this.#access.call(options)
    const book = await this.#access.rules(call)
    const partition = partitionOf(id)
    if (partition === undefined || partition >= book.rules.partitions) return { status: 'not_found' }
    if (command !== 'get') await this.#written?.ready(call)
    const settled = (answer: Settled<C>) =>
      command === 'get' ? result(answer, book) : this.acknowledge(result(answer, book), partition, call)
    const op = { id, ...rest } as unknown as Op<C>
    if (command !== 'confirm' || !this.#access.supply)
      return this.#access.ask(partition, command, op, call, settled)
    const answer = await this.#access.searching(call, (supply, ask) =>
      searchToConfirm(supply, ask, op as Op<'confirm'>, call),
    )
    return settled(answer as Settled<C>)
  }

  /** An answer in public form, remembered. */
  tell<A extends object>(
    answer: A,
    book: RuleBook,
    rest?: Parameters<AcknowledgedMemory['note']>[1],
  ): Public<A> {
    if ('reservation' in answer) this.#told.note(answer.reservation as StoredReservation, rest)
    return book.result(answer)
  }

  /**
   * What tells of a change is told when the ledger has it, if there is one. A promise in place of a result is waited for; without a
   * ledger there is none.
   */
  acknowledge<T>(result: T, partition: number, call: Limits): T {
    if (!this.#written) return result
    const { status } = result as { status: string }
    const tells = status === 'restocked' || 'reservation' in (result as object)
    return (tells ? this.#written.acknowledge(result, partition, call) : result) as T
  }
}
