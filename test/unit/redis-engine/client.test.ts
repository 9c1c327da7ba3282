import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type RedisServer, startRedis } from '../../../scripts/lib/servers/redis/server.js'
import { FlashSale, type FlashSaleOptions, redisEngine } from '../../../src/index.js'
import { type ClientOptions, connectTo, elapse } from '../../support/client.js'
import { BUYER, faultOf, KEY, PAYMENT } from '../../support/secrets.js'
import { TestClock } from '../../support/test-clock.js'
import { wrapped } from '../../support/wrapped-engine.js'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis({ config: { appendonly: 'yes', appendfsync: 'always' } })
})
afterAll(() => server.stop())

const item = [{ sku: 'a', quantity: 1 }]
let sales = 0

const connect = (options?: ClientOptions) => connectTo(server, options)

function open(client: Redis, options: Partial<FlashSaleOptions> & { id?: string } = {}) {
  const { id = `sale-${++sales}`, ...rest } = options
  const sale = new FlashSale(id, { engine: redisEngine(client), deadlineMs: 60_000, ...rest })
  onTestFinished(() => sale.close())
  return sale
}

/** A whole life of a reservation. */
async function exercise(sale: FlashSale): Promise<void> {
  await sale.create({ stock: { a: 100 }, limitPerBuyer: 50 })
  const reserved = await Promise.all(
    Array.from({ length: 40 }, (_, i) => sale.reserve({ buyer: 'ü', items: item, key: `k${i}` })),
  )
  const ids = reserved.map((result) => (result.status === 'reserved' ? result.reservation.id : result.status))
  await Promise.all(ids.slice(0, 10).map((id) => sale.confirm(id, { paymentId: 'p' })))
  await Promise.all(ids.slice(10, 20).map((id) => sale.release(id)))
  expect(await sale.refund(ids[0]!, { restock: false })).toMatchObject({ status: 'refunded' })
  expect(await sale.extend(ids[30]!, { holdMs: 700_000 })).toMatchObject({ status: 'extended' })
  expect(await sale.get(ids[1]!)).toMatchObject({ state: 'confirmed', buyer: 'ü', paymentId: 'p' })
  expect(await sale.restock({ sku: 'a', quantity: -5, key: 'r' })).toMatchObject({ applied: -5 })
  expect(await sale.pause()).toBe('paused')
  expect(await sale.audit()).toMatchObject({
    ok: true,
    skus: { a: { total: 94, available: 65, held: 20, confirmed: 9 } },
    reservations: 40,
  })
}

describe('a client with', () => {
  test.each<[string, ClientOptions]>([
    ['default options', {}],
    ['enableAutoPipelining', { enableAutoPipelining: true }],
    ['keyPrefix', { keyPrefix: 'shop:' }],
    ['stringNumbers', { stringNumbers: true }],
    ['enableOfflineQueue: false', { enableOfflineQueue: false }],
    ['lazyConnect', { lazyConnect: true }],
    ['no retries', { maxRetriesPerRequest: 0, autoResendUnfulfilledCommands: false }],
    ['another database', { db: 3 }],
    ['a command timeout', { commandTimeout: 5_000 }],
    [
      'everything at once',
      { enableAutoPipelining: true, keyPrefix: 'x:', stringNumbers: true, lazyConnect: true },
    ],
  ])('%s', async (_, options) => {
    await exercise(open(connect(options)))
  })

  test('a URL', async () => {
    const engine = redisEngine(server.url)
    const sale = new FlashSale(`sale-${++sales}`, { engine, deadlineMs: 60_000 })
    await exercise(sale)
    await sale.close()
    await engine.close()
  })
})

test('handles of one client may have different prefixes, and know nothing of each other', async () => {
  const client = connect()
  const names = [undefined, 'other', 'a:b', '{x}', 'ü'].map((prefix) =>
    redisEngine(client, prefix === undefined ? {} : { prefix }),
  )
  for (const engine of names) {
    const sale = new FlashSale('same', { engine, deadlineMs: 60_000 })
    expect(await sale.create({ stock: { a: 1 } })).toEqual({ created: true })
    await sale.close()
  }
})

