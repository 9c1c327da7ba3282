import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { startRedis } from '../../scripts/lib/servers/redis/server.js'
import { startWorker } from '../../scripts/lib/workers.js'
import { FlashSale, redisEngine } from '../../src/index.js'
import { type PostgresLedger, postgresLedger } from '../../src/postgres.js'
import { redisKind } from '../support/engines.js'
import { faultOf } from '../support/secrets.js'
import { Shop } from '../support/shop.js'
import { drop } from '../support/snapshot.js'
import { clockedMemory } from '../support/test-clock.js'
import { database } from './support/database.js'
import { FaultyPool } from './support/faulty-pool.js'
import { TestLedger } from './support/ledgers.js'
import type { ShipperConfig, ShipperReport } from './support/shipper-process.js'

const db = database()
const kind = redisKind()
beforeAll(kind.start)
afterAll(kind.stop)

async function opened() {
  const shop = new Shop(await kind.make(), 'launch')
  await shop.sale.create({ stock: { a: 1_000 }, holdMs: 60_000 })
  return { shop, ledger: await TestLedger.open(db) }
}

const post = (reference: string) => ({ carrier: 'post', reference })

/** The rows that all steps of an order leave. */
async function rowsOf(ledger: TestLedger, id: string) {
  const tables = ['reservations', 'orders', 'shipments', 'payout_orders', 'refunds']
  const rows: Record<string, unknown[]> = {}
  for (const table of tables)
    rows[table] = await ledger.sql(`SELECT * FROM $schema.${table} WHERE id = $1`, [id])
  return rows
}

describe('a failure at each statement', () => {
  type Steps = { readonly shop: Shop; readonly ledger: PostgresLedger; readonly id: string }
  /** Each step, what must have happened before it, and what a repeat must answer. */
  const steps: Record<
    string,
    { before: (at: Steps) => Promise<unknown>; step: (at: Steps) => Promise<object> }
  > = {
    ship: {
      before: async () => {},
      step: ({ shop, ledger, id }) =>
        ledger.ship(shop.sale, id, { ...post('t'), items: [{ sku: 'a', quantity: 1 }] }),
    },
    deliver: {
      before: ({ shop, ledger, id }) => ledger.ship(shop.sale, id, post('t')),
      step: ({ shop, ledger, id }) => ledger.deliver(shop.sale, id, { at: 1_700_000_000_000 }),
    },
    payouts: {
      async before({ shop, ledger, id }) {
        await ledger.ship(shop.sale, id, post('t'))
        await ledger.deliver(shop.sale, id)
      },
      step: ({ ledger }) => ledger.payouts({ deliveredFor: 0, key: 'k' }),
    },
    refund: {
      async before({ shop, ledger, id }) {
        await ledger.ship(shop.sale, id, post('t'))
        await lose()
      },
      step: ({ shop, ledger, id }) =>
        ledger.refund(stranger(shop), id, { restock: false, items: [{ sku: 'a', quantity: 1 }], key: 'k' }),
    },
  }

  test.each(Object.keys(steps))('%s: all of it or nothing, and a repeat completes it', async (name) => {
    const { before, step } = steps[name]!
    for (let at = 0, isOver = false; !isOver; at++) {
      for (const fault of ['refused', 'answer lost'] as const) {
        const { shop, ledger } = await opened()
        const pool = new FaultyPool(db.pool)
        const faulty = postgresLedger(pool, { schema: ledger.schema })
        const { id } = await shop.confirmed('u', 2)
        const world = { shop, id, ledger: faulty }
        await ledger.agrees(shop.sale)
        await before({ ...world, ledger: ledger.ledger })
        const untouched = await rowsOf(ledger, id)
        pool.fail(fault, at)
        const outcome = await step(world).catch((error) => error)
        const text = pool.statements[at]
        isOver = text === undefined
        if (isOver) {
          expect(outcome).not.toBeInstanceOf(Error)
          break
        }
        const isCommit = text === 'COMMIT'
        expect(outcome, `${fault} ${text}`).toMatchObject({
          ...{ code: isCommit ? 'UNKNOWN_OUTCOME' : 'UNAVAILABLE', retryable: true },
          cause: { message: 'Connection terminated unexpectedly' },
        })
        const isDone = isCommit && fault === 'answer lost'
        if (!isDone) expect(await rowsOf(ledger, id), `${fault} ${text}`).toEqual(untouched)
        const repeated = await step(world)
        expect(repeated).toMatchObject({ replayed: isDone })
        const done = await rowsOf(ledger, id)
        expect(done).not.toEqual(untouched)
        expect(await step(world)).toEqual({ ...repeated, replayed: true })
        expect(await rowsOf(ledger, id)).toEqual(done)
      }
    }
  })
})

/** Redis has lost the sale, or it was removed: a handle that has never seen it cannot tell. */
async function lose(): Promise<void> {
  await drop(kind.client(), '*:launch:*')
}

