import type { PoolClient } from 'pg'
import { type PostgresPeerOptions, TAKE_FROM_STOCK } from './postgres.js'
import { PostgresTransaction } from './postgres-transaction.js'

export class PostgresUpdate extends PostgresTransaction {
  readonly name: string
  readonly label: string

  constructor(url: string, options: PostgresPeerOptions = {}) {
    const lazy = options.synchronousCommit === 'off'
    const name = lazy ? 'postgres-update-async' : 'postgres-update'
    super(url, name, options)
    this.name = name
    this.label = `PostgreSQL, conditional UPDATE${lazy ? ', synchronous_commit off' : ''}`
  }

  protected async takeUnit(client: PoolClient): Promise<boolean> {
    return (await client.query({ name: 'take', text: TAKE_FROM_STOCK })).rowCount === 1
  }
}
