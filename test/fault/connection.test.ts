import { readFile, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer, connect as dial } from 'node:net'
import { join } from 'node:path'
import { createServer as createTlsServer } from 'node:tls'
import { Cluster, Redis } from 'ioredis'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { freePort } from '../../scripts/lib/servers/machine.js'
import { startCluster } from '../../scripts/lib/servers/redis/cluster.js'
import { type RedisServer, startRedis } from '../../scripts/lib/servers/redis/server.js'
import { FlashSale, type RedisEngineOptions, redisEngine, StockholdError } from '../../src/index.js'
import { connectTo } from '../support/client.js'
import { BUYER, faultOf, KEY, PASSWORD } from '../support/secrets.js'
import { CERTIFICATE, CERTIFICATE_KEY } from './support/certificate.js'

const order = (buyer: string = BUYER) => ({ buyer, key: KEY, items: [{ sku: 'a', quantity: 1 }] })

async function start(config: Record<string, string> = {}): Promise<RedisServer> {
  const server = await startRedis({ config })
  onTestFinished(() => server.stop())
  return server
}

/** A deadline that only a hang reaches. */
function open(
  client: Redis | Cluster | string,
  options: RedisEngineOptions = {},
  deadlineMs = 60_000,
): FlashSale {
  const engine = redisEngine(client, options)
  const sale = new FlashSale('launch', { engine, deadlineMs })
  onTestFinished(async () => {
    await sale.close()
    await engine.close()
  })
  return sale
}

/** The next time it starts, it starts with these settings in place of its own. */
async function reconfigure(server: RedisServer, config: Record<string, string>): Promise<void> {
  const file = join(server.dir, 'redis.conf')
  const kept = (await readFile(file, 'utf8')).split('\n').filter((line) => !config[line.split(' ')[0]!])
  const changed = Object.entries(config).map(([name, value]) => `${name} ${value}`)
  await writeFile(file, [...changed, ...kept].join('\n'))
}

const ALWAYS = { appendonly: 'yes', appendfsync: 'always' }
const EVERYTHING_WRONG = { appendonly: 'no', 'maxmemory-policy': 'allkeys-lru' }

describe('a node that another one replaces at the same address is looked at before anything is sent to it', () => {
  test.each(['a URL', 'a client'])('by %s', async (by) => {
    const server = await start(ALWAYS)
    const onError = vi.fn()
    const client = by === 'a URL' ? server.url : connectTo(server, { retryStrategy: () => 20 })
    const sale = open(client, { durability: 'aof', onError })
    await sale.create({ stock: { a: 5 } })
    await sale.reserve(order('before'))
    await server.kill()
    await reconfigure(server, EVERYTHING_WRONG)
    await server.restart()
    const admin = connectTo(server)
    await expect.poll(() => sale.reserve(order()).catch((error) => error.code)).toBe('UNSAFE_CONFIG')
    await faultOf(sale.stats(), 'UNSAFE_CONFIG')
    expect(onError).toHaveBeenCalledWith(expect.objectContaining({ code: 'UNSAFE_CONFIG' }))
    expect(await admin.info('commandstats')).not.toContain('cmdstat_eval')
    // And again once it is as it was asked to be: it is no other sale that is sold from.
    await server.kill()
    await reconfigure(server, { ...ALWAYS, 'maxmemory-policy': 'noeviction' })
    await server.restart()
    await expect
      .poll(() => sale.reserve(order()).catch((error) => error.code))
      .toMatchObject({ status: 'reserved' })
  })

  test('a call that the driver sends again to it is not acknowledged', async () => {
    const server = await start(ALWAYS)
    // The driver gives a call up that it could not send again in so many tries.
    const patient = { retryStrategy: () => 20, maxRetriesPerRequest: 100_000 }
    const sale = open(connectTo(server, patient), { durability: 'aof' })
    await sale.create({ stock: { a: 5 } })
    await server.kill('SIGSTOP')
    const underWay = faultOf(sale.reserve(order()), 'UNKNOWN_OUTCOME')
    await new Promise((resolve) => setImmediate(resolve))
    await server.kill()
    // It has all the data, and is weaker than what was asked for.
    await reconfigure(server, { appendfsync: 'everysec' })
    await server.restart()
    expect((await underWay).cause).toMatchObject({ code: 'UNSAFE_CONFIG' })
  })

  test('each master of a Cluster', async () => {
    const cluster = await startCluster({ masters: 3, replicas: 0 })
    onTestFinished(() => cluster.stop())
    const client = cluster.client({ clusterNodeRetryStrategy: () => 20 })
    const sale = open(client)
    await sale.create({ stock: { a: 5 } })
    const master = await cluster.masterOf('{stockhold:launch:0}:meta')
    await master.admin.config('SET', 'maxmemory-policy', 'allkeys-lru')
    await sale.stats()
    await master.admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    await expect.poll(() => sale.reserve(order()).catch((error) => error.code)).toBe('UNSAFE_CONFIG')
  })
})