function stranger(shop: Shop): FlashSale {
  const sale = new FlashSale(shop.id, { engine: shop.clock.engine, deadlineMs: 20_000 })
  onTestFinished(() => sale.close())
  return sale
}

describe('a refund between the question to the sale and the row', () => {
  /** A ledger whose transactions wait before they begin, until they are let go. */
  function held(ledger: TestLedger) {
    let arrived = () => {}
    let go = () => {}
    const arrival = new Promise<void>((resolve) => {
      arrived = resolve
    })
    const gate = new Promise<void>((resolve) => {
      go = resolve
    })
    const pool = {
      query: (text: string, values?: unknown[]) => db.pool.query(text, values),
      async connect() {
        arrived()
        await gate
        return db.pool.connect()
      },
    }
    return { slow: postgresLedger(pool, { schema: ledger.schema }), arrival, go: () => go() }
  }

  test('that the ledger has: the shipment is refused', async () => {
    const { shop, ledger } = await opened()
    const { id } = await shop.confirmed('u')
    const { slow, arrival, go } = held(ledger)
    const shipping = slow.ship(shop.sale, id, post('t'))
    await arrival
    await shop.sale.refund(id, { restock: true })
    await ledger.agrees(shop.sale)
    go()
    expect(await shipping).toMatchObject({ status: 'refunded', order: { state: 'refunded', shipped: [] } })
    expect(await ledger.sql('SELECT FROM $schema.shipments')).toEqual([])
  })

  test('that the ledger does not have yet: the shipment stands, the order is never paid out, a repeat says so', async () => {
    const { shop, ledger } = await opened()
    const { id } = await shop.confirmed('u')
    const { slow, arrival, go } = held(ledger)
    const shipping = slow.ship(shop.sale, id, post('t'))
    await arrival
    await shop.sale.refund(id, { restock: true })
    go()
    expect(await shipping).toMatchObject({ status: 'shipped', replayed: false })
    await ledger.agrees(shop.sale)
    expect(await ledger.ledger.ship(shop.sale, id, post('t'))).toMatchObject({
      ...{ status: 'shipped', replayed: true, order: { state: 'refunded', open: [] } },
    })
    await ledger.ledger.deliver(shop.sale, id)
    expect(await ledger.ledger.payouts({ deliveredFor: 0, key: 'k' })).toMatchObject({
      orders: [],
      refunded: [],
    })
    expect(await ledger.column('open_orders', 'id')).toEqual([])
  })
})

describe('a sale that cannot be asked', () => {
  test('one that Redis has lost: this process knows it, and ships nothing', async () => {
    const { shop, ledger } = await opened()
    const { id } = await shop.confirmed('u')
    await ledger.agrees(shop.sale)
    await lose()
    await faultOf(ledger.ledger.ship(shop.sale, id, post('t')), 'STATE_LOST')
    await faultOf(ledger.ledger.refund(shop.sale, id, { restock: true }), 'STATE_LOST')
    expect(await ledger.sql('SELECT FROM $schema.shipments')).toEqual([])
    const other = stranger(shop)
    await other.recover({ from: ledger.ledger })
    expect(await ledger.ledger.ship(other, id, post('t'))).toMatchObject({ status: 'shipped' })
  })

  test('a ledger that does not catch up with it: nothing is recorded', async () => {
    const { clock, engine } = await clockedMemory()
    const sale = new FlashSale('slow', { engine, deadlineMs: 60_000 })
    onTestFinished(() => sale.close())
    await clock.during(sale.create({ stock: { a: 1 } }))
    const ledger = await TestLedger.open(db)
    const made = await clock.during(sale.reserve({ buyer: 'u', items: [{ sku: 'a', quantity: 1 }] }))
    if (made.status !== 'reserved') expect.fail(made.status)
    const { id } = made.reservation
    await ledger.agrees(sale)
    const blocker = await db.pool.connect()
    await blocker.query('BEGIN')
    await blocker.query(`LOCK TABLE ${ledger.schema}.positions`)
    await clock.during(sale.confirm(id))
    const shipping = ledger.ledger.ship(sale, id, post('t'))
    const error = await faultOf(clock.during(shipping), 'UNAVAILABLE')
    expect(error.retryable).toBe(true)
    await blocker.query('COMMIT')
    blocker.release()
    // The clock stands still: what was waiting for the lock is written, however slow the database.
    expect(await ledger.ledger.ship(sale, id, post('t'))).toMatchObject({ status: 'shipped' })
  })
})

