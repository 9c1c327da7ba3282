import pg from 'pg'
import { type PostgresLedger, postgresLedger } from '../../../src/postgres.js'
import { startPostgres } from '../../lib/servers/postgres/server.js'

export interface Rows {
  readonly orders: number
  readonly units: number
}

/** What the tables of the ledger have of some sales. */
export interface LedgerRows {
  readonly confirmed: Rows
  readonly refunded: Rows
  readonly refundDue: number
}

/** The ledger in PostgreSQL, and its server. */
export interface LedgerDatabase {
  readonly ledger: PostgresLedger
  /** Counts with SQL: of that sale, or of all other sales. */
  rowsOf(sale: string, which: 'this' | 'others'): Promise<LedgerRows>
  /** Orders of that sale that are paid for and not received. */
  openOrders(sale: string): Promise<number>
  close(): Promise<void>
}

/** Connections of the ledger, and stores that are compared at a time. */
export const CONNECTIONS = 8

/**
 * Answers why there is no ledger if PostgreSQL cannot be started: the rest of the demo does not
 * need it.
 */
export async function openLedgerDatabase(
  log: (line: string) => void,
  start = startPostgres,
): Promise<LedgerDatabase | string> {
  const server = await start({ log: (line) => line.includes('download') && log(line) }).catch(reason)
  if (typeof server === 'string') return server
  const pool = new pg.Pool({ connectionString: server.url, max: CONNECTIONS })
  // A connection that breaks while no query uses it is replaced with the next query.
  pool.on('error', () => {})
  const close = async () => {
    await pool.end()
    await server.stop()
  }
  const ledger = postgresLedger(pool)
  try {
    await ledger.migrate()
  } catch (error) {
    await close()
    throw error
  }
  const openOrders = async (sale: string) => {
    const text = 'SELECT count(*)::int AS count FROM stockhold.open_orders WHERE sale = $1'
    return (await pool.query(text, [sale])).rows[0].count
  }
  return { ledger, rowsOf: (...which) => rowsOf(pool, ...which), openOrders, close }
}

/** The message lists all that was tried; here it matters what to do. */
function reason({ message }: Error): string {
  const why = /none could be found/.test(message)
    ? 'no PostgreSQL on this machine, and none could be downloaded'
    : `PostgreSQL did not start (${message.split('\n')[0]!.slice(0, 120)})`
  return `${why}. Install one, such as apt-get install postgresql, or take --no-ledger`
}

async function rowsOf(pool: pg.Pool, sale: string, which: 'this' | 'others'): Promise<LedgerRows> {
  const those = which === 'this' ? 'sale = $1' : 'sale <> $1'
  const lines = await pool.query(
    `SELECT state, count(DISTINCT (sale, id))::int AS orders, sum(quantity)::int AS units
    FROM stockhold.lines WHERE ${those} AND state IN ('confirmed', 'refunded') GROUP BY state`,
    [sale],
  )
  const due = await pool.query(
    `SELECT count(*)::int AS count FROM stockhold.events WHERE ${those} AND type = 'refund_due' AND NOT superseded`,
    [sale],
  )
  const of = (state: string): Rows => {
    const row = lines.rows.find((one) => one.state === state)
    return { orders: row?.orders ?? 0, units: row?.units ?? 0 }
  }
  return { confirmed: of('confirmed'), refunded: of('refunded'), refundDue: due.rows[0].count }
}
