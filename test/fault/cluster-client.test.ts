import { setTimeout as delay } from 'node:timers/promises'
import { Cluster } from 'ioredis'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'

import {
  type ClientOptions,
  type ClusterNode,
  type RedisCluster,
  startCluster,
} from '../../scripts/lib/servers/redis/cluster.js'

import { FlashSale, redisEngine } from '../../src/index.js'
import { slotOf } from '../../src/redis-engine/slot.js'
import { ClusterShop } from '../support/cluster.js'
import { BUYER, faultOf, KEY } from '../support/secrets.js'

let cluster: RedisCluster
beforeAll(async () => {
  cluster = await startCluster()
})
afterAll(() => cluster.stop())

function connect(options?: ClientOptions): Cluster {
  const client = cluster.client(options)
  onTestFinished(() => client.disconnect())
  return client
}

const order = (key: string) => ({ buyer: BUYER, key, items: [{ sku: 'a', quantity: 1 }] })

describe('a cluster with', () => {
  test.each<[string, ClientOptions]>([
    ['default options', {}],
    ['enableAutoPipelining', { enableAutoPipelining: true }],
    ['enableAutoPipelining of its nodes', { redisOptions: { enableAutoPipelining: true } }],
    ['keyPrefix', { keyPrefix: 'shop:' }],
    ['a keyPrefix of its nodes', { redisOptions: { keyPrefix: 'shop:' } }],
    ['a keyPrefix with a tag of its own', { keyPrefix: '{shop}:' }],
    ['reads from replicas', { scaleReads: 'slave' }],
    ['lazyConnect', { lazyConnect: true }],
    ['enableOfflineQueue: false', { enableOfflineQueue: false }],
    ['no redirections', { maxRedirections: 0 }],
    ['no retries', { retryDelayOnFailover: 0, retryDelayOnClusterDown: 0, retryDelayOnTryAgain: 0 }],
    ['nodes that connect again', { clusterNodeRetryStrategy: () => 20 }],
    ['numbers as strings', { redisOptions: { stringNumbers: true } }],
    ['a command timeout', { redisOptions: { commandTimeout: 60_000 } }],
    [
      'everything at once',
      {
        enableAutoPipelining: true,
        keyPrefix: 'x:',
        lazyConnect: true,
        maxRedirections: 1,
        scaleReads: 'all',
      },
    ],
  ])('%s serves every partition, before and after a slot has moved', async (_, options) => {
    const shop = await ClusterShop.open(cluster, { clients: [options] })
    await Promise.all(
      shop.partitions.flatMap((p) => [1, 2, 3].map(() => shop.reserve(shop.order(p), shop.engines[0]!))),
    )
    const slot = slotOf(`${options.keyPrefix ?? options.redisOptions?.keyPrefix ?? ''}${shop.keysOf(1)[0]}`)
    const home = await cluster.masterOf(slot)
    await cluster.migrateSlot(slot, await cluster.masterOf((slot + 5_500) % 16_384))
    await Promise.all(shop.partitions.map((p) => shop.reserve(shop.order(p), shop.engines[0]!)))
    await cluster.migrateSlot(slot, home)
    expect(shop.told.filter(({ told }) => told !== 'reserved')).toEqual([])
    expect(shop.count('reserved')).toBe(4 * shop.partitions.length)
    if (!options.keyPrefix && !options.redisOptions?.keyPrefix) await shop.verdict()
  })
})

test('the partitions of a sale lie evenly on the masters', async () => {
  const shop = await ClusterShop.open(cluster, { partitions: 12 })
  for (const { admin } of cluster.nodes) {
    const partitionsOf = (keys: string[]) =>
      new Set(keys.filter((key) => key.includes(`:${shop.name}:`)).map((key) => /\{.*\}/.exec(key)![0]))
    await expect.poll(async () => partitionsOf(await admin.keys('*')).size).toBe(4)
  }
  const [{ admin }] = cluster.nodes as [(typeof cluster.nodes)[number]]
  for (const key of ['', '{}', 'a{b', '{}{a}', '{{a}}', 'a}{b}c', 'ü', 'x{😀}', ...shop.keysOf(7)])
    expect(await admin.cluster('KEYSLOT', key), key).toBe(slotOf(key))
})

