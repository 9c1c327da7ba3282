import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { inspect } from 'node:util'
import pg from 'pg'
import { expect, onTestFinished, test, vi } from 'vitest'
import { LAYOUT } from '../../src/engine/layout.js'
import { FlashSale, memoryEngine } from '../../src/index.js'
import { migrations } from '../../src/postgres/migrations.js'
import { memoryKind } from '../support/engines.js'
import { storeIn } from '../support/layouts.js'
import { BUYER, KEY, PAYMENT, SECRETS } from '../support/secrets.js'
import { clocked } from '../support/test-clock.js'
import { database } from './support/database.js'
import { TestLedger } from './support/ledgers.js'

const db = database()

async function small() {
  const sale = new FlashSale('x', { engine: memoryEngine(), deadlineMs: 60_000 })
  onTestFinished(() => sale.close())
  await sale.create({ stock: { a: 10 } })
  return sale
}

test('a connection that breaks while the tables are made is an error of migrate, and ends no process', async () => {
  const sockets = new Set<Socket>()
  const proxy = createServer((socket) => {
    const server = connect(db.server.port, db.server.host)
    for (const one of [socket, server]) one.on('error', () => {})
    socket.pipe(server).pipe(socket)
    socket.on('close', () => server.destroy())
    sockets.add(socket)
  })
  await new Promise<void>((resolve) => void proxy.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void proxy.close())
  const { port } = proxy.address() as AddressInfo
  const pool = new pg.Pool({ host: '127.0.0.1', port, user: 'stockhold', database: 'postgres' })
  pool.on('error', () => {})
  onTestFinished(() => pool.end())
  const ledger = new TestLedger(pool, db.schema())
  const blocker = await db.pool.connect()
  onTestFinished(() => blocker.release())
  // The lock under which tables are made: the migration waits for it.
  await blocker.query('BEGIN')
  await blocker.query('SELECT pg_advisory_xact_lock(5704911033)')
  const outcome = expect(ledger.ledger.migrate()).rejects.toMatchObject({
    ...{ code: 'UNAVAILABLE', retryable: true, cause: { code: 'ECONNRESET' } },
  })
  await vi.waitUntil(
    async () => {
      const { rows } = await blocker.query(`SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`)
      return rows.length === 1
    },
    { timeout: 60_000 },
  )
  for (const socket of sockets) socket.resetAndDestroy()
  await outcome
  await blocker.query('COMMIT')
  await ledger.ledger.migrate()
  expect(await ledger.column('migrations', 'version')).toEqual(migrations.map((_, i) => i + 1))
})

test.each([
  [
    'throws',
    () => {
      throw new Error('the callback throws')
    },
  ],
  ['rejects', () => Promise.reject(new Error('the callback rejects'))],
  ['never settles', () => new Promise(() => {})],
])('an onError of a follower that %s holds up nothing', async (_, fault) => {
  const sale = await small()
  const ledger = await TestLedger.open(db)
  let told = 0
  const onError = () => {
    told++
    return fault() as unknown as undefined
  }
  await ledger.follow(sale, { onError })
  await ledger.sql('ALTER TABLE $schema.reservations RENAME TO away')
  await sale.reserve({ buyer: 'u', items: [{ sku: 'a', quantity: 1 }] })
  await vi.waitUntil(() => told > 1, { timeout: 60_000 })
  await ledger.sql('ALTER TABLE $schema.away RENAME TO reservations')
  await vi.waitUntil(async () => (await ledger.column('reservations', 'buyer')).length === 1, {
    timeout: 60_000,
  })
})

test('an error of the database names no buyer, no key and no payment', async () => {
  const sale = await small()
  const ledger = await TestLedger.open(db)
  await ledger.sql('ALTER TABLE $schema.reservations ADD CHECK (length(buyer) < 3)')
  const errors: unknown[] = []
  await ledger.follow(sale, { onError: (error) => errors.push(error) })
  const made = await sale.reserve({ buyer: BUYER, items: [{ sku: 'a', quantity: 1 }], key: KEY })
  if (made.status !== 'reserved') expect.fail(made.status)
  await sale.confirm(made.reservation.id, { paymentId: PAYMENT })
  await vi.waitUntil(() => errors.length > 0, { timeout: 60_000 })
  expect(errors[0]).toMatchObject({ code: '23514', constraint: 'reservations_buyer_check' })
  for (const secret of SECRETS)
    expect(inspect(errors[0], { depth: 9, showHidden: true })).not.toContain(secret)
})

