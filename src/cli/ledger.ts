import { type PostgresLedger, postgresLedger } from '../postgres/ledger.js'
import { MissingDependencyError } from '../testing/fast-check.js'
import { BadUsage, type Given } from './command.js'

/** A ledger, and the end of its connections. */
export interface OpenLedger {
  readonly ledger: PostgresLedger
  close(): Promise<void>
}

/** The ledger that the options name; `undefined` if they name none. @throws {BadUsage} */
export async function openLedger(given: Given, env: NodeJS.ProcessEnv): Promise<OpenLedger | undefined> {
  const url = given.text('postgres') ?? env.POSTGRES_URL
  const schema = given.text('schema')
  if (url === undefined || url === '') {
    if (schema !== undefined) throw new BadUsage('--schema needs --postgres URL')
    return undefined
  }
  if (!/^postgres(ql)?:\/\/./.test(url)) throw new BadUsage('--postgres must be a postgres:// URL')
  const pg = await import('pg').catch((error) => {
    throw error.code === 'ERR_MODULE_NOT_FOUND' ? new MissingDependencyError('pg', error) : error
  })
  const pool = new pg.default.Pool({ connectionString: url, max: 4, connectionTimeoutMillis: 5_000 })
  // An idle connection that breaks is replaced: its error concerns no call.
  pool.on('error', () => {})
  return { ledger: postgresLedger(pool, { schema }), close: () => pool.end() }
}
