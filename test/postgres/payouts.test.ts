import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import { FlashSale, memoryEngine } from '../../src/index.js'
import { type PayoutOptions, postgresLedger } from '../../src/postgres.js'
import { faultOf } from '../support/secrets.js'
import { seeded } from '../support/seeds.js'
import { database } from './support/database.js'
import { TestLedger } from './support/ledgers.js'

const db = database()
const DAY = 86_400_000

async function opened(stock: Record<string, number> = { a: 1_000, b: 1_000 }) {
  const ledger = await TestLedger.open(db)
  const sale = new FlashSale('store', { engine: memoryEngine(), deadlineMs: 60_000 })
  onTestFinished(() => sale.close())
  await sale.create({ stock })
  await ledger.agrees(sale)
  return new Store(ledger, sale)
}

/** A sale, and its orders on their way. */
class Store {
  #buyers = 0

  constructor(
    readonly ledger: TestLedger,
    readonly sale: FlashSale,
  ) {}

  async confirmed(quantity = 1): Promise<string> {
    const items = [{ sku: 'a', quantity }]
    const made = await this.sale.reserve({ buyer: `u-${this.#buyers++}`, items })
    if (made.status !== 'reserved') expect.fail(made.status)
    await this.sale.confirm(made.reservation.id, { paymentId: `p-${made.reservation.id}` })
    return made.reservation.id
  }

  ship(id: string, quantity?: number, reference = 't') {
    const items = quantity === undefined ? undefined : [{ sku: 'a', quantity }]
    return this.ledger.ledger.ship(this.sale, id, { carrier: 'post', reference, items })
  }

  /** An order that arrived so many days ago. */
  async delivered(days = 30, quantity = 1): Promise<string> {
    const id = await this.confirmed(quantity)
    await this.ship(id)
    await this.ledger.ledger.deliver(this.sale, id, { at: Date.now() - days * DAY })
    return id
  }

  /** The sale refunds it, and the ledger knows. */
  async refunded(id: string): Promise<void> {
    expect(await this.sale.refund(id, { restock: false })).toMatchObject({ status: 'refunded' })
    await this.ledger.ledger.reconcile(this.sale)
  }

  async payouts(key: string, options: Partial<PayoutOptions> = {}) {
    const { orders, refunded, ...rest } = await this.ledger.ledger.payouts({
      deliveredFor: 14 * DAY,
      key,
      ...options,
    })
    const short = (lines: typeof orders) =>
      lines.map(({ id, items }) => `${id} ${items.map((one) => one.quantity)}`)
    return { orders: short(orders), refunded: short(refunded), ...rest }
  }
}

test('what was received long enough ago, in full, is paid out once', async () => {
  const store = await opened()
  const paid = await store.confirmed()
  const shipped = await store.confirmed()
  await store.ship(shipped)
  const part = await store.confirmed(2)
  await store.ship(part, 1)
  await store.ledger.ledger.deliver(store.sale, part, { at: Date.now() - 30 * DAY })
  const recent = await store.delivered(13)
  const refunded = await store.delivered()
  await store.refunded(refunded)
  const due = [await store.delivered(40, 2), await store.delivered(20)]
  const first = await store.payouts('nov')
  expect(first).toMatchObject({
    orders: [`${due[0]} 2`, `${due[1]} 1`],
    refunded: [],
    more: false,
    replayed: false,
  })
  expect(Math.abs(first.madeAt - Date.now())).toBeLessThan(600_000)
  expect(await store.payouts('dec')).toMatchObject({ orders: [], refunded: [] })
  // The rest of the order arrives, and the time of the other one passes.
  await store.ship(part, 1, 't-2')
  await store.ledger.ledger.deliver(store.sale, part, { at: Date.now() - 20 * DAY })
  expect((await store.payouts('jan', { deliveredFor: 12 * DAY })).orders).toEqual([
    `${part} 2`,
    `${recent} 1`,
  ])
  for (const id of [paid, shipped]) expect(await store.ledger.column('open_orders', 'id')).toContain(id)
  await store.ledger.agrees(store.sale)
})