describe('a failover that leaves the connection open', () => {
  /**
   * One address, as hosters have them for the primary: whoever connects now is led to the server it
   * stands for now.
   */
  async function endpointOf(first: RedisServer) {
    let target = first
    const endpoint = createServer((from) => {
      const to = dial(target.port, target.host)
      from.pipe(to).pipe(from)
      for (const socket of [from, to]) socket.on('error', () => {})
    })
    await new Promise<void>((resolve) => endpoint.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void endpoint.close())
    const { port } = endpoint.address() as AddressInfo
    const lead = (to: RedisServer) => {
      target = to
    }
    return { host: '127.0.0.1', port, url: `redis://127.0.0.1:${port}`, lead }
  }

  /** -1: the server does not tell it. */
  async function offsetOf(client: Redis, field: string): Promise<number> {
    return Number(new RegExp(`${field}:(\\d+)`).exec(await client.info('replication'))?.[1] ?? -1)
  }

  async function stage(config: Record<string, string> = {}) {
    const [old, next] = [
      await start({ 'repl-diskless-sync-delay': '0', ...config }),
      await start({ 'repl-diskless-sync-delay': '0', ...config }),
    ]
    const endpoint = await endpointOf(old)
    const [a, b] = [connectTo(old), connectTo(next)]
    await b.replicaof(old.host, old.port)
    const failOver = async () => {
      await expect.poll(() => b.info('replication')).toContain('master_link_status:up')
      // The engine's heartbeat goes on writing meanwhile, and so does the replication itself.
      const written = await offsetOf(a, 'master_repl_offset')
      await expect.poll(() => offsetOf(b, 'slave_repl_offset')).toBeGreaterThanOrEqual(written)
      endpoint.lead(next)
      await b.replicaof('NO', 'ONE')
      await a.replicaof(next.host, next.port)
    }
    return { endpoint, failOver, a }
  }

  test.each([
    ['a URL', undefined],
    ['a client with the defaults', {}],
    ['a client that never resends', { autoResendUnfulfilledCommands: false, maxRetriesPerRequest: 0 }],
    [
      'a client that reconnects by itself',
      { reconnectOnError: (error: Error) => error.message.startsWith('READONLY') },
    ],
    [
      'a client that reconnects and resends',
      { reconnectOnError: (error: Error) => error.message.startsWith('READONLY') && (2 as const) },
    ],
  ])('%s leaves the demoted master by itself', async (_, options) => {
    const { endpoint, failOver } = await stage()
    const client = options
      ? new Redis({ host: endpoint.host, port: endpoint.port, ...options })
      : endpoint.url
    if (client instanceof Redis) onTestFinished(() => client.disconnect())
    const sale = open(client)
    await sale.create({ stock: { a: 5 } })
    await sale.reserve(order('before'))
    await failOver()
    await expect
      .poll(() => sale.reserve(order('after')).catch((error) => error.code))
      .toMatchObject({ status: 'reserved' })
    expect((await sale.stats()).skus.a).toMatchObject({ held: 2 })
  })

  test('a client that would not connect again stays as it is: UNAVAILABLE, and it is not ended', async () => {
    const { endpoint, failOver } = await stage()
    const client = new Redis({ host: endpoint.host, port: endpoint.port, retryStrategy: null as never })
    onTestFinished(() => client.disconnect())
    const sale = open(client)
    await sale.create({ stock: { a: 5 } })
    await failOver()
    const why = () => faultOf(sale.reserve(order()), 'UNAVAILABLE').then(({ message }) => message)
    // At first it may be loading what its new master has.
    await expect.poll(why).toContain('READONLY')
    for (let times = 0; times < 2; times++) expect(await why()).toContain('READONLY')
    expect(client.status).toBe('ready')
  })

  test('a demoted master that serves nothing is left as well', async () => {
    const { endpoint, failOver, a } = await stage({ 'replica-serve-stale-data': 'no' })
    const sale = open(endpoint.url)
    await sale.create({ stock: { a: 5 } })
    const held = await sale.reserve(order())
    if (held.status !== 'reserved') expect.fail(held.status)
    await failOver()
    await a.replicaof('127.0.0.1', 1)
    await expect
      .poll(() => sale.get(held.reservation.id).catch((error) => error.code))
      .toMatchObject({ state: 'held' })
    expect(await sale.confirm(held.reservation.id)).toMatchObject({ status: 'confirmed' })
  })
})

