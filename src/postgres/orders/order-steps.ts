import { sleep } from '../../engine/clock.js'
import type { StoredReservation } from '../../engine/engine.js'
import type { LogOffset } from '../../engine/port.js'
import { partitionOf } from '../../engine/reservation-id.js'
import { StockholdError, unavailable } from '../../errors.js'
import { writeInTransaction } from '../failure.js'
import { emptyReservations, pushStored } from '../page.js'
import type { SqlClient, SqlPool } from '../pool.js'
import type { SaleWriter } from '../sale-writer.js'
import type { DeliverStep, RefundStep, ShipStep } from './options.js'
import type { LockedOrder, OrderChange, OrderTables } from './order-tables.js'
import type { DeliverResult, LedgerRefundResult, ShipResult } from './results.js'
import { type Answers, StepBatcher } from './step-batcher.js'
import { type Decision, deliver, refund, ship } from './steps.js'

/** How long the ledger may take to get what the sale has answered, in ms. */
const CATCH_UP_MS = 10_000

type Step = ShipStep | DeliverStep | RefundStep
type Result = ShipResult | DeliverResult | LedgerRefundResult

const NOT_FOUND = { status: 'not_found' } as const

/** An order as the sale has it. */
interface InSale {
  readonly stored: StoredReservation
  readonly partition: number
  /** An offset that the sale had reached before it was asked. */
  readonly offset: LogOffset
}

interface Request {
  readonly step: Step
  /** `undefined`: the sale was removed, or was not asked. */
  readonly inSale: InSale | undefined
  /** The row was updated to the state of the sale: it is right now. */
  isRepaired: boolean
}

/** What the transaction of a batch has found. */
interface Outcome {
  readonly answers: Map<string, () => Result>
  /** Orders that the ledger does not have. */
  readonly unknown: readonly string[]
  /** Requests for orders whose rows lack a change that the sale has made. */
  readonly behind: readonly Request[]
}

/**
 * Records the steps of a sale's orders: shipments, receipts, and refunds after the sale was
 * removed. Each step is decided from the order's row in `reservations` while the row is locked. The
 * follower writes the same row, so a refund in the sale comes before a shipment, which is then
 * refused, or after it; never in between.
 */
export class OrderSteps {
  readonly #writer: SaleWriter
  readonly #pool: SqlPool
  readonly #tables: OrderTables
  readonly #batcher: StepBatcher<Request, Result>