test('the same key is the same batch for ever, and belongs to its options', async () => {
  const store = await opened()
  const id = await store.delivered()
  const first = await store.payouts('k')
  await store.delivered()
  await store.refunded(id)
  expect(await store.payouts('k')).toEqual({ ...first, replayed: true })
  await faultOf(store.payouts('k', { deliveredFor: 1 }), 'IDEMPOTENCY_CONFLICT')
  await faultOf(store.payouts('k', { limit: 5 }), 'IDEMPOTENCY_CONFLICT')
  expect(await store.payouts('k')).toEqual({ ...first, replayed: true })
})

test('a refund after the payout is deducted once, by the next batch', async () => {
  const store = await opened()
  const [first, second] = [await store.delivered(), await store.delivered(30, 2)]
  await store.payouts('1')
  await store.refunded(second)
  const third = await store.delivered()
  expect(await store.payouts('2')).toMatchObject({ orders: [`${third} 1`], refunded: [`${second} 2`] })
  expect(await store.payouts('3')).toMatchObject({ orders: [], refunded: [] })
  // The sale was removed: the ledger refunds by itself, a part first.
  const gone = new FlashSale('store', { engine: memoryEngine(), deadlineMs: 60_000 })
  onTestFinished(() => gone.close())
  expect(await store.ledger.ledger.refund(gone, first, { restock: false })).toMatchObject({
    status: 'refunded',
  })
  expect(await store.payouts('4')).toMatchObject({ orders: [], refunded: [`${first} 1`] })
})

test('a batch is limited, and says that more is due', async () => {
  const store = await opened()
  const due: string[] = []
  for (let i = 0; i < 5; i++) due.push(await store.delivered(30 - i))
  const batches = []
  for (let more = true; more; ) {
    const batch = await store.payouts(`k-${batches.length}`, { limit: 2 })
    batches.push(batch.orders)
    more = batch.more
  }
  expect(batches).toEqual([[`${due[0]} 1`, `${due[1]} 1`], [`${due[2]} 1`, `${due[3]} 1`], [`${due[4]} 1`]])
})

test('many at once: one batch for a key, no order in two', async () => {
  const store = await opened()
  const due = await Promise.all(Array.from({ length: 200 }, () => store.delivered()))
  const others = postgresLedger(db.pool, { schema: store.ledger.schema })
  const batches = await Promise.all(
    Array.from({ length: 24 }, (_, i) =>
      (i % 2 ? others : store.ledger.ledger).payouts({ deliveredFor: DAY, key: `k-${i % 6}`, limit: 50 }),
    ),
  )
  const byKey = new Map(batches.map((batch) => [batch.key, batch]))
  for (const batch of batches) expect(batch.orders).toEqual(byKey.get(batch.key)!.orders)
  for (const key of byKey.keys())
    expect(batches.filter((batch) => batch.key === key && !batch.replayed)).toHaveLength(1)
  // Orders that another batch had locked at that moment are in a later one.
  const rest = await others.payouts({ deliveredFor: DAY, key: 'rest', limit: 1_000 })
  const all = [...byKey.values(), rest].flatMap(({ orders }) => orders.map(({ id }) => id))
  expect(all.sort()).toEqual([...due].sort())
})

