import { setTimeout as delay } from 'node:timers/promises'
import { type Engine, FlashSale } from '../../../src/index.js'
import type { LedgerFollower } from '../../../src/postgres.js'
import type { Books } from './books.js'
import type { LedgerFindings } from './comparison.js'

/** So long without any progress, and it is a finding. */
const PATIENCE_MS = 30_000
const LOOK_MS = 20

/** Writes the sale into the ledger while it runs, with a handle of its own as in a process of its own. */
export class Bookkeeper {
  readonly #books: Books
  readonly #sale: FlashSale
  readonly #follower: LedgerFollower
  #asking: Promise<void> | undefined
  lag = 0
  events = 0
  batches = 0

  private constructor(books: Books, sale: FlashSale, follower: LedgerFollower) {
    this.#books = books
    this.#sale = sale
    this.#follower = follower
  }

  static async open(books: Books, engine: Engine, name: string): Promise<Bookkeeper> {
    const sale = new FlashSale(name, { engine, deadlineMs: 5_000 })
    return new Bookkeeper(books, sale, await books.ledger.follow(sale, { maxPauseMs: 250 }))
  }

  /** Asks how far the ledger is, unless that is still under way. */
  sample(): Promise<void> {
    this.#asking ??= this.#look()
      // What was last known is good enough to be shown.
      .catch(() => {})
      .finally(() => {
        this.#asking = undefined
      })
    return this.#asking
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
    // To ask the sale tells this handle how far it went.
    await this.#sale.stats()
    let events = -1
    for (let since = performance.now(); performance.now() - since < PATIENCE_MS; ) {
      await this.#look()
      if (this.lag === 0) break
      if (this.events !== events) since = performance.now()
      events = this.events
      await delay(LOOK_MS)
    }
    const { checked, missing, differing, unknown, lostEvents } = await this.#books.ledger.reconcile(
      this.#sale,
    )
    const wrong = missing.count + differing.count + unknown.count + lostEvents
    return { rows: await this.#books.rowsOf(this.#sale.id, 'this'), compared: checked, wrong }
  }

  async close(): Promise<void> {
    await this.#follower.close()
    await this.#sale.close()
  }
}
