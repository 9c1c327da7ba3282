import type { Redis } from 'ioredis'
import { expect, onTestFinished, test, vi } from 'vitest'
import { startRedis } from '../../../scripts/lib/servers/redis/server.js'
import { type Engine, FlashSale, redisEngine, WaitingRoom } from '../../../src/index.js'
import { type ClientOptions, connectTo, elapse } from '../../support/client.js'
import { contentsOf } from '../../support/contents.js'
import { BUYER, faultOf, KEY, PASSWORD, PAYMENT, USER } from '../../support/secrets.js'
import { TestClock } from '../../support/test-clock.js'

const item = [{ sku: 'a', quantity: 1 }]

async function start(config: Record<string, string> = {}) {
  const server = await startRedis({ config })
  onTestFinished(() => server.stop())
  const connect = (options?: ClientOptions) => connectTo(server, { retryStrategy: () => 20, ...options })
  return { server, connect }
}

function open(engine: Engine, { id = 'launch', deadlineMs = 60_000 } = {}): FlashSale {
  const sale = new FlashSale(id, { engine, deadlineMs })
  onTestFinished(async () => {
    await sale.close()
    await engine.close()
  })
  return sale
}

test.each(['allkeys-lru', 'allkeys-random', 'allkeys-lfu'])(
  'maxmemory-policy %s: UNSAFE_CONFIG, which names what to set; once it is set, all is well',
  async (policy) => {
    const { connect } = await start({ 'maxmemory-policy': policy })
    const client = connect()
    const sale = open(redisEngine(client))
    const error = await faultOf(sale.create({ stock: { a: 1 } }), 'UNSAFE_CONFIG')
    expect(error.message).toContain('maxmemory-policy')
    expect(error.message).toContain('noeviction')
    expect(error.message).toContain(policy)
    await faultOf(sale.reserve({ buyer: BUYER, items: item }), 'UNSAFE_CONFIG')
    expect(await client.dbsize()).toBe(0)
    await client.config('SET', 'maxmemory-policy', 'noeviction')
    expect(await sale.create({ stock: { a: 1 } })).toEqual({ created: true })
  },
)

test.each(['volatile-lru', 'volatile-lfu', 'volatile-random', 'volatile-ttl'])(
  'maxmemory-policy %s: a full server deletes keys with a TTL, and nothing of a sale or a room, which have none',
  async (policy) => {
    const { connect } = await start({ 'maxmemory-policy': policy })
    const client = connect()
    const engine = redisEngine(client)
    const sale = open(engine)
    await sale.create({ stock: { a: 20 } })
    const held = await sale.reserve({ buyer: BUYER, items: item, key: 'k' })
    if (held.status !== 'reserved') expect.fail(held.status)
    await sale.restock({ sku: 'a', quantity: 1, key: 'r' })
    await sale.consume({ group: 'g' }, () => {}).close()
    const room = new WaitingRoom('launch', {
      ...{ engine, deadlineMs: 60_000, secret: 's'.repeat(32), ratePerSecond: 1 },
    })
    onTestFinished(() => room.close())
    await room.create()
    await room.join(BUYER)
    const keys = await client.keys('*')
    expect(keys.length).toBeGreaterThan(8)
    expect(await Promise.all(keys.map((key) => client.pttl(key)))).toEqual(keys.map(() => -1))
    for (let i = 0; i < 100; i++) await client.set(`cache ${i}`, '-'.repeat(10_000), 'EX', 3_600)
    await client.config('SET', 'maxmemory', '1000000')
    await client.config('SET', 'maxmemory-samples', '10')
    await client.set('one more', '-', 'EX', 3_600).catch(() => {})
    expect(await client.exists(...keys)).toBe(keys.length)
    expect(await client.dbsize()).toBeLessThan(keys.length + 100)
    expect(await sale.confirm(held.reservation.id)).toMatchObject({ status: 'confirmed' })
  },
)

