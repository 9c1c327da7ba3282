import { explain, MAX_IDLE_MS } from './failure.js'
import { type SqlPool, type SqlResult, transaction } from './pool.js'

const SETTINGS = `SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL jit = off;
  SET LOCAL idle_in_transaction_session_timeout = ${MAX_IDLE_MS}`

/**
 * Reads by the index that the statement is made for. Right after a rush the planner knows nothing
 * of a table: of a million reservations it would read and sort all, for each page of them. A
 * lateral subquery with OFFSET 0 is executed for one row after another; without it the planner may
 * read all rows, and join them.
 */
export function readByIndex(pool: SqlPool, text: string, values: unknown[]): Promise<SqlResult> {
  const reading = transaction(pool, async (client) => {
    await client.query(SETTINGS)
    return client.query(text, values)
  })
  return reading.catch(explain)
}
