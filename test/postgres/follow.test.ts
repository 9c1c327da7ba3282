import { expect, test } from 'vitest'
import { onBothEngines } from '../support/shop.js'
import { database } from './support/database.js'
import { TestLedger } from './support/ledgers.js'

const db = database()

onBothEngines((open) => {
  test('every change is in the ledger once, in order, and a person can read it', async () => {
    const shop = await open({ stock: { a: 10, b: 10 }, holdMs: 60_000, maxHoldMs: 600_000 })
    const ledger = await TestLedger.open(db)
    const held = await shop.hold(
      'u',
      [
        { sku: 'a', quantity: 2 },
        { sku: 'b', quantity: 1 },
      ],
      { key: 'k' },
    )
    await ledger.follow(shop.sale)
    await shop.sale.extend(held.id, { holdMs: 120_000 })
    const paid = await shop.hold('v')
    await shop.advance(5)
    await shop.sale.confirm(paid.id, { paymentId: 'p-1' })
    const away = await shop.confirmed('w')
    await shop.sale.refund(away.id, { restock: true })
    const due = await shop.hold('x')
    await shop.sale.release(due.id)
    await shop.sale.confirm(due.id, { paymentId: 'p-2' })
    await shop.sale.restock({ sku: 'b', quantity: 5, key: 'r' })
    await shop.sale.pause()
    await shop.sale.resume()
    expect(await ledger.agrees(shop.sale)).toBe(4)
    expect(await ledger.column('events', 'type', 'sequence')).toEqual([
      'reserved',
      'extended',
      'reserved',
      'confirmed',
      'reserved',
      'confirmed',
      'refunded',
      'reserved',
      'released',
      'refund_due',
      'restocked',
      'paused',
      'resumed',
    ])
    expect(
      await ledger.sql(
        `SELECT buyer, items, state, key, payment_id, refund_due, restocked FROM $schema.reservations ORDER BY buyer`,
      ),
    ).toEqual([
      {
        buyer: 'u',
        items: { a: 2, b: 1 },
        state: 'held',
        key: 'k',
        payment_id: null,
        refund_due: null,
        restocked: null,
      },
      {
        buyer: 'v',
        items: { a: 1 },
        state: 'confirmed',
        key: null,
        payment_id: 'p-1',
        refund_due: null,
        restocked: null,
      },
      {
        buyer: 'w',
        items: { a: 1 },
        state: 'refunded',
        key: null,
        payment_id: null,
        refund_due: null,
        restocked: true,
      },
      {
        buyer: 'x',
        items: { a: 1 },
        state: 'released',
        key: null,
        payment_id: 'p-2',
        refund_due: 'released',
        restocked: null,
      },
    ])
    expect(ledger.errors).toEqual([])
  })
})
