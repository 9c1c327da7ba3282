import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { FlashSale, memoryEngine } from '../../src/index.js'
import { redisKind } from '../support/engines.js'
import { faultOf } from '../support/secrets.js'
import { onBothEngines, Shop } from '../support/shop.js'
import { drop } from '../support/snapshot.js'
import { database } from './support/database.js'
import { TestLedger } from './support/ledgers.js'

const db = database()
const a = (quantity: number) => ({ sku: 'a', quantity })
const b = (quantity: number) => ({ sku: 'b', quantity })
type Items = readonly ReturnType<typeof a>[]
const post = (reference: string, items?: Items) => ({ carrier: 'post', reference, items })

/** A handle of a process from which the sale was removed. */
function removed(id: string): FlashSale {
  const sale = new FlashSale(id, { engine: memoryEngine(), deadlineMs: 60_000 })
  onTestFinished(() => sale.close())
  return sale
}

onBothEngines((open) => {
  const opened = async (partitions = 1) => {
    const shop = await open({ stock: { a: 100, b: 100 }, holdMs: 60_000, partitions })
    const ledger = await TestLedger.open(db)
    const refund = (id: string, key: string, items: Items, restock = true) =>
      ledger.ledger.refund(shop.sale, id, { restock, items, key })
    return { shop, ledger, refund }
  }
  const linesOf = (ledger: TestLedger, id: string) =>
    ledger.sql(`SELECT sku, quantity::int, refunded::int FROM $schema.lines WHERE id = $1 ORDER BY sku`, [id])

  test.each([1, 3])('the lines of a partly refunded order, with %i partitions', async (partitions) => {
    const { shop, ledger, refund } = await opened(partitions)
    const { id } = await shop.confirmed('u', [a(3), b(1)])
    await shop.confirmed('v', [a(2)])
    expect(await refund(id, 'r-1', [a(1)])).toMatchObject({ status: 'refunded', replayed: false })
    expect(await refund(id, 'r-2', [b(1)], false)).toMatchObject({ reservation: { items: [a(2)] } })
    expect(await refund(id, 'r-2', [b(1)], false)).toMatchObject({ replayed: true })
    expect(await refund(id, 'r-3', [a(3)])).toMatchObject({ status: 'exceeds_order' })
    await faultOf(refund(id, 'r-1', [a(2)]), 'IDEMPOTENCY_CONFLICT')
    await ledger.agrees(shop.sale)
    expect(await linesOf(ledger, id)).toEqual([
      { sku: 'a', quantity: 2, refunded: 1 },
      { sku: 'b', quantity: 0, refunded: 1 },
    ])
    expect(
      await ledger.sql(
        'SELECT items, first_items, ordered_items, changes, state, restocked FROM $schema.reservations WHERE id = $1',
        [id],
      ),
    ).toEqual([
      {
        ...{ items: { a: 2 }, first_items: { a: 3, b: 1 }, ordered_items: { a: 3, b: 1 } },
        ...{ changes: 2, state: 'confirmed', restocked: null },
      },
    ])
    expect(await ledger.sql('SELECT id, key, items, restock FROM $schema.refunds ORDER BY key')).toEqual([
      { id, key: 'r-1', items: { a: 1 }, restock: true },
      { id, key: 'r-2', items: { b: 1 }, restock: false },
    ])
    expect(
      await ledger.sql(`SELECT details FROM $schema.events WHERE type = 'refunded' ORDER BY at, sequence`),
    ).toEqual([
      { details: { restock: true, key: 'r-1', items: { a: 1 } } },
      { details: { restock: false, key: 'r-2', items: { b: 1 } } },
    ])
    await refund(id, 'r-4', [a(2)], false)
    await ledger.agrees(shop.sale)
    expect(await linesOf(ledger, id)).toEqual([
      { sku: 'a', quantity: 2, refunded: 3 },
      { sku: 'b', quantity: 0, refunded: 1 },
    ])
    expect(await ledger.column('reservations', 'restocked', 'buyer')).toEqual([false, null])
    expect(await ledger.sql('SELECT next_step FROM $schema.open_orders')).toHaveLength(1)
  })

  test('what is refunded is never shipped', async () => {
    const { shop, ledger, refund } = await opened()
    const { id } = await shop.confirmed('u', [a(3), b(1)])
    await ledger.ledger.ship(shop.sale, id, post('t-1', [a(1)]))
    await refund(id, 'r-1', [a(1), b(1)])
    expect(await ledger.ledger.ship(shop.sale, id, post('t-2', [a(2)]))).toMatchObject({
      status: 'exceeds_order',
      order: { items: [a(2)], shipped: [a(1)], open: [a(1)] },
    })
    expect(await ledger.ledger.ship(shop.sale, id, post('t-2', [b(1)]))).toMatchObject({
      status: 'exceeds_order',
    })
    expect(await ledger.ledger.ship(shop.sale, id, post('t-2'))).toMatchObject({
      status: 'shipped',
      shipment: { items: [a(1)] },
    })
    await refund(id, 'r-2', [a(2)])
    expect(await ledger.ledger.ship(shop.sale, id, post('t-3'))).toMatchObject({ status: 'refunded' })
    await ledger.agrees(shop.sale)
  })

  test('an order of which the ledger has lost the refund of a part is shipped as the sale says', async () => {
    const { shop, ledger, refund } = await opened()
    const { id } = await shop.confirmed('u', [a(3)])
    await refund(id, 'r-1', [a(2)])
    await ledger.agrees(shop.sale)
    await ledger.sql(
      `UPDATE $schema.reservations SET items = '{"a": 3}', first_items = NULL, changes = 0, ordered_items = NULL`,
    )
    expect(await ledger.ledger.ship(shop.sale, id, post('t'))).toMatchObject({
      status: 'shipped',
      shipment: { items: [a(1)] },
    })
    await ledger.agrees(shop.sale)
  })

  test('a refund that only one side has is named, and repaired when that is asked for', async () => {
    const { shop, ledger, refund } = await opened(3)
    const orders = await Promise.all(['u', 'v'].map((buyer) => shop.confirmed(buyer, [a(3)])))
    const [{ id }, other] = [orders[0]!, orders[1]!]
    for (const key of ['r-1', 'r\0']) await refund(id, key, [a(1)])
    await refund(other.id, 'r-1', [a(3)])
    await ledger.agrees(shop.sale)
    await ledger.sql(`DELETE FROM $schema.refunds WHERE id = $1 AND key = 'r-1'`, [id])
    await ledger.sql(
      `INSERT INTO $schema.refunds (sale, id, key, restock, partition, refunded_at, generation, sequence)
      SELECT sale, id, 'x', true, partition, now(), generation, sequence FROM $schema.reservations WHERE id = $1`,
      [other.id],
    )
    const expected = {
      ok: false,
      differing: { count: 0 },
      refunds: {
        missing: { count: 1, refunds: [{ reservationId: id, key: 'r-1' }] },
        unknown: { count: 1, refunds: [{ reservationId: other.id, key: 'x' }] },
      },
    }
    expect(await ledger.ledger.reconcile(shop.sale)).toMatchObject(expected)
    expect(await ledger.ledger.reconcile(shop.sale, { repair: true })).toMatchObject(expected)
    await ledger.agrees(shop.sale)
    expect(
      await ledger.sql('SELECT items FROM $schema.refunds WHERE id = $1 AND NOT forgotten', [id]),
    ).toEqual([{ items: { a: 1 } }, { items: { a: 1 } }])
  })

  test('after the removal of the sale its keys still count, and the ledger refunds by itself', async () => {
    const { shop, ledger, refund } = await opened()
    const { id } = await shop.confirmed('u', [a(4), b(1)])
    const over = await shop.confirmed('v', [a(2)])
    await refund(id, 'r-1', [a(1)])
    await refund(over.id, 'r-1', [a(2)])
    await ledger.agrees(shop.sale)
    const sale = removed(shop.sale.id)
    const later = (key: string, items: Items, order = id) =>
      ledger.ledger.refund(sale, order, { restock: true, items, key })
    expect(await later('r-1', [a(1)])).toMatchObject({ replayed: true, reservation: { items: [a(3), b(1)] } })
    expect(await later('r-1', [a(2)], over.id)).toMatchObject({
      replayed: true,
      reservation: { state: 'refunded' },
    })
    await faultOf(later('r-1', [b(1)]), 'IDEMPOTENCY_CONFLICT')
    expect(await later('r-2', [a(4)])).toMatchObject({ status: 'exceeds_order' })
    expect(await later('r-2', [a(1), b(1)])).toMatchObject({
      status: 'refunded',
      replayed: false,
      reservation: { items: [a(2)], state: 'confirmed' },
    })
    expect(await later('r-2', [b(1), a(1)])).toMatchObject({ replayed: true })
    expect(await ledger.ledger.ship(sale, id, post('t'))).toMatchObject({ shipment: { items: [a(2)] } })
    expect(await linesOf(ledger, id)).toEqual([
      { sku: 'a', quantity: 2, refunded: 2 },
      { sku: 'b', quantity: 0, refunded: 1 },
    ])
    expect(await ledger.ledger.refund(sale, id, { restock: true })).toMatchObject({
      reservation: { state: 'refunded' },
    })
    expect(await later('r-3', [a(1)])).toMatchObject({ status: 'exceeds_order' })
  })

  test('the seller gets what is left; a part refunded after the payout is deducted, once', async () => {
    const { shop, ledger, refund } = await opened()
    const order = async (buyer: string) => {
      const { id } = await shop.confirmed(buyer, [a(3), b(1)])
      await ledger.ledger.ship(shop.sale, id, post('t'))
      await ledger.ledger.deliver(shop.sale, id, { at: new Date('2026-01-01') })
      return id
    }
    const [before, after] = [await order('u'), await order('v')]
    await refund(before, 'r-1', [a(1), b(1)])
    await ledger.agrees(shop.sale)
    const payouts = (key: string) => ledger.ledger.payouts({ deliveredFor: 0, key })
    const first = await payouts('1')
    expect(first.orders.toSorted((x, y) => x.items.length - y.items.length)).toEqual([
      { sale: shop.sale.id, id: before, items: [a(2)] },
      { sale: shop.sale.id, id: after, items: [a(3), b(1)] },
    ])
    await refund(after, 'r-1', [a(2)])
    await ledger.agrees(shop.sale)
    expect(await payouts('2')).toMatchObject({ orders: [], refunded: [{ id: after, items: [a(2)] }] })
    await refund(after, 'r-2', [b(1)])
    await shop.sale.refund(before, { restock: true })
    await ledger.agrees(shop.sale)
    const third = await payouts('3')
    expect(third.refunded.toSorted((x) => (x.id === before ? -1 : 1))).toMatchObject([
      { id: before, items: [a(2)] },
      { id: after, items: [b(1)] },
    ])
    expect(await payouts('4')).toMatchObject({ orders: [], refunded: [] })
  })
})