test('maxmemory reached: no reservation, but all that gives stock back or ends a hold goes on', async () => {
  const { connect } = await start()
  const client = connect()
  const sale = open(redisEngine(client))
  await sale.create({ stock: { a: 20 }, maxHoldMs: 600_000 })
  const hold = async (holdMs: number) => {
    const result = await sale.reserve({ buyer: BUYER, items: item, holdMs })
    return result.status === 'reserved' ? result.reservation.id : expect.fail(result.status)
  }
  const ids = await Promise.all([1, 2, 3, 4].map(() => hold(600_000)))
  await hold(1)
  await client.config('SET', 'maxmemory', '1')
  const error = await faultOf(sale.reserve({ buyer: BUYER, items: item, key: KEY }), 'UNAVAILABLE')
  expect(error.message).toContain('maxmemory')
  await faultOf(open(redisEngine(client), { id: 'another' }).create({ stock: { a: 1 } }), 'UNAVAILABLE')
  expect(await sale.confirm(ids[0]!, { paymentId: PAYMENT })).toMatchObject({ status: 'confirmed' })
  expect(await sale.release(ids[1]!)).toMatchObject({ status: 'released' })
  expect(await sale.extend(ids[2]!, { holdMs: 600_000 })).toMatchObject({ status: 'extended' })
  expect(await sale.refund(ids[0]!, { restock: true })).toMatchObject({ status: 'refunded' })
  expect(await sale.get(ids[1]!)).toMatchObject({ state: 'released' })
  expect(await sale.restock({ sku: 'a', quantity: -1, key: KEY })).toMatchObject({ applied: -1 })
  expect(await sale.pause()).toBe('paused')
  expect((await sale.stats()).skus.a).toMatchObject({ total: 19, available: 17, held: 2, confirmed: 0 })
  expect(await sale.audit()).toMatchObject({ ok: true, reservations: 5 })
  await client.config('SET', 'maxmemory', '0')
  expect(await sale.resume()).toBe('open')
  expect(await sale.reserve({ buyer: BUYER, items: item, key: KEY })).toMatchObject({ replayed: false })
})

test('a replica: UNAVAILABLE for what would write', async () => {
  const { connect } = await start()
  const client = connect()
  const sale = open(redisEngine(client))
  await sale.create({ stock: { a: 5 } })
  const held = await sale.reserve({ buyer: BUYER, items: item, key: KEY })
  if (held.status !== 'reserved') expect.fail(held.status)
  await client.replicaof('127.0.0.1', 1)
  const error = await faultOf(sale.reserve({ buyer: BUYER, items: item, key: 'k' }), 'UNAVAILABLE')
  expect(error.message).toContain('READONLY')
  await faultOf(sale.confirm(held.reservation.id, { paymentId: PAYMENT }), 'UNAVAILABLE')
  expect(await sale.get(held.reservation.id)).toMatchObject({ state: 'held' })
  await client.replicaof('NO', 'ONE')
  expect(await sale.confirm(held.reservation.id)).toMatchObject({ status: 'confirmed' })
})

test('a replica that serves no stale data: UNAVAILABLE', async () => {
  const { connect } = await start({ 'replica-serve-stale-data': 'no' })
  const client = connect()
  const sale = open(redisEngine(client))
  await sale.create({ stock: { a: 5 } })
  await client.replicaof('127.0.0.1', 1)
  await faultOf(sale.reserve({ buyer: BUYER, items: item, key: KEY }), 'UNAVAILABLE')
})

test('a disk that refuses: UNAVAILABLE', async () => {
  const { connect } = await start({ 'min-replicas-to-write': '1' })
  await faultOf(open(redisEngine(connect())).create({ stock: { a: 1 } }), 'UNAVAILABLE')
})

test('a user without the permissions: UNAVAILABLE, by whichever command it is refused', async () => {
  const { connect } = await start()
  const admin = connect()
  // The driver tells that it may not ask for INFO.
  const warn = vi.spyOn(console, 'warn').mockReturnValue()
  onTestFinished(() => warn.mockRestore())
  const sale = open(redisEngine(admin))
  await sale.create({ stock: { a: 5 } })
  const rights = [
    '+ping',
    '+info',
    '+info +evalsha ~other:*',
    '+info +evalsha +eval +@all -evalsha -eval -fcall ~*',
  ]
  for (const [i, right] of rights.entries()) {
    const username = `${USER}${i}`
    await admin.call('ACL', 'SETUSER', username, 'on', `>${PASSWORD}`, ...right.split(' '))
    const client = connect({ username, password: PASSWORD })
    const handle = open(redisEngine(client))
    await faultOf(handle.reserve({ buyer: BUYER, items: item, key: KEY }), 'UNAVAILABLE', false)
    await faultOf(handle.create({ stock: { a: 5 } }), 'UNAVAILABLE', false)
  }
  expect((await sale.stats()).skus.a).toMatchObject({ available: 5 })
})

