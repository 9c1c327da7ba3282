import type { FurtherPayment, StoredEvent } from '../engine/engine.js'
import type { LogOffset } from '../engine/port.js'
import { idsBetween } from '../engine/reservation-id.js'
import { StockholdError } from '../errors.js'
import type { AcknowledgedState } from '../sale/acknowledgement-cache.js'
import { readByIndex } from './by-index.js'
import { paymentsShape, type RefundRow, refundsShape } from './details.js'
import { DetailsTable } from './details-table.js'
import { explain } from './failure.js'
import type { ReservationColumns } from './page.js'
import type { SqlPool, SqlResult } from './pool.js'
import {
  type BatchArrays,
  COLUMNS,
  type EventRow,
  type Position,
  type ReservationRow,
  type RulesRow,
  rowOf,
  type SaleRow,
  SEEN,
  time,
  UPSERT_TYPES,
  valuesOf,
} from './rows.js'
import { quoted, toText } from './text.js'
import { TransferTables } from './transfer-tables.js'

/** No event changes them. */
const CONSTANT = ['buyer', 'household', 'key', 'created_at']

/** The statements on the tables of one schema. */
export class Tables {
  readonly furtherPayments: DetailsTable<FurtherPayment>
  readonly refunds: DetailsTable<RefundRow>
  readonly transfers: TransferTables
  readonly #pool: SqlPool
  readonly #schema: string

