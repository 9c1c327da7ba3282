import { expect, test } from 'vitest'
import type { Item, SaleRules } from '../../src/index.js'
import { onBothEngines, type Shop } from '../support/shop.js'

const HOUR = 3_600_000
const stock = { hall: 10, members: 5, staff: 3 }
const cart = (units: Record<string, number>): Item[] =>
  Object.entries(units).map(([sku, quantity]) => ({ sku, quantity }))

async function buy(shop: Shop, buyer: string, units: Record<string, number>): Promise<string> {
  return (await shop.reserve(buyer, cart(units))).status
}

onBothEngines((open) => {
  /** Members until noon, everybody from then on. */
  async function presale(rest: Partial<SaleRules> = {}): Promise<{ shop: Shop; noon: number }> {
    const noon = (await open()).now() + HOUR
    const skus = { hall: { opensAt: noon }, members: { closesAt: noon } }
    return { shop: await open({ stock, skus, holdMs: 5 * HOUR, maxHoldMs: 5 * HOUR, ...rest }), noon }
  }

  test('a SKU outside its own times is not_started or ended, and named', async () => {
    const { shop, noon } = await presale()
    const sku = 'hall'
    expect(await shop.reserve('ann', cart({ hall: 1 }))).toStrictEqual({
      ...{ status: 'not_started', sku, opensAt: noon },
    })
    expect(await shop.reserve('ann', cart({ members: 1, hall: 1 }))).toMatchObject({
      status: 'not_started',
      sku,
    })
    expect(await buy(shop, 'ann', { members: 1, staff: 1 })).toBe('reserved')
    await shop.advance(HOUR - 1)
    expect(await buy(shop, 'ann', { hall: 1 })).toBe('not_started')
    expect(await buy(shop, 'ann', { members: 1 })).toBe('reserved')
    await shop.advance(1)
    expect(await shop.reserve('bob', cart({ members: 1 }))).toStrictEqual({ status: 'ended', sku: 'members' })
    expect(await buy(shop, 'bob', { hall: 1 })).toBe('reserved')
    await shop.sale.pause()
    expect(await shop.reserve('bob', cart({ members: 1 }))).toStrictEqual({ status: 'paused' })
    await shop.sale.end()
    expect(await shop.reserve('bob', cart({ members: 1 }))).toStrictEqual({ status: 'ended' })
  })

  test('a key that was refused for the time is not remembered', async () => {
    const { shop } = await presale()
    const ask = (units: Record<string, number>) => shop.reserve('ann', cart(units), { key: 'k' })
    expect(await ask({ hall: 1 })).toMatchObject({ status: 'not_started' })
    await shop.advance(HOUR)
    expect(await ask({ hall: 2 })).toMatchObject({ status: 'reserved', replayed: false })
    await shop.sale.update({ skus: { hall: { closesAt: shop.now() + 1 } } })
    await shop.advance(1)
    expect(await ask({ hall: 2 })).toMatchObject({ status: 'reserved', replayed: true })
  })

  test('an amend takes only SKUs that are open, and gives back any', async () => {
    const { shop, noon } = await presale()
    const { id } = await shop.hold('ann', cart({ members: 2 }))
    const amend = (units: Record<string, number>) => shop.sale.amend(id, { items: cart(units) })
    expect(await amend({ members: 2, hall: 1 })).toStrictEqual({
      ...{ status: 'not_started', sku: 'hall', opensAt: noon },
    })
    await shop.advance(HOUR)
    expect(await amend({ members: 3 })).toStrictEqual({ status: 'ended', sku: 'members' })
    expect(await amend({ members: 2, hall: 1 })).toMatchObject({ status: 'amended' })
    expect(await amend({ members: 1 })).toMatchObject({ status: 'amended' })
    await shop.audited()
  })

  test('a hold is confirmed and a late payment takes its units whatever the times of the SKU', async () => {
    const { shop } = await presale({ holdMs: HOUR })
    const early = await shop.hold('ann', cart({ members: 1 }), { holdMs: 5 * HOUR })
    const late = await shop.hold('bob', cart({ members: 1 }))
    await shop.advance(HOUR)
    expect(await shop.sale.confirm(early.id)).toMatchObject({ status: 'confirmed', late: false })
    expect(await shop.sale.confirm(late.id)).toMatchObject({ status: 'confirmed', late: true })
    await shop.audited()
  })

  test('times of a SKU are changed and removed; another process obeys with its next call', async () => {
    const { shop, noon } = await presale()
    const elsewhere = shop.handle()
    await elsewhere.stats()
    const reserve = (sku: string) => elsewhere.reserve({ buyer: 'ann', items: cart({ [sku]: 1 }) })
    const update = { skus: { hall: { opensAt: null }, staff: { always: true, opensAt: noon } } }
    expect(await shop.sale.update(update)).toStrictEqual({ revision: 1, replayed: false })
    expect(await shop.sale.update(update)).toStrictEqual({ revision: 1, replayed: true })
    expect(await reserve('hall')).toMatchObject({ status: 'reserved' })
    expect(await reserve('staff')).toStrictEqual({ status: 'not_started', sku: 'staff', opensAt: noon })
    expect((await elsewhere.rules()).skus).toStrictEqual({
      hall: { limitPerBuyer: null },
      members: { limitPerBuyer: null, closesAt: noon },
      staff: { limitPerBuyer: null, opensAt: noon, always: true },
    })
    await shop.sale.update({ limitPerBuyer: 3 })
    await shop.sale.update({
      limitPerBuyer: 1,
      skus: { staff: null, later: { opensAt: noon } },
      stock: { later: 1 },
    })
    expect(await reserve('staff')).toMatchObject({ status: 'reserved' })
    expect(await reserve('later')).toMatchObject({ status: 'not_started' })
    expect((await shop.news()).filter(({ type }) => type === 'updated')).toMatchObject([
      { changes: { skus: update.skus } },
      { changes: { limitPerBuyer: 3 } },
      {
        changes: {
          skus: { staff: { opensAt: null, always: null }, later: { opensAt: noon } },
          limitPerBuyer: 1,
          stock: { later: 1 },
        },
      },
    ])
    expect(await shop.sale.update({ skus: { staff: {}, hall: null } })).toMatchObject({ replayed: true })
  })

  test('create compares the rules of SKUs', async () => {
    const { shop, noon } = await presale()
    const same = { stock, holdMs: 5 * HOUR, maxHoldMs: 5 * HOUR }
    const skus = { hall: { opensAt: new Date(noon), always: false }, members: { closesAt: noon }, staff: {} }
    await shop.handle().create({ ...same, skus })
    await expect(
      shop.handle().create({ ...same, skus: { ...skus, hall: { always: true } } }),
    ).rejects.toThrow('skus["hall"].opensAt is')
  })

  test('rejects rules of SKUs that mean nothing', async () => {
    const shop = await open({ stock })
    const now = shop.now()
    const reject = async (given: unknown, message: string) => {
      const thrown = { code: 'INVALID_ARGUMENT', message: expect.stringContaining(message) }
      await expect(shop.handle().create({ stock, skus: given } as never)).rejects.toMatchObject(thrown)
      await expect(shop.sale.update({ skus: given } as never)).rejects.toMatchObject(thrown)
    }
    await reject(7, 'skus')
    await reject({ none: {} }, 'skus["none"]')
    await reject({ hall: 7 }, 'skus["hall"]')
    await reject({ hall: { opensat: now } }, 'Did you mean "opensAt"?')
    await reject({ hall: { opensAt: 7 } }, 'skus["hall"].opensAt')
    await reject({ hall: { opensAt: now, closesAt: now } }, 'skus["hall"].closesAt')
    await reject({ hall: { always: 1 } }, 'skus["hall"].always')
    await expect(shop.handle().create({ stock, skus: { hall: null } } as never)).rejects.toThrow(
      'skus["hall"]',
    )
  })
})
