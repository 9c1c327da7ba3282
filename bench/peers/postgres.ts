import pg from 'pg'
import { PLENTY } from '../../scripts/lib/load/sale.js'
import { ALL, HOLD_MS, LIMIT, type Peer, SKU, type StoreState } from './peer.js'

/** A hot row is a queue of one: on a few cores, more connections than this only make it slower. */
const CONNECTIONS = 8

/**
 * An update of the stock's row writes a new version of it; with room in its page, no index changes.
 */
const schema = (name: string) => `
  DROP SCHEMA IF EXISTS ${name} CASCADE;
  CREATE SCHEMA ${name};
  CREATE TABLE stock (
    sku text PRIMARY KEY, available int NOT NULL CHECK (available >= 0)
  ) WITH (fillfactor = 10);
  CREATE TABLE buyers (
    buyer text, sku text, taken int NOT NULL, PRIMARY KEY (buyer, sku)
  ) WITH (fillfactor = 80);
  CREATE TABLE reservations (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    buyer text NOT NULL, key text NOT NULL, sku text NOT NULL, quantity int NOT NULL,
    state text NOT NULL DEFAULT 'held', expires_at timestamptz NOT NULL,
    UNIQUE (buyer, key)
  );
  CREATE INDEX ON reservations (expires_at) WHERE state = 'held';`

/**
 * A new reservation, unless buyer and key have one. A background job releases expired holds, by the
 * index.
 */
export const INSERT_RESERVATION = `
  INSERT INTO reservations (buyer, key, sku, quantity, expires_at)
  VALUES ($1, $2, '${SKU}', 1, now() + interval '${HOLD_MS} ms')
  ON CONFLICT (buyer, key) DO NOTHING`

/**
 * Counts a unit for the buyer unless that is one too many. The buyer's row is locked, so the limit
 * is exact.
 */
export const COUNT_FOR_BUYER = `
  INSERT INTO buyers AS known VALUES ($1, '${SKU}', 1)
  ON CONFLICT (buyer, sku) DO UPDATE SET taken = known.taken + 1 WHERE known.taken < ${LIMIT}`

/** The conditional UPDATE: it finds the row only while there is something left. */
export const TAKE_FROM_STOCK = `UPDATE stock SET available = available - 1 WHERE sku = '${SKU}' AND available >= 1`

export interface PostgresPeerOptions {
  /**
   * `off`: the server answers before the disk has it; what was acknowledged last is lost with the
   * power. @default 'on'
   */
  readonly synchronousCommit?: 'on' | 'off'
}

/** What the peers on PostgreSQL share: tables, connections, statements. */
export abstract class PostgresPeer implements Peer {
  abstract readonly name: string
  abstract readonly label: string
  readonly promises = ALL
  readonly callers: number = CONNECTIONS
  readonly plenty: number = PLENTY
  protected readonly pool: pg.Pool
  readonly #schema: string

  constructor(url: string, name: string, { synchronousCommit = 'on' }: PostgresPeerOptions = {}) {
    this.#schema = `peer_${name.replaceAll('-', '_')}`
    this.pool = new pg.Pool({
      connectionString: url,
      max: CONNECTIONS,
      options: `-c search_path=${this.#schema} -c synchronous_commit=${synchronousCommit}`,
    })
    // A connection that breaks while no query uses it is replaced; a query that uses it rejects.
    this.pool.on('error', () => {})
  }

  async create(units: number): Promise<void> {
    await this.pool.query(schema(this.#schema))
    await this.pool.query('INSERT INTO stock VALUES ($1, $2)', [SKU, units])
  }

  abstract reserve(buyer: string, key: string): Promise<'reserved' | 'refused'>

  async state(): Promise<StoreState> {
    const { rows } = await this.pool.query<{ left: number; recorded: number }>(
      `SELECT (${this.unitsLeft()})::int AS left, (SELECT count(*) FROM reservations)::int AS recorded`,
    )
    return rows[0]!
  }

  protected unitsLeft(): string {
    return 'SELECT available FROM stock'
  }

  async close(): Promise<void> {
    await this.pool.query(`DROP SCHEMA IF EXISTS ${this.#schema} CASCADE`)
    await this.pool.end()
  }
}
