import { expect, onTestFinished, test } from 'vitest'
import { FlashSale, memoryEngine } from '../../src/index.js'
import { postgresLedger } from '../../src/postgres.js'
import { faultOf } from '../support/secrets.js'
import { onBothEngines } from '../support/shop.js'
import { database } from './support/database.js'
import { TestLedger } from './support/ledgers.js'

const db = database()
const post = (reference: string, items?: { sku: string; quantity: number }[]) => ({
  ...{ carrier: 'post', reference, items },
})

onBothEngines((open) => {
  const opened = async (rules = {}) => {
    const shop = await open({ stock: { a: 100, b: 100 }, holdMs: 60_000, ...rules })
    return { shop, ledger: await TestLedger.open(db) }
  }
  const cart = [
    { sku: 'a', quantity: 3 },
    { sku: 'b', quantity: 1 },
  ]

  test.each([1, 3])(
    'an order in two parcels, from payment to receipt, with %i partitions',
    async (partitions) => {
      const { shop, ledger } = await opened({ partitions })
      const { sale } = shop
      const { id } = await shop.confirmed('u', cart)
      const part = [{ sku: 'a', quantity: 2 }]
      await ledger.agrees(sale)
      expect(await ledger.ledger.deliver(sale, id)).toMatchObject({ status: 'not_shipped' })
      expect(await ledger.ledger.ship(sale, id, post('t-1', part))).toMatchObject({
        ...{
          status: 'shipped',
          replayed: false,
          shipment: { carrier: 'post', reference: 't-1', items: part },
        },
        order: {
          ...{ sale: sale.id, id, buyer: 'u', state: 'confirmed', items: cart, shipped: part, delivered: [] },
          open: [
            { sku: 'a', quantity: 1 },
            { sku: 'b', quantity: 1 },
          ],
        },
      })
      expect(await ledger.sql('SELECT next_step, shipped, delivered FROM $schema.open_orders')).toEqual([
        { next_step: 'ship', shipped: { a: 2 }, delivered: {} },
      ])
      // Of a, one is left.
      expect(await ledger.ledger.ship(sale, id, post('t-2', part))).toMatchObject({ status: 'exceeds_order' })
      expect(await ledger.ledger.deliver(sale, id, { reference: 't-2' })).toMatchObject({
        status: 'not_shipped',
      })
      const received = await ledger.ledger.deliver(sale, id, { reference: 't-1' })
      expect(received).toMatchObject({ status: 'delivered', replayed: false, order: { delivered: part } })
      expect(await ledger.ledger.ship(sale, id, post('t-2'))).toMatchObject({
        status: 'shipped',
        shipment: {
          items: [
            { sku: 'a', quantity: 1 },
            { sku: 'b', quantity: 1 },
          ],
        },
        order: { open: [] },
      })
      expect(await ledger.column('open_orders', 'next_step')).toEqual(['deliver'])
      const at = new Date(Date.now() + 86_400_000)
      expect(await ledger.ledger.deliver(sale, id, { at })).toMatchObject({
        status: 'delivered',
        replayed: false,
      })
      expect(await ledger.column('open_orders', 'id')).toEqual([])
      expect(await ledger.sql('SELECT delivered_at FROM $schema.shipments ORDER BY reference')).toEqual([
        { delivered_at: expect.any(Date) },
        { delivered_at: at },
      ])
      expect(await ledger.ledger.ship(sale, id, post('t-3'))).toMatchObject({ status: 'exceeds_order' })
      await ledger.agrees(sale)
    },
  )

  test('a repeat changes nothing; another carrier or cart under the same reference is a conflict', async () => {
    const { shop, ledger } = await opened()
    const { sale } = shop
    const { id } = await shop.confirmed('u', cart)
    const asked = post('t', [{ sku: 'a', quantity: 1 }])
    const first = await ledger.ledger.ship(sale, id, asked)
    // Neither the order of lines nor their splitting matters, nor the process.
    for (let i = 0; i < 3; i++)
      expect(await ledger.ledger.ship(shop.handle(), id, asked)).toEqual({ ...first, replayed: true })
    await faultOf(
      ledger.ledger.ship(sale, id, post('t', [{ sku: 'a', quantity: 2 }])),
      'IDEMPOTENCY_CONFLICT',
    )
    await faultOf(ledger.ledger.ship(sale, id, { ...asked, carrier: 'ups' }), 'IDEMPOTENCY_CONFLICT')
    await faultOf(ledger.ledger.ship(sale, id, post('t')), 'IDEMPOTENCY_CONFLICT')
    // The reference is the order's own: a parcel may hold two orders.
    const other = await shop.confirmed('u', cart)
    expect(await ledger.ledger.ship(sale, other.id, post('t'))).toMatchObject({ status: 'shipped' })
    const at = 1_800_000_000_000
    await ledger.ledger.deliver(sale, id, { at })
    expect(await ledger.ledger.deliver(sale, id, { at: at + 1 })).toMatchObject({ replayed: true })
    expect(await ledger.ledger.deliver(sale, id, { reference: 't' })).toMatchObject({ replayed: true })
    expect(await ledger.column('shipments', 'delivered_at', 'delivered_at')).toEqual([new Date(at), null])
    await sale.refund(id, { restock: false })
    expect(await ledger.ledger.ship(sale, id, asked)).toMatchObject({
      ...{ status: 'shipped', replayed: true, order: { state: 'refunded', open: [] } },
    })
  })

  test('only an order that is paid for, and not refunded, is shipped; the ledger needs no follower for it', async () => {
    const { shop, ledger } = await opened()
    const { sale } = shop
    const held = await shop.hold('u')
    expect(await ledger.ledger.ship(sale, held.id, post('t'))).toMatchObject({
      ...{ status: 'not_confirmed', order: { state: 'held', open: [] } },
    })
    await sale.release(held.id)
    await sale.confirm(held.id, { paymentId: 'p' })
    expect(await ledger.ledger.ship(sale, held.id, post('t'))).toMatchObject({ status: 'not_confirmed' })
    const expired = await shop.expired('v')
    expect(await ledger.ledger.ship(sale, expired.id, post('t'))).toMatchObject({ status: 'not_confirmed' })
    const back = await shop.confirmed('w')
    await sale.refund(back.id, { restock: true })
    expect(await ledger.ledger.ship(sale, back.id, post('t'))).toMatchObject({ status: 'refunded' })
    for (const id of ['1AAxxxxxxxxxxxxxxxx', '1__xxxxxxxxxxxxxxxx', 'no id at all'])
      expect(await ledger.ledger.ship(sale, id, post('t'))).toEqual({ status: 'not_found' })
    expect(await ledger.ledger.deliver(sale, '1AAxxxxxxxxxxxxxxxx')).toEqual({ status: 'not_found' })
    expect(await ledger.sql('SELECT FROM $schema.shipments')).toEqual([])
    await ledger.agrees(sale)
  })

  test('many at once share transactions, and each order is shipped once', async () => {
    const { shop, ledger } = await opened({ stock: { a: 1_000 } })
    const orders = await Promise.all(Array.from({ length: 300 }, (_, i) => shop.confirmed(`u-${i}`)))
    const processes = [shop.sale, shop.handle(), shop.handle()].map((sale) => ({
      ...{ sale, ledger: postgresLedger(db.pool, { schema: ledger.schema }) },
    }))
    const results = await Promise.all(
      orders.flatMap(({ id }) =>
        processes.map(({ sale, ledger }, i) => ledger.ship(sale, id, post(i < 2 ? 'same' : 'other'))),
      ),
    )
    const count = (status: string, replayed?: boolean) =>
      results.filter((one) => one.status === status && (!('replayed' in one) || one.replayed === replayed))
        .length
    // Whichever reference came first; of those with the other one, none is left to ship.
    expect(count('shipped', false)).toBe(300)
    expect(count('shipped', true) + count('exceeds_order')).toBe(600)
    expect(await ledger.sql('SELECT FROM $schema.shipments')).toHaveLength(300)
    const received = await Promise.all(
      orders.flatMap(({ id }) => processes.map(({ sale, ledger }) => ledger.deliver(sale, id))),
    )
    expect(received.filter((one) => one.status === 'delivered' && !one.replayed)).toHaveLength(300)
    expect(await ledger.column('open_orders', 'id')).toEqual([])
    await ledger.agrees(shop.sale)
  })

  test('an order of which the ledger has lost events is shipped, or refused, as the sale says', async () => {
    const { shop, ledger } = await opened()
    const { sale } = shop
    const [gone, late, back] = [
      await shop.confirmed('u'),
      await shop.confirmed('v'),
      await shop.confirmed('w'),
    ]
    await sale.refund(back.id, { restock: true })
    await ledger.agrees(sale)
    // As if these events had been trimmed before the ledger read them.
    await ledger.sql('DELETE FROM $schema.reservations WHERE id = $1', [gone.id])
    await ledger.sql(`UPDATE $schema.reservations SET state = 'held' WHERE id = $1`, [late.id])
    await ledger.sql(`UPDATE $schema.reservations SET state = 'confirmed' WHERE id = $1`, [back.id])
    expect(await ledger.ledger.ship(sale, gone.id, post('t'))).toMatchObject({ status: 'shipped' })
    expect(await ledger.ledger.ship(sale, late.id, post('t'))).toMatchObject({ status: 'shipped' })
    expect(await ledger.ledger.ship(sale, back.id, post('t'))).toMatchObject({ status: 'refunded' })
    await ledger.agrees(sale)
  })

  test('lead times, by the day of the payment', async () => {
    const { shop, ledger } = await opened()
    const days = [0, 0, 0, 1]
    for (const [i, day] of days.entries()) {
      const { id } = await shop.confirmed(`u-${i}`)
      await ledger.ledger.ship(shop.sale, id, post('t'))
      await ledger.ledger.deliver(shop.sale, id)
      const paid = `timestamptz '2026-11-2${7 + day}T23:00:00Z'`
      await ledger.sql(`UPDATE $schema.orders SET paid_at = ${paid} WHERE id = $1`, [id])
      await ledger.sql(
        `UPDATE $schema.shipments SET shipped_at = ${paid} + interval '${i + 1} hours', delivered_at = ${paid} + interval '${2 * i + 2} hours' WHERE id = $1`,
        [id],
      )
    }
    await ledger.sql(
      `UPDATE $schema.shipments SET delivered_at = NULL WHERE shipped_at < '2026-11-28T00:30:00Z'`,
    )
    const rows = await ledger.sql(
      `SELECT day::text, shipments::int, delivered::int, to_shipment_median::text AS shipment, to_shipment_p90::text AS shipment_p90,
        to_receipt_median::text AS receipt, to_receipt_p90::text AS receipt_p90, total_median::text AS total, total_p90::text
      FROM $schema.lead_times ORDER BY day`,
    )
    expect(rows).toEqual([
      {
        ...{ day: '2026-11-27', shipments: 3, delivered: 2, shipment: '02:00:00', shipment_p90: '02:48:00' },
        ...{ receipt: '02:30:00', receipt_p90: '02:54:00', total: '05:00:00', total_p90: '05:48:00' },
      },
      {
        ...{ day: '2026-11-28', shipments: 1, delivered: 1, shipment: '04:00:00', shipment_p90: '04:00:00' },
        ...{ receipt: '04:00:00', receipt_p90: '04:00:00', total: '08:00:00', total_p90: '08:00:00' },
      },
    ])
  })

  test('a payment that came before its shipment was recorded is the time of the order', async () => {
    const { shop, ledger } = await opened()
    const { id } = await shop.confirmed('u')
    const paidAt = new Date(shop.now())
    await shop.advance(5_000)
    await ledger.agrees(shop.sale)
    expect(await ledger.column('open_orders', 'paid_at')).toEqual([paidAt])
    await ledger.ledger.ship(shop.sale, id, post('t'))
    expect(await ledger.column('orders', 'paid_at')).toEqual([paidAt])
  })
})