  constructor(pool: SqlPool, schema: string) {
    this.#pool = pool
    this.#schema = quoted(schema)
    this.furtherPayments = new DetailsTable(this.#schema, pool, paymentsShape)
    this.refunds = new DetailsTable(this.#schema, pool, refundsShape)
    this.transfers = new TransferTables(this.#schema, pool)
  }

  /** @throws UNSAFE_CONFIG if PostgreSQL may lose an acknowledged commit. */
  async assertDurable(): Promise<void> {
    const names = ['fsync', 'synchronous_commit']
    const settings = names.map((name) => `current_setting('${name}') AS ${name}`)
    const { rows } = await this.#query(`SELECT ${settings.join(', ')}`, [])
    const off = names.find((name) => rows[0][name] === 'off')
    if (off !== undefined)
      throw new StockholdError(
        'UNSAFE_CONFIG',
        `durability with a ledger needs ${off} in PostgreSQL: set it to on`,
      )
  }

  /** Registers a sale, unless it is known. Returns the row of the sale. */
  async registerSale(sale: string, incarnation: string, rules: string, partitions: number): Promise<SaleRow> {
    await this.#query(
      `WITH entered AS (
        INSERT INTO ${this.#schema}.sales (sale, incarnation, rules) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
      )
      INSERT INTO ${this.#schema}.positions (sale, partition)
      SELECT $1, partition FROM generate_series(0, $4::int - 1) AS partition ON CONFLICT DO NOTHING`,
      [toText(sale), incarnation, rules, partitions],
    )
    return (await this.sale(sale))!
  }

  async sale(sale: string): Promise<SaleRow | undefined> {
    const { rows } = await this.#query(
      `SELECT incarnation, rules::text AS rules, state FROM ${this.#schema}.sales WHERE sale = $1`,
      [toText(sale)],
    )
    return rows[0]
  }

  /** Records the rules in force in this generation of the history. */
  async noteRules(sale: string, generation: number, revision: number, rules: string): Promise<void> {
    await this.#query(
      `INSERT INTO ${this.#schema}.rules (sale, generation, revision, rules) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
      [toText(sale), generation, revision, rules],
    )
  }

  /** The latest rules; `undefined` if the sale has those that it was created with. */
  async latestRules(sale: string): Promise<RulesRow | undefined> {
    const { rows } = await this.#query(
      `SELECT revision, rules::text AS rules FROM ${this.#schema}.rules WHERE sale = $1
      ORDER BY generation DESC, revision DESC LIMIT 1`,
      [toText(sale)],
    )
    return rows[0] && { revision: Number(rows[0].revision), rules: rows[0].rules }
  }

  async position(sale: string, partition: number): Promise<Position | undefined> {
    const { rows } = await this.#query(
      `SELECT generation, since, sequence, lost, stale, fence FROM ${this.#schema}.positions WHERE sale = $1 AND partition = $2`,
      [toText(sale), partition],
    )
    const row = rows[0]
    return (
      row && {
        generation: Number(row.generation),
        since: Number(row.since),
        sequence: Number(row.sequence),
        lost: Number(row.lost),
        stale: row.stale,
        fence: Number(row.fence),
      }
    )
  }

  /** The furthest point of each partition's history that a follower has seen. */
  async seen(sale: string): Promise<(LogOffset | null)[]> {
    const { rows } = await this.#query(
      `SELECT ${SEEN} FROM ${this.#schema}.positions WHERE sale = $1 ORDER BY partition`,
      [toText(sale)],
    )
    return rows.map((row) =>
      row.seen_generation === null
        ? null
        : {
            generation: Number(row.seen_generation),
            sequence: Number(row.seen_sequence),
            batchId: row.seen_batch_id,
          },
    )
  }

  /**
   * Writes a page and moves the position, both or neither, if the position is still the one from
   * which the page was read. So of any number of writers, in any number of processes, one writes
   * each event. The update locks the position's row: a second writer waits for the first, and then
   * finds that the position has moved.
   *
   * @returns Whether it was written.
   */
  async write(
    sale: string,
    partition: number,
    from: Position,
    to: Position,
    offset: LogOffset | null,
    { arrays, payments, refunds, sale: change }: BatchArrays,
  ): Promise<boolean> {
    const s = this.#schema
    const owed = 19 + UPSERT_TYPES.length
    const { rows } = await this.#query(
      `WITH moved AS (
        UPDATE ${s}.positions
        SET sequence = $5, lost = $6, stale = stale OR $7, written_at = now(),
          seen_generation = coalesce($8, seen_generation), seen_sequence = coalesce($9, seen_sequence), seen_batch_id = coalesce($10, seen_batch_id)
        WHERE sale = $1 AND partition = $2 AND generation = $3 AND sequence = $4 AND fence = $12
        RETURNING sale, partition, generation
      ), noted AS (
        INSERT INTO ${s}.events (sale, partition, generation, sequence, at, type, reservation, expires_at, details)
        SELECT moved.sale, moved.partition, moved.generation, e.sequence, ${time('e.at')}, e.type, e.reservation, ${time('e.expires_at')}, e.details
        FROM moved, unnest($13::bigint[], $14::float8[], $15::text[], $16::text[], $17::float8[], $18::jsonb[])
          AS e (sequence, at, type, reservation, expires_at, details)
      ), changed AS (${this.#upsert('moved.partition', 19, 'FROM moved,')}
      ), owed AS (${this.furtherPayments.insertion('moved.partition', owed, 'FROM moved,')}
      ), taken_back AS (${this.refunds.insertion('moved.partition', owed + this.furtherPayments.width, 'FROM moved,')}
      ), said AS (
        UPDATE ${s}.sales SET state = $11
        FROM moved WHERE sales.sale = moved.sale AND $11::text IS NOT NULL AND sales.state <> 'ended'
      )
      SELECT count(*) AS count FROM moved`,
      [
        toText(sale),
        partition,
        from.generation,
        from.sequence,
        to.sequence,
        to.lost,
        to.stale,
        offset?.generation ?? null,
        offset?.sequence ?? null,
        offset?.batchId ?? null,
        change,
        from.fence,
        ...arrays,
        ...payments,
        ...refunds,
      ],
    )
    return Number(rows[0].count) === 1
  }

