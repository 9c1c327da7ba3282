import type { Random } from '../random.js'
import type { Outcome } from './outcome.js'
import type { Span } from './room-ledger.js'
import type { RoomAction } from './room-plan.js'
import type { RoomWorld } from './room-world.js'

/** Those who run the room. */
export class Operators {
  readonly #world: RoomWorld
  readonly #random: Random
  #restocks = 0
  readonly #blocked = new Set<string>()
  finished = false

  constructor(world: RoomWorld) {
    this.#world = world
    this.#random = world.world.random.fork()
  }

  async work(): Promise<void> {
    const { operations, actions } = this.#world.plan
    for (let i = 0; i < operations; i++) {
      await this.#sleep(this.#random.whole(0, 2_500))
      await this.#do(this.#random.pick(actions))
    }
    this.finished = true
  }

  /** Whatever was done before, the room is open when this is over. */
  async open(): Promise<void> {
    const { plan } = this.#world
    const rate = Math.min(5, Math.max(2, plan.ratePerSecond))
    await this.#surely(() => this.#switch('resume', false))
    await this.#surely(() => this.#rate(rate, 2))
    if (plan.sale) await this.#surely(() => this.#sale('resume'))
    for (const buyer of this.#blocked) await this.#surely(() => this.#block(buyer, false))
  }

  async #do(action: RoomAction): Promise<void> {
    const random = this.#random
    switch (action) {
      case 'pause':
      case 'long pause':
        await this.#switch('pause', true)
        await this.#sleep(action === 'pause' ? random.whole(0, 2_000) : 8_000)
        await this.#surely(() => this.#switch('resume', false))
        return
      case 'rate':
        await this.#rate(random.pick([0.5, 1, 20, 100]), random.pick([undefined, 1, 4]))
        return
      case 'rate 0':
        await this.#rate(0, undefined)
        await this.#sleep(random.pick([500, 8_000]))
        await this.#surely(() => this.#rate(this.#world.plan.ratePerSecond, undefined))
        return
      case 'revoke':
        await this.#revoke(random.pick(this.#world.buyers))
        return
      case 'block': {
        const buyer = random.pick(this.#world.buyers)
        this.#blocked.add(buyer)
        await this.#block(buyer, true)
        await this.#sleep(random.pick([800, 3_000]))
        await this.#surely(() => this.#block(buyer, false))
        return
      }
      case 'stats':
        await this.#call('stats', ({ process }) => this.#world.room(process).stats())
        return
      case 'restock': {
        const restock = { sku: 'a', quantity: random.pick([-2, 1, 3]), key: `s${++this.#restocks}` }
        await this.#call('restock', ({ process }) => this.#world.saleAt(process).restock(restock))
        return
      }
      case 'sale pause':
        await this.#sale('pause')
        await this.#sleep(random.whole(0, 2_500))
        await this.#surely(() => this.#sale('resume'))
        return
      case 'end':
        if (random.chance(0.3)) await this.#sale('end')
    }
  }

  #switch(action: 'pause' | 'resume', closes: boolean): Promise<Outcome<unknown>> {
    return this.#call(action, (span) => {
      this.#world.ledger.switching(closes, span)
      return this.#world.room(span.process)[action]()
    })
  }

  #rate(rate: number, burst: number | undefined): Promise<Outcome<unknown>> {
    return this.#call(`setRate ${rate}`, (span) => {
      const pace = { rate, burst: burst ?? 1 }
      this.#world.ledger.switching(rate === 0, span, pace)
      return this.#world.room(span.process).setRate(rate, burst === undefined ? {} : { burst })
    })
  }

  #revoke(buyer: string): Promise<Outcome<unknown>> {
    return this.#call(`revoke ${buyer}`, (span) => {
      this.#world.ledger.ending(buyer, null, span)
      return this.#world.room(span.process).revoke(buyer)
    })
  }

  #block(buyer: string, blocked: boolean): Promise<Outcome<unknown>> {
    const action = blocked ? 'block' : 'unblock'
    return this.#call<unknown>(`${action} ${buyer}`, (span) => {
      this.#world.ledger.blocking(buyer, blocked, span)
      const room = this.#world.room(span.process)
      return blocked ? room.block(buyer) : room.unblock(buyer)
    })
  }

  #sale(action: 'pause' | 'resume' | 'end'): Promise<Outcome<unknown>> {
    return this.#call(`sale ${action}`, ({ process }) => this.#world.saleAt(process)[action]())
  }

  async #call<T>(name: string, make: (span: Span) => Promise<T>): Promise<Outcome<T>> {
    const process = this.#world.anyProcess(this.#random)
    return process ? this.#world.call(process, name, make) : { kind: 'lost' }
  }

  /** Until it is answered. */
  async #surely(make: () => Promise<Outcome<unknown>>): Promise<void> {
    for (;;) {
      if ((await make()).kind === 'ok') return
      await this.#sleep(this.#random.whole(50, 300))
    }
  }

  #sleep(ms: number): Promise<void> {
    return this.#world.world.agenda.sleep(ms)
  }
}