test('a life in a FlashSale', async () => {
  const engine = redisEngine(connect({ enableAutoPipelining: true }))
  const sale = new FlashSale('life', { engine, deadlineMs: 60_000 })
  await sale.create({ stock: { a: 10 }, limitPerBuyer: 5 })
  const held = await sale.reserve(order(KEY))
  if (held.status !== 'reserved') expect.fail(held.status)
  expect(await sale.reserve(order(KEY))).toMatchObject({ status: 'reserved', replayed: true })
  const other = await sale.reserve(order('2'))
  if (other.status !== 'reserved') expect.fail(other.status)
  expect(await sale.confirm(held.reservation.id)).toMatchObject({ status: 'confirmed' })
  expect(await sale.release(other.reservation.id)).toMatchObject({ status: 'released' })
  expect(await sale.audit()).toMatchObject({
    ok: true,
    skus: { a: { total: 10, available: 9, confirmed: 1 } },
  })
  await sale.close()
  await engine.close()
})

describe('servers that must not be used', () => {
  test('are refused one by one, each by its name; other clients go on', async () => {
    const shop = await ClusterShop.open(cluster)
    const unsafe = await cluster.masterOf(shop.slotOf(3))
    await unsafe.admin.config('SET', 'maxmemory-policy', 'allkeys-lru')
    onTestFinished(() => void unsafe.admin.config('SET', 'maxmemory-policy', 'noeviction'))
    const late = await ClusterShop.join(shop)
    const there = await shop.partitionsOn(unsafe)
    for (const p of shop.partitions) {
      const call = late.ask(p, 'stats', {})
      if (!there.includes(p)) expect((await call).skus).toHaveLength(1)
      else
        expect((await faultOf(call, 'UNSAFE_CONFIG')).message).toContain(
          `${unsafe.address}: maxmemory-policy`,
        )
    }
    await unsafe.admin.config('SET', 'maxmemory-policy', 'noeviction')
    expect((await late.ask(3, 'stats', {})).skus).toHaveLength(1)
  })

  test("durability 'aof' is asked of each", async () => {
    const shop = await ClusterShop.open(cluster)
    const durable = await cluster.masterOf(shop.slotOf(0))
    for (const [name, value] of [
      ['appendonly', 'yes'],
      ['appendfsync', 'always'],
    ] as const)
      await durable.admin.config('SET', name, value)
    onTestFinished(() => void durable.admin.config('SET', 'appendonly', 'no'))
    const late = await ClusterShop.join(shop, { durability: 'aof' })
    const there = await shop.partitionsOn(durable)
    for (const p of shop.partitions) {
      const call = late.ask(p, 'stats', {})
      if (there.includes(p)) expect((await call).skus).toHaveLength(1)
      else expect((await faultOf(call, 'UNSAFE_CONFIG')).message).toMatch(/^127\.0\.0\.1:\d+: .*appendonly/)
    }
  })
})

/** How many commands a node has refused since they belong elsewhere. */
async function refusals({ admin }: ClusterNode): Promise<number> {
  return Number(/errorstat_MOVED:count=(\d+)/.exec(await admin.info('errorstats'))?.[1] ?? 0)
}

