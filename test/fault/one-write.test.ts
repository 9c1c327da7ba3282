import { connect as dial } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { startCluster } from '../../scripts/lib/servers/redis/cluster.js'
import { type RedisServer, startRedis } from '../../scripts/lib/servers/redis/server.js'
import { type Engine, FlashSale, redisEngine, WaitingRoom } from '../../src/index.js'
import { CERTIFICATE, CERTIFICATE_KEY } from './support/certificate.js'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis({ config: { 'repl-diskless-sync-delay': '0' } })
})
afterAll(() => server.stop())

const order = (buyer: string) => ({ buyer, items: [{ sku: 'a', quantity: 1 }] })

/** Notes the texts that a connection writes from now on. */
function noteWrites({ stream }: Redis): string[] {
  const writes: string[] = []
  const note = (name: '_write' | '_writev', textOf: (written: never) => string) => {
    const write = stream[name]!.bind(stream) as (written: never, ...rest: unknown[]) => void
    stream[name] = ((written: never, ...rest: unknown[]) => {
      writes.push(textOf(written))
      write(written, ...rest)
    }) as never
  }
  note('_write', String)
  note('_writev', (chunks: { chunk: unknown }[]) => chunks.map(({ chunk }) => chunk).join(''))
  return writes
}

/** In each write that has any of them: how many there are. */
function counts(writes: readonly string[], buyer: string): number[] {
  return writes.map((text) => text.split(buyer).length - 1).filter((count) => count > 0)
}

/** Sales that have learned their rules: each further call is one command. */
async function openSales(engine: Engine, count: number): Promise<FlashSale[]> {
  const sales = Array.from(
    { length: count },
    (_, i) => new FlashSale(`sale ${i}`, { engine, deadlineMs: 60_000 }),
  )
  onTestFinished(() => Promise.all(sales.map((sale) => sale.close())).then(() => engine.close()))
  await Promise.all(sales.map((sale) => sale.create({ stock: { a: 9 } })))
  await Promise.all(sales.map((sale) => sale.reserve(order('buyer-1'))))
  return sales
}

/** A TLS server in front of the Redis server; returns its port. */
async function encrypted(): Promise<number> {
  const proxy = createTlsServer({ cert: CERTIFICATE, key: CERTIFICATE_KEY }, (socket) => {
    const inner = dial(server.port, server.host)
    socket.pipe(inner).pipe(socket)
    for (const side of [socket, inner]) side.on('error', () => {})
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void proxy.close())
  return (proxy.address() as { port: number }).port
}

test.each([
  ['plain', async () => new Redis(server.port, server.host)],
  ['with TLS', async () => new Redis({ port: await encrypted(), tls: { rejectUnauthorized: false } })],
  ['with autopipelining', async () => new Redis(server.port, server.host, { enableAutoPipelining: true })],
])('calls to twenty sales and a room in one turn leave in one write: %s', async (_, connect) => {
  const client = await connect()
  onTestFinished(() => client.disconnect())
  await client.flushall()
  const engine = redisEngine(client)
  const sales = await openSales(engine, 20)
  const room = new WaitingRoom('room', {
    engine,
    deadlineMs: 60_000,
    secret: 'x'.repeat(32),
    ratePerSecond: 1,
  })
  onTestFinished(() => room.close())
  await room.create()
  await room.join('visitor-1')
  const writes = noteWrites(client)
  const results = sales.map((sale) => sale.reserve(order('buyer-2')))
  await Promise.all([...results, room.join('buyer-2')])
  expect(counts(writes, 'buyer-2')).toEqual([21])
  await sales[0]!.reserve(order('buyer-3'))
  expect(counts(writes, 'buyer-3')).toEqual([1])
})

test('calls with replicated durability leave in one write with those of other sales', async () => {
  const replica = await startRedis({ config: { replicaof: `${server.host} ${server.port}` } })
  onTestFinished(() => replica.stop())
  const client = new Redis(server.port, server.host)
  onTestFinished(() => client.disconnect())
  await client.flushall()
  await client.wait(1, 0)
  const durability = { replicas: 1, timeoutMs: 60_000 }
  const sales = await openSales(redisEngine(client, { durability }), 5)
  const writes = noteWrites(client)
  await Promise.all(sales.map((sale) => sale.reserve(order('buyer-2'))))
  expect(counts(writes, 'buyer-2')).toEqual([5])
})

test('in a Cluster, calls of one turn leave in one write to each node', async () => {
  const cluster = await startCluster()
  onTestFinished(() => cluster.stop())
  const client = cluster.client()
  onTestFinished(() => client.disconnect())
  const sales = await openSales(redisEngine(client), 30)
  const writes = client.nodes('master').map(noteWrites)
  await Promise.all(sales.map((sale) => sale.reserve(order('buyer-2'))))
  const sent = writes.map((texts) => counts(texts, 'buyer-2'))
  expect(sent.map((each) => each.length)).toEqual(writes.map(() => 1))
  expect(sent.flat().reduce((sum, count) => sum + count)).toBe(30)
})
