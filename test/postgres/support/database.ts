import pg from 'pg'
import { afterAll, beforeAll } from 'vitest'
import { type PostgresServer, startPostgres } from '../../../scripts/lib/servers/postgres/server.js'

export interface Database {
  readonly server: PostgresServer
  readonly pool: pg.Pool
  /** A schema that nobody else uses. */
  schema(): string
}

/** A PostgreSQL server of a test file's own. */
export function database(): Database {
  let server: PostgresServer
  let pool: pg.Pool
  let schemas = 0
  beforeAll(async () => {
    server = await startPostgres({ log: console.log })
    pool = poolOf(server)
  })
  afterAll(async () => {
    await pool?.end()
    await server?.stop()
  })
  return {
    get server() {
      return server
    },
    get pool() {
      return pool
    },
    schema: () => `ledger_${++schemas}`,
  }
}

/** Connections that break while nobody uses them are no test's affair. */
export function poolOf(server: PostgresServer): pg.Pool {
  const pool = new pg.Pool({ connectionString: server.url, max: 10 })
  pool.on('error', () => {})
  return pool
}
