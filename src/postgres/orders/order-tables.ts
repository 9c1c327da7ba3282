import { explain } from '../failure.js'
import type { SqlClient, SqlPool } from '../pool.js'
import { COLUMNS, type ReservationRow, rowOf, time } from '../rows.js'
import { arrayOf, fromText, quoted, toText } from '../text.js'
import { fromJson, NONE, toJson, type Units } from './units.js'

/** An order whose row in `reservations` is locked. Its items are what is paid for. */
export interface LockedOrder extends ReservationRow {
  readonly shipped: Units
  readonly delivered: Units
  readonly shippedAt: number | null
  readonly deliveredAt: number | null
  /** The shipment with the reference that was asked for. */
  readonly shipment: StoredShipment | undefined
  /** The refund with the key that was asked for. */
  readonly refund: { readonly asked: Units | null } | undefined
  /** The time of the transaction. */
  readonly now: number
}

export interface StoredShipment {
  readonly carrier: string
  readonly reference: string
  readonly units: Units
  /** `null`: everything that was open was asked for. */
  readonly asked: Units | null
  readonly shippedAt: number
  readonly deliveredAt: number | null
}

/** An order that a step needs, with the shipment and the refund that it names. */
export interface Wanted {
  readonly id: string
  readonly reference: string | null
  readonly key: string | null
}

/** What a step writes. */
export interface OrderChange {
  readonly order: LockedOrder
  /** A new shipment. */
  readonly shipment?: StoredShipment
  /** The shipment that was received, and when; reference `null`: all that were not yet. */
  readonly received?: { readonly reference: string | null; readonly at: number }
  /** A refund, and the units of the order that are left; none: it was refunded whole. */
  readonly refund?: { readonly key: string; readonly asked: Units | null; readonly rest: Units }
}

const millis = (column: string) => `(extract(epoch FROM ${column}) * 1000)::float8`

/** The statements on orders. Those with a client run in the caller's transaction. */
export class OrderTables {
  readonly #schema: string

  constructor(schema: string) {
    this.#schema = quoted(schema)
  }

  /**
   * Locks orders until the transaction ends, and reads them. An order that another transaction has
   * locked is left out: no transaction waits for another, so none blocks or deadlocks.
   */
  async lock(client: SqlClient, sale: string, wanted: readonly Wanted[]): Promise<LockedOrder[]> {
    const s = this.#schema
    const ids = wanted.map(({ id }) => id)
    const locked = await client.query(
      `SELECT ${COLUMNS} FROM ${s}.reservations WHERE sale = $1 AND id = ANY($2::text[]) FOR UPDATE SKIP LOCKED`,
      [toText(sale), ids],
    )
    if (locked.rows.length === 0) return []
    // Read after the rows are locked, so that everything that was written under a lock is seen.
    const beside = await client.query(
      `SELECT n.id, o.shipped::text AS shipped, o.delivered::text AS delivered, floor(${millis('now()')}) AS now,
        ${millis('o.shipped_at')} AS last_shipped_at, ${millis('o.delivered_at')} AS last_delivered_at,
        s.reference, s.carrier, s.items::text AS items, s.asked::text AS asked, ${millis('s.shipped_at')} AS shipped_at,
        ${millis('s.delivered_at')} AS delivered_at, f.key AS refund, f.items::text AS refunded
      FROM unnest($2::text[], $3::text[], $4::text[]) AS n (id, reference, key)
      LEFT JOIN ${s}.orders o ON o.sale = $1 AND o.id = n.id
      LEFT JOIN ${s}.shipments s ON s.sale = $1 AND s.id = n.id AND s.reference = n.reference
      LEFT JOIN ${s}.refunds f ON f.sale = $1 AND f.id = n.id AND f.key = n.key AND NOT f.forgotten`,
      [
        toText(sale),
        arrayOf(ids),
        arrayOf(wanted.map(({ reference }) => optionalText(reference))),
        arrayOf(wanted.map(({ key }) => optionalText(key))),
      ],
    )
    const found = new Map(beside.rows.map((row) => [row.id, row]))
    return locked.rows.map((row) => orderOf(row, found.get(row.id)))
  }

