import { expect, onTestFinished, test } from 'vitest'
import type { Told } from '../../src/control-room/view.js'
import { FlashSale, redisEngine } from '../../src/index.js'
import { openControlRoom, stockhold } from '../support/cli.js'
import { OwnRedis } from '../support/own-redis.js'
import { database } from './support/database.js'
import { TestLedger } from './support/ledgers.js'

const db = database()
const redis = new OwnRedis()

/** A sale with an order that was paid twice, all of it in a ledger. */
async function stage() {
  await redis.client.flushall()
  const engine = redisEngine(redis.client)
  const sale = new FlashSale('launch', { engine, deadlineMs: 60_000 })
  onTestFinished(async () => {
    await sale.close()
    await engine.close()
  })
  await sale.create({ stock: { a: 5 } })
  const held = await sale.reserve({ buyer: 'ann', items: [{ sku: 'a', quantity: 1 }] })
  if (held.status !== 'reserved') expect.fail(held.status)
  const { id } = held.reservation
  await sale.confirm(id, { paymentId: 'first' })
  await sale.confirm(id, { paymentId: 'second' })
  const opened = await TestLedger.open(db)
  await opened.ledger.reconcile(sale)
  const cli = (...args: string[]) =>
    stockhold([...args, '--schema', opened.schema], {
      env: { REDIS_URL: redis.url, POSTGRES_URL: db.server.url },
    })
  return { id, opened, cli }
}

test('find --payment: in all sales, with what became of it', async () => {
  const { id, cli } = await stage()
  const found = await cli('find', '--payment', 'first')
  expect(found).toMatchObject({ code: 0, errors: '' })
  expect(found.out).toMatch(new RegExp(`^first +launch +${id} +order +- +ann$`, 'm'))
  expect(found.out).toMatch(new RegExp(`^${id} +confirmed +ann +1 a `, 'm'))
  expect((await cli('find', 'other', '--payment', 'first')).code).toBe(1)
})

test('refunds: from the ledger, also after Redis has lost the sale', async () => {
  const { id, cli } = await stage()
  await redis.client.flushall()
  expect((await cli('refunds', 'launch')).out).toMatch(
    new RegExp(`^second +${id} +duplicate_payment +ann$`, 'm'),
  )
})

test('reconcile: 0 if they agree, 1 if they differ, and --repair', async () => {
  const { id, opened, cli } = await stage()
  expect(await cli('reconcile', 'launch')).toMatchObject({
    code: 0,
    out: expect.stringContaining('Sale and ledger agree'),
  })
  await opened.sql(`UPDATE $schema.reservations SET state = 'held' WHERE id = $1`, [id])
  const differs = await cli('reconcile', 'launch', '--repair')
  expect(differs.out).toMatch(new RegExp(`^different +1 +${id}\n.*The rows were repaired`, 'm'))
  expect(differs.code).toBe(1)
  expect((await cli('reconcile', 'launch')).code).toBe(0)
})

test('control-room: shows the refunds due of the ledger', async () => {
  const { id, opened } = await stage()
  const env = { REDIS_URL: redis.url, POSTGRES_URL: db.server.url }
  const room = await openControlRoom(['--schema', opened.schema], { env })
  const headers = await room.enter()
  const refunds = async () => {
    const { view } = (await (await room.get('/snapshot', headers)).json()) as Told
    return view?.refunds?.payments
  }
  await expect.poll(refunds).toMatchObject([{ reservationId: id, paymentId: 'second', buyer: 'ann' }])
})

test('recover: a sale that Redis has lost comes back by one command', async () => {
  const { id, cli } = await stage()
  await redis.client.flushall()
  const plain = (...args: string[]) => stockhold(args, { env: { REDIS_URL: redis.url } })
  // The process of this test tells with its next beat that it has used the sale.
  await expect.poll(async () => (await plain('show', 'launch')).code, { timeout: 60_000 }).toBe(1)
  const shown = await plain('show', 'launch')
  expect(shown.out).toMatch(/^sale launch: lost\nSTATE_LOST: .*\nRecover it: npx stockhold recover launch /)
  const recovered = await cli('recover', 'launch')
  expect(recovered).toMatchObject({ code: 0, errors: '' })
  expect(recovered.out).toMatch(
    /^1 reservation is as it was acknowledged\.\nsale:launch: open\.\nSKU +total +available\na +5 +4\n$/,
  )
  expect((await cli('find', 'launch', '--reservation', id)).out).toContain('confirmed')
  expect((await plain('audit', 'launch')).code).toBe(0)
})

test('a database that cannot be reached, and tables that are missing', async () => {
  const { cli } = await stage()
  const gone = await cli('find', '--payment', 'x', '--postgres', 'postgres://u:hidden@127.0.0.1:1/db')
  expect(gone).toMatchObject({ code: 2, errors: expect.stringContaining('PostgreSQL cannot be reached') })
  expect(gone.errors).not.toContain('hidden')
  const missing = await stockhold(['find', '--payment', 'x'], {
    env: { REDIS_URL: redis.url, POSTGRES_URL: db.server.url },
  })
  expect(missing).toMatchObject({ code: 2, errors: expect.stringContaining('ledger.migrate()') })
})
