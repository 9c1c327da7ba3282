import { StockholdError } from '../errors.js'
import { explain } from './failure.js'
import { migrations } from './migrations.js'
import { type SqlPool, transaction } from './pool.js'
import { quoted } from './text.js'

/** The key of the advisory lock for migrations: any number, as long as it is always the same. */
const LOCK = 5_704_911_033

/**
 * Creates the tables, or updates them. If several processes call it at once, one of them does the
 * work.
 */
export async function migrate(pool: SqlPool, name: string): Promise<void> {
  const schema = quoted(name)
  const making = transaction(pool, async (client) => {
    await client.query(`SELECT pg_advisory_xact_lock(${LOCK})`)
    const { rows: encoded } = await client.query(`SELECT current_setting('server_encoding') AS encoding`)
    if (encoded[0].encoding !== 'UTF8')
      throw new StockholdError(
        'UNSAFE_CONFIG',
        `the database's encoding must be UTF8, not ${encoded[0].encoding}: it could not hold every id`,
      )
    // Not "IF NOT EXISTS": that needs the right to create schemas even if the schema exists.
    const { rows: found } = await client.query('SELECT FROM pg_namespace WHERE nspname = $1', [name])
    if (found.length === 0) await client.query(`CREATE SCHEMA ${schema}`)
    await client.query(
      `CREATE TABLE IF NOT EXISTS ${schema}.migrations (
        version int PRIMARY KEY, migrated_at timestamptz NOT NULL DEFAULT now()
      )`,
    )
    const { rows } = await client.query(
      `SELECT coalesce(max(version), 0)::int AS version FROM ${schema}.migrations`,
    )
    const version = Number(rows[0].version)
    if (version > migrations.length)
      throw new StockholdError(
        'UNSAFE_CONFIG',
        `the ledger's tables are of version ${version}: this stockhold knows ${migrations.length}`,
      )
    for (const [i, statements] of migrations.entries()) {
      if (i < version) continue
      await client.query(statements(schema))
      await client.query(`INSERT INTO ${schema}.migrations (version) VALUES ($1)`, [i + 1])
    }
  })
  await making.catch(explain)
}