describe('a server that', () => {
  test('is away: UNAVAILABLE by the deadline; when it is back, the sale goes on', async () => {
    for (const options of [{}, { enableOfflineQueue: false }, { enableAutoPipelining: true }]) {
      const client = connect({ ...options, retryStrategy: () => 20 })
      const sale = open(client, { deadlineMs: 120_000 })
      await sale.create({ stock: { a: 5 } })
      const held = await sale.reserve({ buyer: BUYER, items: item, key: KEY })
      if (held.status !== 'reserved') expect.fail(held.status)
      const gone = new Promise((resolve) => client.once('close', resolve))
      await server.kill()
      await gone
      const hasty = open(client, { id: sale.id, deadlineMs: 50 })
      await faultOf(hasty.reserve({ buyer: BUYER, items: item, key: 'k' }), 'UNAVAILABLE')
      await faultOf(hasty.stats(), 'UNAVAILABLE')
      const waiting = sale.confirm(held.reservation.id, { paymentId: PAYMENT })
      await server.restart()
      expect(await waiting).toMatchObject({ status: 'confirmed', replayed: false })
      const fresh = open(client, { id: sale.id, deadlineMs: 120_000 })
      expect(await fresh.get(held.reservation.id)).toMatchObject({ state: 'confirmed' })
      expect((await sale.audit()).skus.a).toMatchObject({ available: 4, confirmed: 1 })
    }
  })

  test('stays away: waiting calls leave nothing behind on the client', async () => {
    const client = new Redis(1, '127.0.0.1', { retryStrategy: () => 10 })
    client.on('error', () => {})
    onTestFinished(() => client.disconnect())
    const warnings: string[] = []
    const note = (warning: Error) => warnings.push(warning.name)
    process.on('warning', note)
    onTestFinished(() => void process.off('warning', note))
    for (let round = 0; round < 3; round++) {
      const handles = Array.from({ length: 20 }, () => open(client, { deadlineMs: 20 }))
      await Promise.all(handles.map((sale) => faultOf(sale.stats(), 'UNAVAILABLE')))
    }
    expect(client.listenerCount('ready')).toBeLessThan(5)
    expect(warnings).toEqual([])
  })

  test('hangs: UNKNOWN_OUTCOME by the deadline; the same key gives the one true answer', async () => {
    const clock = new TestClock()
    const engine = wrapped(redisEngine(connect()), { clock })
    const sale = new FlashSale(`sale-${++sales}`, { engine, deadlineMs: 1_000 })
    onTestFinished(() => sale.close())
    await sale.create({ stock: { a: 5 } })
    await server.kill('SIGSTOP')
    const lost = sale.reserve({ buyer: BUYER, items: item, key: KEY })
    await faultOf(clock.during(lost), 'UNKNOWN_OUTCOME').finally(() => server.kill('SIGCONT'))
    const patient = open(connect(), { id: sale.id })
    const again = await patient.reserve({ buyer: BUYER, items: item, key: KEY })
    expect(again).toMatchObject({ status: 'reserved', reservation: { buyer: BUYER, key: KEY } })
    expect((await patient.audit()).skus.a).toMatchObject({ available: 4, held: 1 })
  })

  test('loses its scripts under load: no call fails', async () => {
    const engine = redisEngine(connect(), { scripting: 'eval' })
    const sale = new FlashSale(`sale-${++sales}`, { engine, deadlineMs: 60_000 })
    onTestFinished(() => sale.close())
    await sale.create({ stock: { a: 3_000 } })
    const other = connect()
    let done = false
    const flushing = (async () => {
      while (!done) await other.script('FLUSH')
    })()
    for (let round = 0; round < 20; round++) {
      const results = await Promise.all(
        Array.from({ length: 100 }, (_, i) =>
          sale.reserve({ buyer: `u${i}`, items: item, key: `k${round}` }),
        ),
      )
      expect(results.every(({ status }) => status === 'reserved')).toBe(true)
    }
    done = true
    await flushing
    expect((await sale.audit()).skus.a).toMatchObject({ available: 1_000, held: 2_000 })
  })
})

