import type { PoolClient } from 'pg'
import { COUNT_FOR_BUYER, INSERT_RESERVATION, PostgresPeer } from './postgres.js'

/** An interactive transaction, as most services have it: one round trip for each statement. */
export abstract class PostgresTransaction extends PostgresPeer {
  /** Takes one unit for this reservation, if there is one. */
  protected abstract takeUnit(client: PoolClient, id: string): Promise<boolean>

  async reserve(buyer: string, key: string) {
    const client = await this.pool.connect()
    let broken = true
    try {
      await client.query('BEGIN')
      const reserved = await this.#reserve(client, buyer, key)
      await client.query(reserved ? 'COMMIT' : 'ROLLBACK')
      broken = false
      return reserved ? 'reserved' : 'refused'
    } finally {
      client.release(broken)
    }
  }

  /** The order keeps the hot row for last, and so locked for the shortest time. */
  async #reserve(client: PoolClient, buyer: string, key: string): Promise<boolean> {
    const text = `${INSERT_RESERVATION} RETURNING id`
    const made = await client.query({ name: 'insert', text, values: [buyer, key] })
    if (made.rowCount === 0) return true // this key made one before
    const counted = await client.query({ name: 'count', text: COUNT_FOR_BUYER, values: [buyer] })
    return counted.rowCount === 1 && this.takeUnit(client, made.rows[0].id)
  }
}
