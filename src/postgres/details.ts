import type { FurtherPayment } from '../engine/engine.js'
import type { DetailsShape } from './details-table.js'
import { itemsOf } from './rows.js'
import { fromText } from './text.js'

/** Of `further_payments`. */
export const paymentsShape: DetailsShape<FurtherPayment> = {
  ...{ table: 'further_payments', id: 'reservation', name: 'payment_id', at: 'at', values: ['reason'] },
  types: 'text text text float8 int bigint'.split(' '),
  columns: 'reservation, payment_id, reason',
  read: (row) => ({ id: row.reservation, paymentId: fromText(row.payment_id), reason: row.reason }),
  nameOf: ({ paymentId }) => paymentId,
}

/** A refund with a key. */
export interface RefundRow {
  /** Of the reservation. */
  readonly id: string
  readonly key: string
  readonly restock: boolean
  /** `null`: all that was left. */
  readonly items: ReadonlyMap<string, number> | null
}

/** Of `refunds`. */
export const refundsShape: DetailsShape<RefundRow> = {
  ...{ table: 'refunds', id: 'id', name: 'key', at: 'refunded_at', values: ['restock', 'items'] },
  types: 'text text bool jsonb float8 int bigint'.split(' '),
  columns: 'id, key, restock, items::text AS items',
  read: (row) => ({
    id: row.id,
    key: fromText(row.key),
    restock: row.restock,
    items: row.items === null ? null : itemsOf(row.items),
  }),
  nameOf: ({ key }) => key,
}
