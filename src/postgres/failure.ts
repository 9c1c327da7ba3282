import { driverMessage } from '../driver-error.js'
import { StockholdError } from '../errors.js'

/** undefined_table, invalid_schema_name, undefined_column */
const NO_TABLES: readonly unknown[] = ['42P01', '3F000', '42703']
/** What PostgreSQL says of a failure beside its message, without the values of rows and statements. */
const TELLS = ['code', 'severity', 'schema', 'table', 'column', 'constraint', 'routine'] as const

/** What to do about tables that are not there is known; any other failure is the database's own. */
export function explain(error: unknown): never {
  const cause = stripped(error)
  if (NO_TABLES.includes((cause as { code?: unknown }).code))
    throw new StockholdError(
      'UNSAFE_CONFIG',
      'the tables of the ledger are missing or of another version: call ledger.migrate() first',
      { cause },
    )
  throw cause
}

/**
 * The driver's error without what it may carry along. `detail`, `where` and the like name buyers and keys, and so may the message of a
 * data exception (class 22); a connection error may name a URL with its password.
 */
function stripped(error: unknown): unknown {
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