  /** Which of these orders exist, locked or not. */
  async existing(client: SqlClient, sale: string, ids: readonly string[]): Promise<ReadonlySet<string>> {
    if (ids.length === 0) return new Set()
    const { rows } = await client.query(
      `SELECT id FROM ${this.#schema}.reservations WHERE sale = $1 AND id = ANY($2::text[])`,
      [toText(sale), ids],
    )
    return new Set(rows.map(({ id }) => id))
  }

  /** Orders that were shipped, and that are neither paid for nor refunded. */
  async shippedUnpaid(pool: SqlPool, sale: string): Promise<string[]> {
    const s = this.#schema
    const statement = `SELECT o.id FROM ${s}.orders o LEFT JOIN ${s}.reservations r ON r.sale = o.sale AND r.id = o.id
      WHERE o.sale = $1 AND coalesce(r.state NOT IN ('confirmed', 'refunded'), true) ORDER BY o.id`
    const { rows } = await pool.query(statement, [toText(sale)]).catch(explain)
    return rows.map(({ id }) => id)
  }

  /**
   * Writes the shipments and receipts of locked orders. The condition on the sale is a filter where
   * the id is in an index: a planner without statistics would read the index of the sale, too. An
   * order that was delivered has its row, and keeps its time of payment.
   */
  async writeSteps(client: SqlClient, sale: string, changes: readonly OrderChange[]): Promise<void> {
    const s = this.#schema
    const shipments = changes.flatMap(({ order, shipment }) => (shipment ? [{ order, ...shipment }] : []))
    const receipts = changes.flatMap(({ order, received }) => (received ? [{ order, ...received }] : []))
    const orders = changes.filter(({ shipment, received }) => shipment || received).map(({ order }) => order)
    if (orders.length === 0) return
    await client.query(
      `WITH sent AS (
        INSERT INTO ${s}.shipments (sale, id, reference, carrier, items, asked, shipped_at)
        SELECT $1, n.id, n.reference, n.carrier, n.items, n.asked, ${time('n.shipped_at')}
        FROM unnest($2::text[], $3::text[], $4::text[], $5::jsonb[], $6::jsonb[], $7::float8[])
          AS n (id, reference, carrier, items, asked, shipped_at)
      ), received AS (
        UPDATE ${s}.shipments SET delivered_at = ${time('n.at')}
        FROM unnest($8::text[], $9::text[], $10::float8[]) AS n (id, reference, at)
        WHERE shipments.sale = $1 AND shipments.id = n.id AND shipments.delivered_at IS NULL
          AND (n.reference IS NULL OR shipments.reference = n.reference)
      )
      INSERT INTO ${s}.orders (sale, id, paid_at, shipped, delivered, shipped_at, delivered_at, due)
      SELECT $1, n.id, CASE WHEN n.delivered_at IS NULL THEN coalesce(
          ${s}.paid_at($1, n.id),
          (SELECT r.changed_at FROM ${s}.reservations r WHERE r.sale = $1 AND r.id = n.id)
        ) ELSE now() END, n.shipped, n.delivered, ${time('n.shipped_at')}, ${time('n.delivered_at')}, n.delivered_at IS NOT NULL
      FROM unnest($11::text[], $12::jsonb[], $13::jsonb[], $14::float8[], $15::float8[])
        AS n (id, shipped, delivered, shipped_at, delivered_at)
      ON CONFLICT (sale, id) DO UPDATE SET shipped = excluded.shipped, delivered = excluded.delivered,
        shipped_at = excluded.shipped_at, delivered_at = excluded.delivered_at, due = excluded.due`,
      [
        toText(sale),
        arrayOf(shipments.map(({ order }) => order.id)),
        arrayOf(shipments.map(({ reference }) => toText(reference))),
        arrayOf(shipments.map(({ carrier }) => toText(carrier))),
        arrayOf(shipments.map(({ units }) => toJson(units))),
        arrayOf(shipments.map(({ asked }) => asked && toJson(asked))),
        arrayOf(shipments.map(({ shippedAt }) => shippedAt)),
        arrayOf(receipts.map(({ order }) => order.id)),
        arrayOf(receipts.map(({ reference }) => optionalText(reference))),
        arrayOf(receipts.map(({ at }) => at)),
        arrayOf(orders.map(({ id }) => id)),
        arrayOf(orders.map(({ shipped }) => toJson(shipped))),
        arrayOf(orders.map(({ delivered }) => toJson(delivered))),
        arrayOf(orders.map(({ shippedAt }) => shippedAt)),
        arrayOf(orders.map(({ deliveredAt }) => deliveredAt)),
      ],
    )
  }

