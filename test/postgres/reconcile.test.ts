import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { compare } from '../../src/postgres/compare.js'
import { SaleWriter } from '../../src/postgres/sale-writer.js'
import { Tables } from '../../src/postgres/tables.js'
import { sourceOf } from '../../src/sale/flash-sale.js'
import { onBothEngines } from '../support/shop.js'
import { database } from './support/database.js'
import { TestLedger } from './support/ledgers.js'

const db = database()

onBothEngines((open) => {
  test('what differs is named, with both sides, and repaired when that is asked for', async () => {
    const shop = await open({ holdMs: 60_000 })
    const ledger = await TestLedger.open(db)
    const gone = await shop.hold('gone')
    const wrong = await shop.confirmed('wrong')
    await ledger.agrees(shop.sale)
    await ledger.sql('DELETE FROM $schema.reservations WHERE id = $1', [gone.id])
    await ledger.sql(`UPDATE $schema.reservations SET state = 'held' WHERE id = $1`, [wrong.id])
    await ledger.sql(
      `INSERT INTO $schema.reservations SELECT sale, '1AAxxxxxxxxxxxxxxxx', partition, buyer, items, state, key, created_at, expires_at,
        payment_id, refund_due, restocked, changed_at, generation, sequence FROM $schema.reservations`,
    )
    const expected = {
      ok: false,
      checked: 3,
      missing: { count: 1, ids: [gone.id] },
      differing: {
        count: 1,
        reservations: [{ id: wrong.id, fields: [{ field: 'state', sale: 'confirmed', ledger: 'held' }] }],
      },
      unknown: { count: 1, ids: ['1AAxxxxxxxxxxxxxxxx'] },
      payments: { missing: { count: 0, payments: [] }, unknown: { count: 0, payments: [] } },
      refunds: { missing: { count: 0, refunds: [] }, unknown: { count: 0, refunds: [] } },
      unpaid: { count: 0, ids: [] },
      lostEvents: 0,
    }
    expect(await ledger.ledger.reconcile(shop.sale)).toEqual(expected)
    expect(await ledger.ledger.reconcile(shop.sale, { repair: true })).toEqual(expected)
    expect(await ledger.ledger.reconcile(shop.sale)).toMatchObject({ ok: true })
  })

  test.each(['buyer', 'household', 'key', 'payment_id', 'items', 'expires_at'])(
    'a wrong %s is seen, and repaired',
    async (column) => {
      const shop = await open({ holdMs: 60_000 })
      const ledger = await TestLedger.open(db)
      await shop.hold('u', 1, { key: 'k' })
      await ledger.agrees(shop.sale)
      const other = { items: `'{"a": 2}'`, expires_at: 'now()' }[column] ?? `'x'`
      await ledger.sql(`UPDATE $schema.reservations SET ${column} = ${other}`)
      expect((await ledger.ledger.reconcile(shop.sale, { repair: true })).differing.count).toBe(1)
      // A payment that only the ledger knows stays there, and is named again.
      const left = column === 'payment_id' ? 1 : 0
      expect((await ledger.ledger.reconcile(shop.sale)).differing.count).toBe(left)
    },
  )

  test('a further payment that only one side has is named, and repaired when that is asked for', async () => {
    const shop = await open({ holdMs: 60_000, partitions: 3 })
    const ledger = await TestLedger.open(db)
    const orders = await Promise.all(['u', 'v', 'w'].map((buyer) => shop.confirmed(buyer)))
    for (const { id } of orders)
      for (const paymentId of ['p1', 'p2', 'p\0']) await shop.sale.confirm(id, { paymentId })
    await ledger.agrees(shop.sale)
    const id = orders[1]!.id
    await ledger.sql(`DELETE FROM $schema.further_payments WHERE reservation = $1 AND payment_id = 'p2'`, [
      id,
    ])
    await ledger.sql(
      `INSERT INTO $schema.further_payments (sale, reservation, payment_id, partition, reason, at, generation, sequence)
      SELECT sale, id, 'x', partition, 'released', now(), generation, sequence FROM $schema.reservations WHERE id = $1`,
      [orders[2]!.id],
    )
    const expected = {
      ok: false,
      missing: { count: 0 },
      differing: { count: 0 },
      unknown: { count: 0 },
      payments: {
        missing: { count: 1, payments: [{ reservationId: id, paymentId: 'p2' }] },
        unknown: { count: 1, payments: [{ reservationId: orders[2]!.id, paymentId: 'x' }] },
      },
    }
    expect(await ledger.ledger.reconcile(shop.sale)).toMatchObject(expected)
    expect(await ledger.ledger.reconcile(shop.sale, { repair: true })).toMatchObject(expected)
    await ledger.agrees(shop.sale)
    // It must be refunded all the same.
    expect(await ledger.column('further_payments', 'payment_id', 'reservation, payment_id')).toHaveLength(7)
    expect(
      await ledger.sql(`SELECT payment_id, outcome FROM $schema.payments WHERE payment_id = 'x'`),
    ).toEqual([{ payment_id: 'x', outcome: 'refund_due' }])
  })

  test('any number of differences is counted', async () => {
    const shop = await open({ holdMs: 600_000 })
    const ledger = await TestLedger.open(db)
    await shop.hold('u')
    await ledger.agrees(shop.sale)
    await ledger.sql(
      `INSERT INTO $schema.further_payments (sale, reservation, payment_id, partition, reason, at, generation, sequence)
      SELECT sale, id, 'p' || n, partition, 'duplicate_payment', changed_at, generation, sequence
      FROM $schema.reservations CROSS JOIN generate_series(1, 150000) AS n`,
    )
    const { payments } = await ledger.ledger.reconcile(shop.sale)
    expect(payments.unknown.count).toBe(150_000)
  })

  test('while the sale goes on, what is on its way is no difference', async () => {
    const shop = await open({ stock: { a: 1_000_000_000 }, holdMs: 60_000 })
    const ledger = await TestLedger.open(db)
    let over = false
    let made = 0
    const busy = Array.from({ length: 8 }, async (_, name) => {
      for (let i = 0; !over; i++) {
        // Slower than the ledger writes, however busy the machine: it is to fall behind, and to
        // catch up.
        await delay(1)
        const { id } = await shop.hold(`u-${name}-${i}`)
        made++
        if (i % 3 === 0) await shop.sale.confirm(id, { paymentId: 'p1' })
        if (i % 6 === 0) await shop.sale.confirm(id, { paymentId: 'p2' })
        if (i % 3 === 1) await shop.sale.release(id)
        if (i % 50 === 0) await shop.advance(1)
      }
    })
    const compared = (async () => {
      for (let i = 0; i < 4; i++)
        expect(await ledger.ledger.reconcile(shop.sale)).toMatchObject({ ok: true, lostEvents: 0 })
    })().finally(() => {
      over = true
    })
    await Promise.all([compared, ...busy])
    expect(await ledger.agrees(shop.sale)).toBe(made)
  })

  test('a hold that was not swept makes no difference, before and after', async () => {
    const shop = await open()
    const ledger = await TestLedger.open(db)
    await shop.expired('u')
    await ledger.agrees(shop.sale)
    await shop.sale.stats()
    await ledger.agrees(shop.sale)
    expect(await ledger.column('reservations', 'state')).toEqual(['expired'])
  })

  test('a repair does not undo a change that comes between the question to the sale and the row', async () => {
    const shop = await open({ holdMs: 60_000 })
    const ledger = await TestLedger.open(db)
    const { id } = await shop.hold('u')
    await ledger.agrees(shop.sale)
    // Differs for ever, so that it is looked at until the last time.
    await ledger.sql(`UPDATE $schema.reservations SET buyer = 'x'`)
    const source = sourceOf(shop.sale)
    let looks = 0
    const reservation: typeof source.reservation = async (partition, asked) => {
      const stored = await source.reservation(partition, asked)
      // Its fifth look is the one by which it repairs.
      if (++looks === 5) await shop.sale.confirm(id)
      return stored
    }
    const writer = new SaleWriter({ ...source, reservation }, new Tables(db.pool, ledger.schema))
    await writer.open()
    await compare(writer, 0, { repair: true })
    expect(looks).toBe(5)
    expect(await ledger.column('reservations', 'state')).toEqual(['confirmed'])
  })
})
