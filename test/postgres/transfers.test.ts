import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { FlashSale, type Item } from '../../src/index.js'
import { quoted } from '../../src/postgres/text.js'
import { TransferTables } from '../../src/postgres/transfer-tables.js'
import { redisKind } from '../support/engines.js'
import { Shop } from '../support/shop.js'
import { drop } from '../support/snapshot.js'
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

test('an order that is shipped before the ledger has read of its payment gets its time later', async () => {
  const ledger = await TestLedger.open(db)
  await ledger.sql(`INSERT INTO $schema.orders (sale, id, paid_at, shipped, delivered, shipped_at)
    SELECT sale, 'c', to_timestamp(9), '{}', '{}', now() FROM (VALUES ('s'), ('other')) AS v (sale)`)
  let sequence = 0
  const read = (type: string, reservation: string, at: number, details: object) =>
    ledger.sql(
      `INSERT INTO $schema.events (sale, partition, generation, sequence, at, type, reservation, details)
      VALUES ('s', 0, 1, $1, to_timestamp($2), $3, $4, $5)`,
      [++sequence, at, type, reservation, details],
    )
  const paidAt = (sale: string) =>
    ledger.sql(`SELECT extract(epoch FROM paid_at)::int AS at FROM $schema.orders WHERE sale = '${sale}'`)
  await read('transferred', 'c', 4, { from: 'b', sender: 'ann' })
  await read('departed', 'b', 3, { to: 'c' })
  await read('transferred', 'b', 3, { from: 'a', sender: 'guest' })
  expect(await paidAt('s')).toEqual([{ at: 9 }])
  await read('confirmed', 'a', 1, {})
  await read('departed', 'a', 2, { to: 'b' })
  expect(await paidAt('s')).toEqual([{ at: 1 }])
  expect(await paidAt('other')).toEqual([{ at: 9 }])
})

test('a reservation has come later than to the buyer before, also by a clock that is behind', async () => {
  const ledger = await TestLedger.open(db)
  const tables = new TransferTables(quoted(ledger.schema), ledger.pool)
  const read = (sequence: number, reservation: string, at: number, from: string) =>
    ledger.sql(
      `INSERT INTO $schema.events (sale, partition, generation, sequence, at, type, reservation, details)
      VALUES ('s', 0, 1, $1, to_timestamp($2), 'transferred', $3, $4)`,
      [sequence, at, reservation, { from, sender: 'ann' }],
    )
  await read(1, 'b', 1, 'a')
  await read(2, 'c', 0.95, 'b')
  await read(3, 'd', 0.96, 'c')
  const origins = await tables.origins('s', ['a', 'b', 'c', 'd'])
  expect(Object.fromEntries(origins)).toEqual({
    b: { earlier: 'a', origin: { id: 'a', transfers: 1, at: 1_000 } },
    c: { earlier: 'b', origin: { id: 'a', transfers: 2, at: 1_001 } },
    d: { earlier: 'c', origin: { id: 'a', transfers: 3, at: 1_002 } },
  })
})

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

  test('an order that is first shipped after its transfers was paid for when it was paid for', async () => {
    const { shop, ledger } = await open(partitions)
    const { id } = await shop.confirmed('guest', 3)
    const paidAt = new Date(shop.now())
    let present = id
    for (const to of ['ann', 'guest', 'bob']) {
      await shop.advance(1_000)
      present = await moved(shop, present, to)
    }
    const unpaid = await shop.hold('guest', 1)
    await shop.advance(1_000)
    const later = await moved(shop, unpaid.id, 'cleo')
    await shop.sale.confirm(later)
    await ledger.agrees(shop.sale)
    expect(await ledger.sql('SELECT id, paid_at FROM $schema.open_orders ORDER BY paid_at')).toEqual([
      { id: present, paid_at: paidAt },
      { id: later, paid_at: new Date(shop.now()) },
    ])
    await shop.advance(1_000)
    for (const one of [id, later]) await ledger.ledger.ship(shop.sale, one, post(`t-${one}`))
    expect(await ledger.sql('SELECT id, paid_at FROM $schema.orders ORDER BY paid_at')).toEqual([
      { id: present, paid_at: paidAt },
      { id: later, paid_at: new Date(shop.now() - 1_000) },
    ])
  })

  test('a sale that is gone is created again with its transfers', async () => {
    const { shop, ledger } = await open(partitions)
    const held = await shop.hold('guest', 2, { key: 'k' })
    const paid = await shop.confirmed('guest', 1)
    for (const paymentId of ['p1', 'p2']) await shop.sale.confirm(paid.id, { paymentId })
    const [hold, order] = [await moved(shop, held.id, 'ann'), await moved(shop, paid.id, 'bob')]
    const last = await moved(shop, hold, 'cleo')
    await ledger.agrees(shop.sale)
    await drop(kind.client(), '*:launch:*')
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
