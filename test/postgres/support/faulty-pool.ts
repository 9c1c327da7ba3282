import type { SqlClient, SqlPool } from '../../../src/postgres.js'

/** What a fault does to a statement: it is not sent, or its answer is lost. */
export type Fault = 'refused' | 'answer lost'

/**
 * A pool whose transactions fail once, at the statement of that number: as if the process, the
 * database or the network had failed there. The caller that sees the error closes the connection.
 */
export class FaultyPool implements SqlPool {
  readonly #pool: SqlPool
  #fault: { readonly kind: Fault; readonly at: number } | undefined
  /** The statements of the latest transaction. */
  statements: string[] = []

  constructor(pool: SqlPool) {
    this.#pool = pool
  }

  /** Arms the fault; without one, transactions run as they are. */
  fail(kind: Fault, at: number): void {
    this.#fault = { kind, at }
  }

  query(text: string, values?: unknown[]) {
    return this.#pool.query(text, values)
  }

  async connect(): Promise<SqlClient> {
    const client = await this.#pool.connect()
    this.statements = []
    return {
      query: async (text, values) => {
        const fault = this.#fault?.at === this.statements.length ? this.#fault : undefined
        this.statements.push(text)
        if (fault) this.#fault = undefined
        if (fault?.kind === 'refused') throw new Error('Connection terminated unexpectedly')
        const result = await client.query(text, values)
        if (fault) throw new Error('Connection terminated unexpectedly')
        return result
      },
      release: (broken) => client.release(broken),
    }
  }
}
