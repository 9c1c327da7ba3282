import { expect, test } from 'vitest'
import type { Item } from '../../src/index.js'
import { onBothEngines, type Shop } from '../support/shop.js'

const HOUR = 3_600_000
const stock = { hall: 100, members: 20, other: 50 }
const limits = [{ skus: ['members', 'hall'], perBuyer: 4 }]
const cart = (units: Record<string, number>): Item[] =>
  Object.entries(units).map(([sku, quantity]) => ({ sku, quantity }))

async function buy(shop: Shop, buyer: string, units: Record<string, number>): Promise<string> {
  return (await shop.reserve(buyer, cart(units))).status
}

onBothEngines((open) => {
  test('a limit over several SKUs counts their units together', async () => {
    const shop = await open({ stock, limits })
    const first = await shop.hold('ann', cart({ members: 3 }))
    const second = await shop.hold('ann', cart({ hall: 1, other: 9 }))
    expect(await shop.reserve('ann', cart({ hall: 1, other: 1 }))).toStrictEqual({
      status: 'limit_exceeded',
      sku: 'hall',
      limit: 4,
      taken: 4,
      reservations: [second.id, first.id],
      skus: ['hall', 'members'],
    })
    expect(await buy(shop, 'ann', { other: 9 })).toBe('reserved')
    expect(await buy(shop, 'bob', { hall: 3, members: 2 })).toBe('limit_exceeded')
    expect(await buy(shop, 'bob', { hall: 2, members: 2 })).toBe('reserved')
    await shop.sale.release(first.id)
    expect(await buy(shop, 'ann', { hall: 4 })).toBe('limit_exceeded')
    expect(await buy(shop, 'ann', { hall: 3 })).toBe('reserved')
    await shop.audited()
  })

  test('the refusal names the SKUs of the cart and of the reservations that are in the way', async () => {
    const shop = await open({ stock, limits })
    expect(await shop.reserve('ann', cart({ hall: 5 }))).toStrictEqual({
      ...{ status: 'limit_exceeded', sku: 'hall', limit: 4, taken: 0 },
      ...{ reservations: [], skus: ['hall'] },
    })
    const { id } = await shop.hold('ann', cart({ members: 1 }))
    await shop.hold('ann', cart({ other: 1 }))
    expect(await shop.reserve('ann', cart({ hall: 4 }))).toMatchObject({
      taken: 1,
      reservations: [id],
      skus: ['hall', 'members'],
    })
  })

  test('a SKU may be in several limits, beside its own: the first one in the way is named', async () => {
    const shop = await open({
      stock: { a: 20, b: 20, c: 20 },
      limitPerBuyer: { a: 2 },
      limits: [
        { skus: ['b', 'c'], perBuyer: 3 },
        { skus: ['a', 'b'], perBuyer: 4 },
        { skus: ['c'], perBuyer: 2 },
      ],
    })
    expect(await shop.reserve('ann', cart({ a: 3 }))).not.toHaveProperty('skus')
    expect(await buy(shop, 'ann', { a: 2, b: 2 })).toBe('reserved')
    expect(await shop.reserve('ann', cart({ b: 2 }))).toMatchObject({ limit: 4, skus: ['a', 'b'], taken: 4 })
    expect(await shop.reserve('ann', cart({ c: 2 }))).toMatchObject({ limit: 3, skus: ['b', 'c'], taken: 2 })
    expect(await shop.reserve('bob', cart({ c: 3 }))).toMatchObject({ limit: 2, skus: ['c'], taken: 0 })
    expect(await buy(shop, 'ann', { c: 1 })).toBe('reserved')
  })

  test('what a buyer has in older reservations counts too', async () => {
    const shop = await open({
      stock: { ...stock, hall: 1_000 },
      limits: [{ skus: ['hall', 'members'], perBuyer: 30 }],
    })
    const ids: string[] = []
    for (let i = 0; i < 20; i++)
      ids.push((await shop.hold('ann', cart(i % 2 ? { hall: 1 } : { members: 2 }))).id)
    expect(await buy(shop, 'ann', { hall: 1 })).toBe('limit_exceeded')
    for (const id of ids.slice(0, 2)) await shop.sale.release(id)
    expect(await buy(shop, 'ann', { hall: 4 })).toBe('limit_exceeded')
    expect(await buy(shop, 'ann', { hall: 3 })).toBe('reserved')
    await shop.advance(HOUR)
    expect(await buy(shop, 'ann', { hall: 30 })).toBe('reserved')
    await shop.audited()
  })

  test('a limit over thousands of SKUs', async () => {
    const seats = Array.from({ length: 9_000 }, (_, i) => `seat ${i}`)
    const shop = await open({
      stock: Object.fromEntries(seats.map((seat) => [seat, 1])),
      limits: [{ skus: seats, perBuyer: 12 }],
    })
    for (let i = 0; i < 12; i++) expect(await buy(shop, 'ann', { [seats[700 * i]!]: 1 })).toBe('reserved')
    const refusal = await shop.reserve('ann', cart({ 'seat 1': 1 }))
    expect(refusal).toMatchObject({ status: 'limit_exceeded', taken: 12 })
    expect(refusal).toHaveProperty('skus.length', 11)
    expect(await buy(shop, 'bob', Object.fromEntries(seats.slice(1, 14).map((seat) => [seat, 1])))).toBe(
      'limit_exceeded',
    )
    await shop.audited()
  })

  test('an amend counts the difference, and an exchange within the limit is none', async () => {
    const shop = await open({ stock, limits })
    const other = await shop.hold('ann', cart({ members: 1 }))
    const { id } = await shop.hold('ann', cart({ members: 3 }))
    expect(await shop.sale.amend(id, { items: cart({ hall: 4 }) })).toStrictEqual({
      ...{ status: 'limit_exceeded', sku: 'hall', limit: 4, taken: 1 },
      ...{ reservations: [other.id], skus: ['hall', 'members'] },
    })
    expect(await shop.sale.amend(id, { items: cart({ hall: 2, members: 1 }) })).toMatchObject({
      status: 'amended',
    })
    await shop.sale.update({ limits: [{ skus: ['hall', 'members'], perBuyer: 2 }] })
    expect(await shop.sale.amend(id, { items: cart({ hall: 3 }) })).toMatchObject({ status: 'amended' })
    expect(await shop.sale.amend(id, { items: cart({ hall: 2, other: 1 }) })).toMatchObject({
      status: 'amended',
    })
    expect(await shop.sale.amend(id, { items: cart({ hall: 3, other: 1 }) })).toMatchObject({
      limit: 2,
      taken: 1,
    })
    await shop.audited()
  })

  test('a late payment takes the limit again, or must be refunded', async () => {
    const shop = await open({ stock, limits })
    const { id } = await shop.expired('ann', cart({ hall: 3 }))
    const { id: later } = await shop.hold('ann', cart({ members: 2 }))
    expect(await shop.sale.confirm(id)).toMatchObject({ status: 'refund_due', reason: 'limit_exceeded' })
    await shop.sale.release(later)
    expect(await shop.sale.confirm(id)).toMatchObject({ status: 'refund_due', reason: 'limit_exceeded' })
    const { id: next } = await shop.expired('ann', cart({ hall: 3 }))
    await shop.hold('ann', cart({ members: 1 }))
    expect(await shop.sale.confirm(next)).toMatchObject({ status: 'confirmed', late: true })
    await shop.audited()
  })

  test('limits are read, changed and removed; a changed one holds for new units only', async () => {
    const shop = await open({ stock, limits })
    const elsewhere = shop.handle()
    expect(await elsewhere.rules()).toMatchObject({
      limitPerBuyer: null,
      limits: [{ skus: ['hall', 'members'], perBuyer: 4 }],
    })
    await shop.hold('ann', cart({ hall: 2, other: 3 }))
    const update = { limits: [{ skus: ['late', 'hall', 'other'], perBuyer: 3 }], stock: { late: 9 } }
    expect(await shop.sale.update(update)).toStrictEqual({ revision: 1, replayed: false })
    expect(await shop.sale.update(update)).toStrictEqual({ revision: 1, replayed: true })
    const reserve = async (buyer: string, units: Record<string, number>) =>
      (await elsewhere.reserve({ buyer, items: cart(units) })).status
    expect(await reserve('ann', { late: 1 })).toBe('limit_exceeded')
    expect(await reserve('ann', { members: 9 })).toBe('reserved')
    expect(await reserve('bob', { late: 1, hall: 2 })).toBe('reserved')
    expect(await reserve('bob', { other: 1 })).toBe('limit_exceeded')
    expect(await elsewhere.rules()).toMatchObject({
      limits: [{ skus: ['hall', 'other', 'late'], perBuyer: 3 }],
    })
    await shop.audited()
    expect(await shop.sale.update({ limits: null })).toStrictEqual({ revision: 2, replayed: false })
    expect(await reserve('bob', { other: 5 })).toBe('reserved')
    expect((await elsewhere.rules()).limits).toEqual([])
    expect((await shop.news()).filter(({ type }) => type === 'updated')).toEqual([
      {
        type: 'updated',
        revision: 1,
        changes: { limits: [{ skus: ['hall', 'other', 'late'], perBuyer: 3 }], stock: { late: 9 } },
      },
      { type: 'updated', revision: 2, changes: { limits: null } },
    ])
    await shop.audited()
  })

  test('create is the same whatever the order of limits and SKUs, and a conflict with another limit', async () => {
    const both = [
      { skus: ['hall', 'members'], perBuyer: 4 },
      { skus: ['hall', 'other'], perBuyer: 5 },
    ]
    const shop = await open({ stock, limits: both })
    const again = { stock, holdMs: 1_000 }
    const turned = both.map(({ skus, perBuyer }) => ({ skus: [...skus].reverse(), perBuyer })).reverse()
    await shop.handle().create({ ...again, limits: turned })
    await expect(shop.handle().create({ ...again, limits: both.slice(1) })).rejects.toMatchObject({
      code: 'RULES_CONFLICT',
      message: expect.stringContaining('limits of ["hall","members"] is 4 (not given here)'),
    })
  })

  test('rejects limits that mean nothing', async () => {
    const shop = await open({ stock })
    const reject = async (given: unknown, message: string) => {
      const create = { stock, limits: given } as never
      const thrown = { code: 'INVALID_ARGUMENT', message: expect.stringContaining(message) }
      await expect(shop.handle().create(create)).rejects.toMatchObject(thrown)
      await expect(shop.sale.update({ limits: given } as never)).rejects.toMatchObject(thrown)
    }
    const one = { skus: ['hall'], perBuyer: 1 }
    await reject({}, 'limits')
    await reject([{ skus: [], perBuyer: 1 }], 'limits[0].skus')
    await reject([{ skus: 'hall', perBuyer: 1 }], 'limits[0].skus')
    await reject([{ skus: ['hall', 7], perBuyer: 1 }], 'limits[0].skus[1]')
    await reject([one, { skus: ['none'], perBuyer: 1 }], 'limits[1].skus')
    await reject([{ skus: ['hall', 'hall'], perBuyer: 1 }], 'limits[0].skus')
    await reject([{ skus: ['hall', 'other'] }], 'limits[0].perBuyer')
    await reject([{ ...one, perBuyer: 0 }], 'limits[0].perBuyer')
    await reject([{ ...one, perbuyer: 1 }], 'Did you mean "perBuyer"?')
    await reject([one, { ...one, perBuyer: 2 }], 'same SKUs')
    await reject(Array(101).fill(one), 'at most 100 limits')
    await reject([{ skus: Array(10_001).fill('hall'), perBuyer: 1 }], 'at most 10000')
    await reject([null], 'limits[0]')
    expect((await shop.sale.rules()).revision).toBe(0)
  })

  test('a handle with older rules obeys a limit that is new', async () => {
    const shop = await open({ stock })
    const elsewhere = shop.handle()
    await elsewhere.stats()
    await shop.sale.update({ limits })
    expect(await elsewhere.reserve({ buyer: 'ann', items: cart({ hall: 3, members: 2 }) })).toMatchObject({
      status: 'limit_exceeded',
      skus: ['hall', 'members'],
    })
  })
})
