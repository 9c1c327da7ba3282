import { StockholdError } from '../../errors.js'
import { writeInTransaction } from '../failure.js'
import type { SqlClient, SqlPool } from '../pool.js'
import { arrayOf, fromText, quoted, toText } from '../text.js'
import type { PayoutRequest } from './options.js'
import { type Decided, type DueOrder, decide, type PayoutLine } from './payout-rules.js'
import type { Payout, PayoutOrder } from './results.js'
import { fromJson, itemsOf, toJson } from './units.js'

/**
 * Makes batches of orders whose money may go to the seller. Each order is decided while its row in
 * `reservations`, which the follower writes, is locked: a refund comes before the batch, and the
 * order is not in it, or after it, and the next batch deducts it.
 */
export class Payouts {
  readonly #pool: SqlPool
  readonly #schema: string

  constructor(pool: SqlPool, schema: string) {
    this.#pool = pool
    this.#schema = quoted(schema)
  }

  payouts(request: PayoutRequest): Promise<Payout> {
    return writeInTransaction(this.#pool, async (client) => {
      const isNew = await this.#begin(client, request)
      if (isNew) await this.#make(client, request)
      return this.#read(client, request, !isNew)
    })
  }

  /** A second call with the key waits here until the first has made the batch, or has failed. */
  async #begin(client: SqlClient, { key, deliveredFor, limit }: PayoutRequest): Promise<boolean> {
    const { rows } = await client.query(
      `INSERT INTO ${this.#schema}.payouts (key, delivered_for, max_orders) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING key`,
      [toText(key), deliveredFor, limit],
    )
    return rows.length > 0
  }

  async #make(client: SqlClient, { key, deliveredFor, limit }: PayoutRequest): Promise<void> {
    const changed = await this.#due(client, 'o.paid_out IS NOT NULL', 'o.sale, o.id', limit, [])
    const condition = `o.paid_out IS NULL AND o.delivered_at <= now() - $2::float8 * interval '1 millisecond'`
    const rest = limit - changed.length
    const delivered =
      rest > 0 ? await this.#due(client, condition, 'o.delivered_at', rest, [deliveredFor]) : []
    const decided = [...changed, ...delivered].map(decide)
    await this.#write(client, key, decided, decided.length >= limit)
  }

  /** Locks orders that are due. One that is locked already is left to a later batch. */
  async #due(
    client: SqlClient,
    condition: string,
    order: string,
    limit: number,
    values: readonly unknown[],
  ): Promise<DueOrder[]> {
    const s = this.#schema
    const { rows } = await client.query(
      `SELECT o.sale, o.id, r.state, r.items::text AS items, o.delivered::text AS delivered, o.paid_out::text AS paid_out
      FROM ${s}.orders o JOIN ${s}.reservations r ON r.sale = o.sale AND r.id = o.id
      WHERE o.due AND ${condition} ORDER BY ${order} LIMIT $1 FOR UPDATE OF r, o SKIP LOCKED`,
      [limit, ...values],
    )
    return rows.map((row) => ({
      sale: row.sale,
      id: row.id,
      isConfirmed: row.state === 'confirmed',
      units: fromJson(row.items),
      delivered: fromJson(row.delivered),
      paidOut: row.paid_out === null ? null : fromJson(row.paid_out),
    }))
  }

  async #write(client: SqlClient, key: string, decided: readonly Decided[], more: boolean): Promise<void> {
    const s = this.#schema
    const lines = decided.flatMap(({ line }) => (line ? [line] : []))
    await client.query(
      `WITH settled AS (
        UPDATE ${s}.orders o SET due = false, paid_out = n.paid_out
        FROM unnest($2::text[], $3::text[], $4::jsonb[]) AS n (sale, id, paid_out) WHERE o.sale = n.sale AND o.id = n.id
      ), listed AS (
        INSERT INTO ${s}.payout_orders (payout, number, type, sale, id, items)
        SELECT $1, n.number, n.type, n.sale, n.id, n.items
        FROM unnest($5::text[], $6::text[], $7::text[], $8::jsonb[]) WITH ORDINALITY AS n (type, sale, id, items, number)
      )
      UPDATE ${s}.payouts SET more = $9 WHERE key = $1`,
      [
        toText(key),
        arrayOf(decided.map(({ order }) => order.sale)),
        arrayOf(decided.map(({ order }) => order.id)),
        arrayOf(decided.map(({ paidOut }) => paidOut && toJson(paidOut))),
        arrayOf(lines.map(({ type }) => type)),
        arrayOf(lines.map(({ sale }) => sale)),
        arrayOf(lines.map(({ id }) => id)),
        arrayOf(lines.map(({ units }) => toJson(units))),
        more,
      ],
    )
  }

  async #read(
    client: SqlClient,
    { key, deliveredFor, limit }: PayoutRequest,
    replayed: boolean,
  ): Promise<Payout> {
    const s = this.#schema
    const batch = await client.query(
      `SELECT delivered_for, max_orders, more, floor(extract(epoch FROM made_at) * 1000)::float8 AS made_at FROM ${s}.payouts WHERE key = $1`,
      [toText(key)],
    )
    const { delivered_for, max_orders, more, made_at } = batch.rows[0]
    if (Number(delivered_for) !== deliveredFor || max_orders !== limit)
      throw new StockholdError(
        'IDEMPOTENCY_CONFLICT',
        `The key was used for a batch with deliveredFor ${delivered_for} and limit ${max_orders}.`,
      )
    const { rows } = await client.query(
      `SELECT type, sale, id, items::text AS items FROM ${s}.payout_orders WHERE payout = $1 ORDER BY number`,
      [toText(key)],
    )
    const of = (type: PayoutLine['type']): PayoutOrder[] =>
      rows
        .filter((row) => row.type === type)
        .map(({ sale, id, items }) => ({ sale: fromText(sale), id, items: itemsOf(fromJson(items)) }))
    return { key, madeAt: Number(made_at), orders: of('order'), refunded: of('refunded'), more, replayed }
  }
}
