import { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type RedisServer, startRedis } from '../../scripts/redis/server.js'
import { type Durability, FlashSale, redisEngine } from '../../src/index.js'
import { faultOf } from '../support/secrets.js'

const ALWAYS = { appendonly: 'yes', appendfsync: 'always' }

async function start(config: Record<string, string> = {}): Promise<RedisServer> {
  // Otherwise a master waits five seconds for further replicas before it sends its data to the first.
  const server = await startRedis({ config: { 'repl-diskless-sync-delay': '0', ...config } })
  onTestFinished(() => server.stop())
  return server
}

async function replicaOf(master: RedisServer): Promise<RedisServer> {
  const replica = await start({ replicaof: `${master.host} ${master.port}` })
  const client = clientOf(replica)
  await expect.poll(() => client.info('replication')).toContain('master_link_status:up')
  return replica
}

function clientOf(server: RedisServer, retryStrategy: () => number | null = () => 20): Redis {
  const client = new Redis(server.url, { retryStrategy })
  client.on('error', () => {})
  onTestFinished(() => client.disconnect())
  return client
}

function open(client: Redis, durability: Durability, deadlineMs = 60_000): FlashSale {
  const sale = new FlashSale('launch', { engine: redisEngine(client, { durability }), deadlineMs })
  onTestFinished(() => sale.close())
  return sale
}

const order = (buyer: string) => ({ buyer, items: [{ sku: 'a', quantity: 1 }], key: 'k' })

describe("durability 'aof'", () => {
  test.each([
    [{}, 'set appendonly to yes'],
    [{ appendonly: 'yes', appendfsync: 'everysec' }, 'set it to always'],
    [{ appendonly: 'yes', appendfsync: 'no' }, 'set it to always'],
    [{ ...ALWAYS, 'no-appendfsync-on-rewrite': 'yes' }, 'set it to no'],
  ] as const)('%o is UNSAFE_CONFIG: %s', async (config, advice) => {
    const client = clientOf(await start(config))
    const error = await faultOf(open(client, 'aof').create({ stock: { a: 1 } }), 'UNSAFE_CONFIG')
    expect(error.message).toContain(advice)
    expect(await client.dbsize()).toBe(0)
  })

  test('is content with what it asks for', async () => {
    const client = clientOf(await start(ALWAYS))
    expect(await open(client, 'aof').create({ stock: { a: 1 } })).toEqual({ created: true })
  })

  test('cannot be verified where CONFIG is closed: UNSAFE_CONFIG, and why', async () => {
    const server = await start(ALWAYS)
    const client = clientOf(server)
    await client.acl('SETUSER', 'shop', 'on', '>secret', '~*', '+@all', '-config')
    const shop = new Redis(server.url, { username: 'shop', password: 'secret' })
    onTestFinished(() => shop.disconnect())
    const error = await faultOf(open(shop, 'aof').create({ stock: { a: 1 } }), 'UNSAFE_CONFIG')
    expect(error.message).toContain('CONFIG GET')
  })
})

describe('durability with replicas', () => {
  const one = { replicas: 1, timeoutMs: 200 }
  /** However busy the machine is. */
  const patient = { replicas: 1, timeoutMs: 60_000 }

  test('too few connected is UNSAFE_CONFIG', async () => {
    const client = clientOf(await start())
    const error = await faultOf(open(client, one).create({ stock: { a: 1 } }), 'UNSAFE_CONFIG')
    expect(error.message).toContain('0 are connected')
  })

  test('what was acknowledged is on the replica, whatever becomes of the master that instant', async () => {
    const master = await start()
    const replica = await replicaOf(master)
    // The master does not come back, so nobody is to wait for it.
    const client = clientOf(master, () => null)
    const sale = open(client, patient)
    await sale.create({ stock: { a: 5_000 } })
    const acknowledged: string[] = []
    const buyers = Array.from({ length: 3_000 }, async (_, i) => {
      const result = await sale.reserve(order(`u-${i}`)).catch(() => undefined)
      if (result?.status === 'reserved') acknowledged.push(result.reservation.id)
      if (acknowledged.length === 1_000) await master.kill()
    })
    await expect.poll(() => acknowledged.length).toBeGreaterThanOrEqual(1_000)
    const promoted = clientOf(replica)
    await promoted.replicaof('NO', 'ONE')
    const survivor = open(promoted, 'memory')
    const found = await Promise.all(acknowledged.map((id) => survivor.get(id)))
    expect(found.map((reservation) => reservation?.state)).toEqual(acknowledged.map(() => 'held'))
    await Promise.all(buyers)
    expect((await survivor.audit()).violations).toEqual([])
  })

  test('a replica that does not answer: UNKNOWN_OUTCOME, and the same key resolves it', async () => {
    const master = await start()
    const replica = await replicaOf(master)
    await open(clientOf(master), patient).create({ stock: { a: 5 } })
    const sale = open(clientOf(master), one)
    await sale.stats().catch(() => {})
    await replica.kill('SIGSTOP')
    const error = await faultOf(sale.reserve(order('u')), 'UNKNOWN_OUTCOME')
    expect(error.message).toContain('0 of 1 replicas')
    await replica.kill('SIGCONT')
    await expect
      .poll(() => sale.reserve(order('u')).catch(() => undefined))
      .toMatchObject({
        status: 'reserved',
        replayed: true,
      })
    expect((await open(clientOf(master), patient).stats()).skus.a).toMatchObject({ held: 1 })
  })

  test('scripts the server does not know yet, or any more, are acknowledged as well', async () => {
    const master = await start()
    await replicaOf(master)
    const client = clientOf(master)
    const sale = open(client, patient)
    await sale.create({ stock: { a: 5 } })
    await client.script('FLUSH')
    expect(await sale.reserve(order('u'))).toMatchObject({ status: 'reserved', replayed: false })
  })

  test('its numbers are checked', () => {
    const client = new Redis({ lazyConnect: true })
    onTestFinished(() => client.disconnect())
    for (const [durability, argument] of [
      [{ replicas: 0, timeoutMs: 1 }, 'durability.replicas'],
      [{ replicas: 1, timeoutMs: 0 }, 'durability.timeoutMs'],
      ['disk', 'durability'],
    ] as const) {
      expect(() => redisEngine(client, { durability: durability as Durability })).toThrow(argument)
    }
  })
})
