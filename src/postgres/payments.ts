import { checkInteger, checkOptionalId, checkOptions, type Names } from '../validation.js'
import { explain } from './failure.js'
import type { SqlPool } from './pool.js'
import { fromText, quoted, toText } from './text.js'

/** Which payments `ledger.payments` reads: those that meet all that is given. */
export interface PaymentsOptions {
  /** The id of a sale. @default of all sales */
  sale?: string | undefined
  paymentId?: string | undefined
  /** Only payments that must be refunded. @default false */
  refundDue?: boolean | undefined
  /** The most that are read, 1 to 10,000. @default 100 */
  limit?: number | undefined
}

/** A payment, and what became of it. */
export interface LedgerPayment {
  readonly sale: string
  readonly reservationId: string
  readonly buyer: string | null
  /** `null` if `confirm` was called without one. */
  readonly paymentId: string | null
  /** Whether it is the first payment of its reservation. */
  readonly own: boolean
  /**
   * `order`: it is part of an order. `refund_due`: it must be refunded. `refunded`: the order was
   * refunded. `forgotten`: the sale has lost the order.
   */
  readonly outcome: string
  /** Why it must be refunded. */
  readonly reason: string | null
}

const OPTIONS: Names<PaymentsOptions> = { sale: true, paymentId: true, refundDue: true, limit: true }

export async function readPayments(
  pool: SqlPool,
  schema: string,
  options: PaymentsOptions,
): Promise<LedgerPayment[]> {
  const { sale, paymentId, refundDue, limit = 100 } = checkOptions(options, 'options', OPTIONS)
  const values: unknown[] = [checkInteger(limit, 'limit', 1, 10_000)]
  const conditions: string[] = []
  const equals = (column: string, value: string | null) => {
    if (value === null) return
    values.push(toText(value))
    conditions.push(`${column} = $${values.length}`)
  }
  equals('sale', checkOptionalId(sale, 'sale'))
  equals('payment_id', checkOptionalId(paymentId, 'paymentId'))
  // Of the outcomes, only `refund_due` has a reason: so the index of these is used.
  if (refundDue) conditions.push('reason IS NOT NULL')
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`
  const { rows } = await pool
    .query(
      `SELECT sale, reservation, buyer, payment_id, own, outcome, reason FROM ${quoted(schema)}.payments ${where}
        ORDER BY sale, reservation, own DESC, payment_id LIMIT $1`,
      values,
    )
    .catch(explain)
  return rows.map((row) => ({
    sale: fromText(row.sale),
    reservationId: row.reservation,
    buyer: row.buyer === null ? null : fromText(row.buyer),
    paymentId: row.payment_id === null ? null : fromText(row.payment_id),
    own: row.own,
    outcome: row.outcome,
    reason: row.reason,
  }))
}
