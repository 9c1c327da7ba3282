import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { FlashSale, type Item } from '../../src/index.js'
import { redisKind } from '../support/engines.js'
import { Shop } from '../support/shop.js'
import { database } from './support/database.js'
import { TestLedger } from './support/ledgers.js'

const db = database()
const kind = redisKind()
beforeAll(kind.start)
afterAll(kind.stop)

const a = (quantity: number): Item[] => [{ sku: 'a', quantity }]
const post = (reference: string, items?: Item[]) => ({ carrier: 'post', reference, items })

async function open(partitions: number) {
  const shop = new Shop(await kind.make(), 'launch')
  await shop.sale.create({ stock: { a: 20 }, holdMs: 60_000, limitPerBuyer: 3, partitions })
  return { shop, ledger: await TestLedger.open(db) }
}

async function moved(shop: Shop, id: string, to: string): Promise<string> {
  const result = await shop.sale.transfer(id, { to })
  if (result.status !== 'transferred') expect.fail(result.status)
  return result.reservation.id
}

describe.each([1, 4])('with %i partitions', (partitions) => {
  test('the ledger has the order under its new buyer, and where it came from', async () => {
    const { shop, ledger } = await open(partitions)
    const held = await shop.hold('guest', 2, { key: 'k' })
    const paid = await shop.confirmed('guest', 1)
    const [hold, order] = [await moved(shop, held.id, 'ann'), await moved(shop, paid.id, 'bob')]
    const again = await moved(shop, hold, 'cleo')
    await shop.sale.confirm(held.id, { paymentId: 'p' })
    await ledger.agrees(shop.sale)
    const rows = await ledger.sql('SELECT id, buyer, state, key FROM $schema.reservations')
    const row = (id: string, buyer: string, state: string, key: string | null = null) => ({
      id,
      buyer,
      state,
      key,
    })
    expect(new Set(rows)).toEqual(
      new Set([
        row(held.id, 'guest', 'transferred', 'k'),
        row(paid.id, 'guest', 'transferred'),
        row(hold, 'ann', 'transferred'),
        row(order, 'bob', 'confirmed'),
        row(again, 'cleo', 'confirmed'),
      ]),
    )
    expect(
      await ledger.sql(
        `SELECT details FROM $schema.events WHERE type = 'transferred' AND reservation = '${hold}'`,
      ),
    ).toEqual([{ details: { from: held.id, sender: 'guest' } }])
    const payments = await ledger.sql('SELECT reservation, outcome FROM $schema.payments')
    expect(new Set(payments)).toEqual(
      new Set([
        { reservation: order, outcome: 'order' },
        { reservation: again, outcome: 'order' },
      ]),
    )
  })

  test('a shipped order goes with its parcels, and is paid out once', async () => {
    const { shop, ledger } = await open(partitions)
    const { id } = await shop.confirmed('guest', 3)
    await ledger.agrees(shop.sale)
    await ledger.ledger.ship(shop.sale, id, post('t-1', a(2)))
    await ledger.ledger.deliver(shop.sale, id, { reference: 't-1' })
    const order = await moved(shop, id, 'ann')
    await ledger.agrees(shop.sale)
    expect(await ledger.ledger.ship(shop.sale, id, post('t-1', a(2)))).toMatchObject({
      ...{ status: 'shipped', replayed: true, order: { id: order, buyer: 'ann' } },
    })
    expect(await ledger.ledger.ship(shop.sale, order, post('t-2', a(2)))).toMatchObject({
      status: 'exceeds_order',
    })
    expect(await ledger.ledger.ship(shop.sale, id, post('t-2'))).toMatchObject({
      ...{ status: 'shipped', replayed: false, order: { id: order, open: [] } },
    })
    expect(await ledger.ledger.deliver(shop.sale, id)).toMatchObject({
      ...{ status: 'delivered', order: { id: order } },
    })
    const due = { deliveredFor: 0, key: 'week-1' }
    const orders = (await ledger.ledger.payouts(due)).orders.filter(({ sale }) => sale === shop.id)
    expect(orders).toMatchObject([{ id: order, items: a(3) }])
    await moved(shop, order, 'bob')
    await ledger.agrees(shop.sale)
    const later = await ledger.ledger.payouts({ ...due, key: 'week-2' })
    expect(later.orders).toEqual([])
    expect(later.refunded ?? []).toEqual([])
  })

  test('a sale that is gone is created again with its transfers', async () => {
    const { shop, ledger } = await open(partitions)
    const held = await shop.hold('guest', 2, { key: 'k' })
    const paid = await shop.confirmed('guest', 1)
    for (const paymentId of ['p1', 'p2']) await shop.sale.confirm(paid.id, { paymentId })
    const [hold, order] = [await moved(shop, held.id, 'ann'), await moved(shop, paid.id, 'bob')]
    const last = await moved(shop, hold, 'cleo')
    await ledger.agrees(shop.sale)
    const client = kind.client()
    await client.del(...(await client.keys('*:launch:*')))
    const sale = new FlashSale(shop.id, { engine: shop.clock.engine, deadlineMs: 20_000 })
    onTestFinished(() => sale.close())
    expect(await sale.recover({ from: ledger.ledger })).toMatchObject({ refused: [] })
    expect(await sale.get(held.id)).toMatchObject({ id: last, buyer: 'cleo', state: 'held' })
    expect(await sale.get(paid.id)).toMatchObject({ id: order, buyer: 'bob', state: 'confirmed' })
    expect(await sale.confirm(held.id, { paymentId: 'p9' })).toMatchObject({ status: 'confirmed' })
    expect(await sale.confirm(paid.id, { paymentId: 'p2' })).toMatchObject({ status: 'refund_due' })
    const repeated = await sale.reserve({ buyer: 'guest', items: a(2), key: 'k' })
    expect(repeated).toMatchObject({ replayed: true, reservation: { id: last } })
    expect((await sale.audit()).violations).toEqual([])
    expect((await sale.stats()).skus.a).toMatchObject({ total: 20, held: 0, confirmed: 3, inTransit: 0 })
    await ledger.agrees(sale)
  })
})
