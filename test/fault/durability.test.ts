import { type AddressInfo, createServer, connect as dial, type Socket } from 'node:net'
import { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type RedisServer, startRedis } from '../../scripts/lib/servers/redis/server.js'
import { type Durability, FlashSale, redisEngine } from '../../src/index.js'
import { faultOf } from '../support/secrets.js'

const ALWAYS = { appendonly: 'yes', appendfsync: 'always' }

async function start(config: Record<string, string> = {}): Promise<RedisServer> {
  // Otherwise a master waits five seconds for further replicas before it sends its data to the
  // first.
  const server = await startRedis({ config: { 'repl-diskless-sync-delay': '0', ...config } })
  onTestFinished(() => server.stop())
  return server
}

async function replicaOf(master: { host: string; port: number }): Promise<RedisServer> {
  const replica = await start({ replicaof: `${master.host} ${master.port}` })
  const client = clientOf(replica)
  await expect.poll(() => client.info('replication')).toContain('master_link_status:up')
  return replica
}

/** A way to a server that can be held up: what is sent to it, or by it, then goes no further. */
async function linkTo(server: RedisServer) {
  const { host } = server
  let held = false
  const sockets = new Set<Socket>()
  const endpoint = createServer((from) => {
    const to = dial(server.port, host)
    for (const [socket, other] of [
      [from, to],
      [to, from],
    ] as const) {
      sockets.add(socket)
      socket.on('data', (bytes) => held || other.write(bytes))
      socket.on('close', () => other.destroy())
      socket.on('error', () => {})
    }
  })
  await new Promise<void>((resolve) => endpoint.listen(0, host, resolve))
  const close = () => {
    for (const socket of sockets) socket.destroy()
    endpoint.close()
  }
  onTestFinished(close)
  const hold = () => {
    held = true
  }
  return { host, port: (endpoint.address() as AddressInfo).port, hold, close }
}

function clientOf(server: RedisServer, retryStrategy: () => number | null = () => 20): Redis {
  const client = new Redis(server.url, { retryStrategy })
  client.on('error', () => {})
  onTestFinished(() => client.disconnect())
  return client
}

