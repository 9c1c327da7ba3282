import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { type RedisServer, startRedis } from '../../scripts/lib/servers/redis/server.js'
import { startWorker, type Worker } from '../../scripts/lib/workers.js'
import { type ConsumeOptions, FlashSale, redisEngine, type SaleEvent } from '../../src/index.js'
import { follow, mortal, until } from '../support/consumers.js'
import type { ConsumerConfig, ConsumerWords } from './support/consumer-process.js'
import { everything, type Handled, judge, Shopping } from './support/shopping.js'

/** However busy the machine is: what Redis can answer is answered in this time. */
const PATIENT_MS = 60_000
/** Where Redis is away for longer than a call waits, and than a lease. */
const HASTY_MS = 1_000

const PERSISTENT = { appendonly: 'yes', appendfsync: 'always' }

async function opened(partitions: number, config: Record<string, string> = {}, deadlineMs = PATIENT_MS) {
  const server = await startRedis({ config })
  onTestFinished(() => server.stop())
  const client = clientOf(server)
  const sale = handle(client, deadlineMs)
  const patient = handle(client)
  await patient.create({ stock: { a: 1_000_000 }, partitions, holdMs: 600_000 })
  return { server, client, sale, patient }
}

function clientOf(server: RedisServer): Redis {
  const client = new Redis(server.url, { retryStrategy: () => 50 })
  client.on('error', () => {})
  onTestFinished(() => client.disconnect())
  return client
}

function handle(client: Redis, deadlineMs = PATIENT_MS): FlashSale {
  const sale = new FlashSale('launch', { engine: redisEngine(client), deadlineMs })
  onTestFinished(() => sale.close())
  return sale
}

/** A consumer of this process, with a handler that takes its time and fails now and then. */
function shaky(sale: FlashSale, handled: Handled[], options: Partial<ConsumeOptions> = {}) {
  const persistent = { maxAttempts: 1_000_000, retryDelayMs: 20, maxRetryDelayMs: 200, leaseMs: HASTY_MS }
  const errors: unknown[] = []
  const onError = (error: unknown) => errors.push(error)
  const handler = async ({ partition, sequence, reservation }: SaleEvent) => {
    if (Math.random() < 0.3) await delay(Math.random() * 5)
    if (Math.random() < 0.05) throw new Error('not this time')
    handled.push([partition, sequence, reservation?.id ?? ''])
  }
  const consumer = follow(sale, { ...persistent, onError, ...options }, handler)
  const caughtUp = () =>
    until(async () => {
      const { lag, parked, latest } = await consumer.stats().catch(() => ({ lag: 1, parked: 1, latest: 0 }))
      return lag === 0 && parked === 0 && latest > 0
    }, 'to catch up')
  return { consumer, errors, caughtUp }
}

/**
 * Resolves once a consumer has found Redis away for longer than a call waits, and than the lease.
 */
async function noticed(errors: readonly unknown[]): Promise<void> {
  const before = errors.length
  await Promise.all([delay(1.5 * HASTY_MS), until(() => errors.length > before, 'that it is noticed')])
}

test('consumer processes are killed with kill -9 under load: in order, and nothing is missing', async () => {
  const { server, sale } = await opened(3)
  const config: ConsumerConfig = { url: server.url, sale: 'launch', group: 'g', leaseMs: 600, failing: 0.05 }
  const handled: Handled[] = []
  const start = async () => {
    const worker = startWorker<ConsumerWords>('test/fault/support/consumer-process.ts', config)
    onTestFinished(() => worker.kill())
    await worker.next()
    const listening = (async () => {
      for (;;) {
        const words = await worker.next().catch(() => undefined)
        if (!words) return
        if (!('begun' in words)) handled.push(words)
      }
    })()
    return { worker, listening }
  }
  const workers: { worker: Worker<ConsumerWords>; listening: Promise<void> }[] = []
  for (let i = 0; i < 3; i++) workers.push(await start())
  const shopping = new Shopping(sale)
  for (let kills = 0; kills < 8; kills++) {
    const before = handled.length
    await until(() => handled.length > before + 50, 'fifty more events')
    await delay(Math.random() * 300)
    const victim = workers.shift()!
    await victim.worker.kill()
    await victim.listening
    workers.push(await start())
  }
  await shopping.stop()
  const events = await everything(sale)
  const done = () => new Set(handled.map(([partition, sequence]) => `${partition} ${sequence}`)).size
  await until(() => done() >= events.length, 'the rest')
  for (const { worker, listening } of workers) {
    worker.tell('end')
    await listening
  }
  const { again } = judge(handled, events)
  expect(events.length).toBeGreaterThan(400)
  // What was under way, and what was done in the last moment before each kill.
  expect(again).toBeLessThan(events.length / 2)
  expect((await sale.consumerGroups())[0]).toMatchObject({ lag: 0, parked: 0, dead: 0 })
})

