import { expect, test } from 'vitest'
import type { Item, RulesUpdate, SaleRules } from '../../src/index.js'
import { testOfOne } from '../support/several.js'
import { onBothEngines, type Shop } from '../support/shop.js'

/** Units of `a` come back to `back`. `z` has no rules. */
const stock = { a: 3, back: 0, z: 5 }
const skus = { a: { returnsTo: 'back' } }
const cart = (units: Record<string, number>): Item[] =>
  Object.entries(units).map(([sku, quantity]) => ({ sku, quantity }))
const countsOf = async (shop: Shop) => [await shop.counts('a'), await shop.counts('back')]
/** The events that come back, or take from where units came back to. */
const redirected = async (shop: Shop) => (await shop.news()).filter(({ type }) => type === 'redirected')

onBothEngines((open) => {
  const opened = (rest: Partial<SaleRules> = {}): Promise<Shop> => open({ stock, skus, ...rest })

  test('released, expired and refunded units become units of the other SKU', async () => {
    const shop = await opened()
    const [released, confirmed] = [await shop.hold('ann'), await shop.confirmed('bob')]
    await shop.hold('cid')
    expect(await countsOf(shop)).toEqual(['3 0 2 1', '0 0 0 0'])
    await shop.sale.release(released.id)
    expect(await countsOf(shop)).toEqual(['2 0 1 1', '1 1 0 0'])
    await shop.sale.refund(confirmed.id, { restock: true })
    expect(await countsOf(shop)).toEqual(['1 0 1 0', '2 2 0 0'])
    await shop.advance(1_000)
    expect(await shop.reserve('dan')).toStrictEqual({
      ...{ status: 'sold_out', sku: 'a', available: 0, mayReturn: false },
    })
    expect(await countsOf(shop)).toEqual(['0 0 0 0', '3 3 0 0'])
    const one = { type: 'redirected', sku: 0, to: 1, quantity: 1 }
    expect(await redirected(shop)).toEqual([one, one, one])
    await shop.hold('eve', cart({ back: 3 }))
    expect(await shop.audited()).toBe(4)
  })

  test('the event of the change comes first; nothing is on sale again in between', async () => {
    const shop = await opened({ stock: { a: 1, back: 0 } })
    const { id } = await shop.hold('ann')
    await shop.news()
    await shop.sale.release(id)
    expect(await shop.news()).toEqual([
      { type: 'released', id },
      { type: 'redirected', sku: 0, to: 1, quantity: 1 },
    ])
  })

  test('a part of an order and what an amend drops go there too; what leaves the sale does not', async () => {
    const shop = await opened()
    const { id } = await shop.hold('ann', cart({ a: 3, z: 2 }))
    await shop.sale.amend(id, { items: cart({ a: 2, z: 1 }) })
    expect(await countsOf(shop)).toEqual(['2 0 2 0', '1 1 0 0'])
    expect(await shop.counts('z')).toBe('5 4 1 0')
    await shop.sale.confirm(id)
    const part = { items: cart({ a: 1 }), key: 'k' }
    await shop.sale.refund(id, { restock: true, ...part })
    await shop.sale.refund(id, { restock: true, ...part })
    expect(await countsOf(shop)).toEqual(['1 0 0 1', '2 2 0 0'])
    await shop.sale.refund(id, { restock: false })
    expect(await countsOf(shop)).toEqual(['0 0 0 0', '2 2 0 0'])
    expect(await shop.counts('z')).toBe('4 4 0 0')
    await shop.audited()
  })

  test('units that are added, counted or moved stay; those of the other SKU come back to it', async () => {
    const shop = await opened()
    await shop.sale.restock({ sku: 'a', quantity: 2, key: 'k' })
    await shop.sale.setTotal({ sku: 'a', total: 6, key: 'k' })
    await shop.sale.move({ from: 'z', to: 'a', quantity: 1, key: 'k' })
    expect(await countsOf(shop)).toEqual(['7 7 0 0', '0 0 0 0'])
    await shop.sale.release((await shop.hold('ann', cart({ a: 2 }))).id)
    await shop.sale.release((await shop.hold('bob', cart({ back: 2 }))).id)
    expect(await countsOf(shop)).toEqual(['5 5 0 0', '2 2 0 0'])
    await shop.sale.move({ from: 'back', to: 'a', quantity: 1, key: 'l' })
    expect(await countsOf(shop)).toEqual(['6 6 0 0', '1 1 0 0'])
    await shop.audited()
  })

  testOfOne('what is owed of the SKU goes first, then what is owed of the other', async () => {
    const shop = await opened({ stock: { a: 6, back: 2, z: 0 } })
    const holds = await Promise.all(['ann', 'bob', 'cid'].map((buyer) => shop.hold(buyer, cart({ a: 2 }))))
    await shop.hold('dan', cart({ back: 2 }), { holdMs: 600_000 })
    const set = (sku: string, total: number) => shop.sale.setTotal({ sku, total, key: `${sku} ${total}` })
    expect(await set('a', 5)).toMatchObject({ applied: 0, owed: 1 })
    expect(await set('back', 0)).toMatchObject({ applied: 0, owed: 2 })
    const [first, second, third] = holds.map(({ id }) => id)
    await shop.sale.release(first!)
    // One is taken for the debt of `a`, the other for that of `back`.
    expect(await countsOf(shop)).toEqual(['4 0 4 0', '2 0 2 0'])
    expect((await shop.sale.stats()).skus).toMatchObject({ back: { owed: 1 } })
    await shop.sale.release(second!)
    expect(await countsOf(shop)).toEqual(['2 0 2 0', '3 1 2 0'])
    await shop.sale.release(third!)
    expect(await countsOf(shop)).toEqual(['0 0 0 0', '5 3 2 0'])
    await shop.audited()
  })

  testOfOne('one cart of both SKUs, where units are owed of both', async () => {
    const shop = await opened({ stock: { a: 3, back: 3, z: 1 } })
    const { id } = await shop.hold('ann', cart({ a: 3, back: 3, z: 1 }))
    await shop.sale.setTotal({ sku: 'a', total: 2, key: 'k' })
    await shop.sale.setTotal({ sku: 'back', total: 0, key: 'l' })
    await shop.sale.release(id)
    expect(await countsOf(shop)).toEqual(['0 0 0 0', '2 2 0 0'])
    await shop.audited()
  })

  test('a late payment takes from the SKU, then from the other, whatever their times', async () => {
    const shop = await opened({ stock: { a: 3, back: 0, z: 1 } })
    const { id } = await shop.expired('ann', cart({ a: 3, z: 1 }))
    await shop.sale.restock({ sku: 'a', quantity: 1, key: 'k' })
    const closed = { closesAt: shop.now() }
    await shop.sale.update({ skus: { a: closed, back: closed, z: closed } })
    expect(await countsOf(shop)).toEqual(['1 1 0 0', '3 3 0 0'])
    await shop.news()
    expect(await shop.sale.confirm(id, { paymentId: 'p' })).toMatchObject({ status: 'confirmed', late: true })
    expect(await countsOf(shop)).toEqual(['3 0 0 3', '1 1 0 0'])
    const events = await shop.news()
    expect(events.slice(0, 2)).toEqual([
      { type: 'redirected', sku: 1, to: 0, quantity: 2 },
      { type: 'confirmed', id },
    ])
    await shop.sale.refund(id, { restock: true })
    expect(await countsOf(shop)).toEqual(['0 0 0 0', '4 4 0 0'])
    await shop.audited()
  })

  test('a late payment for both SKUs takes what is there for each, or nothing', async () => {
    const shop = await opened({ stock: { a: 2, back: 1, z: 1 } })
    const { id } = await shop.expired('ann', cart({ a: 2, back: 1 }))
    expect(await countsOf(shop)).toEqual(['0 0 0 0', '3 3 0 0'])
    const other = await shop.hold('bob', cart({ back: 1 }), { holdMs: 600_000 })
    expect(await shop.sale.confirm(id)).toMatchObject({ status: 'refund_due', reason: 'sold_out' })
    await shop.sale.release(other.id)
    // The first answer stays.
    expect(await shop.sale.confirm(id)).toMatchObject({ status: 'refund_due', reason: 'sold_out' })
    const again = await shop.expired('cid', cart({ back: 1 }))
    expect(await shop.sale.confirm(again.id)).toMatchObject({ status: 'confirmed' })
    expect(await countsOf(shop)).toEqual(['0 0 0 0', '3 2 0 1'])
    await shop.audited()
  })

  test('an update sends units elsewhere from then on, or nowhere', async () => {
    const shop = await open({ stock: { a: 3, back: 0, z: 0 } })
    const elsewhere = shop.handle()
    await elsewhere.stats()
    const release = async (buyer: string) => elsewhere.release((await shop.hold(buyer)).id)
    await release('ann')
    expect(await countsOf(shop)).toEqual(['3 3 0 0', '0 0 0 0'])
    expect(await shop.sale.update({ skus })).toStrictEqual({ revision: 1, replayed: false })
    expect(await shop.sale.update({ skus })).toStrictEqual({ revision: 1, replayed: true })
    await release('bob')
    expect(await countsOf(shop)).toEqual(['2 2 0 0', '1 1 0 0'])
    expect((await elsewhere.rules()).skus).toMatchObject({ a: { returnsTo: 'back' } })
    await shop.sale.update({ skus: { a: { returnsTo: 'z' } } })
    await release('cid')
    expect(await shop.counts('z')).toBe('1 1 0 0')
    await shop.sale.update({ skus: { a: { returnsTo: null } } })
    await release('dan')
    expect(await countsOf(shop)).toEqual(['1 1 0 0', '1 1 0 0'])
    expect(await elsewhere.rules()).toHaveProperty('skus.a', { limitPerBuyer: null })
    const updates = (await shop.news()).filter(({ type }) => type === 'updated')
    expect(updates.map((event) => (event as { changes?: object }).changes)).toEqual([
      { skus: { a: { returnsTo: 'back' } } },
      { skus: { a: { returnsTo: 'z' } } },
      { skus: { a: { returnsTo: null } } },
    ])
  })

  test('units of a hold that has expired go where the rules said then, swept or not', async () => {
    const shop = await open({ stock: { a: 700, back: 0, z: 0 } })
    for (let i = 0; i < 7; i++)
      await Promise.all(Array.from({ length: 100 }, (_, j) => shop.hold(`u${i} ${j}`)))
    await shop.advance(1_000)
    await shop.sale.update({ skus })
    expect(await countsOf(shop)).toEqual(['700 700 0 0', '0 0 0 0'])
    await shop.hold('ann')
    await shop.advance(1_000)
    await shop.sale.update({ skus: { a: null } })
    expect(await countsOf(shop)).toEqual(['699 699 0 0', '1 1 0 0'])
  })

  test('mayReturn is false, also for an amend and while others hold units', async () => {
    const shop = await opened()
    const { id } = await shop.hold('ann', 2)
    await shop.hold('bob', cart({ z: 5 }))
    const soldOut = { status: 'sold_out', sku: 'a', available: 1, mayReturn: false }
    expect(await shop.reserve('cid', 2)).toStrictEqual(soldOut)
    expect(await shop.sale.amend(id, { items: cart({ a: 4 }) })).toStrictEqual(soldOut)
    expect(await shop.reserve('cid', cart({ z: 1 }))).toMatchObject({ sku: 'z', mayReturn: true })
    await shop.sale.update({ skus: { a: null } })
    expect(await shop.sale.amend(id, { items: cart({ a: 4 }) })).toStrictEqual({
      ...soldOut,
      mayReturn: true,
    })
  })

  test('a handle that knows older rules says by the present ones whether units may return', async () => {
    const shop = await open({ stock: { a: 1, back: 0 } })
    const { id } = await shop.hold('ann')
    const says = async (update: RulesUpdate) => {
      const [first, second] = [shop.handle(), shop.handle()]
      for (const sale of [first, second]) await sale.stats()
      await shop.sale.update(update)
      return [
        await first.reserve({ buyer: 'bob', items: cart({ a: 1 }) }),
        await second.amend(id, { items: cart({ a: 2 }) }),
      ]
    }
    const soldOut = (mayReturn: boolean) => ({ status: 'sold_out', sku: 'a', available: 0, mayReturn })
    expect(await says({ skus })).toStrictEqual([soldOut(false), soldOut(false)])
    expect(await says({ skus: { a: null } })).toStrictEqual([soldOut(true), soldOut(true)])
  })

  test('create compares where units return to', async () => {
    const shop = await opened()
    await shop.handle().create({ stock, skus, holdMs: 1_000 })
    const other = { stock, skus: { a: { returnsTo: 'z' } }, holdMs: 1_000 }
    await expect(shop.handle().create(other)).rejects.toThrow('skus["a"].returnsTo is')
  })

  test('rejects what would send units in a circle, or on from one SKU to the next', async () => {
    const shop = await opened()
    const reject = async (given: unknown, message: string) => {
      const thrown = { code: 'INVALID_ARGUMENT', message: expect.stringContaining(message) }
      await expect(shop.sale.update({ skus: given } as never)).rejects.toMatchObject(thrown)
      const all = { ...skus, ...(given as object) }
      await expect(shop.handle().create({ stock, skus: all } as never)).rejects.toMatchObject(thrown)
    }
    await reject({ z: { returnsTo: 'none' } }, 'skus["z"].returnsTo names a SKU that is not in the sale')
    await reject({ a: { returnsTo: 'a' } }, 'skus["a"].returnsTo must name another SKU')
    await reject({ z: { returnsTo: 'a' } }, 'names "a", which returns its own units to "back": name "back"')
    await reject({ back: { returnsTo: 'z' } }, 'remove the returnsTo of "back"')
    await reject({ back: { returnsTo: 'a' } }, 'skus["a"].returnsTo names "back"')
    await reject({ z: { returnsTo: 7 } }, 'skus["z"].returnsTo must be a string')
    await reject({ z: { returnsto: 'a' } }, 'Did you mean "returnsTo"?')
    await shop.sale.update({ skus: { a: { returnsTo: 'z' }, back: { returnsTo: 'z' } } })
    expect((await shop.sale.rules()).skus).toMatchObject({
      a: { returnsTo: 'z' },
      back: { returnsTo: 'z' },
      z: {},
    })
  })

  test('many at once: every unit is in one place', async () => {
    const shop = await opened({ stock: { a: 20, back: 0, z: 0 } })
    const ids = await Promise.all(Array.from({ length: 20 }, async (_, i) => (await shop.hold(`u${i}`)).id))
    await Promise.all(
      ids.map(async (id, i) => {
        if (i % 2 === 0) await shop.sale.confirm(id)
        await (i % 2 === 0 ? shop.sale.refund(id, { restock: true }) : shop.sale.release(id))
        await shop.reserve(`w${i}`, cart({ back: 1 }))
      }),
    )
    expect(await shop.counts('a')).toBe('0 0 0 0')
    expect((await shop.sale.stats()).skus).toMatchObject({ back: { total: 20 } })
    await shop.audited()
  })
})
