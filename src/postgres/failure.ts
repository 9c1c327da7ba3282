import { driverMessage } from '../common/driver-error.js'
import { StockholdError, unavailable } from '../errors.js'
import { type SqlClient, type SqlPool, transaction } from './pool.js'

/** undefined_table, invalid_schema_name, undefined_column */
const NO_TABLES: readonly unknown[] = ['42P01', '3F000', '42703']
/** A refused login, a missing right, a missing database: each lasts until an operator fixes it. */
const REFUSED = /^(28...|42501|3D000)$/
/**
 * The connection, the server's resources, its shutdown, a failure of its system, or a conflict of
 * transactions; and the timeout of an idle transaction.
 */
const PASSING = /^(08...|53...|57...|58...|40...|25P03)$/
/** A failure of Node to connect or to send. */
const NETWORK = /^E[A-Z]+$/
/** How long a transaction may wait for its process, in ms, before PostgreSQL ends it. */
export const MAX_IDLE_MS = 5_000
/**
 * The fields of a PostgreSQL error that are kept beside its message: none has values of rows or
 * statements.
 */
const TELLS = ['code', 'severity', 'schema', 'table', 'column', 'constraint', 'routine'] as const

/**
 * Throws an error that says what to do: if the tables do not exist, if PostgreSQL refuses, and if
 * it cannot be reached. Any other failure is thrown as the database's own.
 */
export function explain(error: unknown): never {
  if (error instanceof StockholdError) throw error
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
  if (isPassing(cause))
    throw unavailable(
      `PostgreSQL cannot be reached, or gave up: ${cause.message}. A repeated call does nothing twice.`,
      cause,
    )
  throw cause
}

/** The driver's own errors, such as that of a connection that broke, have no code. */
function isPassing(cause: Error): boolean {
  const { code } = cause as { code?: unknown }
  if (typeof code === 'string') return PASSING.test(code) || NETWORK.test(code)
  return cause.name === 'Error'
}

/**
 * Runs a write as one transaction, and tells whether it may have been carried out if it fails. A
 * process that stops in the middle holds its locks for some seconds only.
 *
 * @throws UNKNOWN_OUTCOME if only the reply to COMMIT is missing.
 */
export async function writeInTransaction<T>(
  pool: SqlPool,
  work: (client: SqlClient) => Promise<T>,
): Promise<T> {
  let isComplete = false
  try {
    return await transaction(pool, async (client) => {
      await client.query(
        `SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SET LOCAL idle_in_transaction_session_timeout = ${MAX_IDLE_MS}`,
      )
      const result = await work(client)
      isComplete = true
      return result
    })
  } catch (error) {
    if (!isComplete || error instanceof StockholdError) explain(error)
    const cause = stripped(error)
    throw new StockholdError(
      'UNKNOWN_OUTCOME',
      `PostgreSQL did not answer COMMIT (${cause.message}): it was carried out, or nothing was. Repeat the call: it does nothing twice.`,
      { cause },
    )
  }
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