  /**
   * Switches to another generation of the history, if the position is still `from`. The events that
   * the old generation has beyond it are superseded.
   */
  async switchGeneration(sale: string, partition: number, from: Position, to: Position): Promise<boolean> {
    const { rows } = await this.#query(
      `WITH moved AS (
        UPDATE ${this.#schema}.positions SET generation = $5, since = $6, sequence = $7, stale = true
        WHERE sale = $1 AND partition = $2 AND generation = $3 AND sequence = $4 AND fence = $8
        RETURNING sale, partition
      ), left_behind AS (
        UPDATE ${this.#schema}.events SET superseded = true
        FROM moved
        WHERE events.sale = moved.sale AND events.partition = moved.partition AND events.generation < $5 AND events.sequence > $7
          AND NOT events.superseded
      )
      SELECT count(*) AS count FROM moved`,
      [
        toText(sale),
        partition,
        from.generation,
        from.sequence,
        to.generation,
        to.since,
        to.sequence,
        from.fence,
      ],
    )
    return Number(rows[0].count) === 1
  }

  /** Prevents pages that were read before this call from being written after it. */
  async incrementFence(sale: string): Promise<void> {
    await this.#query(`UPDATE ${this.#schema}.positions SET fence = fence + 1 WHERE sale = $1`, [
      toText(sale),
    ])
  }

  /** Records that the reservations have been compared with the sale, in this generation. */
  async settle(sale: string, partition: number, { generation, lost }: Position): Promise<void> {
    await this.#query(
      `UPDATE ${this.#schema}.positions SET stale = false WHERE sale = $1 AND partition = $2 AND generation = $3 AND lost = $4`,
      [toText(sale), partition, generation, lost],
    )
  }

  async rows(sale: string, ids: readonly string[]): Promise<ReservationRow[]> {
    const one = `SELECT * FROM ${this.#schema}.reservations WHERE sale = $1 AND id = n.wanted OFFSET 0`
    const text = `SELECT ${COLUMNS} FROM unnest($2::text[]) AS n (wanted) CROSS JOIN LATERAL (${one}) AS r`
    return (await readByIndex(this.#pool, text, [toText(sale), ids])).rows.map(rowOf)
  }

  /** A page of the ids of a partition's reservations after `after`, in their order. */
  async ids(sale: string, partition: number, after: string, limit: number): Promise<string[]> {
    const [first, before] = idsBetween(partition)
    const { rows } = await readByIndex(
      this.#pool,
      `SELECT id FROM ${this.#schema}.reservations
      WHERE sale = $1 AND id > $2 AND id < $3 AND state <> 'forgotten' ORDER BY sale, id LIMIT $4`,
      [toText(sale), after || first, before, limit],
    )
    return rows.map(({ id }) => id)
  }

  /** A page of the reservations of a kind, in the order of their ids. */
  async ofKind(
    sale: string,
    kind: AcknowledgedState,
    now: number,
    after: string,
    limit: number,
  ): Promise<ReservationRow[]> {
    const { rows } = await readByIndex(
      this.#pool,
      `SELECT ${COLUMNS} FROM ${this.#schema}.reservations
      WHERE sale = $1 AND id > $3 AND state <> 'forgotten' AND $2 = CASE
        WHEN state = 'confirmed' AND ordered_items IS NOT NULL THEN 'reduced' WHEN state = 'confirmed' THEN 'confirmed'
        WHEN state = 'held' AND expires_at > ${time('$4::float8')} THEN 'held' ELSE 'over'
      END
      ORDER BY sale, id LIMIT $5`,
      [toText(sale), kind, after, now, limit],
    )
    return rows.map(rowOf)
  }

  /** Whether this event is one of those that are part of the history. */
  async hasEvent(sale: string, partition: number, event: StoredEvent): Promise<boolean> {
    const { sequence, at, type } = event
    const { rows } = await this.#query(
      `SELECT 1 FROM ${this.#schema}.events WHERE sale = $1 AND partition = $2 AND sequence = $3 AND NOT superseded
        AND at = ${time('$4::float8')} AND type = $5 AND reservation IS NOT DISTINCT FROM $6`,
      [toText(sale), partition, sequence, at, type, 'id' in event ? event.id : null],
    )
    return rows.length > 0
  }

  /** Events of a type that are part of the history, in order of time, then of each partition. */
  async eventsOf(sale: string, type: 'restocked' | 'moved' | 'total_set'): Promise<EventRow[]> {
    const { rows } = await this.#query(
      `SELECT details::text AS details FROM ${this.#schema}.events
      WHERE sale = $1 AND type = $2 AND NOT superseded ORDER BY at, partition, generation, sequence`,
      [toText(sale), type],
    )
    return rows.map((row) => ({ details: JSON.parse(row.details) }))
  }

  /** Updates rows to the state of the sale, except rows that an event has changed meanwhile. */
  async upsertFromSale(sale: string, partition: number, reservations: ReservationColumns): Promise<void> {
    await this.#query(
      this.#upsert(
        `$${2 + UPSERT_TYPES.length}::int`,
        2,
        'FROM (SELECT $1::text AS sale) AS moved,',
        CONSTANT,
      ),
      [toText(sale), ...valuesOf(reservations), partition],
    )
  }

  /** Marks reservations that the sale does not have any more as forgotten. */
  async forget(sale: string, ids: readonly string[], generation: number, sequence: number): Promise<void> {
    await this.#query(
      `UPDATE ${this.#schema}.reservations SET state = 'forgotten'
      WHERE sale = $1 AND id = ANY($2::text[]) AND (generation, sequence) <= ($3, $4)`,
      [toText(sale), ids, generation, sequence],
    )
  }

  /**
   * Rows are passed as arrays of columns, of one length, from parameter `first` on. So the
   * statement does not depend on the number of rows.
   *
   * @param repaired Further columns that are updated.
   */
  #upsert(partition: string, first: number, from: string, repaired: readonly string[] = []): string {
    const arrays = UPSERT_TYPES.map((type, i) => `$${first + i}::${type}[]`).join(', ')
    return `
      INSERT INTO ${this.#schema}.reservations AS r (sale, id, partition, buyer, items, state, key, created_at, expires_at,
        payment_id, refund_due, restocked, changed_at, generation, sequence, first_items, changes, ordered_items, ordered_changes, household)
      SELECT moved.sale, n.id, ${partition}, n.buyer, n.items, n.state, n.key, ${time('n.created_at')}, ${time('n.expires_at')},
        n.payment_id, n.refund_due, n.restocked, ${time('n.changed_at')}, n.generation, n.sequence,
        n.first_items, n.changes, n.ordered_items, n.ordered_changes, n.household
      ${from} unnest(${arrays}) AS n (id, buyer, items, state, key, created_at, expires_at, payment_id, refund_due, restocked,
        changed_at, generation, sequence, first_items, changes, ordered_items, ordered_changes, household)
      ON CONFLICT (sale, id) DO UPDATE SET state = excluded.state, expires_at = excluded.expires_at,
        payment_id = coalesce(r.payment_id, excluded.payment_id), refund_due = coalesce(r.refund_due, excluded.refund_due),
        restocked = coalesce(r.restocked, excluded.restocked), changed_at = excluded.changed_at, generation = excluded.generation,
        sequence = excluded.sequence, items = excluded.items, first_items = excluded.first_items, changes = excluded.changes,
        ordered_items = excluded.ordered_items, ordered_changes = excluded.ordered_changes
        ${repaired.map((column) => `, ${column} = excluded.${column}`).join('')}
      WHERE (r.generation, r.sequence) <= (excluded.generation, excluded.sequence)`
  }

  #query(text: string, values: unknown[]): Promise<SqlResult> {
    return this.#pool.query(text, values).catch(explain)
  }
}
