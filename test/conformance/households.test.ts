import { expect, test } from 'vitest'
import type { Item, ReserveResult } from '../../src/index.js'
import { onBothEngines, type Shop } from '../support/shop.js'

const HOUR = 3_600_000
const cart = (units: Record<string, number>): Item[] =>
  Object.entries(units).map(([sku, quantity]) => ({ sku, quantity }))

/** `ann@oak`: the buyer ann of the household oak. */
function ask(shop: Shop, who: string, units: number | Record<string, number> = 1, rest: object = {}) {
  const [buyer, household] = who.split('@') as [string, string]
  const items = cart(typeof units === 'number' ? { a: units } : units)
  return shop.sale.reserve({ buyer, household, items, ...rest })
}

async function hold(shop: Shop, who: string, units: number | Record<string, number> = 1, rest: object = {}) {
  const result = await ask(shop, who, units, rest)
  if (result.status !== 'reserved') expect.fail(`${who} got ${JSON.stringify(result)}`)
  return result.reservation
}

const statusOf = async (result: Promise<ReserveResult>) => (await result).status
const invalid = (sentence: string) => ({
  code: 'INVALID_ARGUMENT',
  message: expect.stringContaining(sentence),
})

onBothEngines((open) => {
  test('a household has no more units than its limit, whoever of its buyers asks', async () => {
    const shop = await open({ stock: { a: 20 }, limitPerBuyer: 3, limitPerHousehold: 4 })
    const { id } = await hold(shop, 'ann@oak', 3)
    expect(await ask(shop, 'ann@oak', 1)).toStrictEqual({
      ...{ status: 'limit_exceeded', sku: 'a', limit: 3, taken: 3, reservations: [id] },
    })
    expect(await ask(shop, 'bob@oak', 2)).toStrictEqual({
      ...{ status: 'limit_exceeded', sku: 'a', limit: 4, taken: 3, reservations: [], household: 'oak' },
    })
    const bobs = await hold(shop, 'bob@oak', 1)
    expect(bobs).toMatchObject({ buyer: 'bob', household: 'oak' })
    expect(await ask(shop, 'bob@oak')).toMatchObject({ household: 'oak', taken: 4, reservations: [bobs.id] })
    expect(await statusOf(ask(shop, 'cat@elm', 3))).toBe('reserved')
    expect(await shop.sale.get(id)).toMatchObject({ buyer: 'ann', household: 'oak' })
    await shop.audited()
  })

  test('a household has its limit over more reservations than a bucket keeps', async () => {
    const shop = await open({ stock: { a: 60 }, limitPerHousehold: 30 })
    for (let i = 0; i < 30; i++) await hold(shop, `u-${i}@oak`)
    for (const who of ['u-0@oak', 'u-29@oak', 'new@oak'])
      expect(await ask(shop, who)).toMatchObject({ status: 'limit_exceeded', taken: 30, household: 'oak' })
    await shop.audited()
  })

  test('units that are given back count no more for the household', async () => {
    const shop = await open({ stock: { a: 20 }, limitPerHousehold: 2, holdMs: HOUR })
    const released = await hold(shop, 'ann@oak', 2)
    await shop.sale.release(released.id)
    const order = await hold(shop, 'bob@oak', 2)
    await shop.sale.confirm(order.id)
    expect(await statusOf(ask(shop, 'ann@oak'))).toBe('limit_exceeded')
    await shop.sale.refund(order.id, { restock: true, items: cart({ a: 1 }), key: 'part' })
    const one = await hold(shop, 'ann@oak')
    expect(await statusOf(ask(shop, 'bob@oak'))).toBe('limit_exceeded')
    await shop.sale.refund(order.id, { restock: false })
    await hold(shop, 'cat@oak')
    await shop.advance(HOUR)
    expect(await shop.sale.get(one.id)).toMatchObject({ state: 'expired' })
    expect(await statusOf(ask(shop, 'dan@oak', 2))).toBe('reserved')
    await shop.audited()
  })

  test('a hold of another buyer that has expired is swept before the household is refused', async () => {
    const shop = await open({ stock: { a: 100 }, limitPerHousehold: 20 })
    for (let i = 0; i < 20; i++) await hold(shop, `buyer ${i}@oak`)
    expect(await ask(shop, 'late@oak')).toMatchObject({ status: 'limit_exceeded', taken: 20 })
    await shop.advance(1_000)
    expect(await statusOf(ask(shop, 'late@oak', 20))).toBe('reserved')
    await shop.audited()
  })

  test('a buyer stays in the household of the first request, also if it was refused', async () => {
    const shop = await open({ stock: { a: 5 }, limitPerHousehold: 2 })
    expect(await statusOf(ask(shop, 'ann@oak', 3))).toBe('limit_exceeded')
    const conflict = { status: 'household_conflict', household: 'oak' }
    expect(await ask(shop, 'ann@elm')).toStrictEqual(conflict)
    await hold(shop, 'ann@oak', 1, { key: 'k' })
    expect(await ask(shop, 'ann@elm', 1, { key: 'k' })).toStrictEqual(conflict)
    expect(await statusOf(ask(shop, 'oak@ann'))).toBe('reserved')
    expect((await shop.sale.stats()).skus.a).toMatchObject({ held: 2 })
    await shop.audited()
  })

  test('of two first requests at once one decides, and nothing is held for the other', async () => {
    const shop = await open({ stock: { a: 50 }, limitPerHousehold: 1 })
    const asked = Array.from({ length: 8 }, (_, i) => ask(shop, `ann@house ${i}`))
    const results = await Promise.all(asked)
    expect(results.map(({ status }) => status).sort()).toEqual([
      ...Array(7).fill('household_conflict'),
      'reserved',
    ])
    expect((await shop.sale.stats()).skus.a).toMatchObject({ held: 1 })
    await shop.audited()
  })

  test('keys and lists work from the buyer alone', async () => {
    const shop = await open({ stock: { a: 50 }, limitPerHousehold: 20 })
    const first = await hold(shop, 'ann@oak', 2, { key: 'k' })
    const again = await ask(shop, 'ann@oak', 2, { key: 'k' })
    expect(again).toStrictEqual({ status: 'reserved', reservation: first, replayed: true })
    await expect(ask(shop, 'ann@oak', 1, { key: 'k' })).rejects.toMatchObject({
      code: 'IDEMPOTENCY_CONFLICT',
      reservations: [first.id],
    })
    const bobs = await hold(shop, 'bob@oak', 1, { key: 'k' })
    const second = await hold(shop, 'ann@oak')
    expect(await shop.sale.reservationsOf('ann')).toEqual([second, first])
    expect(await shop.sale.reservationsOf('ann', { limit: 1, cursor: second.id })).toEqual([first])
    expect(await shop.sale.reservationsOf('bob')).toEqual([bobs])
    expect(await shop.sale.reservationsOf('eve')).toEqual([])
    await expect(shop.sale.reservationsOf('ann', { cursor: bobs.id })).rejects.toMatchObject(
      invalid('cursor'),
    )
  })

  test('a sale with a limit of households needs the household, and any other sale refuses it', async () => {
    const shop = await open({ limitPerHousehold: 4 })
    await expect(shop.sale.reserve({ buyer: 'ann', items: cart({ a: 1 }) })).rejects.toMatchObject(
      invalid('name the household of the buyer'),
    )
    const other = await open({ limitPerBuyer: 4 }, 'other')
    await expect(ask(other, 'ann@oak')).rejects.toMatchObject(invalid('without a limit of households'))
    for (const update of [
      { limitPerHousehold: 3 },
      { limitPerHousehold: { a: 3 } },
      { limits: [{ skus: ['a'], perHousehold: 2 }] },
    ])
      await expect(other.sale.update(update)).rejects.toMatchObject(invalid('created without one'))
    expect(await other.sale.update({ limitPerHousehold: null })).toMatchObject({ replayed: true })
  })

  test('limits over several SKUs count for households beside the buyers', async () => {
    const shop = await open({
      stock: { a: 20, b: 20, c: 20 },
      limits: [
        { skus: ['b', 'a'], perBuyer: 3, perHousehold: 4 },
        { skus: ['c'], perHousehold: 2 },
      ],
    })
    expect((await shop.sale.rules()).limits).toEqual([
      { skus: ['a', 'b'], perBuyer: 3, perHousehold: 4 },
      { skus: ['c'], perHousehold: 2 },
    ])
    const first = await hold(shop, 'ann@oak', { a: 2, b: 1 })
    expect(await ask(shop, 'ann@oak', { b: 1 })).toStrictEqual({
      ...{ status: 'limit_exceeded', sku: 'b', limit: 3, taken: 3 },
      ...{ reservations: [first.id], skus: ['a', 'b'] },
    })
    expect(await ask(shop, 'bob@oak', { b: 2 })).toStrictEqual({
      ...{ status: 'limit_exceeded', sku: 'b', limit: 4, taken: 3 },
      ...{ reservations: [], skus: ['b'], household: 'oak' },
    })
    await hold(shop, 'bob@oak', { b: 1, c: 2 })
    expect(await ask(shop, 'cat@oak', { c: 1 })).toMatchObject({ limit: 2, taken: 2, skus: ['c'] })
    await shop.audited()
  })

  test('an update changes limits of households, and a lower one holds for new units only', async () => {
    const shop = await open({ stock: { a: 20, b: 20 }, limitPerHousehold: { a: 4 }, holdMs: HOUR })
    await hold(shop, 'ann@oak', 4)
    expect(await shop.sale.update({ limitPerHousehold: 2 })).toMatchObject({ revision: 1 })
    expect(await shop.sale.rules()).toMatchObject({
      limitPerHousehold: 2,
      skus: { a: { limitPerHousehold: 2 }, b: { limitPerHousehold: 2 } },
    })
    expect(await ask(shop, 'bob@oak')).toMatchObject({ limit: 2, taken: 4 })
    expect(await statusOf(ask(shop, 'bob@oak', { b: 3 }))).toBe('limit_exceeded')
    await shop.sale.update({ limitPerHousehold: { a: null }, stock: { c: 5 } })
    expect((await shop.sale.rules()).limitPerHousehold).toEqual({ b: 2, c: 2 })
    await hold(shop, 'bob@oak', 9)
    await shop.sale.update({ limitPerHousehold: null })
    expect((await shop.sale.rules()).limitPerHousehold).toBeNull()
    await hold(shop, 'bob@oak', { b: 3 })
    await expect(shop.sale.reserve({ buyer: 'ann', items: cart({ a: 1 }) })).rejects.toMatchObject(
      invalid('name the household'),
    )
    await shop.sale.update({ limits: [{ skus: ['a', 'b'], perHousehold: 17 }] })
    expect(await ask(shop, 'ann@oak', 2)).toMatchObject({ limit: 17, taken: 16, household: 'oak' })
    await shop.audited()
  })

  test('an amend counts the difference for the household', async () => {
    const shop = await open({ stock: { a: 20, b: 20 }, limitPerHousehold: 4 })
    const { id } = await hold(shop, 'ann@oak', 2)
    await hold(shop, 'bob@oak', 1)
    expect(await shop.sale.amend(id, { items: cart({ a: 4 }) })).toStrictEqual({
      ...{ status: 'limit_exceeded', sku: 'a', limit: 4, taken: 1, reservations: [], household: 'oak' },
    })
    const amended = await shop.sale.amend(id, { items: cart({ a: 3, b: 4 }) })
    expect(amended).toMatchObject({ status: 'amended', reservation: { household: 'oak' } })
    expect(await statusOf(ask(shop, 'bob@oak'))).toBe('limit_exceeded')
    await shop.sale.amend(id, { items: cart({ b: 1 }) })
    await hold(shop, 'bob@oak', { a: 3, b: 3 })
    await shop.audited()
  })

  test('a late payment takes the limit of the household again, or must be refunded', async () => {
    const shop = await open({ stock: { a: 20 }, limitPerHousehold: 3 })
    const late = await hold(shop, 'ann@oak', 2)
    const later = await hold(shop, 'bob@oak', 1)
    await shop.advance(1_000)
    const last = await hold(shop, 'cat@oak', 2)
    expect(await shop.sale.confirm(late.id)).toMatchObject({ status: 'refund_due', reason: 'limit_exceeded' })
    expect(await shop.sale.confirm(later.id)).toMatchObject({ status: 'confirmed', late: true })
    expect(await statusOf(ask(shop, 'dan@oak'))).toBe('limit_exceeded')
    await shop.sale.release(last.id)
    expect(await statusOf(ask(shop, 'dan@oak', 2))).toBe('reserved')
    await shop.audited()
  })

  test('a transfer counts for the household of the receiver, who may get one by it', async () => {
    const shop = await open({ stock: { a: 20 }, limitPerHousehold: 3, limitPerBuyer: 3, holdMs: HOUR })
    const { id } = await hold(shop, 'guest@oak', 3, { key: 'k' })
    const moved = await shop.sale.transfer(id, { to: 'ann', from: 'guest' })
    expect(moved).toMatchObject({ status: 'transferred', reservation: { buyer: 'ann', household: 'oak' } })
    expect(await ask(shop, 'ann@elm')).toStrictEqual({ status: 'household_conflict', household: 'oak' })
    expect(await ask(shop, 'guest@oak')).toMatchObject({ taken: 3, household: 'oak' })
    await hold(shop, 'eve@elm', 1)
    const refused = await shop.sale.transfer(id, { to: 'eve' })
    expect(refused).toMatchObject({ status: 'limit_exceeded', taken: 1, limit: 3 })
    await hold(shop, 'fay@ash', 1)
    await hold(shop, 'gus@ash', 1)
    await shop.sale.amend(id, { items: cart({ a: 2 }) })
    expect(await shop.sale.transfer(id, { to: 'gus' })).toMatchObject({
      ...{ status: 'limit_exceeded', taken: 2, limit: 3, household: 'ash' },
    })
    expect(await shop.sale.transfer(id, { to: 'eve' })).toMatchObject({
      ...{ status: 'transferred', reservation: { buyer: 'eve', household: 'elm', state: 'held' } },
    })
    expect(await shop.sale.reservationsOf('eve')).toHaveLength(2)
    expect(await statusOf(ask(shop, 'ann@oak', 3))).toBe('reserved')
    expect(await statusOf(ask(shop, 'hal@elm'))).toBe('limit_exceeded')
    expect(await shop.sale.transfer('1AAAAAAAAAAAAAAAAAA', { to: 'zoe' })).toEqual({ status: 'not_found' })
    expect(await shop.sale.transfer(id, { to: 'zoe', from: 'nobody' })).toMatchObject({ status: 'not_found' })
    expect(await statusOf(ask(shop, 'zoe@yew'))).toBe('reserved')
    await shop.audited()
  })

  test('create compares the limits of households', async () => {
    const rules = { stock: { a: 5 }, limits: [{ skus: ['a'], perHousehold: 2 }], limitPerHousehold: 3 }
    const shop = await open({ ...rules, holdMs: 1_000 })
    await shop.handle().create({ ...rules, holdMs: 1_000 })
    await expect(shop.handle().create({ ...rules, holdMs: 1_000, limitPerHousehold: 4 })).rejects.toThrow(
      'limitPerHousehold["a"] is 3 (here 4)',
    )
    const others = { ...rules, holdMs: 1_000, limits: [{ skus: ['a'], perHousehold: 1 }] }
    await expect(shop.handle().create(others)).rejects.toThrow('limits of ["a"] per household is 2 (here 1)')
    const reject = (wrong: object, sentence: string) =>
      expect(shop.handle().create({ ...rules, ...wrong } as never)).rejects.toMatchObject(invalid(sentence))
    await reject({ limitPerHousehold: 0 }, 'limitPerHousehold')
    await reject({ limitPerHousehold: { b: 1 } }, 'limitPerHousehold["b"]')
    await reject({ limits: [{ skus: ['a'], perHousehold: 0 }] }, 'limits[0].perHousehold')
    await reject({ limits: [{ skus: ['a'] }] }, 'limits[0].perBuyer')
  })
})