describe('a sale whose keys are gone', () => {
  test('all of them: STATE_LOST for a process that has seen it, also to create it; NOT_FOUND for others', async () => {
    const client = connect()
    const sale = open(client)
    const rules = { stock: { a: 5 } }
    await sale.create(rules)
    const held = await sale.reserve({ buyer: BUYER, items: item, key: KEY })
    if (held.status !== 'reserved') expect.fail(held.status)
    await client.flushall()
    await faultOf(sale.reserve({ buyer: BUYER, items: item, key: KEY }), 'STATE_LOST')
    await faultOf(sale.create(rules), 'STATE_LOST')
    await faultOf(sale.confirm(held.reservation.id), 'STATE_LOST')
    await faultOf(sale.stats(), 'STATE_LOST')
    const fresh = open(client, { id: sale.id })
    await faultOf(fresh.stats(), 'NOT_FOUND')
    expect(await fresh.create(rules)).toEqual({ created: true })
    // There is one again, but it is another.
    await faultOf(sale.stats(), 'STATE_LOST')
    await faultOf(sale.get(held.reservation.id), 'STATE_LOST')
    await faultOf(sale.create(rules), 'STATE_LOST')
    expect((await fresh.stats()).skus.a).toMatchObject({ available: 5 })
  })

  test.each(['meta', 'stock', 'buckets', 'expiry', 'events', 'archive', 'restocks'])(
    'only %s: STATE_LOST for everybody',
    async (part) => {
      const client = connect()
      const sale = open(client)
      await sale.create({ stock: { a: 50 }, limitPerBuyer: 50 })
      for (let i = 0; i < 12; i++) {
        const held = await sale.reserve({ buyer: BUYER, items: item })
        if (held.status === 'reserved' && i > 0) await sale.release(held.reservation.id)
      }
      await sale.restock({ sku: 'a', quantity: 1, key: KEY })
      expect(await client.del(`{stockhold:${sale.id}:0}:${part}`)).toBe(1)
      for (const handle of [sale, open(client, { id: sale.id })]) {
        await faultOf(handle.reserve({ buyer: BUYER, items: item, key: KEY }), 'STATE_LOST')
        await faultOf(handle.stats(), 'STATE_LOST')
      }
      await faultOf(
        open(client, { id: sale.id }).create({ stock: { a: 7 } }),
        part === 'meta' ? 'STATE_LOST' : 'RULES_CONFLICT',
      )
    },
  )

  test.each(['rules', 'static', 'live'])('only the field %s of its meta: STATE_LOST', async (field) => {
    const client = connect()
    const sale = open(client)
    const rules = { stock: { a: 5 } }
    await sale.create(rules)
    expect(await client.hdel(`{stockhold:${sale.id}:0}:meta`, field)).toBe(1)
    const other = open(client, { id: sale.id })
    if (field === 'live') {
      await faultOf(sale.stats(), 'STATE_LOST')
      await faultOf(other.stats(), 'STATE_LOST')
      return
    }
    // Who knows the rules already need not ask for them again.
    if (field === 'static') await faultOf(sale.stats(), 'STATE_LOST')
    await faultOf(other.stats(), 'STATE_LOST')
    await faultOf(other.create(rules), 'STATE_LOST')
  })

  test('the event that names an expired hold: STATE_LOST, and nothing is written', async () => {
    const client = connect()
    // Its time stands still: a sweep would need the event no more.
    const engine = new TestClock().drive(redisEngine(client))
    const sale = new FlashSale(`sale-${++sales}`, { engine, deadlineMs: 60_000 })
    await sale.create({ stock: { a: 5 } })
    // Another one stays, so that it is not the whole key that is missed.
    await sale.reserve({ buyer: BUYER, items: item })
    await sale.reserve({ buyer: BUYER, items: item, holdMs: 1 })
    await sale.close()
    expect(await client.xdel(`{stockhold:${sale.id}:0}:events`, '2-0')).toBe(1)
    await elapse(5, client)
    const stock = await client.hgetallBuffer(`{stockhold:${sale.id}:0}:stock`)
    const other = open(client, { id: sale.id })
    await faultOf(other.reserve({ buyer: BUYER, items: item, key: KEY }), 'STATE_LOST')
    await faultOf(other.stats(), 'STATE_LOST')
    await faultOf(other.restock({ sku: 'a', quantity: -5, key: KEY }), 'STATE_LOST')
    expect(await client.hgetallBuffer(`{stockhold:${sale.id}:0}:stock`)).toEqual(stock)
    expect(await client.exists(`{stockhold:${sale.id}:0}:restocks`)).toBe(0)
  })

  test('a key that holds something else: STATE_LOST', async () => {
    const client = connect()
    const sale = open(client)
    await sale.create({ stock: { a: 5 } })
    await client.set(`{stockhold:${sale.id}:0}:stock`, 'x')
    await faultOf(sale.reserve({ buyer: BUYER, items: item, key: KEY }), 'STATE_LOST')
  })
})

describe('closing', () => {
  test('the engine ends only its own client', async () => {
    const client = connect()
    const engine = redisEngine(client)
    const sale = new FlashSale(`sale-${++sales}`, { engine, deadlineMs: 60_000 })
    await sale.create({ stock: { a: 1 } })
    await sale.close()
    expect(await client.ping()).toBe('PONG')
    await engine.close()
    await engine.close()
    expect(await client.ping()).toBe('PONG')
    await faultOf(new FlashSale('s', { engine }).stats(), 'CLOSED')
    const owned = async () => ((await client.client('LIST')) as string).match(/ name=owned /g)?.length ?? 0
    const own = redisEngine(`${server.url}?connectionName=owned`)
    const other = new FlashSale(`sale-${++sales}`, { engine: own, deadlineMs: 60_000 })
    await other.create({ stock: { a: 1 } })
    expect(await owned()).toBe(1)
    await own.close()
    await expect.poll(owned).toBe(0)
    await faultOf(other.stats(), 'CLOSED')
    await other.close()
  })

  test('an engine by URL that was closed before it ever connected stays closed', async () => {
    const engine = redisEngine('redis://127.0.0.1:1')
    await engine.close()
    await faultOf(new FlashSale('s', { engine }).stats(), 'CLOSED')
  })

  test('a client that its owner ended: UNAVAILABLE at once', async () => {
    const client = connect()
    const sale = open(client)
    await sale.create({ stock: { a: 1 } })
    const ended = new Promise((resolve) => client.once('end', resolve))
    await client.quit()
    await ended
    await faultOf(sale.stats(), 'UNAVAILABLE', false)
  })
})