test('Redis is killed and restarted under load (appendfsync always)', async () => {
  const { server, sale, patient } = await opened(2, PERSISTENT, HASTY_MS)
  const handled: Handled[] = []
  const { errors, caughtUp } = shaky(sale, handled)
  const shopping = new Shopping(sale)
  for (let kills = 0; kills < 4; kills++) {
    const before = handled.length
    await until(() => handled.length > before + 100, 'a hundred more events')
    await server.kill()
    // Once for longer than a call waits, and than the lease.
    await (kills === 2 ? noticed(errors) : delay(Math.random() * 500))
    await server.restart()
  }
  const before = handled.length
  await until(() => handled.length > before + 100, 'a hundred more events')
  await shopping.stop()
  await caughtUp()
  judge(handled, await everything(patient))
  expect(errors.length).toBeGreaterThan(0)
})

test('SCRIPT FLUSH, again and again, is not noticed', async () => {
  const { client, sale } = await opened(2)
  const handled: Handled[] = []
  // With a lease that nothing takes away.
  const { errors, caughtUp } = shaky(sale, handled, { leaseMs: PATIENT_MS })
  const shopping = new Shopping(sale)
  for (let flushes = 0; flushes < 30; flushes++) {
    await client.script('FLUSH')
    await delay(50)
  }
  await shopping.stop()
  await caughtUp()
  const { again } = judge(handled, await everything(sale))
  expect(again).toBe(0)
  expect(errors).toEqual([])
})

test('Redis stands still for longer than the lease: it goes on by itself', async () => {
  const { server, client, sale, patient } = await opened(1, {}, HASTY_MS)
  const handled: Handled[] = []
  const { errors, caughtUp } = shaky(sale, handled)
  const second = shaky(handle(client, HASTY_MS), handled)
  const shopping = new Shopping(sale)
  for (let stops = 0; stops < 2; stops++) {
    const before = handled.length
    await until(() => handled.length > before + 100, 'a hundred more events')
    await server.kill('SIGSTOP')
    await noticed(errors)
    await server.kill('SIGCONT')
  }
  const before = handled.length
  await until(() => handled.length > before + 100, 'a hundred more events')
  await shopping.stop()
  await caughtUp()
  await second.caughtUp()
  judge(handled, await everything(patient))
  expect(errors.length + second.errors.length).toBeGreaterThan(0)
})

/** Their ids, each once: a lease that has lapsed hands out again what it handed out. */
const idsOf = (events: readonly SaleEvent[]) => [...new Set(events.map(({ id }) => id))]

test('Redis comes back with an older state: it waits for the recovery, and hands out what is new and what was forgotten', async () => {
  const { server, client, sale } = await opened(1)
  const seen: SaleEvent[] = []
  const codes = new Set<string>()
  const onError = (error: unknown) => void codes.add((error as { code: string }).code)
  const consumer = follow(sale, { leaseMs: 1_000, onError }, (event) => void seen.push(event))
  const buy = async (buyer: string, shop = sale) => {
    const result = await shop.reserve({ buyer, items: [{ sku: 'a', quantity: 1 }], key: 'k' })
    return result.status === 'reserved' ? result.reservation.id : expect.fail(result.status)
  }
  for (let i = 0; i < 10; i++) await buy(`kept-${i}`)
  await until(() => idsOf(seen).length === 10)
  await until(async () => (await consumer.stats()).lag === 0)
  await client.save()
  await copyFile(join(server.dir, 'dump.rdb'), join(server.dir, 'older.rdb'))
  for (let i = 0; i < 10; i++) await buy(`lost-${i}`)
  await until(() => idsOf(seen).length === 20)
  await until(async () => (await consumer.stats()).lag === 0)
  await server.kill()
  await copyFile(join(server.dir, 'older.rdb'), join(server.dir, 'dump.rdb'))
  await server.restart()
  // The consumer notices by itself, and freezes the sale: who does not know better must not sell
  // on.
  await until(() => codes.has('ROLLBACK_DETECTED'))
  const unaware = handle(clientOf(server))
  await expect(buy('early', unaware)).rejects.toMatchObject({ code: 'ROLLBACK_DETECTED' })
  await sale.recover({ from: 'accept' })
  for (let i = 0; i < 15; i++) await buy(`new-${i}`, unaware)
  const isNew = ({ reservation }: SaleEvent) => reservation?.buyer.startsWith('new-')
  await until(() => idsOf(seen.filter(isNew)).length === 15)
  const fresh = seen.filter(({ generation }) => generation === 2)
  expect(idsOf(fresh)).toEqual(Array.from({ length: 15 }, (_, i) => `0-2-${11 + i}`))
  expect(idsOf(seen).slice(0, 20)).toEqual(Array.from({ length: 20 }, (_, i) => `0-1-${1 + i}`))
  await until(async () => (await consumer.stats()).lag === 0)
})

