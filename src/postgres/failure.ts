import { driverMessage } from '../common/driver-error.js'
import { StockholdError, unavailable } from '../errors.js'

/** undefined_table, invalid_schema_name, undefined_column */
const NO_TABLES: readonly unknown[] = ['42P01', '3F000', '42703']
/** A refused login, a missing right, a missing database: each lasts until an operator fixes it. */
const REFUSED = /^(28...|42501|3D000)$/
/**
 * The fields of a PostgreSQL error that are kept beside its message: none has values of rows or
 * statements.
 */
const TELLS = ['code', 'severity', 'schema', 'table', 'column', 'constraint', 'routine'] as const

/**
 * Throws an error that says what to do if the tables do not exist, or if the failure does not pass
 * by itself. Any other failure is thrown as the database's own.
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
 * The driver's error without sensitive content. `detail`, `where` and similar fields contain buyers
 * and keys, and so may the message of a data exception (class 22); a connection error may contain a
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
