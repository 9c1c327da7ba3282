import type { Engine } from '../../../src/index.js'
import { Bank } from '../../fulfilment/bank.js'
import { fulfilment } from '../../fulfilment/fulfilment.js'
import { Warehouse } from '../../fulfilment/warehouse.js'
import type { Books } from './books.js'
import { contentsOf, type HandedOn } from './comparison.js'
import { Bookkeeper } from './follower.js'
import { Trouble } from './trouble.js'
import { Workers } from './workers.js'

export interface HandoffOptions {
  readonly units: number
  readonly seed: number
  readonly loseParcels: number
}

const SAMPLE_MS = 250
/** When so much of the stock is packed, one of the workers dies. */
const DEATH_AT = 1 / 3

/** What happens behind the sale while the crowd buys: parcels are packed, money goes back, the books are kept. */
export class Handoff {
  readonly warehouse = new Warehouse()
  readonly bank = new Bank()
  readonly trouble: Trouble
  readonly workers: Workers
  readonly bookkeeper: Bookkeeper | undefined
  readonly #units: number
  readonly #timer: NodeJS.Timeout

  private constructor(
    engine: Engine,
    sale: string,
    options: HandoffOptions,
    bookkeeper: Bookkeeper | undefined,
  ) {
    this.#units = options.units
    this.trouble = new Trouble(this.warehouse, this.bank, options.seed, options.loseParcels)
    this.workers = new Workers(engine, sale, fulfilment(this.trouble, this.trouble))
    this.bookkeeper = bookkeeper
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS)
    this.#timer.unref()
  }

  static async open(
    engine: Engine,
    sale: string,
    options: HandoffOptions,
    books: Books | string,
  ): Promise<Handoff> {
    const bookkeeper = typeof books === 'string' ? undefined : await Bookkeeper.open(books, engine, sale)
    return new Handoff(engine, sale, options, bookkeeper)
  }

  #sample(): void {
    void this.workers.sample()
    void this.bookkeeper?.sample()
    if (this.warehouse.units > this.#units * DEATH_AT) void this.workers.kill().catch(() => {})
  }

  /** The crowd is gone: deals with all that is left, has the van take the parcels, and answers what has become of everything. */
  async finish(): Promise<HandedOn> {
    const caughtUp = await this.workers.finish()
    const ledger = await this.bookkeeper?.finish()
    this.warehouse.ship()
    return { ...contentsOf(this.warehouse, this.bank), caughtUp, dead: this.workers.dead, ledger }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.workers.close()
    await this.bookkeeper?.close()
  }
}
