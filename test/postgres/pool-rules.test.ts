import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { FlashSale } from '../../src/index.js'
import { redisKind } from '../support/engines.js'
import { Shop } from '../support/shop.js'
import { drop } from '../support/snapshot.js'
import { database } from './support/database.js'
import { TestLedger } from './support/ledgers.js'

const HOUR = 3_600_000
const db = database()
const kind = redisKind()
beforeAll(kind.start)
afterAll(kind.stop)

test('limits over several SKUs and rules of SKUs come back, whatever the names of the SKUs', async () => {
  const shop = new Shop(await kind.make(), 'launch')
  const other = 'b\0"\u2400'
  await shop.sale.create({ stock: { a: 10, [other]: 5 }, holdMs: HOUR, maxHoldMs: HOUR })
  const ledger = await TestLedger.open(db)
  const follower = await ledger.follow(shop.sale)
  const before = await shop.hold('ann', [{ sku: 'a', quantity: 4 }])
  const limits = [{ skus: ['a', other], perBuyer: 3 }]
  const skus = { [other]: { closesAt: shop.now() + HOUR, always: true } }
  await shop.sale.update({ limits, skus })
  const after = await shop.hold('bob', [{ sku: other, quantity: 3 }])
  await ledger.agrees(shop.sale)
  expect(ledger.errors).toEqual([])
  const [row] = await ledger.sql("SELECT details FROM $schema.events WHERE type = 'updated'")
  expect(row.details).toMatchObject({ changes: { limits: [{ perBuyer: 3 }], skus: expect.anything() } })
  await follower.close()
  await drop(kind.client(), '*:launch:*')

  const stranger = new FlashSale(shop.id, { engine: shop.clock.engine, deadlineMs: 20_000 })
  onTestFinished(() => stranger.close())
  expect(await stranger.recover({ from: ledger.ledger })).toMatchObject({ restored: 2, refused: [] })
  expect(await stranger.rules()).toMatchObject({ limits, skus, revision: 1 })
  expect(await stranger.get(before.id)).toMatchObject({ state: 'held' })
  expect(await stranger.get(after.id)).toMatchObject({ state: 'held' })
  const more = { buyer: 'bob', items: [{ sku: 'a', quantity: 1 }] }
  expect(await stranger.reserve(more)).toMatchObject({ status: 'limit_exceeded', skus: ['a', other] })
})

test('a sale that is rebuilt has what came back where it was, also what was sold from there', async () => {
  const shop = new Shop(await kind.make(), 'theatre')
  const other = 'back\0'
  const skus = { a: { returnsTo: other } }
  await shop.sale.create({ stock: { a: 4, [other]: 0 }, skus, holdMs: 1_000, maxHoldMs: HOUR })
  const ledger = await TestLedger.open(db)
  const follower = await ledger.follow(shop.sale)
  const cart = (sku: string) => [{ sku, quantity: 1 }]
  const [refunded, kept, late] = [
    await shop.confirmed('ann'),
    await shop.confirmed('bob'),
    await shop.hold('cid'),
  ]
  await shop.sale.release((await shop.hold('dan')).id)
  await shop.sale.refund(refunded.id, { restock: true })
  const sold = await shop.confirmed('eve', cart(other))
  await shop.advance(1_000)
  expect(await shop.sale.confirm(late.id)).toMatchObject({ status: 'confirmed', late: true })
  const counts = async (sale: FlashSale) => (await sale.stats()).skus
  const before = await counts(shop.sale)
  expect(before).toMatchObject({ a: { total: 2, confirmed: 2 }, [other]: { total: 2, confirmed: 1 } })
  await ledger.agrees(shop.sale)
  expect(ledger.errors).toEqual([])
  const rows = await ledger.sql("SELECT details FROM $schema.events WHERE type = 'redirected'")
  expect(rows).toHaveLength(4)
  await follower.close()
  await drop(kind.client(), '*:theatre:*')

  const stranger = new FlashSale(shop.id, { engine: shop.clock.engine, deadlineMs: 20_000 })
  onTestFinished(() => stranger.close())
  expect(await stranger.recover({ from: ledger.ledger })).toMatchObject({ refused: [] })
  expect(await counts(stranger)).toEqual(before)
  for (const { id } of [kept, late, sold])
    expect(await stranger.get(id)).toMatchObject({ state: 'confirmed' })
  expect((await stranger.audit()).violations).toEqual([])
})
