/** One application server of the part `callers`: it sells by the library, or by plain scripts. */
import { Redis } from 'ioredis'
import type { Work } from '../../scripts/lib/load/drive.js'
import { allAccepted, type Invariant, Invariants } from '../../scripts/lib/load/invariants.js'
import { BenchSale, buyerName, keyName, PLENTY, requestOf } from '../../scripts/lib/load/sale.js'
import { ServerMeter } from '../../scripts/lib/load/server-meter.js'
import { redisEngine } from '../../src/index.js'
import { type Cost, costOf } from '../load/cost.js'
import { serveTasks } from '../load/task-process.js'
import { corkWrites, knowPlainScripts, PlainSale } from '../plain/plain-sale.js'

/** `corked`: the plain scripts, with the commands of one turn of the event loop in one write. */
export type Way = 'stockhold' | 'plain' | 'corked'

export interface CallersSetting {
  readonly url: string
  readonly prefix: string
}

/** First so many reservations, then a payment for each of them. */
export interface CallersTask {
  readonly way: Way
  readonly sale: string
  readonly callers: number
  readonly count: number
  readonly audit: boolean
}

export interface CallersAnswer {
  readonly reserve: Cost
  readonly confirm: Cost
  readonly invariants: readonly Invariant[]
}

/** What one way of selling does for the callers. */
interface Shop {
  readonly reserve: Work
  readonly confirm: Work
  /** Compares the counts with the answers, and closes the sale. */
  finish(): Promise<void>
}

const LIMIT = 2

serveTasks<CallersSetting, CallersTask, CallersAnswer>(({ url, prefix }) => {
  const engine = redisEngine(url, { prefix })
  const meter = new ServerMeter(url)
  const plain = knowPlainScripts(new Redis(url))
  const corked = knowPlainScripts(new Redis(url))
  const isCorked = corked.ping().then(() => corkWrites(corked))

  return async ({ way, sale, callers, count, audit }) => {
    const invariants = new Invariants()
    const shop = await open(way, sale, count, audit, invariants)
    const reserve = await costOf(meter, { callers, count, work: shop.reserve })
    const confirm = await costOf(meter, { callers, count, work: shop.confirm })
    for (const { tally } of [reserve, confirm]) allAccepted(tally, invariants)
    await shop.finish()
    return { reserve: reserve.cost, confirm: confirm.cost, invariants: invariants.list() }
  }

  async function open(
    way: Way,
    sale: string,
    count: number,
    audit: boolean,
    invariants: Invariants,
  ): Promise<Shop> {
    if (way === 'stockhold') return ours(await BenchSale.open(engine, sale), audit, invariants)
    return theirs(way === 'plain' ? plain : await isCorked, `${prefix}-${way}-${sale}`, count, invariants)
  }
})

function ours(sale: BenchSale, audit: boolean, invariants: Invariants): Shop {
  const ids: string[] = []
  return {
    async reserve(n) {
      const id = await sale.hold(requestOf(n))
      if (id === undefined) return 'refused'
      ids[n] = id
      return 'accepted'
    },
    confirm: async (n) => ((await sale.confirm(ids[n]!)) ? 'accepted' : 'refused'),
    finish: () => sale.finish(invariants, { audit }),
  }
}

async function theirs(client: Redis, name: string, count: number, invariants: Invariants): Promise<Shop> {
  const sale = new PlainSale(client, name, LIMIT)
  await sale.create(PLENTY)
  return {
    async reserve(n) {
      return (await sale.reserve(keyName(n), buyerName(n))) === 'reserved' ? 'accepted' : 'refused'
    },
    confirm: async (n) => ((await sale.confirm(keyName(n), 'paid')) ? 'accepted' : 'refused'),
    async finish() {
      const { left, holds, pending, events } = await sale.counts()
      invariants.check(
        'the plain scripts have sold and confirmed what their callers were told',
        left === PLENTY - count && holds === count && pending === 0 && events === 2 * count,
        `${name}: ${PLENTY - left} taken, ${holds} holds, ${pending} not confirmed, ${events} events of ${count}`,
      )
      await sale.remove()
    },
  }
}
