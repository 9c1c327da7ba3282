import type { TransferOrigin } from '../engine/engine.js'
import type { MovedTo } from '../sale/acknowledged-reservations.js'
import type { SqlResult } from './pool.js'
import { arrayOf, fromText, toText } from './text.js'

/** Where a record comes from that was made by a transfer. */
interface Arrival {
  readonly earlier: string
  readonly origin: TransferOrigin
}

/** The queries on reservations that were transferred. */
export class TransferTables {
  readonly #schema: string
  readonly #query: (text: string, values: unknown[]) => Promise<SqlResult>

  /** @param schema Its name, quoted. */
  constructor(schema: string, query: (text: string, values: unknown[]) => Promise<SqlResult>) {
    this.#schema = schema
    this.#query = query
  }

  /** Where reservations went that were transferred: their ids there, and the receivers. */
  async destinations(sale: string, ids: readonly string[]): Promise<ReadonlyMap<string, MovedTo>> {
    const s = this.#schema
    const { rows } = await this.#query(
      `SELECT n.id, e.details ->> 'to' AS to, r.buyer FROM unnest($2::text[]) AS n (id)
      CROSS JOIN LATERAL (
        SELECT type, details FROM ${s}.events
        WHERE reservation = n.id AND sale = $1 AND type IN ('departed', 'returned') AND NOT superseded
        ORDER BY generation DESC, sequence DESC LIMIT 1
      ) AS e
      JOIN ${s}.reservations r ON r.sale = $1 AND r.id = e.details ->> 'to'
      WHERE e.type = 'departed'`,
      [toText(sale), arrayOf(ids)],
    )
    return new Map(rows.map((row) => [row.id, { id: row.to, receiver: fromText(row.buyer) }]))
  }

  /**
   * Where these records come from, those of them that were made by a transfer. Their times are
   * later than those of the transfers before, as the engines have it, also by a clock that is
   * behind.
   */
  async origins(sale: string, ids: readonly string[]): Promise<ReadonlyMap<string, Arrival>> {
    const { rows } = await this.#query(
      `WITH RECURSIVE chain AS (
        SELECT n.id, n.id AS present, NULL::text AS earlier, 0 AS transfers, NULL::timestamptz AS at
        FROM unnest($2::text[]) AS n (id)
        UNION ALL
        SELECT c.id, e.details ->> 'from', coalesce(c.earlier, e.details ->> 'from'), c.transfers + 1,
          greatest(c.at, e.at + c.transfers * interval '1 ms')
        FROM chain c JOIN ${this.#schema}.events e
          ON e.sale = $1 AND e.reservation = c.present AND e.type = 'transferred'
      )
      SELECT DISTINCT ON (id) id, present, earlier, transfers,
        floor(extract(epoch FROM at) * 1000)::float8 AS at
      FROM chain
      WHERE transfers > 0 ORDER BY id, transfers DESC, chain.at DESC`,
      [toText(sale), arrayOf(ids)],
    )
    return new Map(
      rows.map(({ id, present, earlier, transfers, at }) => [
        id,
        { earlier, origin: { id: present, transfers, at } },
      ]),
    )
  }
}
