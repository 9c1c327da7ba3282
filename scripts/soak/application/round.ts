import { type Engine, FlashSale, redisEngine, WaitingRoom } from '../../../src/index.js'
import { type Random, random } from '../../lib/random.js'
import type { ClosedSale } from '../messages.js'
import type { Calls } from './calls.js'
import { type ApplicationContext, DEADLINE_MS, type OpenSale, type Until } from './context.js'
import { consume, followWithLedger } from './followers.js'
import type { LongLived } from './long-lived.js'
import { shop } from './shopper.js'
import { visit } from './visitor.js'

const STOCK = { phone: 40, case: 400 }
const RULES = { stock: STOCK, limitPerBuyer: { phone: 3 }, holdMs: 700, maxHoldMs: 3_000 }
/** The deadline of a handle that gives up most calls before Redis answers. ms */
const HASTY_MS = 3
const SHOPPERS = 3
const VISITORS = 4

/**
 * Opens sales, a waiting room, consumers and followers, uses them for a while, and closes them all.
 */
export class Round implements Until {
  isOver = false
  readonly #app: ApplicationContext
  readonly #longLived: LongLived
  readonly #number: number
  readonly #calls: Calls
  readonly #sales: (OpenSale & { readonly ledger: boolean })[] = []
  readonly #closing: (() => Promise<void>)[] = []
  #actors = 0

  constructor(app: ApplicationContext, longLived: LongLived, number: number) {
    this.#app = app
    this.#longLived = longLived
    this.#number = number
    this.#calls = app.calls
  }

  /** Answers what its sales have sold. */
  async run(ms: number): Promise<readonly ClosedSale[]> {
    const timer = setTimeout(() => {
      this.isOver = true
    }, ms)
    try {
      const { redis, client, own, shared } = this.#app
      // Two engines are opened and closed with the round: one with its own connection, one on a
      // shared client.
      const passing = this.#opened(
        redisEngine(redis, { onError: () => this.#calls.count('engine', 'error') }),
      )
      const beside = this.#opened(
        redisEngine(client, { onError: () => this.#calls.count('engine', 'error') }),
      )
      const work = [
        this.#plainSale([shared, passing]),
        this.#partitionedSale([own, beside]),
        this.#admittedSale([passing, shared]),
        ...this.#longLived.use(this, () => this.#dice()),
      ]
      await Promise.all(work)
      return this.#sales.map(({ name, confirmed, ledger }) => ({ name, stock: STOCK, confirmed, ledger }))
    } finally {
      clearTimeout(timer)
      this.isOver = true
      // Rooms before sales, sales before engines.
      for (const close of this.#closing.reverse()) await close()
    }
  }

  async #plainSale(engines: readonly Engine[]): Promise<void> {
    const sale = await this.#open('plain', engines, { partitions: 1 })
    await Promise.all([
      ...this.#shoppers(sale),
      consume(sale.handles[0]!, 'warehouse', this.#calls, this.#dice(), this),
      consume(sale.handles[1]!, 'warehouse', this.#calls, this.#dice(), this),
    ])
  }

  async #partitionedSale(engines: readonly Engine[]): Promise<void> {
    const sale = await this.#open('partitioned', engines, { partitions: 4, ledger: true })
    await Promise.all([
      ...this.#shoppers(sale),
      consume(sale.handles[0]!, 'mail', this.#calls, this.#dice(), this),
      followWithLedger(this.#app.ledger, sale.handles[1]!, this.#calls, this.#dice(), this),
    ])
  }

  /** A sale behind a waiting room, which acknowledges when the ledger has the reservation. */
  async #admittedSale(engines: readonly Engine[]): Promise<void> {
    const [engine] = engines
    const name = `soak-${this.#number}-admitted`
    const room = new WaitingRoom(name, {
      ...{ engine: engine!, sale: name, secret: this.#app.secret, deadlineMs: DEADLINE_MS },
      ...{ ratePerSecond: 20, claimMs: 1_000, passMs: 2_000, overcommit: 2 },
    })
    const sale = await this.#open('admitted', engines, { partitions: 1, ledger: true, waitingRoom: room })
    this.#closing.push(() => room.close())
    await this.#calls.insist('create room', () => room.create())
    await Promise.all([
      ...Array.from({ length: VISITORS }, (_, index) =>
        visit({ room, sale, name: `visitor-${index}`, stays: true }, this.#app, this.#dice(), this),
      ),
      followWithLedger(this.#app.ledger, sale.handles[0]!, this.#calls, this.#dice(), this),
    ])
  }

  async #open(
    kind: string,
    engines: readonly Engine[],
    options: { partitions: number; ledger?: boolean; waitingRoom?: WaitingRoom },
  ): Promise<OpenSale> {
    const { partitions, ledger = false, waitingRoom } = options
    const name = `soak-${this.#number}-${kind}`
    const durability = waitingRoom && { ledger: this.#app.ledger }
    const handle = (engine: Engine, deadlineMs: number) => {
      const sale = new FlashSale(name, { engine, deadlineMs, waitingRoom, durability })
      this.#closing.push(() => sale.close())
      return sale
    }
    const handles = [...engines.map((engine) => handle(engine, DEADLINE_MS)), handle(engines[0]!, HASTY_MS)]
    const sale = { name, handles, ledger, confirmed: {} }
    await this.#calls.insist('create sale', () => handles[0]!.create({ ...RULES, partitions }))
    this.#sales.push(sale)
    return sale
  }

  #shoppers(sale: OpenSale): Promise<void>[] {
    return Array.from({ length: SHOPPERS }, () => shop(sale, this.#app, this.#dice(), this))
  }

  #opened(engine: Engine): Engine {
    this.#closing.push(() => engine.close())
    return engine
  }

  /** Each actor has its own generator, since the order of their turns depends on the network. */
  #dice(): Random {
    return random(this.#app.seed, this.#number, ++this.#actors)
  }
}
