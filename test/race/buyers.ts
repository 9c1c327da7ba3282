// A process full of buyers: for each rush that it reads of on its standard input it opens a few
// connections to the server, waits for a line, lets every buyer ask at once, and reports what each
// was told in one line of JSON.
import { createInterface } from 'node:readline'
import { Redis } from 'ioredis'
import { FlashSale, redisEngine } from '../../src/index.js'

export interface BuyersConfig {
  readonly url: string
  readonly sale: string
  readonly connections: number
  /** How many, and how their names begin: `b0`, `b1`, ... */
  readonly buyers: number
  readonly prefix: string
  /** How often each buyer asks, and whether with one key (a double click) or with one each. */
  readonly asks: number
  readonly sameKey: boolean
  readonly quantity: number
}

/** For each answer: the buyer, the status, and the reservation if there is one. */
export type BuyersReport = readonly (readonly [buyer: string, status: string, reservation?: string])[]

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
for (let line = await lines.next(); !line.done; line = await lines.next()) await rush(JSON.parse(line.value))

async function rush(config: BuyersConfig): Promise<void> {
  const clients = Array.from({ length: config.connections }, () => new Redis(config.url))
  const sales = clients.map(
    (client) =>
      new FlashSale(config.sale, { engine: redisEngine(client), deadlineMs: 60_000, maxInFlight: 100_000 }),
  )
  await Promise.all(sales.map((sale) => sale.stats()))
  console.log('"ready"')
  await lines.next()
  const names = Array.from({ length: config.buyers }, (_, i) => `${config.prefix}${i}`)
  const asked = names.flatMap((buyer, i) =>
    Array.from({ length: config.asks }, async (_, ask): Promise<BuyersReport[number]> => {
      const key = config.sameKey ? 'double click' : `${process.pid} ${ask}`
      const items = [{ sku: 'phone', quantity: config.quantity }]
      const answer = await sales[(i + ask) % sales.length]!.reserve({ buyer, items, key })
      return 'reservation' in answer ? [buyer, answer.status, answer.reservation.id] : [buyer, answer.status]
    }),
  )
  const report: BuyersReport = await Promise.all(asked)
  console.log(JSON.stringify(report))
  for (const sale of sales) await sale.close()
  for (const client of clients) client.disconnect()
}
