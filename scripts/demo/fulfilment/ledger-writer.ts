import { setTimeout as delay } from 'node:timers/promises'
import { type Engine, FlashSale } from '../../../src/index.js'
import type { LedgerFollower } from '../../../src/postgres.js'
import { sampler } from '../sampler.js'
import type { LedgerFindings } from './comparison.js'
import type { LedgerDatabase } from './ledger-database.js'

/** Without any progress for this long the ledger is stuck. */
const STALL_MS = 30_000
const LOOK_MS = 20

/**
 * Writes the sale into the ledger while the sale runs, with its own handle, as in another process.
 */
export class LedgerWriter {
  readonly #database: LedgerDatabase
  readonly #sale: FlashSale
  readonly #follower: LedgerFollower
  /** Samples the ledger. */
  readonly sample = sampler(() => this.#look())
  lag = 0
  events = 0
  batches = 0

  private constructor(database: LedgerDatabase, sale: FlashSale, follower: LedgerFollower) {
    this.#database = database
    this.#sale = sale
    this.#follower = follower
  }

  static async open(database: LedgerDatabase, engine: Engine, name: string): Promise<LedgerWriter> {
    const sale = new FlashSale(name, { engine, deadlineMs: 20_000 })
    return new LedgerWriter(database, sale, await database.ledger.follow(sale, { maxPauseMs: 250 }))
  }

  async #look(): Promise<void> {
    const { partitions } = await this.#follower.stats()
    const sum = (key: 'lag' | 'written' | 'batches') => partitions.reduce((total, one) => total + one[key], 0)
    this.lag = sum('lag')
    this.events = sum('written')
    this.batches = sum('batches')
  }

  /** Waits until everything is written, then compares, reservation by reservation. */
  async finish(): Promise<LedgerFindings> {
    // This call tells the handle how far the sale has gone.
    await this.#sale.stats()
    let events = -1
    for (let since = performance.now(); performance.now() - since < STALL_MS; ) {
      await this.#look()
      if (this.lag === 0) break
      if (this.events !== events) since = performance.now()
      events = this.events
      await delay(LOOK_MS)
    }
    const { checked, missing, differing, unknown, lostEvents } = await this.#database.ledger.reconcile(
      this.#sale,
    )
    const wrong = missing.count + differing.count + unknown.count + lostEvents
    return { rows: await this.#database.rowsOf(this.#sale.id, 'this'), compared: checked, wrong }
  }

  async close(): Promise<void> {
    await this.#follower.close()
    await this.#sale.close()
  }
}