test('a locked order is waited for; the others of the batch are not held up by it', async () => {
  const { shop, ledger } = await opened()
  const [first, second] = [await shop.confirmed('u'), await shop.confirmed('v')]
  await ledger.agrees(shop.sale)
  const blocker = await db.pool.connect()
  await blocker.query('BEGIN')
  await blocker.query(`SELECT FROM ${ledger.schema}.reservations WHERE id = $1 FOR UPDATE`, [first.id])
  let isShipped = false
  const waiting = ledger.ledger.ship(shop.sale, first.id, post('t')).then((answer) => {
    isShipped = true
    return answer
  })
  expect(await ledger.ledger.ship(shop.sale, second.id, post('t'))).toMatchObject({ status: 'shipped' })
  expect(isShipped).toBe(false)
  await blocker.query('ROLLBACK')
  blocker.release()
  expect(await waiting).toMatchObject({ status: 'shipped', replayed: false })
})

test('a process that stops in the middle holds up the follower for some seconds only', async () => {
  const { shop, ledger } = await opened()
  const { id } = await shop.confirmed('u')
  await ledger.agrees(shop.sale)
  let stopped = () => {}
  const stop = new Promise<void>((resolve) => {
    stopped = resolve
  })
  const pool = {
    query: (text: string, values?: unknown[]) => db.pool.query(text, values),
    async connect() {
      const client = await db.pool.connect()
      client.on('error', () => {})
      return {
        async query(text: string, values?: unknown[]) {
          // It has the row's lock, and comes to write only when the session has been ended.
          if (text.includes('INSERT INTO') && text.includes('shipments')) {
            stopped()
            await vi.waitUntil(async () => (await sessions()) === 0, { timeout: 60_000 })
          }
          return client.query(text, values)
        },
        release: (broken?: boolean) => client.release(broken),
      }
    },
  }
  const sessions = async () =>
    (await db.pool.query(`SELECT FROM pg_stat_activity WHERE state = 'idle in transaction'`)).rows.length
  const shipping = postgresLedger(pool, { schema: ledger.schema }).ship(shop.sale, id, post('t'))
  const outcome = faultOf(shipping, 'UNAVAILABLE')
  await stop
  await shop.sale.refund(id, { restock: true })
  await ledger.agrees(shop.sale)
  await outcome
  expect(await ledger.sql('SELECT FROM $schema.shipments')).toEqual([])
  expect(await ledger.ledger.ship(shop.sale, id, post('t'))).toMatchObject({ status: 'refunded' })
})

test('processes that ship, refund and are killed: each order ends once', async () => {
  const { sale, confirmed, redis } = await ownRedis()
  const ledger = await TestLedger.open(db)
  const follower = await ledger.follow(sale)
  const orders = await Promise.all(Array.from({ length: 400 }, (_, i) => confirmed(`u-${i}`)))
  const config: ShipperConfig = {
    ...{ redis: redis.url, postgres: db.server.url, schema: ledger.schema, sale: sale.id },
    ids: orders,
  }
  const start = () => startWorker<ShipperReport>('test/postgres/support/shipper-process.ts', config)
  const workers = [start(), start(), start()]
  onTestFinished(async () => void (await Promise.all(workers.map((worker) => worker.kill()))))
  const refunds = orders.filter((_, i) => i % 4 === 0)
  const refunding = (async () => {
    for (const id of refunds) await sale.refund(id, { restock: true })
  })()
  await workers[0]!.next()
  await workers[0]!.kill()
  await refunding
  const reports = (await Promise.all(workers.slice(1).map((worker) => worker.all()))).flat()
  await ledger.agrees(sale)
  await follower.close()
  const shipments = await ledger.sql('SELECT id FROM $schema.shipments')
  const shipped = new Set(shipments.map(({ id }) => id))
  expect(shipped.size).toBe(shipments.length)
  const refunded = new Set(refunds)
  for (const id of orders) if (!refunded.has(id)) expect(shipped).toContain(id)
  for (const { id, status } of reports) {
    if (status === 'shipped') expect(shipped).toContain(id)
    if (status === 'refunded') expect(shipped).not.toContain(id)
  }
  // What was shipped and refunded is never paid out.
  await Promise.all([...shipped].map((id) => ledger.ledger.deliver(sale, id)))
  const { orders: paidOut } = await ledger.ledger.payouts({ deliveredFor: 0, key: 'k' })
  expect(paidOut.map(({ id }) => id).sort()).toEqual(orders.filter((id) => !refunded.has(id)).sort())
})

/** A sale by the real clock, on a Redis that other processes can reach. */
async function ownRedis() {
  const redis = await startRedis()
  const engine = redisEngine(redis.url)
  const sale = new FlashSale('launch', { engine, deadlineMs: 60_000 })
  onTestFinished(async () => {
    await sale.close()
    await engine.close()
    await redis.stop()
  })
  await sale.create({ stock: { a: 1_000 }, holdMs: 600_000 })
  const confirmed = async (buyer: string) => {
    const made = await sale.reserve({ buyer, items: [{ sku: 'a', quantity: 1 }] })
    if (made.status !== 'reserved') expect.fail(made.status)
    await sale.confirm(made.reservation.id)
    return made.reservation.id
  }
  return { redis, sale, confirmed }
}
