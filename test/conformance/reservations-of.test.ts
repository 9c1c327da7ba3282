import { expect, onTestFinished, test } from 'vitest'
import { FlashSale, type Reservation } from '../../src/index.js'
import { testOfOne } from '../support/several.js'
import { onBothEngines, type Shop } from '../support/shop.js'
import { clocked } from '../support/test-clock.js'

/** All pages, each with so many. */
async function pages(shop: Shop, buyer: string, limit: number): Promise<Reservation[][]> {
  const found: Reservation[][] = []
  for (let cursor: string | undefined; ; ) {
    const page = await shop.sale.reservationsOf(buyer, { limit, cursor })
    if (page.length === 0) return found
    found.push(page)
    cursor = page.at(-1)!.id
  }
}

onBothEngines((open) => {
  test('a buyer who comes back without the id finds the hold', async () => {
    const shop = await open({ stock: { a: 5 }, limitPerBuyer: 1 })
    expect(await shop.sale.reservationsOf('ann')).toEqual([])
    const held = await shop.hold('ann', 1, { key: 'k' })
    await shop.hold('bob')
    expect(await shop.sale.reservationsOf('ann')).toStrictEqual([held])
  })

  test('the latest first, in every state, as each is now', async () => {
    const shop = await open({ stock: { a: 20 } })
    const first = await shop.hold('ann', 3, { holdMs: 100 })
    const second = await shop.hold('ann', 2)
    await shop.sale.amend(second.id, { items: [{ sku: 'a', quantity: 1 }] })
    const third = await shop.hold('ann')
    await shop.sale.confirm(third.id, { paymentId: 'p' })
    const fourth = await shop.hold('ann')
    await shop.sale.release(fourth.id)
    await shop.news()
    // It would sweep by itself. So would another handle, in half a second of its own time.
    await shop.sale.close()
    await shop.advance(100)
    const other = new FlashSale(shop.id, { engine: clocked(shop.clock).engine })
    onTestFinished(() => other.close())
    expect(await other.reservationsOf('ann')).toStrictEqual([
      { ...fourth, state: 'released' },
      { ...third, state: 'confirmed', paymentId: 'p' },
      { ...second, items: [{ sku: 'a', quantity: 1 }] },
      { ...first, state: 'expired' },
    ])
    // It is a question: nothing is swept for it.
    expect(await shop.news()).toEqual([])
  })

  test.each([1, 3, 10, 100])(
    'pages of %i, of more reservations than an engine keeps at hand',
    async (limit) => {
      const shop = await open({ stock: { a: 99 } })
      const made: string[] = []
      for (let i = 0; i < 25; i++) {
        const { id } = await shop.hold('ann', 1, { key: `k${i}` })
        made.unshift(id)
        if (i % 3 === 0) await shop.sale.release(id)
        if (i % 5 === 0) await shop.hold('bob')
      }
      const found = await pages(shop, 'ann', limit)
      expect(found.flat().map(({ id }) => id)).toEqual(made)
      for (const page of found.slice(0, -1)) expect(page.length).toBe(limit)
      expect(await pages(shop, 'bob', limit).then((all) => all.flat().length)).toBe(5)
      await shop.audited()
    },
  )

  test('what is reserved meanwhile moves no page', async () => {
    const shop = await open({ stock: { a: 99 } })
    const made: string[] = []
    for (let i = 0; i < 9; i++) made.unshift((await shop.hold('ann')).id)
    const first = await shop.sale.reservationsOf('ann', { limit: 4 })
    for (let i = 0; i < 9; i++) await shop.hold('ann')
    const rest = await shop.sale.reservationsOf('ann', { limit: 9, cursor: first.at(-1)!.id })
    expect([...first, ...rest].map(({ id }) => id)).toEqual(made)
  })

  testOfOne('a page of large carts has fewer', async () => {
    const skus = Array.from({ length: 1_000 }, (_, i) => `s${String(i).padStart(4, '0')}`)
    const shop = await open({ stock: Object.fromEntries(skus.map((sku) => [sku, 1_000_000])) })
    const items = skus.map((sku) => ({ sku, quantity: 10_000 }))
    for (let i = 0; i < 60; i++) await shop.hold('ann', items)
    const found = await pages(shop, 'ann', 100)
    expect(found.flat()).toHaveLength(60)
  })

  test('limit_exceeded names the reservations in the way, the latest first', async () => {
    const shop = await open({ stock: { a: 20, b: 20 }, limitPerBuyer: { a: 3 } })
    const [one, two] = [await shop.hold('ann', 1), await shop.hold('ann', 2)]
    await shop.sale.confirm(one.id)
    await shop.hold('ann', [{ sku: 'b', quantity: 1 }])
    const ended = await shop.reserve('ann')
    const refused = { status: 'limit_exceeded', sku: 'a', limit: 3, taken: 3 }
    expect(ended).toStrictEqual({ ...refused, reservations: [two.id, one.id] })
    await shop.sale.release(two.id)
    expect(await shop.reserve('ann', 3)).toStrictEqual({
      ...refused,
      taken: 1,
      reservations: [one.id],
    })
  })

  test('limit_exceeded finds one that many others followed, and names ten at most', async () => {
    const shop = await open({ stock: { a: 99 }, limitPerBuyer: 20 })
    const old = await shop.hold('ann', 1)
    for (let i = 0; i < 12; i++) await shop.sale.release((await shop.hold('ann')).id)
    expect(await shop.reserve('ann', 20)).toMatchObject({ taken: 1, reservations: [old.id] })
    const made: string[] = []
    for (let i = 0; i < 15; i++) made.unshift((await shop.hold('ann')).id)
    expect(await shop.reserve('ann', 5)).toMatchObject({ taken: 16, reservations: made.slice(0, 10) })
  })

  test('IDEMPOTENCY_CONFLICT names the reservation that the key has made', async () => {
    const shop = await open({ stock: { a: 99 } })
    const { id } = await shop.hold('ann', 1, { key: 'k' })
    for (let i = 0; i < 10; i++) {
      const error = await shop.reserve('ann', 2, { key: 'k' }).catch((reason: unknown) => reason)
      expect(error).toMatchObject({ code: 'IDEMPOTENCY_CONFLICT', reservations: [id] })
      await shop.hold('ann')
    }
  })

  test('invalid arguments', async () => {
    const shop = await open()
    const [anns, bobs] = [await shop.hold('ann'), await shop.hold('bob')]
    expect(await shop.sale.reservationsOf('ann', { cursor: anns.id })).toEqual([])
    for (const options of [
      { limit: 0 },
      { limit: 101 },
      { limit: 1.5 },
      { cursor: '' },
      { cursor: 'nothing' },
      { cursor: bobs.id },
      { cursor: `${anns.id.slice(0, -1)}${anns.id.endsWith('A') ? 'B' : 'A'}` },
      { after: anns.id },
    ])
      await expect(shop.sale.reservationsOf('ann', options as never)).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
      })
    await expect(shop.sale.reservationsOf('')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })
})
