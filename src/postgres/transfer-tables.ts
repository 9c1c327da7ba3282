import type { MovedTo } from '../sale/acknowledged-reservations.js'
import type { SqlResult } from './pool.js'
import { arrayOf, fromText, toText } from './text.js'

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

  /** The ids of the records that were transferred to these reservations. */
  async origins(sale: string, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const { rows } = await this.#query(
      `SELECT reservation, details ->> 'from' AS origin FROM ${this.#schema}.events
      WHERE reservation = ANY($2::text[]) AND sale = $1 AND type = 'transferred'`,
      [toText(sale), arrayOf(ids)],
    )
    return new Map(rows.map((row) => [row.reservation, row.origin]))
  }
}
