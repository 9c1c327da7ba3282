import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type RedisServer, startRedis } from '../../scripts/lib/servers/redis/server.js'
import { FlashSale, redisEngine } from '../../src/index.js'
import { Operations } from '../../src/operations/operations.js'
import { faultOf } from '../support/secrets.js'

async function start(config: Record<string, string> = {}): Promise<{ server: RedisServer; client: Redis }> {
  const server = await startRedis({ config: { 'repl-diskless-sync-delay': '0', ...config } })
  onTestFinished(() => server.stop())
  return { server, client: clientOf(server) }
}

function clientOf(server: RedisServer): Redis {
  const client = new Redis(server.url, { retryStrategy: () => 20 })
  client.on('error', () => {})
  onTestFinished(() => client.disconnect())
  return client
}

function open(client: Redis): FlashSale {
  const sale = new FlashSale('launch', { engine: redisEngine(client), deadlineMs: 60_000 })
  onTestFinished(() => sale.close())
  return sale
}

const order = (buyer: string, key = 'k') => ({ buyer, items: [{ sku: 'a', quantity: 1 }], key })

async function hold(sale: FlashSale, buyer: string): Promise<string> {
  const result = await sale.reserve(order(buyer))
  return result.status === 'reserved' ? result.reservation.id : expect.fail(result.status)
}

const counts = async (sale: FlashSale) => {
  const { total, available, held, confirmed } = (await sale.stats()).skus.a!
  return `${total} ${available} ${held} ${confirmed}`
}

/** A server that came back with its snapshot, while the handle has seen what happened since. */
async function rolledBack(stock = 10) {
  const { server, client } = await start()
  const sale = open(client)
  await sale.create({ stock: { a: stock }, limitPerBuyer: 2, holdMs: 600_000 })
  const kept = await hold(sale, 'kept')
  await client.save()
  await copyFile(join(server.dir, 'dump.rdb'), join(server.dir, 'older.rdb'))
  /**
   * @param unaware What others do before the handle, which sweeps now and then by itself, can
   *   notice anything.
   */
  const back = async (unaware?: (sale: FlashSale) => Promise<unknown>) => {
    if (unaware) client.disconnect()
    await server.kill()
    await copyFile(join(server.dir, 'older.rdb'), join(server.dir, 'dump.rdb'))
    await server.restart()
    if (unaware) {
      await unaware(open(clientOf(server)))
      await client.connect()
    }
    await expect.poll(() => client.ping().catch(() => '')).toBe('PONG')
  }
  return { server, client, sale, kept, back }
}

