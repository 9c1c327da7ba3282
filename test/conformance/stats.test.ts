import { expect, test } from 'vitest'
import { testOfOne } from '../support/several.js'
import { idIn, onBothEngines, order } from '../support/shop.js'

onBothEngines((open) => {
  test('state and counts of every SKU', async () => {
    const shop = await open({ stock: { a: 5, b: 0, c: 7 } })
    await shop.hold('u', [
      { sku: 'a', quantity: 2 },
      { sku: 'c', quantity: 3 },
    ])
    await shop.confirmed('v', [{ sku: 'c', quantity: 4 }])
    const none = { inTransit: 0 }
    expect(await shop.sale.stats()).toStrictEqual({
      state: 'open',
      skus: {
        a: { total: 5, available: 3, held: 2, confirmed: 0, ...none },
        b: { total: 0, available: 0, held: 0, confirmed: 0, ...none },
        c: { total: 7, available: 0, held: 3, confirmed: 4, ...none },
      },
    })
    expect(await shop.handle().stats()).toStrictEqual(await shop.sale.stats())
  })

  testOfOne(
    'of some SKUs, each asks for its own: in the order asked, with what has expired swept',
    async () => {
      const shop = await open({ stock: { a: 5, b: 6, c: 7 } })
      await shop.hold('u', [{ sku: 'b', quantity: 2 }], { holdMs: 10 })
      await shop.hold('u', [{ sku: 'c', quantity: 3 }])
      await shop.advance(10)
      const ask = async (...wanted: ({ skus?: number[] } | undefined)[]) => {
        const { answers } = await shop.done(
          'stats',
          wanted.map((op) => op ?? {}),
        )
        return answers.map((answer) =>
          'skus' in answer ? answer.skus.map(({ available }) => available) : [],
        )
      }
      expect(await ask({ skus: [2, 1] }, { skus: [] }, { skus: [1] })).toEqual([[4, 6], [], [6]])
      expect(await ask({ skus: [] })).toEqual([[]])
      expect(await ask({ skus: [2] }, undefined)).toEqual([[4], [5, 6, 4]])
      expect(await shop.done('stats', [{ skus: [] }])).toMatchObject({
        answers: [{ status: 'open', returns: 1 }],
      })
    },
  )

  test('every state: not_started, open, paused, ended by closesAt, ended by command', async () => {
    const clock = await open()
    const shop = await open({ opensAt: clock.now() + 10, closesAt: clock.now() + 20 })
    const state = async () => (await shop.sale.stats()).state
    expect(await state()).toBe('not_started')
    await shop.advance(10)
    expect(await state()).toBe('open')
    await shop.sale.pause()
    expect(await state()).toBe('paused')
    await shop.advance(10)
    expect(await state()).toBe('ended')
    const other = await open()
    await other.sale.end()
    expect((await other.sale.stats()).state).toBe('ended')
  })

  test('expired holds are counted as available, and reported once', async () => {
    const shop = await open({ stock: { a: 100 } })
    const holds = await Promise.all(Array.from({ length: 60 }, (_, i) => shop.hold(`u${i}`)))
    await shop.news()
    await shop.advance(999)
    expect(await shop.counts()).toBe('100 40 60 0')
    await shop.advance(1)
    expect(await shop.counts()).toBe('100 100 0 0')
    const expired = await shop.news()
    expect(expired).toHaveLength(60)
    expect(new Set(expired)).toEqual(new Set(holds.map(({ id }) => ({ type: 'expired', id }))))
    expect(await shop.counts()).toBe('100 100 0 0')
    expect(await shop.news()).toEqual([])
  })

  test('asked many times at once', async () => {
    const shop = await open()
    const all = await Promise.all(Array.from({ length: 30 }, () => shop.sale.stats()))
    for (const stats of all) expect(stats.skus.a).toMatchObject({ total: 10, available: 10 })
  })

  testOfOne('a sweep through the port gives back what expired and says when to sweep again', async () => {
    const shop = await open()
    await shop.sale.close()
    expect(await shop.ask('sweep', {})).toStrictEqual({ status: 'swept', next: null })
    const now = shop.now()
    await shop.done('reserve', [
      { id: '1AAAAAAAAAAAAAAAAAA', buyer: 'u', cart: [[0, 1]], key: null, holdMs: 100 },
      { id: '1AABAAAAAAAAAAAAAAA', buyer: 'v', cart: [[0, 1]], key: null, holdMs: 200 },
    ])
    await shop.news()
    expect(await shop.ask('sweep', {})).toStrictEqual({ status: 'swept', next: now + 100 })
    await shop.advance(100)
    expect(await shop.ask('sweep', {})).toStrictEqual({ status: 'swept', next: now + 200 })
    expect(await shop.news()).toEqual([{ type: 'expired', id: '1AAAAAAAAAAAAAAAAAA' }])
    await shop.advance(100)
    const both = await shop.done('sweep', [{}, {}])
    expect(both.answers).toStrictEqual([
      { status: 'swept', next: null },
      { status: 'swept', next: null },
    ])
    expect(both.sequence).toBe(4)
    expect(await shop.news()).toEqual([{ type: 'expired', id: '1AABAAAAAAAAAAAAAAA' }])
  })

  testOfOne(
    'thousands of SKUs, more than a script can pass on in one piece: each has its own counts',
    async () => {
      const count = 9_000
      const names = Array.from({ length: count }, (_, i) => `s${String(i).padStart(4, '0')}`)
      const shop = await open({ stock: Object.fromEntries(names.map((sku, i) => [sku, 1 + i])) })
      // Together they touch every SKU but the last ten. A call does its share, and the rest is
      // asked again.
      const carts = Array.from({ length: 9 }, (_, cart) =>
        Array.from({ length: cart === 8 ? 990 : 1_000 }, (_, i) => [1_000 * cart + i, 1] as const),
      )
      let orders = carts.map((cart, i) => order(idIn(`b${i}`, 1), { cart }))
      while (orders.length > 0) {
        const { answers } = await shop.done('reserve', orders)
        expect(answers[0]).toMatchObject({ status: 'reserved' })
        for (const { status } of answers) expect(['reserved', 'retry']).toContain(status)
        orders = orders.filter((_, i) => answers[i]!.status === 'retry')
      }
      const { skus } = await shop.sale.stats()
      expect(Object.keys(skus)).toEqual(names)
      for (const [i, sku] of names.entries()) {
        const held = i < count - 10 ? 1 : 0
        expect(skus[sku]).toEqual({ total: 1 + i, available: 1 + i - held, held, confirmed: 0, inTransit: 0 })
      }
      await shop.advance(1_000)
      expect((await shop.sale.stats()).skus.s0000).toMatchObject({ total: 1, available: 1, held: 0 })
      expect(await shop.audited()).toBe(9)
    },
  )
})
