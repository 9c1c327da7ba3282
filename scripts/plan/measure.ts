import { type Engine, WaitingRoom } from '../../src/index.js'
import { closedLoop } from '../lib/load/drive.js'
import { allAccepted, type Invariants } from '../lib/load/invariants.js'
import { BenchSale, buyerName, requestOf, SKU } from '../lib/load/sale.js'
import { type Reading, ServerMeter } from '../lib/load/server-meter.js'
import { infoField } from '../lib/servers/redis/info.js'

/** 18 characters, as payment providers have. */
const PAYMENT = 'pay_12345678901234'

/** What one item of a command took of the server, and the items of a call. */
export interface Taken {
  readonly perCall: number
  readonly cpu: number
  readonly memory: number
  readonly received: number
  readonly sent: number
}

interface Use extends Reading {
  readonly received: number
  readonly sent: number
}

/** Runs sales and rooms on a server, and reads what they took. */
export class Measure {
  readonly #engine: Engine
  readonly #meter: ServerMeter
  readonly #invariants: Invariants
  #made = 0

  constructor(engine: Engine, url: string, invariants: Invariants) {
    this.#engine = engine
    this.#meter = new ServerMeter(url)
    this.#invariants = invariants
  }

  /** A sale with as many units as buyers: every unit is reserved, then paid. */
  async sale(
    units: number,
    partitions: number,
    callers: number,
  ): Promise<{ reserve: Taken; confirm: Taken }> {
    const held: string[] = []
    const before = await this.#read()
    const sale = await BenchSale.open(this.#engine, `check-${this.#made++}`, {
      stock: { [SKU]: units },
      partitions,
    })
    const drive = (work: (n: number) => Promise<boolean>) =>
      closedLoop({
        callers,
        limit: { count: units },
        work: async (n) => ((await work(n)) ? 'accepted' : 'refused'),
      })
    const created = await this.#read()
    const reserved = await drive(async (n) => {
      const id = await sale.hold(requestOf(n))
      if (id !== undefined) held.push(id)
      return id !== undefined
    })
    const between = await this.#read()
    allAccepted(reserved, this.#invariants)
    const paid = await drive(async (n) => {
      const { status } = await sale.sale.confirm(held[n]!, { paymentId: PAYMENT })
      return status === 'confirmed'
    })
    allAccepted(paid, this.#invariants)
    const after = await this.#read()
    sale.confirmed = paid.accepted
    sale.held -= paid.accepted
    await sale.finish(this.#invariants)
    // The keys of the empty sale count as part of its reservations.
    const memory = created.memory - before.memory
    return {
      reserve: taken({ ...created, memory: created.memory - memory }, between, units),
      confirm: taken(between, after, units),
    }
  }

  async joins(count: number, callers: number): Promise<Taken> {
    const room = new WaitingRoom(`check-${this.#made++}`, {
      engine: this.#engine,
      secret: 'a secret of the check, 32 bytes or more',
      ratePerSecond: 500,
      deadlineMs: 60_000,
    })
    // The room opens later, so that no visitor is admitted meanwhile.
    await room.create({ opensAt: Date.now() + 3_600_000 })
    const before = await this.#read()
    const tally = await closedLoop({
      callers,
      limit: { count },
      work: async (n) => {
        await room.join(buyerName(n))
        return 'accepted'
      },
    })
    const after = await this.#read()
    allAccepted(tally, this.#invariants)
    const { waiting } = await room.stats()
    this.#invariants.check('every visitor who joined waits', waiting === count, `${waiting} of ${count}`)
    await room.close()
    return taken(before, after, count)
  }

  async settled(): Promise<void> {
    await this.#meter.client.flushall('ASYNC')
    await this.#meter.settled()
  }

  close(): void {
    this.#meter.close()
  }

  async #read(): Promise<Use> {
    const reading = await this.#meter.read()
    const text = await this.#meter.client.info('stats')
    const field = (name: string) => Number(infoField(text, name))
    return { ...reading, received: field('total_net_input_bytes'), sent: field('total_net_output_bytes') }
  }
}

function taken(before: Use, after: Use, items: number): Taken {
  const each = (of: Exclude<keyof Use, 'calls'>) => (after[of] - before[of]) / items
  return {
    perCall: items / (after.calls - before.calls),
    cpu: each('cpu') * 1e6,
    memory: each('memory'),
    received: each('received'),
    sent: each('sent'),
  }
}