async function small() {
  const sale = new FlashSale('x', { engine: memoryEngine(), deadlineMs: 60_000 })
  onTestFinished(() => sale.close())
  await sale.create({ stock: { a: 10 } })
  return sale
}

test('what cannot be is INVALID_ARGUMENT, and nothing is recorded', async () => {
  const { ledger } = await TestLedger.open(db)
  const sale = await small()
  const item = { sku: 'a', quantity: 1 }
  const ships = [{}, { carrier: 'post' }, { reference: 't' }, { ...post('t', []) }, { ...post('t'), at: 1 }]
  const carts = [[{ sku: 'a', quantity: 0 }], [{ ...item, price: 1 }], 'a', [{ sku: '', quantity: 1 }]]
  for (const options of [...ships, ...carts.map((items) => ({ ...post('t'), items }))])
    await faultOf(ledger.ship(sale, 'x', options as never), 'INVALID_ARGUMENT')
  await faultOf(ledger.ship(sale, '', post('t')), 'INVALID_ARGUMENT')
  for (const options of [
    { at: 5 },
    { at: '2026-11-29' },
    { at: new Date(Number.NaN) },
    { reference: '' },
    { when: 1 },
  ])
    await faultOf(ledger.deliver(sale, 'x', options as never), 'INVALID_ARGUMENT')
  for (const options of [
    {},
    { restock: 1 },
    { restock: true, items: [item] },
    { restock: true, items: [], key: 'k' },
  ])
    await faultOf(ledger.refund(sale, 'x', options as never), 'INVALID_ARGUMENT')
  for (const options of [
    {},
    { key: 'k' },
    { deliveredFor: -1, key: 'k' },
    { deliveredFor: 0, key: 'k', limit: 0 },
  ])
    await faultOf(ledger.payouts(options as never), 'INVALID_ARGUMENT')
})

