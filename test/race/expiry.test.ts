import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { type RedisServer, startRedis } from '../../scripts/lib/servers/redis/server.js'
import { startWorker } from '../../scripts/lib/workers.js'
import { FlashSale, redisEngine } from '../../src/index.js'
import type { BuyersConfig, BuyersReport } from './buyers.js'

let server: RedisServer
const clients: Redis[] = []

beforeAll(async () => {
  server = await startRedis()
})
afterAll(async () => {
  for (const client of clients) client.disconnect()
  await server.stop()
})

function handle(id: string): FlashSale {
  const client = new Redis(server.url)
  clients.push(client)
  return new FlashSale(id, { engine: redisEngine(client), deadlineMs: 60_000 })
}

const UNITS = 400
const items = [{ sku: 'phone', quantity: 1 }]

test('what a killed process held is sold by the survivors, to the last unit', async () => {
  const sale = handle('killed')
  await sale.create({ stock: { phone: UNITS }, holdMs: 250 })
  const config: BuyersConfig = {
    ...{ url: server.url, sale: 'killed', connections: 2, asks: 1, sameKey: false, quantity: 1 },
    ...{ buyers: 20_000, prefix: 'doomed ' },
  }
  const doomed = startWorker<BuyersReport | 'ready'>('test/race/buyers.ts', {})
  onTestFinished(() => doomed.kill())
  // In the middle: it holds units, and is still asking for more. If it was done before it was seen,
  // it begins again.
  for (let round = 0, isDone = true; (await sale.stats()).skus.phone!.held === 0; await delay(1)) {
    if (!isDone) continue
    isDone = false
    doomed.tell(JSON.stringify({ ...config, prefix: `doomed ${++round} ` }))
    await doomed.next()
    doomed.tell('go')
    void doomed.next().then(
      () => {
        isDone = true
      },
      () => {},
    )
  }
  await doomed.kill()

  const survivors = [handle('killed'), handle('killed')]
  let sold = 0
  for (let round = 0; sold < UNITS; round++) {
    const answers = await Promise.all(
      Array.from({ length: 50 }, async (_, i) => {
        const survivor = survivors[i % survivors.length]!
        const answer = await survivor.reserve({ buyer: `survivor ${round} ${i}`, items, key: 'k' })
        // Every other one walks away; the units expire and come again.
        const pays = answer.status === 'reserved' && i % 4 < 2
        return pays ? survivor.confirm(answer.reservation.id) : answer
      }),
    )
    const confirmed = answers.filter(({ status }) => status === 'confirmed').length
    sold += confirmed
    if (confirmed === 0) await delay(10)
  }
  expect(sold).toBe(UNITS)
  expect((await sale.stats()).skus.phone).toEqual({
    ...{ total: UNITS, available: 0, held: 0, confirmed: UNITS, inTransit: 0 },
  })
  expect((await sale.audit()).ok).toBe(true)
})

test('audits that run all the while never raise a false alarm', async () => {
  const sales = Array.from({ length: 4 }, () => handle('audited'))
  await sales[0]!.create({ stock: { phone: 300 }, limitPerBuyer: 3, holdMs: 30, maxHoldMs: 1_000 })
  let selling = true
  let audits = 0
  const auditing = (async () => {
    const auditor = handle('audited')
    while (selling) {
      const { ok, violations } = await auditor.audit()
      expect(violations).toEqual([])
      expect(ok).toBe(true)
      audits++
    }
  })()
  const buyer = async (sale: FlashSale, name: string) => {
    for (let turn = 0; turn < 30 || audits <= 3; turn++) {
      const answer = await sale.reserve({ buyer: name, items, holdMs: turn % 3 === 0 ? 5 : 30 })
      if (answer.status !== 'reserved') {
        await delay(1)
        continue
      }
      const { id } = answer.reservation
      if (turn % 5 === 0) await sale.release(id)
      else if (turn % 5 === 1) await sale.extend(id, { holdMs: 50 })
      else if (turn % 5 === 2) await delay(8).then(() => sale.confirm(id))
      else if (turn % 5 === 3) await sale.confirm(id)
      if (turn % 2 === 0) await sale.refund(id, { restock: turn % 4 === 0 })
    }
  }
  const restocking = async () => {
    for (let i = 0; i < 100; i++) {
      await sales[0]!.restock({ sku: 'phone', quantity: i % 2 === 0 ? 5 : -4, key: `r${i}` })
      await delay(1)
    }
  }
  await Promise.all([
    restocking(),
    ...Array.from({ length: 200 }, (_, i) => buyer(sales[i % sales.length]!, `b${i}`)),
  ])
  selling = false
  await auditing
  expect(audits).toBeGreaterThan(3)
  expect((await sales[0]!.audit()).ok).toBe(true)
})