describe('after the sale was removed', () => {
  test('the ledger keeps its rows, ships, delivers, refunds and pays out', async () => {
    const store = await opened()
    const [shipped, open, back] = [await store.delivered(), await store.confirmed(3), await store.confirmed()]
    await store.ledger.agrees(store.sale)
    const gone = new FlashSale('store', { engine: memoryEngine(), deadlineMs: 60_000 })
    onTestFinished(() => gone.close())
    const { ledger } = store.ledger
    expect(await ledger.refund(gone, back, { restock: true })).toMatchObject({
      ...{
        status: 'refunded',
        replayed: false,
        reservation: { id: back, state: 'refunded', paymentId: `p-${back}` },
      },
    })
    expect(await ledger.refund(gone, back, { restock: true })).toMatchObject({
      status: 'refunded',
      replayed: true,
    })
    expect(await ledger.ship(gone, back, { carrier: 'post', reference: 't' })).toMatchObject({
      status: 'refunded',
    })
    const part = { restock: false, items: [{ sku: 'a', quantity: 2 }], key: 'k' }
    expect(await ledger.refund(gone, open, part)).toMatchObject({
      ...{ status: 'refunded', reservation: { state: 'confirmed', items: [{ sku: 'a', quantity: 1 }] } },
    })
    expect(await ledger.refund(gone, open, part)).toMatchObject({ replayed: true })
    expect(await ledger.refund(gone, open, { ...part, key: 'other' })).toMatchObject({
      status: 'exceeds_order',
    })
    const more = { ...part, items: [{ sku: 'a', quantity: 1 }] }
    await faultOf(ledger.refund(gone, open, more), 'IDEMPOTENCY_CONFLICT')
    expect(await ledger.ship(gone, open, { carrier: 'post', reference: 't' })).toMatchObject({
      ...{ status: 'shipped', shipment: { items: [{ sku: 'a', quantity: 1 }] } },
    })
    await ledger.deliver(gone, open)
    const { orders } = await ledger.payouts({ deliveredFor: 0, key: 'k' })
    expect(orders.map(({ id }) => id).sort()).toEqual([shipped, open].sort())
    expect(await ledger.ship(gone, '1AAxxxxxxxxxxxxxxxx', { carrier: 'post', reference: 't' })).toEqual({
      status: 'not_found',
    })
    expect(await store.ledger.sql('SELECT key, items FROM $schema.refunds ORDER BY key')).toEqual([
      { key: '', items: null },
      { key: 'k', items: { a: 2 } },
    ])
  })

  test('a sale is removed once the ledger has followed it to its end; its own handle does all this, too', async () => {
    const store = await opened()
    const [open, back] = [await store.confirmed(), await store.confirmed()]
    const { ledger } = store.ledger
    await store.sale.end()
    await store.ledger.agrees(store.sale)
    await expect.poll(() => store.sale.destroy()).toEqual({ status: 'destroyed' })
    await faultOf(store.sale.get(open), 'NOT_FOUND')
    expect(await ledger.refund(store.sale, back, { restock: true })).toMatchObject({ status: 'refunded' })
    expect(await ledger.ship(store.sale, open, { carrier: 'post', reference: 't' })).toMatchObject({
      status: 'shipped',
    })
    expect(await ledger.deliver(store.sale, open)).toMatchObject({ status: 'delivered' })
    await faultOf(store.sale.recover({ from: ledger }), 'NOT_FOUND')
    expect(await store.ledger.sql('SELECT state FROM $schema.reservations ORDER BY state')).toEqual([
      { state: 'confirmed' },
      { state: 'refunded' },
    ])
  })

  test('a sale that neither Redis nor the ledger has is NOT_FOUND', async () => {
    const { ledger } = await TestLedger.open(db)
    const sale = new FlashSale('mistyped', { engine: memoryEngine(), deadlineMs: 60_000 })
    onTestFinished(() => sale.close())
    const id = '1AAxxxxxxxxxxxxxxxx'
    await faultOf(ledger.ship(sale, id, { carrier: 'post', reference: 't' }), 'NOT_FOUND')
    await faultOf(ledger.deliver(sale, id), 'NOT_FOUND')
    await faultOf(ledger.refund(sale, id, { restock: true }), 'NOT_FOUND')
  })
})

