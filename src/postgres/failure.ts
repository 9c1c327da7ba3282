import { driverMessage } from '../common/driver-error.js'
import { StockholdError, unavailable } from '../errors.js'

/** undefined_table, invalid_schema_name, undefined_column */
const NO_TABLES: readonly unknown[] = ['42P01', '3F000', '42703']
/**
 * A login that is refused, a right that is missing, a database that is not there: until one of them
 * is put right.
 */
const REFUSED = /^(28...|42501|3D000)$/
/**
 * What PostgreSQL says of a failure beside its message, without the values of rows and statements.
 */
const TELLS = ['code', 'severity', 'schema', 'table', 'column', 'constraint', 'routine'] as const

/**
 * What to do about tables that are not there is known, and what does not heal by itself; any other
 * failure is the database's own.
 */
export function explain(error: unknown): never {
  const cause = stripped(error)
  const { code } = cause as { code?: unknown }
  if (typeof code === 'string' && REFUSED.test(code))
    throw unavailable(`PostgreSQL refused: ${cause.message} (${code}). Nothing was written.`, cause, {
      retryable: false,
    })
  if (NO_TABLES.includes(code))
    throw new StockholdError(
      'UNSAFE_CONFIG',
      'the tables of the ledger are missing or of another version: call ledger.migrate() first',
      { cause },
    )
  throw cause
}

/**
 * The driver's error without what it may carry along. `detail`, `where` and the like name buyers
 * and keys, and so may the message of a data exception (class 22); a connection error may name a
 * URL with its password.
 */
function stripped(error: unknown): Error {
  if (error instanceof StockholdError) return error
  if (!(error instanceof Error)) return new Error('PostgreSQL failed')
  const given = error as Error & { readonly [K in (typeof TELLS)[number]]?: unknown }
  const { code } = given
  const isData = typeof code === 'string' && /^22...$/.test(code)
  const message = isData ? `data exception (${code})` : driverMessage(error)
  const kept = new Error(message)
  kept.name = error.name
  delete kept.stack
  for (const key of TELLS) if (given[key] !== undefined) Object.assign(kept, { [key]: given[key] })
  return kept
}
