import type { Engine } from '../../../src/index.js'
import { Bank } from '../../fulfilment/bank.js'
import { fulfilment } from '../../fulfilment/fulfilment.js'
import { Warehouse } from '../../fulfilment/warehouse.js'
import { contentsOf, type FulfilmentResult } from './comparison.js'
import type { LedgerDatabase } from './ledger-database.js'
import { LedgerWriter } from './ledger-writer.js'
import { UnreliableServices } from './unreliable-services.js'
import { Workers } from './workers.js'

export interface FulfilmentOptions {
  readonly units: number
  readonly seed: number
  readonly loseParcels: number
}

const SAMPLE_MS = 250
/** The share of the stock after which one of the workers crashes. */
const CRASH_AT = 1 / 3

/**
 * What happens behind the sale while buyers buy: parcels are packed, money is refunded, the ledger
 * is written.
 */
export class Fulfilment {
  readonly warehouse = new Warehouse()
  readonly bank = new Bank()
  readonly services: UnreliableServices
  readonly workers: Workers
  readonly ledgerWriter: LedgerWriter | undefined
  readonly #units: number
  readonly #timer: NodeJS.Timeout

  private constructor(
    engine: Engine,
    sale: string,
    options: FulfilmentOptions,
    ledgerWriter: LedgerWriter | undefined,
  ) {
    this.#units = options.units
    this.services = new UnreliableServices(this.warehouse, this.bank, options.seed, options.loseParcels)
    this.workers = new Workers(engine, sale, fulfilment(this.services, this.services))
    this.ledgerWriter = ledgerWriter
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS)
    this.#timer.unref()
  }

  static async open(
    engine: Engine,
    sale: string,
    options: FulfilmentOptions,
    database: LedgerDatabase | string,
  ): Promise<Fulfilment> {
    const ledgerWriter =
      typeof database === 'string' ? undefined : await LedgerWriter.open(database, engine, sale)
    return new Fulfilment(engine, sale, options, ledgerWriter)
  }

  #sample(): void {
    void this.workers.sample()
    void this.ledgerWriter?.sample()
    if (this.warehouse.units > this.#units * CRASH_AT) void this.workers.kill().catch(() => {})
  }

  /** After the sale: handles the remaining events, ships the parcels, and answers the result. */
  async finish(): Promise<FulfilmentResult> {
    const caughtUp = await this.workers.finish()
    const ledger = await this.ledgerWriter?.finish()
    this.warehouse.ship()
    return { ...contentsOf(this.warehouse, this.bank), caughtUp, dead: this.workers.dead, ledger }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.workers.close()
    await this.ledgerWriter?.close()
  }
}