test.each(['xadd', 'zadd', 'hset', 'zrem'])(
  'a user who may do everything but %s: an error, and nothing is half written',
  async (command) => {
    const { connect } = await start()
    const admin = connect()
    // Without timers: a heartbeat or a sweep would write between the two looks at the server.
    const still = (client: Redis) => new TestClock().drive(redisEngine(client))
    const sale = open(still(admin))
    await sale.create({ stock: { a: 5 } })
    await sale.reserve({ buyer: BUYER, items: item, holdMs: 1 })
    await sale.close()
    await elapse(5, admin)
    await admin.call('ACL', 'SETUSER', USER, 'on', `>${PASSWORD}`, '~*', '+@all', `-${command}`)
    const everything = async () => {
      const keys = (await admin.keys('*')).sort()
      return Promise.all(keys.map(async (key) => [key, await admin.callBuffer(...contentsOf(key))]))
    }
    const before = await everything()
    const client = connect({ username: USER, password: PASSWORD })
    const handle = open(still(client))
    const failed = handle.reserve({ buyer: BUYER, items: item, key: KEY })
    await expect(failed).rejects.toMatchObject({ name: 'StockholdError' })
    expect(await everything()).toEqual(before)
    const rightful = open(redisEngine(admin))
    expect(await rightful.reserve({ buyer: BUYER, items: item, key: KEY })).toMatchObject({ replayed: false })
    expect(await rightful.audit()).toMatchObject({ ok: true, reservations: 2 })
  },
)

test('rights are taken away in mid-sale: UNAVAILABLE', async () => {
  const { connect } = await start()
  const admin = connect()
  await admin.call('ACL', 'SETUSER', USER, 'on', `>${PASSWORD}`, '+@all', '~*')
  const sale = open(redisEngine(connect({ username: USER, password: PASSWORD })))
  await sale.create({ stock: { a: 5 } })
  await admin.call('ACL', 'SETUSER', USER, 'resetkeys', '~other:*')
  await faultOf(sale.reserve({ buyer: BUYER, items: item, key: KEY }), 'UNAVAILABLE', false)
  await admin.call('ACL', 'SETUSER', USER, '~*')
  expect(await sale.reserve({ buyer: BUYER, items: item, key: KEY })).toMatchObject({ replayed: false })
})

test('a password in the URL works, and no error shows it', async () => {
  const { server } = await start({ requirepass: PASSWORD })
  const url = (password: string, port = server.port) => `redis://:${password}@${server.host}:${port}`
  const sale = open(redisEngine(url(PASSWORD)))
  await sale.create({ stock: { a: 1 } })
  const held = await sale.reserve({ buyer: BUYER, items: item, key: KEY })
  expect(held).toMatchObject({ status: 'reserved' })
  const reserve = (engine: Engine, options = {}) =>
    open(engine, options).reserve({ buyer: BUYER, items: item, key: KEY })
  await faultOf(reserve(redisEngine(url(`${PASSWORD}-wrong`))), 'UNAVAILABLE', false)
  await faultOf(
    reserve(redisEngine(`redis://${USER}:${PASSWORD}@${server.host}:${server.port}`)),
    'UNAVAILABLE',
    false,
  )
  await faultOf(reserve(redisEngine(server.url)), 'UNAVAILABLE', false)
  const hasty = { deadlineMs: 300 }
  await faultOf(reserve(redisEngine(url(PASSWORD, 1)), hasty), 'UNAVAILABLE')
  await server.kill('SIGSTOP')
  const hanging = open(redisEngine(url(PASSWORD)), hasty)
  await faultOf(hanging.stats(), 'UNAVAILABLE').finally(() => server.kill('SIGCONT'))
})

test('a server that dies with a call under way: UNKNOWN_OUTCOME, and no error shows what was asked', async () => {
  const { server } = await start({ requirepass: PASSWORD })
  const engine = redisEngine(`redis://:${PASSWORD}@${server.host}:${server.port}`)
  const sale = open(engine)
  await sale.create({ stock: { a: 9 } })
  await server.kill('SIGSTOP')
  const calls = [
    sale.reserve({ buyer: BUYER, items: item, key: KEY }),
    sale.confirm('1AAAAAAAAAAAAAAAAAA', { buyer: BUYER, paymentId: PAYMENT }),
    sale.restock({ sku: 'a', quantity: 1, key: KEY }),
  ]
  const settled = Promise.all(calls.map((call) => faultOf(call, 'UNKNOWN_OUTCOME')))
  await new Promise((resolve) => setImmediate(resolve))
  await server.kill('SIGKILL')
  await settled
})