describe('a client that is led astray', () => {
  async function toTheReplica() {
    const shop = await ClusterShop.open(cluster, { partitions: 1 })
    const master = await cluster.masterOf(shop.slotOf(0))
    const [replica] = await cluster.replicasOf(master)
    const { host, port } = replica!.server
    const late = await ClusterShop.join(shop, {}, { natMap: { [master.address]: { host, port } } })
    return { shop, late, port }
  }

  test('in a circle (MOVED, and always to where it came from): UNAVAILABLE', async () => {
    const { shop, late } = await toTheReplica()
    // They wait for a way in vain, and are never sent.
    late.hurry([0])
    for (let i = 0; i < 3; i++)
      expect(await late.reserve(late.order(0), late.engines[0]!)).toBe('UNAVAILABLE')
    expect((await shop.ask(0, 'stats', {})).skus).toMatchObject([{ held: 0 }])
  })

  test('to a replica, by a connection for reading: UNAVAILABLE', async () => {
    const { shop, late, port } = await toTheReplica()
    const [client] = late.clients as [Cluster]
    if (client.status !== 'ready') await new Promise((resolve) => client.once('ready', resolve))
    // As ioredis has its connections to replicas: they run scripts that only read, as the search
    // for the way does.
    await client
      .nodes('master')
      .find(({ options }) => options.port === port)!
      .readonly()
    const [replica] = cluster.nodes.filter(({ server }) => server.port === port)
    const refusedBefore = await refusals(replica!)
    const startedAt = performance.now()
    late.hurry([0])
    while (late.count('MOVED') < 3) await late.reserve(late.order(0), late.engines[0]!)
    // Only a call that is on its way at its deadline cannot know that it will be refused.
    const unsure = late.told.filter(({ told }) => told !== 'UNAVAILABLE')
    expect(unsure.filter(({ told, ms }) => told !== 'UNKNOWN_OUTCOME' || ms < late.deadlineOf(0))).toEqual([])
    // The search says again and again that there is a way. The calls are sent ever more rarely all
    // the same.
    const times = (await refusals(replica!)) - refusedBefore
    expect(times).toBeLessThan(20 + (performance.now() - startedAt) / 100)
    expect((await shop.ask(0, 'stats', {})).skus).toMatchObject([{ held: 0 }])
  })
})

test('a node that is connected again sends again: a refusal of the second time says nothing of the first', async () => {
  const clients = [{ clusterNodeRetryStrategy: () => 20 }]
  const shop = await ClusterShop.open(cluster, { partitions: 1, clients })
  const first = shop.order(0)
  expect(await shop.reserve(first, shop.engines[0]!)).toBe('reserved')
  const { admin, server } = await cluster.masterOf(shop.slotOf(0))
  // The server stands still while both arrive, and reads what arrived first: the request is dropped
  // with its connection, and by the time it comes again there is no memory.
  await server.kill('SIGSTOP')
  const trouble = admin
    .pipeline()
    .config('SET', 'maxmemory', '1')
    .call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    .exec()
  await delay(20)
  const sentAgain = shop.reserve(first, shop.engines[0]!)
  await delay(20)
  await server.kill('SIGCONT')
  expect(await sentAgain).toBe('UNKNOWN_OUTCOME')
  await trouble
  await admin.config('SET', 'maxmemory', '0')
  // Versions of ioredis that do not know the option give the node up, and do not send again.
  const knowsOption = 'clusterNodeRetryStrategy' in connect().options
  expect(shop.count('OOM')).toBe(knowsOption ? 1 : 0)
  await shop.verdict()
})

test('a client that its owner ended, and one that never finds a server: UNAVAILABLE', async () => {
  const client = connect()
  const sale = new FlashSale('ended', { engine: redisEngine(client), deadlineMs: 60_000 })
  await sale.create({ stock: { a: 1 } })
  const ended = new Promise((resolve) => client.once('end', resolve))
  client.disconnect()
  await ended
  await faultOf(sale.stats(), 'UNAVAILABLE', false)
  await sale.close()
  const nowhere = new Cluster([{ host: '127.0.0.1', port: 1 }], { clusterRetryStrategy: () => 20 })
  nowhere.on('error', () => {})
  onTestFinished(() => nowhere.disconnect())
  const lost = new FlashSale('lost', { engine: redisEngine(nowhere), deadlineMs: 200 })
  await faultOf(lost.stats(), 'UNAVAILABLE')
  await lost.close()
})

test('each master of a cluster tells its figures, and those of its replica', async () => {
  const engine = redisEngine(connect())
  const told = async () => {
    const servers = await Promise.all(
      engine.servers!().map(async (server) => [server.address, (await server.figures())!.replicas] as const),
    )
    return servers.flatMap(([address, replicas]) => [address, ...replicas.map((one) => one.address)]).sort()
  }
  const nodes = cluster.nodes.map(({ address }) => address).sort()
  await expect.poll(told, { timeout: 60_000 }).toEqual(nodes)
})