describe('an older snapshot', () => {
  test('the first process that knows better freezes the sale, for all', async () => {
    const { client, sale, back } = await rolledBack()
    await hold(sale, 'lost')
    await back()
    const error = await faultOf(sale.reserve(order('new')), 'ROLLBACK_DETECTED')
    expect(error.retryable).toBe(false)
    expect(error.message).toContain('recover')
    const other = open(client)
    await faultOf(other.reserve(order('another')), 'ROLLBACK_DETECTED')
    await faultOf(other.stats(), 'ROLLBACK_DETECTED')
    await faultOf(sale.resume(), 'ROLLBACK_DETECTED')
    expect(await sale.pause()).toBe('paused')
    await faultOf(other.stats(), 'ROLLBACK_DETECTED')
  })

  test('new history that has overtaken the old one in length does not hide the loss', async () => {
    const { client, sale, back } = await rolledBack()
    const lost = await hold(sale, 'lost')
    await back(async (unaware) => {
      for (const buyer of ['x', 'y', 'z']) await hold(unaware, buyer)
    })
    await faultOf(sale.confirm(lost), 'ROLLBACK_DETECTED')
    await faultOf(open(client).reserve(order('w')), 'ROLLBACK_DETECTED')
  })

  test("'accept': the state as it is, and the sale goes on for every handle", async () => {
    const { client, sale, kept, back } = await rolledBack()
    const lost = await hold(sale, 'lost')
    await back()
    const other = open(client)
    await faultOf(sale.reserve(order('new')), 'ROLLBACK_DETECTED')
    await faultOf(other.stats(), 'ROLLBACK_DETECTED')
    expect(await sale.recover({ from: 'accept' })).toEqual({
      restored: 0,
      refused: [],
      forgotten: 0,
      state: 'open',
    })
    expect(await sale.get(lost)).toBeUndefined()
    expect(await sale.get(kept)).toMatchObject({ state: 'held' })
    expect(await counts(other)).toBe('10 9 1 0')
    await hold(other, 'new')
    await hold(sale, 'newer')
    expect((await sale.audit()).ok).toBe(true)
  })

  test("'replay': everything that was answered is there again, with its id, and settled as before", async () => {
    const { sale, kept, back } = await rolledBack()
    const held = await hold(sale, 'held')
    const paid = await hold(sale, 'paid')
    const given = await hold(sale, 'given')
    const refunded = await hold(sale, 'refunded')
    const due = await hold(sale, 'due')
    await sale.confirm(paid, { paymentId: 'p-1' })
    await sale.confirm(kept, { paymentId: 'p-2' })
    await sale.release(given)
    await sale.confirm(refunded, { paymentId: 'p-3' })
    await sale.refund(refunded, { restock: false })
    await sale.release(due)
    expect(await sale.confirm(due, { paymentId: 'p-4' })).toMatchObject({ status: 'refund_due' })
    await sale.restock({ sku: 'a', quantity: 5, key: 'delivery' })
    const before = await counts(sale)
    await sale.end()
    await back()
    await faultOf(sale.stats(), 'ROLLBACK_DETECTED')
    const recovery = await sale.recover({ from: 'replay' })
    expect(recovery).toMatchObject({ refused: [], forgotten: 0 })
    expect(await counts(sale)).toBe(before)
    expect(await sale.get(held)).toMatchObject({ state: 'held', buyer: 'held', key: 'k' })
    expect(await sale.get(paid)).toMatchObject({ state: 'confirmed', paymentId: 'p-1' })
    expect(await sale.get(kept)).toMatchObject({ state: 'confirmed', paymentId: 'p-2' })
    expect(await sale.get(refunded)).toMatchObject({ state: 'refunded' })
    expect(await sale.confirm(due)).toMatchObject({ status: 'refund_due' })
    expect((await sale.stats()).state).toBe('ended')
    expect((await sale.audit()).violations).toEqual([])
    // Once more changes nothing.
    await sale.recover({ from: 'replay' })
    expect(await counts(sale)).toBe(before)
  })

  test("'replay' never oversells: who was overtaken is told, those who paid come first", async () => {
    const { sale, back } = await rolledBack(3)
    const held = await hold(sale, 'held')
    const paid = await hold(sale, 'paid')
    await sale.confirm(paid)
    await back((unaware) => hold(unaware, 'unaware'))
    await faultOf(sale.stats(), 'ROLLBACK_DETECTED')
    const { restored, refused } = await sale.recover({ from: 'replay' })
    expect(restored).toBe(2)
    expect(refused).toMatchObject([{ reservation: { id: held, buyer: 'held' }, reason: 'sold_out' }])
    expect(await sale.get(paid)).toMatchObject({ state: 'confirmed' })
    expect(await counts(sale)).toBe('3 0 2 1')
    expect((await sale.audit()).violations).toEqual([])
  })

  test('several processes replay one after another, and the last one unfreezes', async () => {
    const { client, sale, back } = await rolledBack()
    const other = open(client)
    const one = await hold(sale, 'one')
    const two = await hold(other, 'two')
    await back()
    await faultOf(sale.stats(), 'ROLLBACK_DETECTED')
    await sale.recover({ from: 'replay', unfreeze: false })
    await faultOf(sale.reserve(order('new')), 'ROLLBACK_DETECTED')
    await other.recover({ from: 'replay' })
    expect(await sale.get(one)).toMatchObject({ state: 'held' })
    expect(await sale.get(two)).toMatchObject({ state: 'held' })
    await hold(sale, 'new')
  })
})

