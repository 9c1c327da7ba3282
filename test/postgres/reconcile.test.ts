import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
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
      lostEvents: 0,
    }
    expect(await ledger.ledger.reconcile(shop.sale)).toEqual(expected)
    expect(await ledger.ledger.reconcile(shop.sale, { repair: true })).toEqual(expected)
    expect(await ledger.ledger.reconcile(shop.sale)).toMatchObject({ ok: true })
  })

  test.each(['buyer', 'key', 'payment_id', 'items', 'expires_at'])('a wrong %s is seen', async (column) => {
    const shop = await open({ holdMs: 60_000 })
    const ledger = await TestLedger.open(db)
    await shop.hold('u', 1, { key: 'k' })
    await ledger.agrees(shop.sale)
    const other = { items: `'{"a": 2}'`, expires_at: 'now()' }[column] ?? `'x'`
    await ledger.sql(`UPDATE $schema.reservations SET ${column} = ${other}`)
    expect((await ledger.ledger.reconcile(shop.sale)).differing.count).toBe(1)
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
        if (i % 3 === 0) await shop.sale.confirm(id)
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
})