function open(client: Redis, durability: Durability, deadlineMs = 60_000): FlashSale {
  // A beat waits for the replicas as well, and keeps the connection from the calls behind it.
  const engine = redisEngine(client, { durability, heartbeat: false })
  const sale = new FlashSale('launch', { engine, deadlineMs })
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

  const confirmed = (sale: FlashSale, id: string) => sale.confirm(id, { paymentId: 'p' })
  /** Whatever a process may be told of what another one did. */
  type Tell = (sale: FlashSale, id: string) => Promise<unknown>
  const tellers: [string, Tell, 'UNKNOWN_OUTCOME' | 'UNAVAILABLE'][] = [
    ['reserve with the same key', (sale) => sale.reserve(order('held')), 'UNKNOWN_OUTCOME'],
    ['confirm', confirmed, 'UNKNOWN_OUTCOME'],
    ['release', (sale, id) => sale.release(id), 'UNKNOWN_OUTCOME'],
    ['extend', (sale, id) => sale.extend(id, { holdMs: 1 }), 'UNKNOWN_OUTCOME'],
    ['refund', (sale, id) => sale.refund(id, { restock: true }), 'UNKNOWN_OUTCOME'],
    ['restock', (sale) => sale.restock({ sku: 'a', quantity: 1, key: 'r' }), 'UNKNOWN_OUTCOME'],
    ['pause', (sale) => sale.pause(), 'UNKNOWN_OUTCOME'],
    ['stats', (sale) => sale.stats(), 'UNKNOWN_OUTCOME'],
    ['create', (sale) => sale.create({ stock: { a: 5 } }), 'UNKNOWN_OUTCOME'],
    // What only reads has done nothing.
    ['get', (sale, id) => sale.get(id), 'UNAVAILABLE'],
  ]

  test.each(tellers)(
    'while the replica stands still, another process is told by %s what it does not have: no answer, and one once it has it',
    async (_, tell, told) => {
      const master = await start()
      const replica = await replicaOf(master)
      const process = open(clientOf(master), patient)
      await process.create({ stock: { a: 5 } })
      const held = await process.reserve(order('held'))
      if (held.status !== 'reserved') expect.fail(held.status)
      const { id } = held.reservation
      const other = () => open(clientOf(master), one)
      await replica.kill('SIGSTOP')
      // So that there is something to tell, which the replica lacks.
      await faultOf(confirmed(other(), id), 'UNKNOWN_OUTCOME')
      for (let times = 0; times < 2; times++) await faultOf(tell(other(), id), told)
      await replica.kill('SIGCONT')
      await expect.poll(() => tell(other(), id).catch(() => undefined)).toBeDefined()
    },
  )

  test('a failover to a replica that lagged: it has everything that was acknowledged', async () => {
    const master = await start()
    const link = await linkTo(master)
    const replica = await replicaOf(link)
    await open(clientOf(master), patient).create({ stock: { a: 1_000 } })
    const told = new Map<string, 'held' | 'confirmed'>()
    /**
     * A checkout asks until it is told, or nobody can tell it any more; then a webhook does, of
     * another process.
     */
    const buy = async (sales: FlashSale[], buyer: string) => {
      for (const sale of sales) {
        const held = await sale.reserve(order(buyer)).catch(() => undefined)
        if (held?.status !== 'reserved') continue
        const { id, state } = held.reservation
        told.set(id, state as 'held' | 'confirmed')
      }
      for (const sale of sales) {
        const held = [...told].find(([, state]) => state === 'held')
        if (!held) return
        const { status } = await confirmed(sale, held[0]).catch(() => ({ status: undefined }))
        if (status === 'confirmed') told.set(held[0], 'confirmed')
      }
    }
    const processes = Array.from({ length: 4 }, () => open(clientOf(master), one))
    for (let round = 0; told.size === 0; round++)
      await Promise.all(Array.from({ length: 20 }, (_, i) => buy(processes, `before ${round} ${i}`)))
    link.hold()
    await Promise.all(Array.from({ length: 20 }, (_, i) => buy(processes, `after ${i}`)))
    await master.kill()
    link.close()
    const promoted = clientOf(replica)
    await promoted.replicaof('NO', 'ONE')
    const survivor = open(promoted, 'memory')
    const found = await Promise.all([...told.keys()].map((id) => survivor.get(id)))
    expect(found.map((reservation) => reservation?.state)).toEqual([...told.values()])
  })

  test('enough replicas before a reconnect and too few after it: UNAVAILABLE until they are back', async () => {
    const master = await start()
    const replica = await replicaOf(master)
    const client = clientOf(master)
    const sale = open(client, patient)
    await sale.create({ stock: { a: 5 } })
    await clientOf(replica).replicaof('NO', 'ONE')
    const admin = clientOf(master)
    await expect.poll(() => admin.info('replication')).toContain('connected_slaves:0')
    client.disconnect(true)
    const error = await faultOf(sale.reserve(order('u')), 'UNAVAILABLE')
    expect(error.message).toContain('0 are connected')
    await clientOf(replica).replicaof(master.host, master.port)
    await expect
      .poll(() => sale.reserve(order('u')).catch(() => undefined))
      .toMatchObject({ status: 'reserved', replayed: false })
  })

  test('a user without the right to WAIT is told so before anything is sent', async () => {
    const master = await start()
    await replicaOf(master)
    const admin = clientOf(master)
    await admin.acl('SETUSER', 'shop', 'on', '>secret', '~*', '+@all', '-wait')
    const shop = new Redis(master.url, { username: 'shop', password: 'secret' })
    onTestFinished(() => shop.disconnect())
    const error = await faultOf(open(shop, one).create({ stock: { a: 1 } }), 'UNAVAILABLE', false)
    expect(error.message).toContain('may not run WAIT')
    expect(await admin.dbsize()).toBe(0)
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