  constructor(writer: SaleWriter, pool: SqlPool, tables: OrderTables) {
    this.#writer = writer
    this.#pool = pool
    this.#tables = tables
    this.#batcher = new StepBatcher(
      (batch) => this.#run(batch),
      (ms) => sleep(ms, writer.source.clock),
    )
  }

  async ship(id: string, step: ShipStep): Promise<ShipResult> {
    const inSale = await this.#ask(id)
    if (inSale === 'unknown') return NOT_FOUND
    return this.#record(id, step, inSale) as Promise<ShipResult>
  }

  deliver(id: string, step: DeliverStep): Promise<DeliverResult> {
    return this.#record(id, step, undefined) as Promise<DeliverResult>
  }

  /** Only for a sale that was removed. */
  refund(id: string, step: RefundStep): Promise<LedgerRefundResult> {
    return this.#record(id, step, undefined) as Promise<LedgerRefundResult>
  }

  /** An order that was transferred has its steps under its new id. */
  async #record(id: string, step: Step, inSale: InSale | undefined): Promise<Result> {
    const result = await this.#batcher.ask(id, { step, inSale, isRepaired: false })
    const { state } = 'order' in result ? result.order : 'reservation' in result ? result.reservation : {}
    if (state !== 'transferred') return result
    const { source, tables } = this.#writer
    const movedTo = (await tables.transfers.destinations(source.sale, [id])).get(id)
    if (!movedTo) return result
    return step.type === 'ship' ? this.ship(movedTo.id, step) : this.#record(movedTo.id, step, undefined)
  }

  /**
   * Asks the sale for an order, and waits until the ledger has all that led to the answer.
   *
   * @returns `undefined` if the sale was removed; `unknown` if it does not have the order.
   */
  async #ask(id: string): Promise<InSale | 'unknown' | undefined> {
    const { source } = this.#writer
    try {
      await this.#writer.open()
      const partition = partitionOf(id)
      if (partition === undefined || partition >= (await this.#writer.present()).partitions) return 'unknown'
      // A handle that has seen nothing of the partition yet knows no offset before its first call.
      if (source.lastSeen(partition) === null) await source.reservation(partition, id)
      const offset = source.lastSeen(partition)!
      const stored = await source.reservation(partition, id)
      await this.#catchUp(partition)
      return stored ? { stored, partition, offset } : 'unknown'
    } catch (error) {
      if (error instanceof StockholdError && error.code === 'NOT_FOUND') return undefined
      throw error
    }
  }

  async #catchUp(partition: number): Promise<void> {
    const { source } = this.#writer
    const deadline = source.clock.now() + CATCH_UP_MS
    try {
      await this.#writer.waitUntilWritten(partition, source.lastSeen(partition)!, deadline)
    } catch (error) {
      throw unavailable('The ledger has not caught up with the sale. No step was recorded.', error)
    }
  }

  async #run(batch: ReadonlyMap<string, Request>): Promise<Answers<Result>> {
    const decide = (client: SqlClient) => this.#decide(client, batch)
    const { answers, unknown, behind } = await writeInTransaction(this.#pool, decide)
    if (behind.length > 0) await this.#repair(behind)
    if (unknown.length > 0) {
      const answer = await this.#notFound()
      for (const id of unknown) answers.set(id, answer)
    }
    return answers
  }

  async #decide(client: SqlClient, batch: ReadonlyMap<string, Request>): Promise<Outcome> {
    const { sale } = this.#writer.source
    const wanted = [...batch].map(([id, { step }]) => ({
      id,
      reference: step.type === 'refund' ? null : step.reference,
      key: step.type === 'refund' ? step.key : null,
    }))
    const orders = await this.#tables.lock(client, sale, wanted)
    const answers = new Map<string, () => Result>()
    const changes: OrderChange[] = []
    const behind: Request[] = []
    const unknown: string[] = []
    for (const order of orders) {
      const request = batch.get(order.id)!
      if (this.#isBehind(order, request)) behind.push(request)
      else answers.set(order.id, this.#answer(order, request.step, changes))
    }
    const locked = new Set(orders.map(({ id }) => id))
    const absent = [...batch.keys()].filter((id) => !locked.has(id))
    const existing = await this.#tables.existing(client, sale, absent)
    for (const id of absent) {
      if (existing.has(id)) continue
      const request = batch.get(id)!
      if (request.inSale && !request.isRepaired) behind.push(request)
      else unknown.push(id)
    }
    await this.#tables.writeSteps(client, sale, changes)
    await this.#tables.writeRefunds(client, sale, changes)
    return { answers, unknown, behind }
  }

  #answer(order: LockedOrder, step: Step, changes: OrderChange[]): () => Result {
    try {
      const { answer, change } = this.#decideOne(order, step)
      if (change) changes.push(change)
      return () => answer
    } catch (error) {
      return () => {
        throw error
      }
    }
  }

  #decideOne(order: LockedOrder, step: Step): Decision<Result> {
    const { sale } = this.#writer.source
    switch (step.type) {
      case 'ship':
        return ship(sale, order, step)
      case 'deliver':
        return deliver(sale, order, step)
      case 'refund':
        return refund(order, step)
    }
  }

  /** The order, or even the sale: a mistyped name must not look like an unknown order. */
  async #notFound(): Promise<() => Result> {
    const { source, tables } = this.#writer
    const known = await tables.sale(source.sale)
    return () => {
      if (known) return NOT_FOUND
      throw new StockholdError(
        'NOT_FOUND',
        `the ledger has no sale ${JSON.stringify(source.sale)}: it has never followed one of this name`,
      )
    }
  }

  /**
   * Whether the row lacks a change that the sale had made before it was asked: its event was
   * trimmed before the ledger read it.
   */
  #isBehind(order: LockedOrder, { inSale, isRepaired }: Request): boolean {
    if (!inSale || isRepaired) return false
    const { stored, offset } = inSale
    const isOlder =
      order.generation < offset.generation ||
      (order.generation === offset.generation && order.sequence <= offset.sequence)
    if (!isOlder) return false
    const isPaid = (state: string) => state === 'confirmed' || state === 'refunded'
    if (isPaid(stored.state) && (stored.changes?.count ?? 0) !== order.changes) return true
    return stored.state !== order.state && (isPaid(stored.state) || isPaid(order.state))
  }

  /** Updates rows to the state of the sale. The requests are repeated then. */
  async #repair(requests: readonly Request[]): Promise<void> {
    const { source, tables } = this.#writer
    const rules = await this.#writer.present()
    for (const request of requests) {
      const { stored, partition, offset } = request.inSale!
      const columns = emptyReservations()
      pushStored(columns, stored, { ...offset, now: source.serverTime(partition) }, rules)
      await tables.upsertFromSale(source.sale, partition, columns)
      request.isRepaired = true
    }
  }
}
