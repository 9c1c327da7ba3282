import { type Engine, type EventHandler, FlashSale } from '../../../src/index.js'
import { Bank } from '../../fulfilment/bank.js'
import { fulfilment } from '../../fulfilment/fulfilment.js'
import { PollScheduler } from '../../fulfilment/poll-scheduler.js'
import { visit } from '../../fulfilment/visit.js'
import { Warehouse } from '../../fulfilment/warehouse.js'
import { contentsOf, type FulfilmentResult } from '../fulfilment/comparison.js'
import { CONNECTIONS, type LedgerDatabase } from '../fulfilment/ledger-database.js'
import { UnreliableServices } from '../fulfilment/unreliable-services.js'
import { settings } from '../fulfilment/workers.js'
import { BuyerScheduler } from '../launch/buyer-scheduler.js'
import { SALE } from '../launch/buyers.js'
import type { LaunchOptions } from '../options.js'
import { ExpectedStores } from './expected-stores.js'
import { Shoppers } from './shoppers.js'
import { basketOf, ORDERS_PER_STORE, stockOf } from './store-plan.js'

/** Buyers of all stores whose requests are under way at a time. */
const SHOPPERS = 400
/** Stores that are created or checked at a time. */
const AT_ONCE = 64
/**
 * Stores whose orders are fulfilled at a time, and how long a store collects orders before a visit.
 */
const VISITS = 32
const GATHER_MS = 5_000

export interface StoresEnd {
  readonly fulfilled: FulfilmentResult
  /** The faults of single stores. */
  readonly faults: readonly string[]
}

/**
 * Thousands of sales on the engine of the launch. Each has one handle for the evening, and visits
 * of a consumer.
 */
export class Stores {
  readonly warehouse = new Warehouse()
  readonly bank = new Bank()
  readonly services: UnreliableServices
  readonly pollScheduler: PollScheduler<number>
  readonly expected: ExpectedStores
  readonly count: number
  /** Stores that are compared with the ledger so far. */
  compared = 0
  readonly #sales: readonly FlashSale[]
  readonly #skus: readonly (readonly string[])[]
  readonly #handler: EventHandler
  readonly #options: LaunchOptions
  readonly #database: LedgerDatabase | undefined

  private constructor(engine: Engine, options: LaunchOptions, database: LedgerDatabase | undefined) {
    const { stores, seed } = options
    this.count = stores
    this.#options = options
    this.#database = database
    this.expected = new ExpectedStores(stores)
    this.services = new UnreliableServices(this.warehouse, this.bank, seed + 1)
    this.#handler = fulfilment(this.services, this.services)
    this.pollScheduler = new PollScheduler((store) => visit(this.#sales[store]!, settings, this.#handler), {
      atOnce: VISITS,
      afterMs: GATHER_MS,
    })
    this.#sales = Array.from(
      { length: stores },
      (_, store) => new FlashSale(`store-${store}`, { engine, deadlineMs: 20_000 }),
    )
    this.#skus = this.#sales.map((_, store) => Object.keys(stockOf(seed, store, stores)))
  }

  static async open(
    engine: Engine,
    options: LaunchOptions,
    database: LedgerDatabase | string,
  ): Promise<Stores> {
    const stores = new Stores(engine, options, typeof database === 'string' ? undefined : database)
    await stores.#each(AT_ONCE, async (sale, store) => {
      const stock = stockOf(options.seed, store, stores.count)
      await sale.create({ stock, holdMs: options.holdMs })
    })
    return stores
  }

  get orders(): number {
    return this.count * ORDERS_PER_STORE
  }

  /** Resolves when all orders of all buyers are over. */
  async sell(): Promise<void> {
    const { seed, holdMs } = this.#options
    const scheduler = new BuyerScheduler(SHOPPERS)
    const shoppers = new Shoppers({
      sales: this.#sales,
      scheduler,
      expected: this.expected,
      seed,
      holdMs,
      basket: (order) => basketOf(seed, order, this.count, (store) => this.#skus[store]!),
      onOrder: (store) => this.pollScheduler.tell(store),
    })
    await scheduler.run(shoppers.arrivals(this.orders))
  }

  /**
   * After the last order: fulfils the remaining orders, checks every store, and compares it with
   * the ledger.
   */
  async finish(): Promise<StoresEnd> {
    await this.pollScheduler.finish()
    await this.#each(AT_ONCE, async (sale, store) => {
      if (await isBehind(sale)) this.pollScheduler.tell(store)
    })
    await this.pollScheduler.finish()
    const faults: string[] = []
    let dead = 0
    let behind = 0
    await this.#each(AT_ONCE, async (sale, store) => {
      faults.push(...(await this.#faultsOf(sale, store)))
      for (const group of await sale.consumerGroups()) dead += group.dead
      if (await isBehind(sale)) behind++
    })
    const ledger = await this.#compare()
    this.warehouse.ship()
    const fulfilled = { ...contentsOf(this.warehouse, this.bank), caughtUp: behind === 0, dead, ledger }
    return { fulfilled, faults }
  }

  async close(): Promise<void> {
    await Promise.all(this.#sales.map((sale) => sale.close()))
  }

  async #faultsOf(sale: FlashSale, store: number): Promise<string[]> {
    const { skus } = await sale.stats()
    const audit = await sale.audit()
    const confirmed = Object.values(skus).reduce((sum, counts) => sum + counts.confirmed, 0)
    const told = this.expected.confirmedIn[store]!
    return [
      ...audit.violations.map(({ message }) => `${sale.id}: ${message}`),
      ...(confirmed === told ? [] : [`${sale.id}: has ${confirmed} confirmed units, buyers know of ${told}`]),
    ]
  }

  /**
   * The ledger is written when the stores have closed: `reconcile` writes what it does not have
   * yet.
   */
  async #compare(): Promise<FulfilmentResult['ledger']> {
    const database = this.#database
    if (!database) return undefined
    let compared = 0
    let wrong = 0
    await this.#each(CONNECTIONS, async (sale) => {
      const found = await database.ledger.reconcile(sale)
      compared += found.checked
      wrong += found.missing.count + found.differing.count + found.unknown.count + found.lostEvents
      this.compared++
    })
    return { rows: await database.rowsOf(SALE, 'others'), compared, wrong }
  }

  async #each(atOnce: number, work: (sale: FlashSale, store: number) => Promise<void>): Promise<void> {
    const stores = this.#sales.entries()
    const worker = async () => {
      for (const [store, sale] of stores) await work(sale, store)
    }
    await Promise.all(Array.from({ length: atOnce }, worker))
  }
}

async function isBehind(sale: FlashSale): Promise<boolean> {
  const group = (await sale.consumerGroups()).find((one) => one.group === settings.group)
  if (group) return group.lag + group.parked > 0
  // Without a group no consumer has visited the store yet.
  return true
}
