/** What is used of `pg`: a `Pool` of it fits, and so does anything that speaks alike. */
export interface SqlPool {
  query(text: string, values?: unknown[]): Promise<SqlResult>
  connect(): Promise<SqlClient>
}

/** A connection of a {@link SqlPool}. */
export interface SqlClient {
  query(text: string, values?: unknown[]): Promise<SqlResult>
  /**
   * `pg` tells of a broken connection by this event, and ends the process where nothing listens.
   */
  on?: ((event: 'error', listener: (error: unknown) => void) => unknown) | undefined
  off?: ((event: 'error', listener: (error: unknown) => void) => unknown) | undefined
  /** `true`: the connection is not to be used again. */
  release(broken?: boolean): void
}

/** What a statement returns. */
export interface SqlResult {
  // biome-ignore lint/suspicious/noExplicitAny: a row is what the statement makes of it
  readonly rows: any[]
}

/**
 * Runs statements as one transaction. A connection on which anything failed is given up: what state
 * it is in nobody knows.
 */
export async function transaction<T>(pool: SqlPool, work: (client: SqlClient) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  // The statement that is under way fails with the connection, or the next one does.
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
