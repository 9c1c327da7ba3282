import type { TransferOrigin } from '../engine/engine.js'
import type { MovedTo } from '../sale/acknowledged-reservations.js'
import { readByIndex } from './by-index.js'
import type { SqlPool } from './pool.js'
import { arrayOf, fromText, toText } from './text.js'

/** Where a record comes from that was made by a transfer. */
interface Arrival {
  readonly earlier: string
  readonly origin: TransferOrigin
}

/** The queries on reservations that were transferred. */
export class TransferTables {
  readonly #schema: string
  readonly #pool: SqlPool

  /** @param schema Its name, quoted. */
  constructor(schema: string, pool: SqlPool) {
    this.#schema = schema
    this.#pool = pool
  }

  /** Where reservations went that were transferred: their ids there, and the receivers. */
  async destinations(sale: string, ids: readonly string[]): Promise<ReadonlyMap<string, MovedTo>> {
    const s = this.#schema
    const { rows } = await readByIndex(
      this.#pool,
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
    const { rows } = await readByIndex(
      this.#pool,
      `WITH RECURSIVE chain AS (
        SELECT n.id, e.origin AS present, e.origin AS earlier, 1 AS transfers, e.at
        FROM unnest($2::text[]) AS n (id) CROSS JOIN LATERAL (${this.#arrivals('n.id')}) AS e
        UNION ALL
        SELECT c.id, e.origin, c.earlier, c.transfers + 1,
          greatest(c.at, e.at + c.transfers * interval '1 ms')
        FROM chain c CROSS JOIN LATERAL (${this.#arrivals('c.present')}) AS e
      )
      SELECT DISTINCT ON (id) id, present, earlier, transfers,
        floor(extract(epoch FROM at) * 1000)::float8 AS at
      FROM chain ORDER BY id, transfers DESC, chain.at DESC`,
      [toText(sale), arrayOf(ids)],
    )
    return new Map(
      rows.map(({ id, present, earlier, transfers, at }) => [
        id,
        { earlier, origin: { id: present, transfers, at } },
      ]),
    )
  }

  #arrivals(of: string): string {
    return `SELECT details ->> 'from' AS origin, at FROM ${this.#schema}.events
      WHERE sale = $1 AND reservation = ${of} AND type = 'transferred' OFFSET 0`
  }
}
