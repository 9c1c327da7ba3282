import type { Limits } from '../batching/batcher-set.js'
import type { Op, Settled } from '../engine/engine.js'
import { partitionIn } from '../engine/reservation-id.js'
import { StockholdError } from '../errors.js'
import type { AcknowledgedMemory } from './acknowledgement-cache.js'
import { mintId } from './partitions.js'
import type { SoldOut } from './rebalancing/rebalancer.js'
import { searchToReserve } from './rebalancing/with-rebalancing.js'
import type { Order, RuleBook } from './reserve-request.js'
import type { ReserveResult } from './results.js'
import type { SaleAccess } from './sale-client.js'
import type { SoldOutMemory } from './sold-out-cache.js'

/** What makes a result of an answer known for good before it is told; see `durability` of the sale. */
export type Acknowledge = <T>(result: T, partition: number, call: Limits) => T

/** A request under way. */
interface Asked {
  readonly op: Op<'reserve'>
  readonly book: RuleBook
  readonly call: Limits
  /** What the memory of `sold_out` needs to know of it. */
  readonly askedAt: number
  readonly forgotten: number
}

/** Turns an order into a reservation, or into why not. */
export class Reserving {
  readonly #access: SaleAccess
  readonly #soldOut: SoldOutMemory
  readonly #told: AcknowledgedMemory
  readonly #acknowledge: Acknowledge

  constructor(
    access: SaleAccess,
    memory: { readonly soldOut: SoldOutMemory; readonly told: AcknowledgedMemory },
    acknowledge: Acknowledge,
  ) {
    this.#access = access
    this.#soldOut = memory.soldOut
    this.#told = memory.told
    this.#acknowledge = acknowledge
  }

  reserve(order: Order, book: RuleBook, call: Limits): Promise<ReserveResult> {
    const { buyer, key } = order
    const cart = book.cart(order.items)
    const holdMs = book.holdMs(order.holdMs)
    const remembered = key === null ? this.#soldOut.recall(cart) : undefined
    if (remembered) return Promise.resolve(remembered)
    const { token, count } = this.#access.partitions
    const id = mintId(token!, buyer, count)
    const op = { id, buyer, cart, key, holdMs }
    const asked = { op, book, call, askedAt: this.#soldOut.now(), forgotten: this.#soldOut.forgotten }
    const isAlone = this.#access.supply === undefined
    const settle = (answer: Settled<'reserve'>): ReserveResult =>
      // A promise in place of a result is waited for; the usual answer costs none.
      isAlone || answer.status !== 'sold_out'
        ? this.#atOnce(answer, asked)
        : (this.#search(answer, asked) as never)
    return this.#access.ask(partitionIn(id), 'reserve', op, call, settle)
  }

  #atOnce(answer: Settled<'reserve'>, asked: Asked): ReserveResult {
    const { op } = asked
    if (answer.status === 'reserved' && !answer.replayed)
      this.#access.supply?.sold(partitionIn(op.id), op.cart)
    return this.#decided(answer, asked)
  }

  /** What its home lacks, other partitions may have. */
  async #search(first: Settled<'reserve'>, asked: Asked): Promise<ReserveResult> {
    const { op, book, call } = asked
    const end = await this.#access.goOn(call, (supply, ask) =>
      searchToReserve(supply, ask, op, first, book.limited, call),
    )
    return 'answer' in end ? this.#decided(end.answer, asked) : this.#refuse(end.soldOut, asked)
  }

  #decided(answer: Settled<'reserve'>, asked: Asked): ReserveResult {
    return this.#acknowledge(this.#result(answer, asked), partitionIn(asked.op.id), asked.call)
  }

  #result(answer: Settled<'reserve'>, asked: Asked): ReserveResult {
    const { book } = asked
    if (answer.status === 'conflict') throw conflict()
    if (answer.status === 'reserved') {
      const { reservation, replayed } = answer
      this.#access.watch(partitionIn(reservation.id), reservation.expiresAt)
      this.#told.note(reservation)
      return { status: 'reserved', reservation: book.reservation(reservation), replayed }
    }
    if (answer.status === 'sold_out') return this.#refuse({ ...answer, unsold: answer.available }, asked)
    return answer.status === 'limit_exceeded' ? { ...answer, sku: book.sku(answer.sku) } : book.result(answer)
  }

  #refuse(
    { sku, available, unsold, mayReturn }: SoldOut,
    { book, askedAt, forgotten }: Asked,
  ): ReserveResult {
    const refusal = { status: 'sold_out', sku: book.sku(sku), available, mayReturn } as const
    this.#soldOut.remember(sku, refusal, askedAt, forgotten, unsold)
    return refusal
  }
}

export function conflict(): StockholdError {
  return new StockholdError('IDEMPOTENCY_CONFLICT', 'the key was used for something else: use a new key')
}
