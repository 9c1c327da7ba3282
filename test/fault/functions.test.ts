import { Redis } from 'ioredis'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { startCluster } from '../../scripts/lib/servers/redis/cluster.js'
import { startRedis } from '../../scripts/lib/servers/redis/server.js'
import { FlashSale, type RedisEngineOptions, redisEngine } from '../../src/index.js'
import { connectTo } from '../support/client.js'
import { OwnRedis } from '../support/own-redis.js'

const redis = new OwnRedis({ functions: true })
beforeEach(async () => {
  await redis.client.flushall()
  await redis.client.function('FLUSH')
  await redis.client.script('FLUSH')
  await redis.client.config('RESETSTAT')
})

const one = [{ sku: 'tea', quantity: 1 }]
let users = 0

async function openSale(client: Redis, options?: RedisEngineOptions): Promise<FlashSale> {
  // A heartbeat calls a function each second: these tests count the calls of the server.
  const engine = redisEngine(client, { heartbeat: false, ...options })
  const sale = new FlashSale('launch', { engine, deadlineMs: 60_000 })
  onTestFinished(() => sale.close())
  await sale.create({ stock: { tea: 1_000 } })
  return sale
}

/** How many calls were carried out as functions, and how many as scripts. */
async function carriedOut(): Promise<{ functions: number; scripts: number }> {
  const stats = await redis.client.info('commandstats')
  const of = (name: string) => {
    const [, calls, failed] =
      new RegExp(`^cmdstat_${name}:calls=(\\d+).*failed_calls=(\\d+)`, 'm').exec(stats) ?? []
    return Number(calls ?? 0) - Number(failed ?? 0)
  }
  return { functions: of('fcall'), scripts: of('evalsha') + of('eval') }
}

async function userWith(...rights: string[]): Promise<Redis> {
  const username = `seller${++users}`
  await redis.client.call('ACL', 'SETUSER', username, 'on', '>password', '~*', '&*', '+@all', ...rights)
  const client = new Redis(redis.url, { username, password: 'password' })
  onTestFinished(() => client.disconnect())
  return client
}

async function libraries(): Promise<string[]> {
  const found = (await redis.client.function('LIST')) as unknown[][]
  return found.map((fields) => String(fields[fields.indexOf('library_name') + 1]))
}

test('commands are functions of one library, which several engines and clients share', async () => {
  const [first, second] = [await openSale(connectTo(redis.server)), await openSale(connectTo(redis.server))]
  await Promise.all([first.reserve({ buyer: 'u', items: one }), second.reserve({ buyer: 'v', items: one })])
  const { functions, scripts } = await carriedOut()
  expect(functions).toBeGreaterThanOrEqual(4)
  expect(scripts).toBe(0)
  expect(await libraries()).toEqual([expect.stringMatching(/^stockhold_[0-9a-f]{20}$/)])
})

test("scripting: 'eval' uses scripts, and leaves no library behind", async () => {
  const sale = await openSale(connectTo(redis.server), { scripting: 'eval' })
  await sale.reserve({ buyer: 'u', items: one })
  expect((await carriedOut()).functions).toBe(0)
  expect(await libraries()).toEqual([])
})

describe('a server that refuses functions runs scripts', () => {
  test.each([
    ['the user may not load them', '-function|load'],
    ['the user may not use FUNCTION at all', '-function'],
    ['the user may not call them', '-fcall'],
  ])('%s', async (_, right) => {
    const sale = await openSale(await userWith(right))
    expect(await sale.reserve({ buyer: 'u', items: one })).toMatchObject({ status: 'reserved' })
    const { functions, scripts } = await carriedOut()
    expect(functions).toBe(0)
    expect(scripts).toBeGreaterThanOrEqual(2)
  })

  test('a hoster has taken the commands away', async () => {
    const hosted = await startRedis({ config: { 'rename-command': 'FUNCTION ""' } })
    onTestFinished(() => hosted.stop())
    const sale = await openSale(connectTo(hosted))
    expect(await sale.reserve({ buyer: 'u', items: one })).toMatchObject({ status: 'reserved' })
  })
})

test('in a Cluster the masters run functions', async () => {
  const cluster = await startCluster({ masters: 3, replicas: 0, functions: true })
  onTestFinished(() => cluster.stop())
  const client = cluster.client()
  onTestFinished(() => client.disconnect())
  const sale = new FlashSale('launch', {
    engine: redisEngine(client, { heartbeat: false }),
    deadlineMs: 60_000,
  })
  onTestFinished(() => sale.close())
  await sale.create({ stock: { tea: 1_000 }, partitions: 6 })
  const buyers = Array.from({ length: 60 }, (_, i) => `u${i}`)
  await Promise.all(buyers.map((buyer) => sale.reserve({ buyer, items: one })))
  for (const node of client.nodes('master')) {
    const stats = await node.info('commandstats')
    expect(Number(/cmdstat_fcall:calls=(\d+)/.exec(stats)?.[1])).toBeGreaterThan(2)
    // Only the search for a route sends scripts.
    expect(stats).not.toMatch(/cmdstat_evalsha:/)
  }
})

describe('in mid-sale', () => {
  test('the functions are lost: they are loaded again, and each call is carried out once', async () => {
    const sale = await openSale(connectTo(redis.server))
    await sale.reserve({ buyer: 'u', items: one })
    await redis.client.function('FLUSH')
    const buyers = Array.from({ length: 300 }, (_, i) => `u${i}`)
    const answers = await Promise.all(buyers.map((buyer) => sale.reserve({ buyer, items: one })))
    expect(answers.every(({ status }) => status === 'reserved')).toBe(true)
    expect((await sale.stats()).skus.tea).toMatchObject({ held: 301 })
    expect((await carriedOut()).scripts).toBe(0)
    expect(await libraries()).toHaveLength(1)
  })

  test('the right to call functions is taken away: the sale goes on with scripts', async () => {
    const client = await userWith()
    const sale = await openSale(client)
    await sale.reserve({ buyer: 'u', items: one })
    await redis.client.call('ACL', 'SETUSER', `seller${users}`, '-fcall')
    for (const buyer of ['v', 'w'])
      expect(await sale.reserve({ buyer, items: one })).toMatchObject({ status: 'reserved' })
    expect((await carriedOut()).scripts).toBeGreaterThanOrEqual(2)
  })

  test('another version runs beside: each keeps its own library', async () => {
    const other = "redis.register_function('stockhold_other_sale_reserve', function() return 1 end)"
    await redis.client.function('LOAD', `#!lua name=stockhold_other\n${other}`)
    const sale = await openSale(connectTo(redis.server))
    await sale.reserve({ buyer: 'u', items: one })
    expect(await libraries()).toContain('stockhold_other')
    expect(await libraries()).toHaveLength(2)
  })
})

test('a library knows when it was used last', async () => {
  const sale = await openSale(connectTo(redis.server))
  const [library] = await libraries()
  const lastUse = async () => Number(await redis.client.fcall(`${library}_last_use`, 0))
  const created = await lastUse()
  const [seconds] = await redis.client.time()
  expect(Math.abs(Number(seconds) * 1_000 - created)).toBeLessThan(60_000)
  await redis.client.set('tick', 1)
  while ((await lastUse()) === created) await sale.reserve({ buyer: 'u', items: one })
  expect(await lastUse()).toBeGreaterThan(created)
})