  /** Refunds locked orders of a sale that was removed. */
  async writeRefunds(client: SqlClient, sale: string, changes: readonly OrderChange[]): Promise<void> {
    const s = this.#schema
    const refunds = changes.flatMap(({ order, refund }) => (refund ? [{ order, ...refund }] : []))
    if (refunds.length === 0) return
    await client.query(
      `WITH noted AS (
        INSERT INTO ${s}.refunds (sale, id, key, items, refunded_at)
        SELECT $1, n.id, n.key, n.asked, now() FROM unnest($2::text[], $3::text[], $4::jsonb[]) AS n (id, key, asked)
      )
      UPDATE ${s}.reservations r SET items = coalesce(n.rest, r.items),
        first_items = CASE WHEN n.rest IS NULL THEN r.first_items ELSE coalesce(r.first_items, r.items) END,
        ordered_items = CASE WHEN n.rest IS NULL THEN r.ordered_items ELSE coalesce(r.ordered_items, r.items) END,
        ordered_changes = CASE WHEN n.rest IS NULL THEN r.ordered_changes ELSE coalesce(r.ordered_changes, r.changes) END,
        changes = CASE WHEN n.rest IS NULL THEN r.changes ELSE r.changes + 1 END, state = CASE WHEN n.rest IS NULL THEN 'refunded' ELSE r.state END,
        restocked = CASE WHEN n.rest IS NULL THEN false ELSE r.restocked END, changed_at = now()
      FROM unnest($2::text[], $5::jsonb[]) AS n (id, rest) WHERE r.sale = $1 AND r.id = n.id`,
      [
        toText(sale),
        arrayOf(refunds.map(({ order }) => order.id)),
        arrayOf(refunds.map(({ key }) => toText(key))),
        arrayOf(refunds.map(({ asked }) => asked && toJson(asked))),
        arrayOf(refunds.map(({ rest }) => (rest.size === 0 ? null : toJson(rest)))),
      ],
    )
  }
}

// biome-ignore lint/suspicious/noExplicitAny: what the driver gives
function orderOf(row: any, beside: any): LockedOrder {
  return {
    ...rowOf(row),
    shipped: beside.shipped === null ? NONE : fromJson(beside.shipped),
    delivered: beside.delivered === null ? NONE : fromJson(beside.delivered),
    shippedAt: optionalNumber(beside.last_shipped_at),
    deliveredAt: optionalNumber(beside.last_delivered_at),
    shipment: beside.reference === null ? undefined : shipmentOf(beside),
    refund:
      beside.refund === null
        ? undefined
        : { asked: beside.refunded === null ? null : fromJson(beside.refunded) },
    now: Number(beside.now),
  }
}

// biome-ignore lint/suspicious/noExplicitAny: what the driver gives
function shipmentOf(row: any): StoredShipment {
  return {
    carrier: fromText(row.carrier),
    reference: fromText(row.reference),
    units: fromJson(row.items),
    asked: row.asked === null ? null : fromJson(row.asked),
    shippedAt: Number(row.shipped_at),
    deliveredAt: optionalNumber(row.delivered_at),
  }
}

function optionalText(value: string | null): string | null {
  return value === null ? null : toText(value)
}

function optionalNumber(value: unknown): number | null {
  return value === null ? null : Number(value)
}
