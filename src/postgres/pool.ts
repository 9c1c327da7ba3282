/** The part of `pg` that is used: a `Pool` of it fits, and so does any compatible object. */
export interface SqlPool {
  query(text: string, values?: unknown[]): Promise<SqlResult>
  connect(): Promise<SqlClient>
}

/** A connection of a {@link SqlPool}. */
export interface SqlClient {
  query(text: string, values?: unknown[]): Promise<SqlResult>
  /** `pg` emits this event for a broken connection, and ends the process if it has no listener. */
  on?: ((event: 'error', listener: (error: unknown) => void) => unknown) | undefined
  off?: ((event: 'error', listener: (error: unknown) => void) => unknown) | undefined
  /** `true`: the connection must not be used again. */
  release(broken?: boolean): void
}

/** The result of a statement. */
export interface SqlResult {
  // biome-ignore lint/suspicious/noExplicitAny: a row is what the statement makes of it
  readonly rows: any[]
}

/**
 * Runs statements as one transaction. If anything fails on a connection, the connection is closed,
 * because its state is unknown.
 */
export async function transaction<T>(pool: SqlPool, work: (client: SqlClient) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  // The current statement fails with the connection, or the next one does.
  const ignore = () => {}
  client.on?.('error', ignore)
  let broken = true
  try {
    await client.query('BEGIN')
    const result = await work(client)
    await client.query('COMMIT')
    broken = false
    return result
  } finally {
    client.off?.('error', ignore)
    client.release(broken)
  }
}