test('a session that PostgreSQL ends is UNAVAILABLE, whatever asked, and the next call finds another one', async () => {
  const sale = await small()
  const ledger = await TestLedger.open(db)
  const follower = await ledger.follow(sale)
  const made = await sale.reserve({ buyer: 'u', items: [{ sku: 'a', quantity: 1 }] })
  if (made.status !== 'reserved') expect.fail(made.status)
  const { id } = made.reservation
  await sale.confirm(id)
  await ledger.agrees(sale)
  const post = { carrier: 'post', reference: 't' }
  const away = new FlashSale('never-created', { engine: memoryEngine(), deadlineMs: 60_000 })
  onTestFinished(() => away.close())
  const calls: [table: string, call: () => Promise<unknown>][] = [
    ['positions', () => follower.stats()],
    ['sales', () => new TestLedger(db.pool, ledger.schema).ledger.follow(sale)],
    ['reservations', () => ledger.ledger.reconcile(sale)],
    ['reservations', () => ledger.ledger.ship(sale, id, post)],
    ['reservations', () => ledger.ledger.deliver(sale, id)],
    ['reservations', () => ledger.ledger.refund(away, id, { restock: true })],
    ['payouts', () => ledger.ledger.payouts({ deliveredFor: 0, key: 'k' })],
    ['sales', () => away.recover({ from: ledger.ledger })],
    ['migrations', () => ledger.ledger.migrate()],
  ]
  for (const [table, call] of calls) {
    const blocker = await db.pool.connect()
    await blocker.query('BEGIN')
    await blocker.query(`LOCK TABLE ${ledger.schema}.${table}`)
    let isOver = false
    const outcome = call()
      .then(
        () => expect.fail(`${call} did not wait for the table`),
        (error) => error,
      )
      .finally(() => {
        isOver = true
      })
    // This session sees the locks; it must not wait for one itself. The first that waits may be
    // another one than the call's.
    while (!isOver)
      await blocker.query(
        `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE relation = '${ledger.schema}.${table}'::regclass AND NOT granted`,
      )
    const error = await outcome
    await blocker.query('ROLLBACK')
    blocker.release()
    expect(error, `${call}`).toMatchObject({ code: 'UNAVAILABLE', retryable: true, cause: { code: '57P01' } })
  }
  expect((await follower.stats()).partitions).toHaveLength(1)
  expect(await ledger.ledger.ship(sale, id, post)).toMatchObject({ status: 'shipped', replayed: false })
  await ledger.agrees(sale)
})

test('a login that PostgreSQL refuses is said at once, and is not retryable', async () => {
  const { host, port } = db.server
  const pool = new pg.Pool({ host, port, user: 'nobody', database: 'postgres' })
  pool.on('error', () => {})
  onTestFinished(() => pool.end())
  const { ledger } = new TestLedger(pool, 'refused')
  const refused = {
    code: 'UNAVAILABLE',
    retryable: false,
    message: expect.stringMatching(/^PostgreSQL refused: .*nobody.* \(28000\)\. Nothing was written\.$/),
    cause: { code: '28000' },
  }
  const sale = new FlashSale('x', { engine: memoryEngine(), durability: { ledger }, deadlineMs: 60_000 })
  onTestFinished(() => sale.close())
  await sale.create({ stock: { a: 10 } })
  const order = { buyer: 'u', items: [{ sku: 'a', quantity: 1 }] }
  await expect(sale.reserve(order)).rejects.toMatchObject(refused)
  await expect(ledger.follow(await small())).rejects.toMatchObject(refused)
})

test('a call that is aborted while the ledger is away ends no process', async () => {
  const engine = memoryEngine()
  onTestFinished(() => engine.close())
  await new FlashSale('x', { engine, deadlineMs: 60_000 }).create({ stock: { a: 10 } })
  const sale = new FlashSale('x', { engine, durability: { ledger: (await awayLedger()).ledger } })
  onTestFinished(() => sale.close())
  const controller = new AbortController()
  const order = { buyer: 'u', items: [{ sku: 'a', quantity: 1 }] }
  const reserving = sale.reserve(order, { signal: controller.signal })
  controller.abort(new Error('the buyer has left'))
  await expect(reserving).rejects.toThrow('the buyer has left')
  await expect(sale.reserve(order, { signal: AbortSignal.abort(new Error('at once')) })).rejects.toThrow(
    'at once',
  )
  await expect(sale.reserve(order)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
})

/** Its server does not answer any more. */
async function awayLedger(): Promise<TestLedger> {
  const pool = new pg.Pool({ host: '127.0.0.1', port: 1, user: 'nobody' })
  pool.on('error', () => {})
  onTestFinished(() => pool.end())
  return new TestLedger(pool, 'away')
}

test('a follower reports a sale of another version once, and ends', async () => {
  const timed = await memoryKind().make()
  const { clock, engine } = clocked(timed)
  const sale = new FlashSale('x', { engine, deadlineMs: 60_000 })
  onTestFinished(() => sale.close())
  await clock.during(sale.create({ stock: { a: 10 } }))
  const { ledger } = await TestLedger.open(db)
  const errors: unknown[] = []
  const follower = await clock.during(ledger.follow(sale, { onError: (error) => errors.push(error) }))
  onTestFinished(() => follower.close())
  await storeIn(LAYOUT + 1, 'sale', memoryKind(), timed)
  await clock.until(() => errors.length > 0)
  const another = expect.objectContaining({ code: 'INCOMPATIBLE_VERSION', retryable: false })
  expect(errors).toEqual([another])
  await clock.advance(3_600_000)
  expect(errors).toHaveLength(1)
  const fresh = new FlashSale('x', { engine, deadlineMs: 60_000 })
  onTestFinished(() => fresh.close())
  await expect(clock.during(ledger.follow(fresh))).rejects.toEqual(another)
})
