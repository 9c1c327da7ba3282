import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type RedisServer, startRedis } from '../../scripts/lib/servers/redis/server.js'
import { startWorker, type Worker } from '../../scripts/lib/workers.js'
import { FlashSale, redisEngine } from '../../src/index.js'
import type { BuyersConfig, BuyersReport } from './buyers.js'

let server: RedisServer
let workers: Worker<BuyersReport | 'ready'>[]
const clients: Redis[] = []

beforeAll(async () => {
  server = await startRedis()
  workers = [0, 1, 2, 3].map(() => startWorker<BuyersReport | 'ready'>('test/race/buyers.ts', {}))
})
afterAll(async () => {
  await Promise.all(workers.map((worker) => worker.kill()))
  for (const client of clients) client.disconnect()
  await server.stop()
})

function handle(id: string): FlashSale {
  const client = new Redis(server.url)
  clients.push(client)
  return new FlashSale(id, { engine: redisEngine(client), deadlineMs: 60_000 })
}

/** Lets all four processes loose at the same time, and collects what their buyers were told. */
async function rush(configOf: (process: number) => Omit<BuyersConfig, 'url'>): Promise<BuyersReport> {
  for (const [i, worker] of workers.entries())
    worker.tell(JSON.stringify({ url: server.url, ...configOf(i) }))
  await Promise.all(workers.map((worker) => worker.next()))
  for (const worker of workers) worker.tell('go')
  const reports = await Promise.all(workers.map((worker) => worker.next()))
  return reports.flat() as unknown as BuyersReport
}

test('of 10,000 callers in four processes exactly one gets the only unit', async () => {
  const sale = handle('one unit')
  await sale.create({ stock: { phone: 1 } })
  const common = { sale: 'one unit', connections: 2, asks: 1, sameKey: false, quantity: 1 }
  const told = await rush((i) => ({ ...common, buyers: 2_500, prefix: `${i}-` }))
  expect(told).toHaveLength(10_000)
  expect(told.filter(([, status]) => status === 'reserved')).toHaveLength(1)
  expect(told.filter(([, status]) => status === 'sold_out')).toHaveLength(9_999)
  expect((await sale.stats()).skus.phone).toMatchObject({ total: 1, available: 0, held: 1 })
  expect(await sale.audit()).toMatchObject({ ok: true, reservations: 1 })
})

test('8 connections, 2,000 buyers, 1,000 units, two each: every unit is sold once, no buyer has a third', async () => {
  const sale = handle('limited')
  await sale.create({ stock: { phone: 1_000 }, limitPerBuyer: 2 })
  // Every buyer asks in every process, three times, each time with another key.
  const common = { sale: 'limited', connections: 2, asks: 3, sameKey: false, quantity: 1 }
  const told = await rush(() => ({ ...common, buyers: 2_000, prefix: 'b' }))
  const reserved = told.filter(([, status]) => status === 'reserved')
  expect(new Set(told.map(([, status]) => status))).toEqual(
    new Set(['reserved', 'sold_out', 'limit_exceeded']),
  )
  expect(new Set(reserved.map(([, , id]) => id)).size).toBe(reserved.length)
  expect(reserved).toHaveLength(1_000)
  const most = new Map<string, number>()
  for (const [buyer] of reserved) most.set(buyer, (most.get(buyer) ?? 0) + 1)
  expect(Math.max(...most.values())).toBe(2)
  const confirmed = await Promise.all(reserved.map(([buyer, , id]) => sale.confirm(id!, { buyer })))
  expect(confirmed.filter(({ status }) => status === 'confirmed')).toHaveLength(1_000)
  expect((await sale.stats()).skus.phone).toMatchObject({
    total: 1_000,
    available: 0,
    held: 0,
    confirmed: 1_000,
  })
  expect(await sale.audit()).toMatchObject({ ok: true, reservations: 1_000 })
})

test('double clicks from four processes make one reservation a buyer', async () => {
  const sale = handle('double clicks')
  await sale.create({ stock: { phone: 10_000 }, limitPerBuyer: 2 })
  const common = { sale: 'double clicks', connections: 2, asks: 2, sameKey: true, quantity: 1 }
  const told = await rush(() => ({ ...common, buyers: 1_000, prefix: 'b' }))
  expect(told.filter(([, status]) => status === 'reserved')).toHaveLength(8_000)
  const ofBuyer = new Map<string, Set<string>>()
  for (const [buyer, , id] of told) ofBuyer.set(buyer, (ofBuyer.get(buyer) ?? new Set()).add(id!))
  expect([...ofBuyer.values()].every((ids) => ids.size === 1)).toBe(true)
  expect(ofBuyer.size).toBe(1_000)
  expect(await sale.audit()).toMatchObject({ ok: true, reservations: 1_000 })
})

test('of confirm and release of one reservation, sent by eight clients at once, exactly one wins', async () => {
  const sales = Array.from({ length: 8 }, () => handle('settled once'))
  await sales[0]!.create({ stock: { phone: 500 } })
  await Promise.all(sales.map((sale) => sale.stats()))
  const items = [{ sku: 'phone', quantity: 1 }]
  const made = await Promise.all(
    Array.from({ length: 500 }, (_, i) => sales[0]!.reserve({ buyer: `b${i}`, items })),
  )
  const ids = made.flatMap((answer) => (answer.status === 'reserved' ? [answer.reservation.id] : []))
  expect(ids).toHaveLength(500)
  const answers = await Promise.all(
    ids.map((id, i) =>
      Promise.all(
        sales.map((sale, j) =>
          (i + j) % 2 === 0 ? sale.confirm(id, { paymentId: `${j}` }) : sale.release(id),
        ),
      ),
    ),
  )
  let confirmed = 0
  for (const each of answers) {
    const won = each.filter((answer) => 'replayed' in answer && !answer.replayed)
    expect(won).toHaveLength(1)
    const paid = won[0]!.status === 'confirmed'
    if (paid) confirmed++
    // Each client has a payment of its own: one of them is the order's, or none.
    const others = paid ? ['already_confirmed', 'duplicate_payment'] : ['released', 'released']
    const toldOthers = each.filter((answer) => answer !== won[0])
    expect(new Set(toldOthers.map((answer) => ('reason' in answer ? answer.reason : answer.status)))).toEqual(
      new Set(others),
    )
  }
  const { phone } = (await sales[0]!.stats()).skus
  expect(phone).toMatchObject({ total: 500, available: 500 - confirmed, held: 0, confirmed })
  expect((await sales[0]!.audit()).ok).toBe(true)
})
