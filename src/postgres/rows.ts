import type { RecordedReason } from '../engine/engine.js'
import type { PaymentColumns, RefundColumns } from './detail-columns.js'
import type { Batch, LedgerState, ReservationColumns, SaleChange } from './page.js'
import { arrayOf, fromText } from './text.js'

/** The ledger's progress in a partition. */
export interface Position {
  readonly generation: number
  readonly since: number
  readonly sequence: number
  /** Events that were trimmed before they were read. */
  readonly lost: number
  /** The reservations must be compared with the sale. */
  readonly stale: boolean
  /** How often the sale was recovered from this ledger. */
  readonly fence: number
}

/** A row of `reservations`. Times in epoch ms. */
export interface ReservationRow {
  readonly id: string
  readonly buyer: string
  readonly household: string | null
  /** By the SKU's name. */
  readonly items: ReadonlyMap<string, number>
  /** Of the first request, once the cart was changed. */
  readonly firstItems: ReadonlyMap<string, number> | null
  /** How often the cart was changed. */
  readonly changes: number
  /** Before the first part was refunded, and how often it had been changed; `null`: none was. */
  readonly ordered: { readonly items: ReadonlyMap<string, number>; readonly changes: number } | null
  readonly state: LedgerState
  readonly key: string | null
  readonly createdAt: number
  readonly expiresAt: number
  readonly paymentId: string | null
  readonly refundDue: RecordedReason | null
  readonly restocked: boolean
  readonly generation: number
  readonly sequence: number
}

export interface EventRow {
  readonly details: Readonly<Record<string, unknown>>
}

export interface SaleRow {
  readonly incarnation: string
  /** JSON, as it was written. */
  readonly rules: string
  readonly state: SaleChange
}

export interface RulesRow {
  readonly revision: number
  /** JSON, as it was written. */
  readonly rules: string
}

/**
 * Times are passed as epoch ms: how a driver converts a timestamp depends on its user's settings.
 */
export const time = (column: string) => `to_timestamp(${column} / 1000)`
const millis = (column: string) => `(extract(epoch FROM ${column}) * 1000)::bigint`

/** Of `positions`: the seen offset; of a generation without an event its beginning. */
export const SEEN = `greatest(seen_generation, nullif(generation, 1)) AS seen_generation,
  CASE WHEN seen_generation >= generation THEN seen_sequence ELSE 0 END AS seen_sequence,
  CASE WHEN seen_generation >= generation THEN seen_batch_id ELSE '' END AS seen_batch_id`

/** The columns that {@link rowOf} reads. */
export const COLUMNS = `id, buyer, items::text AS items, state, key, ${millis('created_at')} AS created_at, ${millis('expires_at')} AS expires_at,
  payment_id, refund_due, restocked, generation, sequence, first_items::text AS first_items, changes,
  ordered_items::text AS ordered_items, ordered_changes, household`

/** The types of the upsert's arrays, one for each column. */
export const UPSERT_TYPES =
  'text text jsonb text text float8 float8 text text bool float8 int bigint jsonb int jsonb int text'.split(
    ' ',
  )

/** In the order of {@link UPSERT_TYPES}. */
export function valuesOf(columns: ReservationColumns): string[] {
  const { id, buyer, items, state, key, createdAt, expiresAt, paymentId, refundDue } = columns
  const { restocked, changedAt, generation, sequence, firstItems, changes } = columns
  const { orderedItems, orderedChanges, household } = columns
  const fixed = [id, buyer, items, state, key, createdAt, expiresAt]
  const latest = [paymentId, refundDue, restocked, changedAt, generation, sequence, firstItems, changes]
  return [...fixed, ...latest, orderedItems, orderedChanges, household].map(arrayOf)
}

/** In the order of the types of `refundsShape`. */
export function refundValuesOf(columns: RefundColumns): string[] {
  const { id, key, restock, items, at, generation, sequence } = columns
  return [id, key, restock, items, at, generation, sequence].map(arrayOf)
}

/** In the order of the types of `paymentsShape`. */
export function paymentValuesOf({
  reservation,
  paymentId,
  reason,
  at,
  generation,
  sequence,
}: PaymentColumns): string[] {
  return [reservation, paymentId, reason, at, generation, sequence].map(arrayOf)
}

/**
 * The parameters of a batch's statement: the arrays of the events, followed by those of the
 * reservations; those of the further payments; and those of the refunds with a key.
 */
export interface BatchArrays {
  readonly arrays: readonly string[]
  readonly payments: readonly string[]
  readonly refunds: readonly string[]
  readonly sale: SaleChange | null
}

export function arraysOf({ events, reservations, payments, refunds, sale }: Batch): BatchArrays {
  const { sequence, at, type, reservation, expiresAt, details } = events
  const arrays = [sequence, at, type, reservation, expiresAt, details].map(arrayOf)
  return {
    arrays: [...arrays, ...valuesOf(reservations)],
    payments: paymentValuesOf(payments),
    refunds: refundValuesOf(refunds),
    sale,
  }
}

// biome-ignore lint/suspicious/noExplicitAny: what the driver gives
export function rowOf(row: any): ReservationRow {
  return {
    id: row.id,
    buyer: fromText(row.buyer),
    household: row.household === null ? null : fromText(row.household),
    items: itemsOf(row.items),
    firstItems: row.first_items === null ? null : itemsOf(row.first_items),
    changes: Number(row.changes),
    ordered:
      row.ordered_items === null
        ? null
        : { items: itemsOf(row.ordered_items), changes: Number(row.ordered_changes) },
    state: row.state,
    key: row.key === null ? null : fromText(row.key),
    createdAt: Number(row.created_at),
    expiresAt: Number(row.expires_at),
    paymentId: row.payment_id === null ? null : fromText(row.payment_id),
    refundDue: row.refund_due,
    restocked: row.restocked === true,
    generation: Number(row.generation),
    sequence: Number(row.sequence),
  }
}

export function itemsOf(json: string): ReadonlyMap<string, number> {
  const items = Object.entries<number>(JSON.parse(json))
  return new Map(items.map(([sku, units]) => [fromText(sku), units]))
}