describe('units that an operator has restocked from another process', () => {
  const ann = { by: 'ann' }
  const restock = { sku: 'a', quantity: 3, key: 'delivery-17' }

  test('no process that sells knows of them: their buyers are refused, until they are restocked and replayed again', async () => {
    const { server, sale, back } = await rolledBack(2)
    const engine = redisEngine(clientOf(server))
    const operations = new Operations({ engine, deadlineMs: 60_000 })
    onTestFinished(() => operations.close().then(() => engine.close()))
    await operations.restock('launch', restock, ann)
    const ids = [await hold(sale, 'u1'), await hold(sale, 'u2'), await hold(sale, 'u3')]
    await back()
    await faultOf(sale.reserve(order('u4')), 'ROLLBACK_DETECTED')
    await faultOf(operations.restock('launch', restock, ann), 'ROLLBACK_DETECTED')
    const first = await sale.recover({ from: 'replay' })
    expect(first.refused.map(({ reason }) => reason)).toEqual(['sold_out', 'sold_out'])
    expect(await counts(sale)).toBe('2 0 2 0')
    // The log came back older, too: it has no entry of the restock.
    expect((await operations.log()).map(({ operation, outcome }) => [operation, outcome])).toEqual([
      ['restock', 'failed'],
    ])
    expect((await operations.restock('launch', restock, ann)).result).toMatchObject({ replayed: false })
    expect(await sale.recover({ from: 'replay' })).toMatchObject({ restored: 4, refused: [] })
    for (const id of ids) expect(await sale.get(id)).toMatchObject({ state: 'held' })
    expect(await counts(sale)).toBe('5 1 4 0')
    expect((await sale.audit()).violations).toEqual([])
  })
})

describe('rules that were updated', () => {
  const kiwi = (buyer: string, quantity = 1) => ({ buyer, items: [{ sku: 'kiwi', quantity }] })
  async function updated() {
    const { client, sale, kept, back } = await rolledBack()
    const elsewhere = open(client)
    await elsewhere.stats()
    await sale.update({ stock: { kiwi: 5 }, limitPerBuyer: 3, maxHoldMs: 7_200_000 })
    const bought = await sale.reserve({ ...kiwi('ann', 3), holdMs: 7_000_000 })
    if (bought.status !== 'reserved') expect.fail(bought.status)
    return { client, sale, elsewhere, kept, bought: bought.reservation, back }
  }

  test("are lost with a snapshot: 'replay' puts them back first, whatever was updated later", async () => {
    const { client, sale, kept, bought, back } = await updated()
    await sale.update({ limitPerBuyer: 1, maxHoldMs: 600_000 })
    await back()
    await faultOf(sale.reserve(order('new')), 'ROLLBACK_DETECTED')
    expect(await sale.recover({ from: 'replay' })).toMatchObject({ restored: 2, refused: [], forgotten: 0 })
    const other = open(client)
    expect(await other.rules()).toMatchObject({ revision: 2, limitPerBuyer: 1, maxHoldMs: 600_000 })
    expect(await other.get(bought.id)).toEqual(bought)
    expect(await other.get(kept)).toMatchObject({ state: 'held' })
    expect(await other.reserve(kiwi('bob', 2))).toMatchObject({ status: 'limit_exceeded', limit: 1 })
    expect((await other.audit()).violations).toEqual([])
  })

  test("are lost with a snapshot: 'accept' takes those that Redis has, in every process", async () => {
    const { sale, elsewhere, back } = await updated()
    expect((await elsewhere.rules()).revision).toBe(1)
    await back()
    await faultOf(sale.stats(), 'ROLLBACK_DETECTED')
    await sale.recover({ from: 'accept' })
    for (const handle of [sale, elsewhere]) {
      expect(Object.keys((await handle.stats()).skus)).toEqual(['a'])
      expect(await handle.rules()).toMatchObject({ revision: 0, limitPerBuyer: 2 })
      await faultOf(handle.reserve(kiwi('bob')), 'INVALID_ARGUMENT')
    }
    // What it remembers of a SKU that there is no more is forgotten.
    expect(await sale.update({ stock: { pear: 1 } })).toStrictEqual({ revision: 1, replayed: false })
    expect((await elsewhere.stats()).skus.pear).toMatchObject({ total: 1 })
  })

  test('come back with a sale that is gone', async () => {
    const { client, sale, bought } = await updated()
    await client.flushall()
    await faultOf(sale.reserve(order('new')), 'STATE_LOST')
    expect(await sale.recover({ from: 'replay' })).toMatchObject({ restored: 2, refused: [] })
    const other = open(client)
    expect(await other.create({ stock: { a: 10 }, limitPerBuyer: 2, holdMs: 600_000 })).toEqual({
      created: false,
    })
    expect(await other.rules()).toMatchObject({ revision: 1, limitPerBuyer: 3 })
    expect(await other.get(bought.id)).toMatchObject({ items: [{ sku: 'kiwi', quantity: 3 }] })
    expect((await other.stats()).skus.kiwi).toMatchObject({ total: 5, available: 2, held: 3 })
  })
})

