import { type Consumer, FlashSale, WaitingRoom } from '../../../src/index.js'
import type { LedgerFollower } from '../../../src/postgres.js'
import { type Random, random } from '../../lib/random.js'
import { type ApplicationContext, DEADLINE_MS, pause, type Until } from './context.js'
import { open } from './followers.js'
import { signal } from './shopper.js'
import { visit } from './visitor.js'

/**
 * What the process has from its start to its end: a sale that is sold out, a waiting room, a
 * consumer and a follower. A handle may remember what it acknowledged, and a room its visitors; so
 * this sale sells nothing more, and these visitors leave.
 */
export class LongLived {
  readonly #app: ApplicationContext
  readonly #sale: FlashSale
  readonly #room: WaitingRoom
  #order = ''
  #consumer: Consumer | undefined
  #follower: LedgerFollower | undefined

  constructor(app: ApplicationContext) {
    this.#app = app
    this.#sale = new FlashSale('soak-lasting', { engine: app.shared, deadlineMs: DEADLINE_MS })
    this.#room = new WaitingRoom('soak-lasting', {
      ...{
        engine: app.own,
        secret: app.secret,
        deadlineMs: DEADLINE_MS,
        ratePerSecond: 10,
        claimMs: 1_000,
        passMs: 2_000,
      },
    })
  }

  async open(): Promise<void> {
    const { calls, ledger } = this.#app
    await calls.insist('create', () => this.#sale.create({ stock: { phone: 1 } }))
    await calls.insist('room create', () => this.#room.create())
    const order = { buyer: 'first', items: [{ sku: 'phone', quantity: 1 }], key: 'first' }
    const first = await calls.insist('reserve', () => this.#sale.reserve(order))
    if (first.status !== 'reserved') throw new Error(`the sale is not new: ${first.status}`)
    this.#order = first.reservation.id
    await calls.insist('confirm', () => this.#sale.confirm(this.#order, { paymentId: 'payment' }))
    this.#follower = await calls.insist('follow', () => ledger.follow(this.#sale))
    this.#consumer = open(this.#sale, 'lasting', calls, random(this.#app.seed))
  }

  /** Uses all of them for a round. */
  use(until: Until, dice: () => Random): Promise<void>[] {
    const { calls } = this.#app
    const [visits, uses] = [dice(), dice()]
    return [
      visit({ room: this.#room, sale: undefined, name: 'visitor', stays: false }, this.#app, visits, until),
      this.#ask(uses, until),
      calls.ask('audit', () => this.#sale.audit()).then(() => {}),
      // So that the consumer and the follower have events.
      this.#makeEvents(),
    ]
  }

  /** After the faults: resolves once all of them answer again. */
  async recovered(): Promise<void> {
    const { calls } = this.#app
    await calls.insist('room stats', () => this.#room.stats())
    await calls.insist('consumer stats', () => this.#consumer!.stats())
    await calls.insist('ledger stats', () => this.#follower!.stats())
  }

  async close(): Promise<void> {
    await this.#consumer?.close()
    await this.#follower?.close()
    await this.#room.close()
    await this.#sale.close()
  }

  async #makeEvents(): Promise<void> {
    const { calls } = this.#app
    await calls.ask('pause', () => this.#sale.pause())
    await calls.insist('resume', () => this.#sale.resume())
  }

  async #ask(dice: Random, until: Until): Promise<void> {
    const { calls } = this.#app
    const [sale, id] = [this.#sale, this.#order]
    const wish = { buyer: 'late', items: [{ sku: 'phone', quantity: 1 }] }
    while (!until.isOver) {
      await calls.ask('reserve', () => sale.reserve(wish, signal(this.#app, dice)))
      await calls.ask('get', () => sale.get(id, signal(this.#app, dice)))
      await calls.ask('confirm', () => sale.confirm(id, { paymentId: 'payment', ...signal(this.#app, dice) }))
      await calls.ask('release', () => sale.release(id, signal(this.#app, dice)))
      await calls.ask('stats', () => sale.stats(signal(this.#app, dice)))
      await pause(40, dice, until)
    }
  }
}
