import { expect, test } from 'vitest'
import { testOfOne } from '../support/several.js'
import { onBothEngines } from '../support/shop.js'

onBothEngines((open) => {
  test('ok: the counts, and how many reservations there are, ended ones included', async () => {
    const shop = await open({ stock: { a: 20, b: 5 }, limitPerBuyer: 5 })
    await shop.hold('u', [
      { sku: 'a', quantity: 2 },
      { sku: 'b', quantity: 1 },
    ])
    await shop.confirmed('u', 3)
    const released = await shop.hold('v', 2)
    await shop.sale.release(released.id)
    const refunded = await shop.confirmed('w', 4)
    await shop.sale.refund(refunded.id, { restock: false })
    expect(await shop.sale.audit()).toStrictEqual({
      ok: true,
      skus: {
        a: { total: 16, available: 11, held: 2, confirmed: 3, inTransit: 0 },
        b: { total: 5, available: 4, held: 1, confirmed: 0, inTransit: 0 },
      },
      reservations: 4,
      violations: [],
    })
  })

  test('ok on a sale where nothing has happened, and on one that was never opened', async () => {
    const shop = await open()
    expect(await shop.audited()).toBe(0)
    const later = await open({ opensAt: shop.now() + 1_000 })
    expect(await later.audited()).toBe(0)
  })

  test('ok with expired holds that were not swept', async () => {
    const shop = await open()
    await shop.expired('u', 4)
    expect(await shop.audited()).toBe(1)
    expect((await shop.sale.audit()).skus.a).toMatchObject({ available: 10, held: 0 })
  })

  test('ok while the sale goes on', async () => {
    const shop = await open({ stock: { a: 5_000 }, limitPerBuyer: 3 })
    const other = shop.handle()
    const audits: Promise<unknown>[] = []
    for (let round = 0; round < 12; round++) {
      const buyers = Array.from({ length: 150 }, (_, i) => `u${(round * 37 + i * 3) % 400}`)
      const trade = buyers.map(async (buyer, i) => {
        const result = await other.reserve({ buyer, items: [{ sku: 'a', quantity: 1 + (i % 3) }] })
        if (result.status !== 'reserved') return
        const { id } = result.reservation
        if (i % 3 === 0) await other.confirm(id)
        if (i % 6 === 0) await other.refund(id, { restock: i % 12 === 0 })
        if (i % 3 === 1) await other.release(id)
      })
      audits.push(shop.sale.audit())
      await Promise.all(trade)
      if (round % 4 === 3) await shop.advance(600)
    }
    for (const audit of await Promise.all(audits)) expect(audit).toMatchObject({ ok: true, violations: [] })
    await shop.audited()
  })

  testOfOne(
    'a scan through the port shows every reservation as stored, in pages, and the counts',
    async () => {
      const shop = await open({ stock: { a: 5_000 } })
      await shop.sale.close()
      const handle = shop.handle()
      const holds = await Promise.all(
        Array.from({ length: 2_500 }, (_, i) =>
          handle.reserve({ buyer: `u${i}`, items: [{ sku: 'a', quantity: 1 }], key: `k${i}` }),
        ),
      )
      await handle.close()
      const seen = new Map<string, unknown>()
      let cursor = '0'
      let pages = 0
      do {
        const page = await shop.ask('scan', { cursor })
        for (const reservation of page.reservations) seen.set(reservation.id, reservation)
        cursor = page.cursor
        // The counts come with the last page.
        const counts = { total: 5_000, available: 2_500, held: 2_500, confirmed: 0, inTransit: 0 }
        expect(page.skus).toStrictEqual(cursor === '0' ? [counts] : [])
        expect(page.sequence).toBe(2_500)
        pages++
      } while (cursor !== '0')
      expect(pages).toBeGreaterThan(1)
      expect(seen.size).toBe(2_500)
      const first = holds[0]!
      if (first.status !== 'reserved') expect.fail(first.status)
      const { items: _, ...reservation } = first.reservation
      expect(seen.get(reservation.id)).toStrictEqual({ ...reservation, cart: [[0, 1]], paymentId: null })
    },
  )
})
