import { afterAll, beforeAll, expect, test } from 'vitest'
import { redisKind } from '../support/engines.js'
import { Shop } from '../support/shop.js'
import { drop } from '../support/snapshot.js'
import { database } from './support/database.js'
import { TestLedger } from './support/ledgers.js'

const db = database()
const kind = redisKind()
beforeAll(kind.start)
afterAll(kind.stop)

const LINES = 1_000
const seat = (i: number) => `seat ${String(i).padStart(4, '0')}`
const cartFrom = (first: number) =>
  Array.from({ length: LINES }, (_, i) => ({ sku: seat(first + i), quantity: 1 }))

test('carts of 1,000 lines that take the last units are in the ledger, and come back from it', async () => {
  const shop = new Shop(await kind.make(), 'launch')
  const stock = Object.fromEntries(Array.from({ length: 4 * LINES }, (_, i) => [seat(i), 1]))
  await shop.sale.create({ stock, holdMs: 1_000 })
  const ledger = await TestLedger.open(db)
  const carts = [0, 1, 2, 3].map((i) => cartFrom(i * LINES))
  const held = await Promise.all(carts.map((cart, i) => shop.hold(`u${i}`, cart)))
  await shop.advance(1_000)
  const late = await Promise.all(held.map(({ id }) => shop.sale.confirm(id, { paymentId: `p ${id}` })))
  for (const answer of late) expect(answer).toMatchObject({ status: 'confirmed', late: true })
  await ledger.follow(shop.sale)
  expect(await ledger.agrees(shop.sale)).toBe(4)
  expect(ledger.errors).toEqual([])
  const before = await Promise.all(held.map(({ id }) => shop.sale.get(id)))

  await ledger.stopFollowing()
  await drop(kind.client(), '*:launch:*')
  const recovery = await shop.sale.recover({ from: ledger.ledger })
  expect(recovery).toMatchObject({ restored: 4, refused: [] })
  const after = await Promise.all(held.map(({ id }) => shop.sale.get(id)))
  expect(after).toMatchObject(before.map((one) => ({ id: one!.id, items: one!.items, state: 'confirmed' })))
  expect(await shop.audited()).toBe(4)
})