test('any carrier, reference, SKU and buyer', async () => {
  const { ledger } = await TestLedger.open(db)
  const name = 'x\0\u2400"\\{},NULL🦊'
  const sale = new FlashSale(name, { engine: memoryEngine(), deadlineMs: 60_000 })
  onTestFinished(() => sale.close())
  await sale.create({ stock: { [name]: 10 } })
  const items = [{ sku: name, quantity: 2 }]
  const made = await sale.reserve({ buyer: name, items })
  if (made.status !== 'reserved') expect.fail(made.status)
  const { id } = made.reservation
  await sale.confirm(id, { paymentId: name })
  const asked = { carrier: name, reference: name, items }
  for (const replayed of [false, true])
    expect(await ledger.ship(sale, id, asked)).toMatchObject({
      ...{ status: 'shipped', replayed, shipment: { carrier: name, reference: name, items } },
      order: { sale: name, buyer: name, items, shipped: items },
    })
  expect(await ledger.deliver(sale, id, { reference: name })).toMatchObject({ status: 'delivered' })
  expect(await ledger.payouts({ deliveredFor: 0, key: name })).toMatchObject({
    key: name,
    orders: [{ sale: name, id, items }],
  })
})

test('without tables, or without PostgreSQL, it is said what to do', async () => {
  const sale = await small()
  await faultOf(postgresLedger(db.pool, { schema: 'none' }).ship(sale, 'x', post('t')), 'UNSAFE_CONFIG')
  await faultOf(postgresLedger(db.pool, { schema: 'none' }).deliver(sale, 'x'), 'UNSAFE_CONFIG')
  await faultOf(
    postgresLedger(db.pool, { schema: 'none' }).payouts({ deliveredFor: 0, key: 'k' }),
    'UNSAFE_CONFIG',
  )
})
