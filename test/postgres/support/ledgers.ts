import type pg from 'pg'
import { expect, onTestFinished } from 'vitest'
import type { FlashSale } from '../../../src/index.js'
import { quoted } from '../../../src/postgres/text.js'
import {
  type FollowOptions,
  type LedgerFollower,
  type PostgresLedger,
  postgresLedger,
} from '../../../src/postgres.js'
import type { Database } from './database.js'

/** A ledger in a schema of its own, with its tables, and what a test asks of them. */
export class TestLedger {
  readonly ledger: PostgresLedger
  readonly errors: unknown[] = []
  readonly #followers: LedgerFollower[] = []

  constructor(
    readonly pool: pg.Pool,
    readonly schema: string,
  ) {
    this.ledger = postgresLedger(pool, { schema })
  }

  static async open(database: Database, schema = database.schema()): Promise<TestLedger> {
    const opened = new TestLedger(database.pool, schema)
    await opened.ledger.migrate()
    return opened
  }

  /** Follows until the test ends. What goes wrong is kept in `errors`. */
  async follow(sale: FlashSale, options: FollowOptions = {}): Promise<LedgerFollower> {
    const onError = (error: unknown) => void this.errors.push(error)
    const follower = await this.ledger.follow(sale, { onError, maxPauseMs: 50, ...options })
    onTestFinished(() => follower.close())
    this.#followers.push(follower)
    return follower
  }

  async stopFollowing(): Promise<void> {
    await Promise.all(this.#followers.map((follower) => follower.close()))
  }

  // biome-ignore lint/suspicious/noExplicitAny: a row is what the statement makes of it
  async sql(text: string, values: unknown[] = []): Promise<any[]> {
    return (await this.pool.query(text.replaceAll('$schema', quoted(this.schema)), values)).rows
  }

  /** One column of the rows of a table, in order. */
  async column(table: string, column: string, order = column): Promise<unknown[]> {
    const rows = await this.sql(`SELECT ${column} AS value FROM $schema.${table} ORDER BY ${order}`)
    return rows.map(({ value }) => value)
  }

  /**
   * Fails unless the sale and the ledger say the same, and each event is there once, without a gap.
   */
  async agrees(sale: FlashSale): Promise<number> {
    const found = await this.ledger.reconcile(sale)
    expect(found).toMatchObject({
      missing: { count: 0 },
      differing: { count: 0 },
      unknown: { count: 0 },
      ok: true,
    })
    await this.hasEveryEvent(sale.id)
    return found.checked
  }

  /**
   * Each event of the history once, without a gap; and the reservations are what their events say.
   */
  async hasEveryEvent(sale: string): Promise<void> {
    const gaps = await this.sql(
      `SELECT p.partition, p.sequence, count(e.sequence) AS events, max(e.sequence) AS last
      FROM $schema.positions p LEFT JOIN $schema.events e
        ON e.sale = p.sale AND e.partition = p.partition AND NOT e.superseded
      WHERE p.sale = $1 GROUP BY p.partition, p.sequence
      HAVING count(e.sequence) <> p.sequence OR count(DISTINCT e.sequence) <> p.sequence`,
      [sale],
    )
    expect(gaps).toEqual([])
  }
}