const kind = redisKind()
beforeAll(kind.start)
afterAll(kind.stop)

test.each([1, 4])(
  'a lost sale is made again with its parts and keys, with %i partitions',
  async (partitions) => {
    const shop = new Shop(await kind.make(), 'launch')
    await shop.sale.create({ stock: { a: 10, b: 5 }, holdMs: 60_000, limitPerBuyer: { a: 6 }, partitions })
    const ledger = await TestLedger.open(db)
    const { id } = await shop.confirmed('ann', [a(6), b(2)])
    const over = await shop.confirmed('bob', [b(2)])
    const part = (sale: FlashSale, key: string, items: Items, restock: boolean) =>
      sale.refund(id, { restock, items, key })
    await part(shop.sale, '1', [a(3)], true)
    await part(shop.sale, '2', [a(1), b(1)], false)
    await shop.sale.refund(over.id, { restock: false, items: [b(1)], key: '1' })
    await shop.sale.refund(over.id, { restock: true, key: 'rest' })
    // What came back was bought again, by the same buyer too.
    await shop.confirmed('cid', [a(5)])
    await shop.confirmed('ann', [a(2)])
    const before = (await shop.sale.stats()).skus
    await ledger.agrees(shop.sale)
    await drop(kind.client(), '*:launch:*')
    const other = shop.handle()
    const recovery = await other.recover({ from: ledger.ledger })
    expect(recovery).toEqual({ restored: 4, refused: [], forgotten: 0, state: 'open' })
    expect((await other.stats()).skus).toEqual(before)
    expect(await other.get(id)).toMatchObject({ state: 'confirmed', items: [a(2), b(1)] })
    for (const again of [
      await part(other, '1', [a(3)], true),
      await part(other, '2', [b(1), a(1)], false),
      await other.refund(over.id, { restock: true, key: 'rest' }),
      await other.refund(over.id, { restock: false, items: [b(1)], key: '1' }),
    ])
      expect(again).toMatchObject({ status: 'refunded', replayed: true })
    await faultOf(part(other, '1', [a(2)], true), 'IDEMPOTENCY_CONFLICT')
    expect(await part(other, '3', [a(2)], true)).toMatchObject({
      replayed: false,
      reservation: { items: [b(1)] },
    })
    expect((await other.audit()).violations).toEqual([])
    await ledger.agrees(other)
  },
)