test('rebuilt from the ledger, a sale has the refunds that the ledger recorded; shipments go on', async () => {
  const store = await opened()
  const [back, open] = [await store.confirmed(), await store.confirmed(2)]
  await store.ship(open, 1)
  await store.ledger.agrees(store.sale)
  const engine = memoryEngine()
  const lost = new FlashSale('store', { engine, deadlineMs: 60_000 })
  onTestFinished(() => lost.close())
  const { ledger } = store.ledger
  await ledger.refund(lost, back, { restock: false })
  const rebuilt = new FlashSale('store', { engine, deadlineMs: 60_000 })
  onTestFinished(() => rebuilt.close())
  expect(await rebuilt.recover({ from: ledger })).toMatchObject({ restored: 2, refused: [] })
  expect(await rebuilt.get(back)).toMatchObject({ state: 'refunded' })
  expect(await ledger.ship(rebuilt, back, { carrier: 'post', reference: 't' })).toMatchObject({
    status: 'refunded',
  })
  expect(await ledger.ship(rebuilt, open, { carrier: 'post', reference: 't-2' })).toMatchObject({
    ...{ status: 'shipped', shipment: { items: [{ sku: 'a', quantity: 1 }] } },
  })
  expect(await ledger.reconcile(rebuilt)).toMatchObject({ ok: true, unpaid: { count: 0 } })
})

test('an order that was shipped and is not paid for is named by reconcile', async () => {
  const store = await opened()
  const id = await store.delivered()
  await store.ledger.sql(`UPDATE $schema.reservations SET state = 'forgotten'`)
  const found = await store.ledger.ledger.reconcile(store.sale)
  expect(found).toMatchObject({ ok: false, differing: { count: 1 }, unpaid: { count: 1, ids: [id] } })
  await store.ledger.ledger.reconcile(store.sale, { repair: true })
  expect(await store.ledger.ledger.reconcile(store.sale)).toMatchObject({ ok: true, unpaid: { count: 0 } })
})

test('the payouts add up with what was sold and not refunded, in any story', async () => {
  const steps = fc.array(
    fc.record({
      do: fc.constantFrom('order', 'ship', 'ship a part', 'deliver', 'refund', 'pay out'),
      which: fc.nat(20),
    }),
    { minLength: 10, maxLength: 40 },
  )
  const property = fc.asyncProperty(steps, async (story) => {
    const store = await opened()
    const units = new Map<string, number>()
    const state = new Map<string, 'confirmed' | 'refunded'>()
    const sellerHas = new Map<string, number>()
    let keys = 0
    const payOut = async () => {
      for (let more = true; more; ) {
        const batch = await store.ledger.ledger.payouts({ deliveredFor: 0, key: `k-${keys++}`, limit: 3 })
        const add = (sign: number) => (order: (typeof batch.orders)[number]) => {
          const quantity = order.items.reduce((sum, item) => sum + item.quantity, 0)
          sellerHas.set(order.id, (sellerHas.get(order.id) ?? 0) + sign * quantity)
        }
        batch.orders.forEach(add(1))
        batch.refunded.forEach(add(-1))
        more = batch.more
      }
    }
    for (const { do: what, which } of story) {
      const id = [...units.keys()][which % Math.max(1, units.size)]
      if (what === 'order') units.set(await store.confirmed((which % 3) + 1), (which % 3) + 1)
      else if (what === 'pay out') await payOut()
      else if (id === undefined) continue
      else if (what === 'ship') await store.ship(id, undefined, `t-${which}`).catch(() => {})
      else if (what === 'ship a part') await store.ship(id, 1, `p-${which}`).catch(() => {})
      else if (what === 'deliver')
        await store.ledger.ledger.deliver(store.sale, id, { at: Date.now() - 1_000 })
      else if (state.get(id) !== 'refunded') {
        await store.refunded(id)
        state.set(id, 'refunded')
      }
    }
    for (const id of units.keys()) {
      await store.ship(id, undefined, 'last')
      await store.ledger.ledger.deliver(store.sale, id, { at: Date.now() - 1_000 })
    }
    await payOut()
    for (const [id, sold] of units)
      expect(sellerHas.get(id) ?? 0, id).toBe(state.get(id) === 'refunded' ? 0 : sold)
    await store.ledger.agrees(store.sale)
  })
  await fc.assert(property, seeded(25))
})
