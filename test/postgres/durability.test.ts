import { expect, onTestFinished, test } from 'vitest'
import type { EventSource } from '../../src/consumer/source.js'
import { FlashSale, type Ledger } from '../../src/index.js'
import { faultOf } from '../support/secrets.js'
import { onBothEngines, type Shop } from '../support/shop.js'
import { clocked } from '../support/test-clock.js'
import { database } from './support/database.js'
import { TestLedger } from './support/ledgers.js'

const db = database()

function durable(shop: Shop, ledger: Ledger, options = {}): FlashSale {
  const { engine } = shop.clock
  const sale = new FlashSale(shop.id, { engine, durability: { ledger }, deadlineMs: 60_000, ...options })
  onTestFinished(() => sale.close())
  return sale
}

const item = (quantity = 1) => [{ sku: 'a', quantity }]

onBothEngines((open) => {
  test.each([1, 3])('whatever was answered is in the ledger, with %i partitions', async (partitions) => {
    const shop = await open({ stock: { a: 1_000 }, holdMs: 60_000, partitions })
    const ledger = await TestLedger.open(db)
    const sale = durable(shop, ledger.ledger)
    const stateOf = async (id: string) =>
      (await ledger.sql('SELECT state FROM $schema.reservations WHERE id = $1', [id]))[0]?.state
    for (let round = 0; round < 5; round++) {
      const made = await sale.reserve({ buyer: `u-${round}`, items: item(), key: 'k' })
      if (made.status !== 'reserved') expect.fail(made.status)
      const { id } = made.reservation
      expect(await stateOf(id)).toBe('held')
      await shop.advance(1)
      const extended = await sale.extend(id, { holdMs: 70_000 })
      expect(extended.status).toBe('extended')
      expect(await ledger.sql('SELECT FROM $schema.events WHERE reservation = $1', [id])).toHaveLength(2)
      await sale.confirm(id, { paymentId: `p-${round}` })
      expect(await stateOf(id)).toBe('confirmed')
      await sale.refund(id, { restock: true })
      expect(await stateOf(id)).toBe('refunded')
      await sale.restock({ sku: 'a', quantity: 1, key: `r-${round}` })
      expect(await ledger.sql(`SELECT FROM $schema.events WHERE type = 'restocked'`)).toHaveLength(round + 1)
      const other = await sale.reserve({ buyer: `v-${round}`, items: item() })
      if (other.status !== 'reserved') expect.fail(other.status)
      await sale.release(other.reservation.id)
      expect(await stateOf(other.reservation.id)).toBe('released')
    }
    expect(await sale.reserve({ buyer: 'x', items: item(9_999) })).toMatchObject({ status: 'sold_out' })
    expect(await sale.confirm('1AAAAAAAAAAAAAAAAAA')).toEqual({ status: 'not_found' })
    await ledger.agrees(sale)
  })

  test('many at once share transactions', async () => {
    const shop = await open({ stock: { a: 5_000 }, holdMs: 60_000 })
    const ledger = await TestLedger.open(db)
    const sale = durable(shop, ledger.ledger)
    const follower = await ledger.follow(sale)
    const all = Array.from({ length: 2_000 }, (_, i) => sale.reserve({ buyer: `u-${i}`, items: item() }))
    const results = await Promise.all(all)
    expect(results.every(({ status }) => status === 'reserved')).toBe(true)
    expect(await ledger.sql('SELECT count(*)::int AS count FROM $schema.reservations')).toEqual([
      { count: 2_000 },
    ])
    const { written, batches } = (await follower.stats()).partitions[0]!
    expect(written).toBe(2_000)
    expect(batches).toBeLessThan(200)
    await ledger.agrees(sale)
  })

  test('a ledger that does not get it in time: UNKNOWN_OUTCOME, and the same key has the answer', async () => {
    const shop = await open({ holdMs: 60_000 })
    const ledger = await TestLedger.open(db)
    const sale = durable(shop, ledger.ledger)
    const hasty = durable(shop, ledger.ledger, { deadlineMs: 500 })
    const held = async () => (await shop.sale.stats()).skus.a!.held
    await sale.reserve({ buyer: 'first', items: item() })
    const first = () => hasty.reserve({ buyer: 'hasty', items: item(), key: 'k' }).catch(() => undefined)
    await expect.poll(first).toMatchObject({ status: 'reserved' })
    const blocker = await ledger.pool.connect()
    await blocker.query('BEGIN')
    await blocker.query(`LOCK TABLE ${ledger.schema}.positions`)
    const order = { buyer: 'u', items: item(), key: 'k' }
    // A request that could not be sent in time did nothing: it is sent again.
    const fault = () => hasty.reserve(order).catch(({ code, retryable }) => ({ code, retryable }))
    await expect.poll(fault).toEqual({ code: 'UNKNOWN_OUTCOME', retryable: true })
    // On a machine that keeps the request on its way for longer than its deadline it does nothing.
    const replayed = (await held()) === 3
    const before = await held()
    const abort = new AbortController()
    const aborted = sale.reserve({ ...order, buyer: 'v' }, { signal: abort.signal })
    aborted.catch(() => {})
    await expect.poll(held).toBe(before + 1)
    abort.abort()
    await faultOf(aborted, 'UNKNOWN_OUTCOME')
    await blocker.query('COMMIT')
    blocker.release()
    expect(await sale.reserve(order)).toMatchObject({ status: 'reserved', replayed })
    expect(await held()).toBe(4)
    await ledger.agrees(sale)
  })

  test('a ledger without tables: nothing is sent; one that does not keep what it has: UNSAFE_CONFIG', async () => {
    const shop = await open({ holdMs: 60_000 })
    const ledger = new TestLedger(db.pool, 'no such schema')
    await faultOf(durable(shop, ledger.ledger).reserve({ buyer: 'u', items: item() }), 'UNSAFE_CONFIG')
    const down: Ledger = {
      loadForRecovery: async () => undefined,
      attach: (_: EventSource) => ({
        ready: () => Promise.reject(new Error('connection refused')),
        hasWritten: () => false,
        waitUntilWritten: () => Promise.reject(new Error('connection refused')),
      }),
    }
    await faultOf(durable(shop, down).reserve({ buyer: 'u', items: item() }), 'UNAVAILABLE')
    const late: Ledger = {
      loadForRecovery: async () => undefined,
      attach: () => ({
        ready: () => new Promise(() => {}),
        hasWritten: () => false,
        waitUntilWritten: () => new Promise(() => {}),
      }),
    }
    // Only the ledger is late: the rules of the sale are read in no time of this clock.
    const { clock, engine } = clocked(shop.clock)
    const confirming = durable(shop, late, { engine, deadlineMs: 50 }).confirm('1AAAAAAAAAAAAAAAAAA')
    await faultOf(clock.during(confirming), 'UNAVAILABLE')
    expect((await shop.sale.stats()).skus.a).toMatchObject({ held: 0 })
    const options = { engine: shop.clock.engine, durability: { ledger: {} as Ledger } }
    expect(() => new FlashSale('x', options)).toThrow('durability.ledger must be')
  })
})

test('synchronous_commit off is UNSAFE_CONFIG', async () => {
  const { Pool } = (await import('pg')).default
  const pool = new Pool({ connectionString: db.server.url, options: '-c synchronous_commit=off' })
  onTestFinished(() => pool.end())
  const ledger = new TestLedger(pool, db.schema())
  await ledger.ledger.migrate()
  const { memoryEngine } = await import('../../src/index.js')
  const sale = new FlashSale('x', {
    ...{ engine: memoryEngine(), durability: { ledger: ledger.ledger }, deadlineMs: 60_000 },
  })
  await sale.create({ stock: { a: 1 } })
  const error = await faultOf(sale.reserve({ buyer: 'u', items: item() }), 'UNSAFE_CONFIG')
  expect(error.message).toContain('synchronous_commit')
})
