import { setTimeout as delay } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startRedis } from '../../scripts/lib/servers/redis/server.js'
import { FlashSale, redisEngine } from '../../src/index.js'
import { connectTo } from '../support/client.js'
import { contentsOf } from '../support/contents.js'
import { openTrial, type Stage } from './support/trial.js'
import { settledInTime, verdict } from './support/verdict.js'

/** Here the server always answers: no call ends by its deadline. */
const patient = { deadlineMs: 60_000 }

test.each(['SCRIPT', 'FUNCTION'])('%s FLUSH without pause: no call fails', async (command) => {
  const stage = await openTrial({ ...patient, functions: true })
  const { crowd, admin } = stage
  crowd.start()
  for (let i = 0; i < 80; i++) {
    await admin.call(command, 'FLUSH')
    await delay(3)
  }
  await crowd.stop()
  expect(crowd.count('UNKNOWN_OUTCOME') + crowd.count('UNAVAILABLE')).toBe(0)
  await crowd.buysOnEveryHandle()
  await verdict(stage, [crowd])
})

test.each([
  ['buckets', 'archive'],
  ['buckets', 'transfers'],
  ['archive', 'restocks'],
])('a lost key is noticed though another one appears: %s as %s', async (from, to) => {
  const server = await startRedis()
  onTestFinished(() => server.stop())
  const admin = connectTo(server)
  const sale = new FlashSale('launch', { engine: redisEngine(connectTo(server)), deadlineMs: 60_000 })
  onTestFinished(() => sale.close())
  await sale.create({ stock: { tea: 1_000 } })
  const order = (buyer: string) => ({ buyer, items: [{ sku: 'tea', quantity: 1 }] })
  const alone = await sale.reserve(order('ann'))
  if (alone.status !== 'reserved') expect.fail(alone.status)
  // Of one buyer, more than lie together: the rest is in the archive.
  await Promise.all(Array.from({ length: 20 }, () => sale.reserve(order('bob'))))
  await admin.rename(`{stockhold:launch:0}:${from}`, `{stockhold:launch:0}:${to}`)
  await expect(sale.reserve(order('cat'))).rejects.toMatchObject({ code: 'STATE_LOST' })
  await expect(sale.confirm(alone.reservation.id)).rejects.toMatchObject({ code: 'STATE_LOST' })
})

test('CLIENT KILL of all clients, again and again', async () => {
  const stage = await openTrial()
  const { crowd, admin } = stage
  crowd.start()
  for (let i = 0; i < 20; i++) {
    await delay(50)
    await admin.call('CLIENT', 'KILL', 'TYPE', 'normal')
  }
  await crowd.stop()
  await crowd.buysOnEveryHandle()
  await verdict(stage, [crowd])
})

/** A sale that has used all its keys. */
async function wornIn(): Promise<Stage> {
  const stage = await openTrial(patient)
  const sale = stage.handle()
  for (let i = 0; i < 12; i++) {
    const answer = await sale.reserve({ buyer: 'undecided', items: [{ sku: 'phone', quantity: 1 }] })
    if (answer.status === 'reserved') await sale.release(answer.reservation.id)
  }
  await sale.restock({ sku: 'phone', quantity: 1, key: 'delivery' })
  expect(await stage.admin.keys(`{stockhold:${stage.sale}:0}:*`)).toHaveLength(7)
  return stage
}

/**
 * After the loss nobody is sold anything, nor settled with, whoever asks; and nothing is written
 * any more, not even in part. Refusals and repeats, which change nothing, may be given where what
 * they rest on is still there.
 */
async function neverSellsOn(stage: Stage, lose: (at: ReturnType<Redis['multi']>) => unknown): Promise<void> {
  const { crowd, admin, handles, sale } = stage
  crowd.start()
  await crowd.hears('confirmed', 20)
  const stock = `{stockhold:${sale}:0}:stock`
  const transaction = admin.multi()
  lose(transaction)
  const results = await transaction.callBuffer(...contentsOf(stock)).exec()
  const lostAt = performance.now()
  await crowd.hears('STATE_LOST', 100)
  await crowd.stop()
  settledInTime(crowd, { codes: ['STATE_LOST'] })
  const told = new Set(crowd.calls.filter(({ at }) => at > lostAt).map((call) => call.told))
  expect([...told].sort()).toSatisfy((all: string[]) => all.includes('STATE_LOST'))
  for (const change of ['reserved', 'confirmed', 'released']) expect([...told]).not.toContain(change)
  for (const handle of [...handles, stage.handle()]) {
    const request = { buyer: 'late', key: 'late', items: [{ sku: 'phone', quantity: 1 }] }
    await expect(handle.reserve(request)).rejects.toMatchObject({ code: 'STATE_LOST' })
  }
  expect(await admin.callBuffer(...contentsOf(stock))).toEqual(results!.at(-1)![1])
}

describe('what was sold is lost', () => {
  test('FLUSHALL under load: STATE_LOST, never a fresh start', async () => {
    const stage = await wornIn()
    const { crowd, admin, handles, stock, limit } = stage
    crowd.start()
    await crowd.hears('confirmed', 20)
    await admin.flushall()
    const lostAt = performance.now()
    await crowd.hears('STATE_LOST', 100)
    await crowd.stop()
    const told = crowd.calls.filter(({ at }) => at > lostAt).map((call) => call.told)
    expect(new Set(told)).toEqual(new Set(['STATE_LOST']))
    for (const sale of handles) {
      const again = sale.create({ stock: { phone: stock }, limitPerBuyer: limit })
      await expect(again).rejects.toMatchObject({ code: 'STATE_LOST' })
      await expect(sale.stats()).rejects.toMatchObject({ code: 'STATE_LOST' })
    }
    // Each process goes on telling that it lives.
    const keys = await admin.keys('*')
    expect(keys.filter((key) => !key.startsWith('{stockhold:heartbeat}:'))).toEqual([])
  })

  const parts = ['meta', 'stock', 'buckets', 'expiry', 'events', 'archive', 'restocks']

  test.each(parts)('DEL of %s under load', async (part) => {
    const stage = await wornIn()
    await neverSellsOn(stage, (at) => at.del(`{stockhold:${stage.sale}:0}:${part}`))
  })

  test.each(parts)('a wrong type of %s under load', async (part) => {
    const stage = await wornIn()
    await neverSellsOn(stage, (at) => at.set(`{stockhold:${stage.sale}:0}:${part}`, 'something else'))
  })
})