test.each([
  ['was cut off', true],
  ['was between two looks', false],
])('an older state that others recovered while the consumer %s', async (_, cut) => {
  const { server, client, sale } = await opened(1)
  const buy = async (buyer: string) => {
    const { status } = await sale.reserve({ buyer, items: [{ sku: 'a', quantity: 1 }], key: 'k' })
    expect(status).toBe('reserved')
  }
  const life = mortal(redisEngine(clientOf(server)))
  const apart = new FlashSale('launch', { engine: life.engine, deadlineMs: 500 })
  onTestFinished(() => apart.close())
  const seen: SaleEvent[] = []
  // It renews its lease more often than it looks for events.
  const options = { leaseMs: 1_500, pollMs: 60_000, onError: () => {} }
  const consumer = follow(apart, options, (event) => void seen.push(event))
  for (let i = 0; i < 5; i++) await buy(`kept-${i}`)
  await until(async () => (await consumer.stats()).position === 5)
  await client.save()
  await copyFile(join(server.dir, 'dump.rdb'), join(server.dir, 'older.rdb'))
  for (let i = 0; i < 5; i++) await buy(`lost-${i}`)
  await until(() => idsOf(seen).length === 10)
  await delay(cut ? 300 : 5_000)
  if (cut) life.die()
  await server.kill()
  await copyFile(join(server.dir, 'older.rdb'), join(server.dir, 'dump.rdb'))
  await server.restart()
  await expect(buy('early')).rejects.toMatchObject({ code: 'ROLLBACK_DETECTED' })
  await sale.recover({ from: 'accept' })
  // As many as were lost, and more: its position would lie in the midst of them.
  for (let i = 0; i < 8; i++) await buy(`new-${i}`)
  life.revive()
  const fresh = () => idsOf(seen.filter(({ generation }) => generation === 2))
  await until(() => fresh().length === 8)
  expect(fresh()).toEqual(Array.from({ length: 8 }, (_, i) => `0-2-${6 + i}`))
})

test('Redis comes back from before the group was made', async () => {
  const { server, client, sale } = await opened(1)
  const buy = async (buyer: string) => {
    const { status } = await sale.reserve({ buyer, items: [{ sku: 'a', quantity: 1 }], key: 'k' })
    expect(status).toBe('reserved')
  }
  for (let i = 0; i < 5; i++) await buy(`kept-${i}`)
  await client.save()
  await copyFile(join(server.dir, 'dump.rdb'), join(server.dir, 'older.rdb'))
  const seen: SaleEvent[] = []
  const consumer = follow(
    sale,
    { start: 'now', leaseMs: 1_000, onError: () => {} },
    (event) => void seen.push(event),
  )
  await until(async () => (await sale.consumerGroups()).length === 1)
  for (let i = 0; i < 5; i++) await buy(`lost-${i}`)
  await until(() => idsOf(seen).length === 5)
  await server.kill()
  await copyFile(join(server.dir, 'older.rdb'), join(server.dir, 'dump.rdb'))
  await server.restart()
  await until(() =>
    sale
      .consumerGroups()
      .then(([group]) => group !== undefined)
      .catch(() => false),
  )
  await sale.recover({ from: 'accept' })
  for (let i = 0; i < 5; i++) await buy(`new-${i}`)
  await until(() => idsOf(seen).length === 10)
  expect(idsOf(seen).slice(5)).toEqual(Array.from({ length: 5 }, (_, i) => `0-2-${6 + i}`))
  await consumer.close()
  await expect(consumer.closed).resolves.toBeUndefined()
})

test('Redis has lost everything: it waits until the sale is created again', async () => {
  const { client, sale } = await opened(1)
  const seen: SaleEvent[] = []
  const codes = new Set<string>()
  const onError = (error: unknown) => void codes.add((error as { code: string }).code)
  follow(sale, { start: 'now', leaseMs: 1_000, onError }, (event) => void seen.push(event))
  await until(async () => (await sale.consumerGroups()).length === 1)
  const result = await sale.reserve({ buyer: 'u', items: [{ sku: 'a', quantity: 1 }] })
  if (result.status !== 'reserved') expect.fail(result.status)
  await until(() => seen.length > 0)
  await client.flushall()
  await until(() => codes.has('STATE_LOST'))
  await sale.recover({ from: 'replay' })
  // What was put back is told again, under another name.
  await until(() => idsOf(seen).length === 2)
  expect(seen.at(-1)).toMatchObject({ type: 'reserved', reservation: { id: result.reservation.id } })
})
