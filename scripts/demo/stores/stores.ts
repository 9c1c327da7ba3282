import { type Engine, type EventHandler, FlashSale } from '../../../src/index.js'
import { Bank } from '../../fulfilment/bank.js'
import { fulfilment } from '../../fulfilment/fulfilment.js'
import { Rota } from '../../fulfilment/rota.js'
import { visit } from '../../fulfilment/visit.js'
import { Warehouse } from '../../fulfilment/warehouse.js'
import { type Books, CONNECTIONS } from '../handoff/books.js'
import { contentsOf, type HandedOn } from '../handoff/comparison.js'
import { Trouble } from '../handoff/trouble.js'
import { settings } from '../handoff/workers.js'
import { SALE } from '../launch/buyers.js'
import { Crowd } from '../launch/crowd.js'
import type { LaunchOptions } from '../options.js'
import { Shoppers } from './shoppers.js'
import { StoreBooks } from './store-books.js'
import { basketOf, ORDERS_PER_STORE, stockOf } from './store-plan.js'

/** Shoppers of all stores whose request is under way. */
const SHOPPERS = 400
/** Stores that are made, or looked at, at a time. */
const AT_ONCE = 64
/** Stores whose orders are handed on at a time, and how long each gathers some. */
const HANDS = 32
const GATHER_MS = 5_000

export interface StoresEnd {
  readonly handed: HandedOn
  /** What single stores got wrong: the first of it, and of how many. */
  readonly faults: readonly string[]
}

/** Thousands of sales on the engine of the launch. Each has one handle, open all evening, and a visit now and then. */
export class Stores {
  readonly warehouse = new Warehouse()
  readonly bank = new Bank()
  readonly trouble: Trouble
  readonly rota: Rota<number>
  readonly books: StoreBooks
  readonly count: number
  /** Stores that are compared with the ledger by now. */
  compared = 0
  readonly #sales: readonly FlashSale[]
  readonly #skus: readonly (readonly string[])[]
  readonly #handler: EventHandler
  readonly #options: LaunchOptions
  readonly #ledger: Books | undefined

  private constructor(engine: Engine, options: LaunchOptions, ledger: Books | undefined) {
    const { stores, seed } = options
    this.count = stores
    this.#options = options
    this.#ledger = ledger
    this.books = new StoreBooks(stores)
    this.trouble = new Trouble(this.warehouse, this.bank, seed + 1)
    this.#handler = fulfilment(this.trouble, this.trouble)
    this.rota = new Rota((store) => visit(this.#sales[store]!, settings, this.#handler), {
      atOnce: HANDS,
      afterMs: GATHER_MS,
    })
    this.#sales = Array.from(
      { length: stores },
      (_, store) => new FlashSale(`store-${store}`, { engine, deadlineMs: 5_000 }),
    )
    this.#skus = this.#sales.map((_, store) => Object.keys(stockOf(seed, store, stores)))
  }

  static async open(engine: Engine, options: LaunchOptions, ledger: Books | string): Promise<Stores> {
    const stores = new Stores(engine, options, typeof ledger === 'string' ? undefined : ledger)
    await stores.#each(AT_ONCE, async (sale, store) => {
      const stock = stockOf(options.seed, store, stores.count)
      await sale.create({ stock, holdMs: options.holdMs })
    })
    return stores
  }

  get orders(): number {
    return this.count * ORDERS_PER_STORE
  }

  /** Until everybody has got what they wanted, or went without. */
  async sell(): Promise<void> {
    const { seed, holdMs } = this.#options
    const crowd = new Crowd(SHOPPERS)
    const shoppers = new Shoppers({
      sales: this.#sales,
      crowd,
      books: this.books,
      seed,
      holdMs,
      basket: (order) => basketOf(seed, order, this.count, (store) => this.#skus[store]!),
      onOrder: (store) => this.rota.tell(store),
    })
    await crowd.run(shoppers.arrivals(this.orders))
  }

  /** After the last order: hands on what is left, looks at every store, and compares each with the ledger. */
  async finish(): Promise<StoresEnd> {
    await this.rota.finish()
    await this.#each(AT_ONCE, async (sale, store) => {
      if (await isBehind(sale)) this.rota.tell(store)
    })
    await this.rota.finish()
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
    const handed = { ...contentsOf(this.warehouse, this.bank), caughtUp: behind === 0, dead, ledger }
    return { handed, faults }
  }

  async close(): Promise<void> {
    await Promise.all(this.#sales.map((sale) => sale.close()))
  }

  async #faultsOf(sale: FlashSale, store: number): Promise<string[]> {
    const { skus } = await sale.stats()
    const audit = await sale.audit()
    const confirmed = Object.values(skus).reduce((sum, counts) => sum + counts.confirmed, 0)
    const told = this.books.confirmedIn[store]!
    return [
      ...audit.violations.map(({ message }) => `${sale.id}: ${message}`),
      ...(confirmed === told
        ? []
        : [`${sale.id}: counts ${confirmed} units as sold, buyers were told ${told}`]),
    ]
  }

  /** The bookkeeper comes when the stores have closed: to compare a sale with the ledger writes what that does not have yet. */
  async #compare(): Promise<HandedOn['ledger']> {
    const books = this.#ledger
    if (!books) return undefined
    let compared = 0
    let wrong = 0
    await this.#each(CONNECTIONS, async (sale) => {
      const found = await books.ledger.reconcile(sale)
      compared += found.checked
      wrong += found.missing.count + found.differing.count + found.unknown.count + found.lostEvents
      this.compared++
    })
    return { rows: await books.rowsOf(SALE, 'others'), compared, wrong }
  }

  async #each(atOnce: number, work: (sale: FlashSale, store: number) => Promise<void>): Promise<void> {
    const stores = this.#sales.entries()
    const hand = async () => {
      for (const [store, sale] of stores) await work(sale, store)
    }
    await Promise.all(Array.from({ length: atOnce }, hand))
  }
}

async function isBehind(sale: FlashSale): Promise<boolean> {
  const group = (await sale.consumerGroups()).find((one) => one.group === settings.group)
  if (group) return group.lag + group.parked > 0
  // Nobody has visited it yet: whatever it has is new.
  return true
}