describe('why Redis cannot be used', () => {
  async function tlsServer(): Promise<string> {
    const server = createTlsServer({ cert: CERTIFICATE, key: CERTIFICATE_KEY })
    server.on('tlsClientError', () => {})
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    return `127.0.0.1:${(server.address() as AddressInfo).port}`
  }
  const withPassword = () => start({ requirepass: PASSWORD })
  const address = ({ host, port }: { host: string; port: number }) => `${host}:${port}`

  /**
   * What does not pass by itself is said at once: not after the deadline, which only a hang reaches
   * here.
   */
  test.each<[string, () => Promise<string>, RegExp]>([
    [
      'a wrong password',
      async () => `redis://:${PASSWORD}x@${address(await withPassword())}`,
      /password is wrong \(WRONGPASS\)/,
    ],
    ['no password', async () => `redis://${address(await withPassword())}`, /asks for a password.*NOAUTH/],
    [
      'a certificate of its own',
      async () => `rediss://:${PASSWORD}@${await tlsServer()}`,
      /certificate is not accepted.*SELF_SIGNED/,
    ],
  ])('%s: at once, again and again, and not retryable', async (_, urlOf, why) => {
    const onError = vi.fn()
    const sale = open(await urlOf(), { onError })
    for (const call of [
      () => sale.stats(),
      () => sale.reserve(order()),
      () => sale.create({ stock: { a: 1 } }),
    ]) {
      const error = await faultOf(call(), 'UNAVAILABLE', false)
      expect(error.message).toMatch(why)
    }
    expect(onError).toHaveBeenCalledWith(expect.objectContaining({ code: 'UNAVAILABLE', retryable: false }))
  })

  test.each<[string, () => Promise<string>, RegExp]>([
    ['nobody listens', async () => `redis://:${PASSWORD}@127.0.0.1:${await freePort()}`, /ECONNREFUSED/],
    [
      'no such host',
      async () => `redis://:${PASSWORD}@no-such-host.invalid:6379`,
      /ENOTFOUND|EAI_AGAIN|ETIMEDOUT/,
    ],
    ['TLS where there is none', async () => `rediss://:${PASSWORD}@${address(await start())}`, /redis:\/\//],
    ['no TLS where it is expected', async () => `redis://:${PASSWORD}@${await tlsServer()}`, /rediss:\/\//],
  ])('%s: retryable, at the deadline', async (_, urlOf, why) => {
    const onError = vi.fn()
    const sale = open(await urlOf(), { onError }, 4_000)
    // A process that stood still has heard nothing from the driver by the deadline.
    const told = () => faultOf(sale.reserve(order()), 'UNAVAILABLE').then(({ message }) => message)
    await expect.poll(told).toMatch(why)
    await expect.poll(() => onError.mock.calls.length).toBeGreaterThan(0)
  })

  test('a client that has ended says why it did', async () => {
    const client = new Redis({
      host: '127.0.0.1',
      port: await freePort(),
      retryStrategy: () => null as never,
    })
    const error = await faultOf(open(client).stats(), 'UNAVAILABLE', false)
    expect(error.cause).toMatchObject({ code: 'ECONNREFUSED' })
  })

  test('a password that is put right while the engine lives: it goes on by itself', async () => {
    const server = await withPassword()
    const sale = open(`redis://:${PASSWORD}-new@${address(server)}`)
    await faultOf(sale.stats(), 'UNAVAILABLE', false)
    const admin = connectTo(server, { password: PASSWORD })
    await admin.config('SET', 'requirepass', `${PASSWORD}-new`)
    await expect
      .poll(() => sale.create({ stock: { a: 1 } }).catch((error) => error.code))
      .toEqual({ created: true })
  })

  test('a Cluster whose nodes refuse the login, or are away', async () => {
    const server = await withPassword()
    const ask = (nodes: { host: string; port: number }[], password: string, deadlineMs?: number) => {
      const cluster = new Cluster(nodes, { redisOptions: { password } })
      onTestFinished(() => cluster.disconnect())
      return open(cluster, {}, deadlineMs).stats()
    }
    const refused = await faultOf(ask([server], 'x'), 'UNAVAILABLE', false)
    expect(refused.message).toContain('WRONGPASS')
    const nowhere = [{ host: '127.0.0.1', port: await freePort() }]
    const away = await faultOf(ask(nowhere, 'x', 4_000), 'UNAVAILABLE')
    expect(away.message).toMatch(/ECONNREFUSED|closed/)
  })

  test('onError that throws, rejects or never ends harms nothing', async () => {
    const port = await freePort()
    for (const callback of [
      () => {
        throw new Error('thrown')
      },
      () => Promise.reject(new Error('rejected')),
      () => new Promise<void>(() => {}),
    ]) {
      const onError = vi.fn(callback)
      await faultOf(open(`redis://127.0.0.1:${port}`, { onError }, 300).stats(), 'UNAVAILABLE')
      await expect.poll(() => onError.mock.calls.length).toBeGreaterThan(1)
    }
  })

  test('onError must be a function', () => {
    expect(() => redisEngine('redis://127.0.0.1:1', { onError: 'log' as never })).toThrow(StockholdError)
  })

  test('an engine that was closed tells nothing more, and leaves nothing on the client', async () => {
    const server = await start()
    const client = connectTo(server, { retryStrategy: () => 20 })
    const listeners = () => client.eventNames().map((name) => client.listenerCount(name))
    await client.ping()
    redisEngine(client)
    const before = listeners()
    const onError = vi.fn()
    const engines = Array.from({ length: 20 }, () => redisEngine(client, { onError }))
    expect(listeners()).toEqual(before)
    for (const engine of engines) await engine.close()
    const closed = new Promise((resolve) => client.once('close', resolve))
    client.disconnect(true)
    await closed
    expect(onError).not.toHaveBeenCalled()
  })
})

test('a reply that cannot be understood is INTERNAL, and says what to report', async () => {
  const client = connectTo(await start())
  const sale = open(client)
  await sale.create({ stock: { a: 5 } })
  await sale.reserve(order('before'))
  const caller = client as unknown as Record<string, (...sent: unknown[]) => Promise<unknown[]>>
  for (const name of ['fcallBuffer', 'evalshaBuffer']) {
    const run = caller[name]!.bind(client)
    caller[name] = async (...sent) => (await run(...sent)).slice(0, 1)
  }
  const error = await faultOf(sale.reserve(order()), 'INTERNAL')
  expect(error.message).toMatch(/read the answer to reserve \(TypeError.*please report/)
  expect(error.cause).toBeInstanceOf(TypeError)
})
