import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import pg from 'pg'
import { expect, onTestFinished, test, vi } from 'vitest'
import { FlashSale, memoryEngine } from '../../src/index.js'
import { database } from './support/database.js'
import { TestLedger } from './support/ledgers.js'

const db = database()
/** Only what never happens reaches it. ms */
const timeout = 300_000

/**
 * A way to the server on which connections can go silent, as when its machine is gone without a
 * word; new ones are none of that.
 */
async function silentWay() {
  const pairs = new Set<readonly [Socket, Socket]>()
  const proxy = createServer((client) => {
    const server = connect(db.server.port, db.server.host)
    const pair = [client, server] as const
    pairs.add(pair)
    for (const one of pair) {
      one.on('error', () => {})
      one.on('close', () => {
        for (const other of pair) other.destroy()
        pairs.delete(pair)
      })
    }
    client.pipe(server).pipe(client)
  })
  await new Promise<void>((resolve) => void proxy.listen(0, '127.0.0.1', resolve))
  const end = () => {
    proxy.close()
    for (const pair of pairs) for (const one of pair) one.destroy()
  }
  const silence = () => {
    for (const [client, server] of pairs) {
      client.unpipe(server)
      server.unpipe(client)
      client.resume()
      server.resume()
    }
  }
  return { port: (proxy.address() as AddressInfo).port, silence, end }
}

test('a database that goes silent is asked on another connection, once the pool has given up the query', async () => {
  const way = await silentWay()
  const user = { user: 'stockhold', database: 'postgres' }
  const pool = new pg.Pool({ host: '127.0.0.1', port: way.port, ...user, query_timeout: 2_000 })
  pool.on('error', () => {})
  onTestFinished(async () => {
    way.end()
    await pool.end()
  })
  // Whose queries may take long: it makes the tables.
  const { schema } = await TestLedger.open(db)
  const { ledger } = new TestLedger(pool, schema)
  const engine = memoryEngine()
  onTestFinished(() => engine.close())
  await new FlashSale('x', { engine, deadlineMs: 60_000 }).create({ stock: { a: 10 } })
  const sale = new FlashSale('x', { engine, durability: { ledger } })
  onTestFinished(() => sale.close())
  const order = (key: string) => ({ buyer: 'u', items: [{ sku: 'a', quantity: 1 }], key })
  const told = (key: string) => sale.reserve(order(key)).then(({ status }) => status, String)
  await expect.poll(() => told('before')).toBe('reserved')

  way.silence()
  await expect.poll(() => told('after')).toBe('reserved')

  const following = () => ledger.follow(sale).catch(() => undefined)
  const follower = await vi.waitUntil(following, { timeout })
  way.silence()
  // Whatever it is told, the follower can be closed.
  expect(['reserved', 'UNAVAILABLE', 'UNKNOWN_OUTCOME']).toContain(
    await sale.reserve(order('later')).then(
      ({ status }) => status,
      ({ code }) => code,
    ),
  )
  await follower.close()
})