test('a replica that lagged and was promoted', async () => {
  const { server, client } = await start()
  const sale = open(client)
  await sale.create({ stock: { a: 100 }, holdMs: 600_000 })
  await hold(sale, 'early')
  const { client: replica, server: second } = await start({ replicaof: `${server.host} ${server.port}` })
  await expect.poll(() => replica.info('replication')).toContain('master_link_status:up')
  await client.wait(1, 0)
  // The replica is shut out, while those who are in stay in.
  await client.config('SET', 'requirepass', 'changed')
  await client.client('KILL', 'TYPE', 'REPLICA')
  const lost = await hold(sale, 'lost')
  // What a failover looks like to a client: its name leads to another server.
  client.options.port = second.port
  await server.kill()
  await replica.replicaof('NO', 'ONE')
  await expect.poll(() => sale.confirm(lost).catch((error) => error.code)).toBe('ROLLBACK_DETECTED')
  await faultOf(open(replica).reserve(order('new')), 'ROLLBACK_DETECTED')
  expect(await sale.recover({ from: 'replay' })).toMatchObject({ restored: 2, refused: [] })
  expect(await sale.confirm(lost)).toMatchObject({ status: 'confirmed', late: false })
})

describe('a server that came back empty', () => {
  test("STATE_LOST; 'replay' makes the sale anew with all that was answered", async () => {
    const { client, sale, kept } = await rolledBack()
    const paid = await hold(sale, 'paid')
    await sale.confirm(paid)
    await client.flushall()
    await faultOf(sale.reserve(order('new')), 'STATE_LOST')
    await sale.recover({ from: 'replay' })
    expect(await counts(sale)).toBe('10 8 1 1')
    expect(await sale.get(kept)).toMatchObject({ state: 'held' })
    expect(await sale.get(paid)).toMatchObject({ state: 'confirmed' })
    await hold(open(client), 'new')
    expect((await sale.audit()).violations).toEqual([])
  })

  test.each(['meta', 'stock', 'buckets', 'events', 'expiry'])(
    'only its %s is gone: the same, and what is left of the others goes',
    async (part) => {
      const { client, sale } = await rolledBack()
      await hold(sale, 'more')
      await client.del(`{stockhold:launch:0}:${part}`)
      await faultOf(sale.reserve(order('new')), 'STATE_LOST')
      expect(await sale.recover({ from: 'replay' })).toMatchObject({ restored: 2, refused: [] })
      expect(await counts(sale)).toBe('10 8 2 0')
      expect((await sale.audit()).violations).toEqual([])
    },
  )

  test("'accept' begins again with all of the stock", async () => {
    const { client, sale } = await rolledBack()
    await client.flushall()
    await faultOf(sale.stats(), 'STATE_LOST')
    await sale.recover({ from: 'accept' })
    expect(await counts(sale)).toBe('10 10 0 0')
  })

  test('another process has made a new sale of the name: STATE_LOST still, and the new one stays', async () => {
    const { client, sale } = await rolledBack()
    await client.flushall()
    const other = open(client)
    await other.create({ stock: { a: 1 } })
    await faultOf(sale.recover({ from: 'replay' }), 'STATE_LOST')
    expect(await counts(other)).toBe('1 1 0 0')
  })
})

test('recovery is checked: from, unfreeze', async () => {
  const { client } = await start()
  const sale = open(client)
  await sale.create({ stock: { a: 1 } })
  await expect(sale.recover({ from: 'backup' as 'accept' })).rejects.toThrow('from must be')
  await expect(sale.recover({ from: 'accept', unfreeze: 1 as unknown as boolean })).rejects.toThrow(
    'unfreeze must be',
  )
})
