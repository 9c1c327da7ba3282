import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { type RedisServer, startRedis } from '../../scripts/lib/servers/redis/server.js'
import { startWorker } from '../../scripts/lib/workers.js'
import { FlashSale, redisEngine } from '../../src/index.js'
import { type Database, database, poolOf } from '../postgres/support/database.js'
import type { FollowerConfig } from '../postgres/support/follower-process.js'
import { TestLedger } from '../postgres/support/ledgers.js'
import { Shoppers } from '../postgres/support/shoppers.js'
import { until } from '../support/consumers.js'

const db = database()

const FOLLOWER = 'test/postgres/support/follower-process.ts'
const ALWAYS = { appendonly: 'yes', appendfsync: 'always' }

async function open(config: Record<string, string> = {}, rules = {}, database: Database | undefined = db) {
  const redis = await startRedis({ config })
  onTestFinished(() => redis.stop())
  const ledger = await TestLedger.open(database)
  const sale = handle(redis)
  await sale.create({
    // More than the shoppers can buy, however long a follower takes to start.
    stock: { a: 500_000 },
    limitPerBuyer: 50_000,
    holdMs: 400,
    maxHoldMs: 60_000,
    partitions: 2,
    ...rules,
  })
  return { redis, ledger, sale }
}

function handle(redis: RedisServer, options = {}): FlashSale {
  const client = new Redis(redis.url, { retryStrategy: () => 50 })
  client.on('error', () => {})
  const sale = new FlashSale('launch', { engine: redisEngine(client), deadlineMs: 60_000, ...options })
  onTestFinished(async () => {
    await sale.close()
    client.disconnect()
  })
  return sale
}

/** Nothing missing, nothing twice, in order; and nobody was told anything else. */
async function isWhole(ledger: TestLedger, sale: FlashSale, shoppers: Shoppers): Promise<void> {
  await shoppers.stop()
  // The last holds are to expire.
  await delay(500)
  expect(await ledger.agrees(sale)).toBeGreaterThanOrEqual(shoppers.told.size)
  expect((await sale.audit()).violations).toEqual([])
  const rows = await ledger.sql('SELECT id, state, refund_due FROM $schema.reservations')
  const found = new Map(
    rows.map(({ id, state, refund_due: due }) => [id, due === null ? state : 'refund_due']),
  )
  for (const [id, told] of shoppers.told) {
    const is = found.get(id)
    if (told === 'reserved')
      expect(['held', 'expired', 'released', 'confirmed', 'refund_due', 'refunded']).toContain(is)
    // An answer that never came may have been a refund.
    else if (told === 'confirmed') expect(['confirmed', 'refunded'], id).toContain(is)
    else if (told === 'released') expect(['released', 'refund_due'], id).toContain(is)
    else expect(is, id).toBe(told)
  }
  // A row is what its events say, in their order.
  const wrong = await ledger.sql(
    `SELECT r.id, r.state, e.type FROM $schema.reservations r
    JOIN LATERAL (
      SELECT type FROM $schema.events e WHERE e.sale = r.sale AND e.reservation = r.id AND NOT superseded
        AND type NOT IN ('refund_due', 'extended') ORDER BY sequence DESC LIMIT 1
    ) e ON true
    WHERE r.state <> CASE e.type WHEN 'reserved' THEN 'held' ELSE e.type END`,
  )
  expect(wrong).toEqual([])
  const twice = await ledger.sql(
    `SELECT reservation FROM $schema.events WHERE type = 'refund_due' AND NOT superseded GROUP BY reservation HAVING count(*) > 1`,
  )
  expect(twice).toEqual([])
}

test('followers killed with kill -9 under load, two at a time', async () => {
  const { redis, ledger, sale } = await open()
  const config: FollowerConfig = {
    redis: redis.url,
    postgres: db.server.url,
    schema: ledger.schema,
    sale: sale.id,
  }
  const shoppers = new Shoppers(sale, 12)
  const start = () => startWorker<{ pid: number }>(FOLLOWER, config)
  const steady = start()
  await steady.next()
  for (let i = 0; i < 3; i++) {
    const victim = start()
    await victim.next()
    await shoppers.hear(100)
    await victim.kill()
  }
  await steady.kill()
  await isWhole(ledger, sale, shoppers)
})

test('PostgreSQL killed with kill -9 under load, and started again', async () => {
  const { ledger, sale } = await open()
  const follower = await ledger.follow(sale)
  const durable = new Shoppers(sale, 8)
  for (let i = 0; i < 2; i++) {
    await durable.hear(100)
    const before = ledger.errors.length
    await db.server.kill()
    await Promise.all([durable.hear(50), until(() => ledger.errors.length > before, 'that it is noticed')])
    await db.server.restart()
  }
  await durable.hear(100)
  await isWhole(ledger, sale, durable)
  await follower.close()
})

