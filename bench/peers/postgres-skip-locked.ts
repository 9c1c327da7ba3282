import type { PoolClient } from 'pg'
import { SKU } from './peer.js'
import { PostgresTransaction } from './postgres-transaction.js'

const UNITS = `
  CREATE TABLE units (id int PRIMARY KEY, sku text NOT NULL, reservation bigint);
  CREATE INDEX ON units (sku, id) WHERE reservation IS NULL;`

/** Each transaction takes the first unit that no other transaction is taking. */
const TAKE_UNIT = `
  UPDATE units SET reservation = $1 WHERE id = (
    SELECT id FROM units WHERE sku = '${SKU}' AND reservation IS NULL
    ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)`

/** One row a unit: no hot row, so transactions do not wait for each other. */
export class PostgresSkipLocked extends PostgresTransaction {
  readonly name = 'postgres-skip-locked'
  readonly label = 'PostgreSQL, one row a unit, SKIP LOCKED'
  /** Each unit is a row that has to be written first. */
  override readonly plenty = 50_000

  constructor(url: string) {
    super(url, 'postgres-skip-locked')
  }

  override async create(units: number): Promise<void> {
    await super.create(units)
    await this.pool.query(UNITS)
    await this.pool.query('INSERT INTO units SELECT n, $1 FROM generate_series(1, $2::int) n', [SKU, units])
    await this.pool.query('VACUUM ANALYZE units')
  }

  protected async takeUnit(client: PoolClient, id: string): Promise<boolean> {
    return (await client.query({ name: 'take', text: TAKE_UNIT, values: [id] })).rowCount === 1
  }

  protected override unitsLeft(): string {
    return 'SELECT count(*) FROM units WHERE reservation IS NULL'
  }
}