test('PostgreSQL killed while answers wait for it: what was answered is in it', async () => {
  const { redis, ledger } = await open()
  const sale = handle(redis, { durability: { ledger: ledger.ledger } })
  const shoppers = new Shoppers(sale, 12)
  await shoppers.hear(200)
  await db.server.kill()
  const answered = new Map(shoppers.told)
  await delay(300)
  await db.server.restart()
  const pool = poolOf(db.server)
  onTestFinished(() => pool.end())
  const { rows } = await pool.query(`SELECT id FROM ${ledger.schema}.reservations`)
  const found = new Set(rows.map(({ id }) => id))
  expect([...answered.keys()].filter((id) => !found.has(id))).toEqual([])
  expect(answered.size).toBeGreaterThan(0)
  await shoppers.hear(100)
  await isWhole(ledger, sale, shoppers)
})

test('Redis killed with kill -9 under load, and started again', async () => {
  const { redis, ledger, sale } = await open(ALWAYS)
  await ledger.follow(sale)
  const shoppers = new Shoppers(sale, 8)
  for (let i = 0; i < 2; i++) {
    await shoppers.hear(100)
    await redis.kill()
    await delay(100)
    await redis.restart()
  }
  await shoppers.hear(100)
  await isWhole(ledger, sale, shoppers)
})

test('Redis comes back empty, with answers that wait for the ledger: nothing that was answered is lost', async () => {
  const { redis, ledger } = await open()
  const sale = handle(redis, { durability: { ledger: ledger.ledger } })
  const shoppers = new Shoppers(sale, 12)
  await shoppers.hear(200)
  await redis.kill()
  await redis.restart()
  const other = handle(redis)
  await expect.poll(() => other.recover({ from: ledger.ledger }).then(() => 'done', String)).toBe('done')
  await ledger.follow(other)
  await shoppers.hear(50)
  await shoppers.stop()
  for (const [id, told] of shoppers.told) {
    const { state } = (await other.get(id)) ?? {}
    if (told === 'confirmed') expect(['confirmed', 'refunded'], id).toContain(state)
    else if (told === 'refund_due') expect(['released', 'expired'], id).toContain(state)
    else if (told === 'reserved') expect(state, id).toBeDefined()
    else expect(state, id).toBe(told)
  }
  expect((await other.audit()).violations).toEqual([])
  await expect.poll(() => ledger.column('positions', 'stale')).toEqual([false, false])
  await ledger.agrees(other)
})

test('a ledger far behind, with a stream that was trimmed meanwhile: what was lost is known, and put right', async () => {
  const { ledger, sale } = await open({}, { holdMs: 50, maxHoldMs: 100, partitions: 1 })
  const follower = await ledger.follow(sale)
  const shoppers = new Shoppers(sale, 8)
  await shoppers.hear(100)
  await follower.close()
  await shoppers.hear(100)
  // Another group, which keeps only what is new.
  const { sourceOf } = await import('../../src/sale/flash-sale.js')
  const trim = { olderThanMs: 100, maxEvents: 10 }
  await shoppers.stop()
  await delay(200)
  const position = sourceOf(sale).latest(0).sequence
  const trimmed = async () => {
    await sale.stats()
    return (await sourceOf(sale).ask(0, 'checkpoint', { group: 'other', position, trim })).first
  }
  const [{ sequence }] = await ledger.sql('SELECT sequence::int FROM $schema.positions')
  await expect.poll(trimmed, { interval: 10 }).toBeGreaterThan(sequence + 1)
  await ledger.follow(sale)
  const settled = () => ledger.sql('SELECT lost > 0 AS lost, stale FROM $schema.positions')
  await expect.poll(settled).toEqual([{ lost: true, stale: false }])
  expect(await ledger.ledger.reconcile(sale)).toMatchObject({ ok: true })
  expect(ledger.errors).toEqual([])
})

test('ids that PostgreSQL cannot hold as they are', async () => {
  const strange = [
    '\0',
    'a\0b',
    '\u2400',
    '\u24000',
    '\u2400\0\u2400',
    '"\\{},NULL',
    'null',
    '\u{1F600}',
    "'; DROP TABLE x; --",
  ]
  const stock = Object.fromEntries(strange.map((sku) => [sku, 100]))
  const { ledger, sale } = await open({}, { stock, limitPerBuyer: 100 })
  await ledger.follow(sale)
  const made: string[] = []
  for (const name of strange) {
    const result = await sale.reserve({
      buyer: name,
      items: strange.map((sku) => ({ sku, quantity: 1 })),
      key: name,
      holdMs: 60_000,
    })
    if (result.status !== 'reserved') expect.fail(result.status)
    await sale.confirm(result.reservation.id, { paymentId: name })
    await sale.restock({ sku: name, quantity: 1, key: name })
    made.push(result.reservation.id)
  }
  await ledger.agrees(sale)
  const record = (await ledger.ledger.loadForRecovery(sale.id))!
  const kinds = (await record.recoverySource()).reservations('confirmed', 0)
  const recalled = []
  for await (const batch of kinds) recalled.push(...batch)
  for (const [i, name] of strange.entries())
    expect(recalled.find(({ reservation }) => reservation.id === made[i])?.reservation).toMatchObject({
      buyer: name,
      key: name,
      paymentId: name,
    })
  expect(record.rules.skus.map(({ sku }) => sku).toSorted()).toEqual(strange.toSorted())
})
