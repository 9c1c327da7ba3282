import { expect, test } from 'vitest'
import type { Op } from '../../src/engine/engine.js'
import { FlashSale, type SaleRules } from '../../src/index.js'
import { callsOf } from '../support/every-method.js'
import { testOfOne } from '../support/several.js'
import { anyTime, onBothEngines, Shop } from '../support/shop.js'

const rules: SaleRules = { stock: { b: 2, a: 1 }, limitPerBuyer: { a: 3 }, holdMs: 500, maxHoldMs: 900 }

onBothEngines((open, kind) => {
  const closed = async () => new Shop(await kind.make(), 'launch')

  testOfOne('created: the stock is available, nothing has happened', async () => {
    const shop = await closed()
    expect(await shop.sale.create(rules)).toStrictEqual({ created: true })
    const none = { held: 0, confirmed: 0, inTransit: 0 }
    expect(await shop.sale.stats()).toStrictEqual({
      state: 'open',
      skus: { a: { total: 1, available: 1, ...none }, b: { total: 2, available: 2, ...none } },
    })
    expect(await shop.events()).toEqual([])
    expect((await shop.done('stats', [{}])).sequence).toBe(0)
  })

  test('the same rules again change nothing, from any handle and in any order', async () => {
    const shop = await closed()
    await shop.sale.create(rules)
    const { id } = await shop.hold('u')
    const again = { maxHoldMs: 900, holdMs: 500, limitPerBuyer: { a: 3 }, stock: { a: 1, b: 2 } }
    expect(await shop.sale.create(again)).toStrictEqual({ created: false })
    expect(await shop.handle().create(again)).toStrictEqual({ created: false })
    expect(await shop.sale.get(id)).toMatchObject({ state: 'held' })
    expect(await shop.counts()).toBe('1 0 1 0')
  })

  testOfOne('defaults are the same rules as their values, a Date the same as its epoch ms', async () => {
    const shop = await closed()
    const opensAt = shop.now() + 1_000
    await shop.sale.create({ stock: { a: 1 }, opensAt })
    const explicit = {
      stock: { a: 1 },
      holdMs: 600_000,
      maxHoldMs: 3_600_000,
      partitions: 1,
      opensAt: new Date(opensAt),
    }
    expect(await shop.handle().create(explicit)).toStrictEqual({ created: false })
    expect(await shop.handle().create({ ...explicit, limitPerBuyer: {} })).toStrictEqual({ created: false })
  })

  test('a hold longer than an hour by default may last as long as it is', async () => {
    const shop = await closed()
    await shop.sale.create({ stock: { a: 1 }, holdMs: 7_200_000 })
    expect((await shop.hold('u')).expiresAt).toBe(shop.now() + 7_200_000)
  })

  test.each<[string, Partial<SaleRules>, string]>([
    ['stock', { stock: { a: 1, b: 3 } }, 'stock["b"] is 2 (here 3)'],
    ['fewer SKUs', { stock: { a: 1 } }, 'stock["b"] is 2 (not given here)'],
    ['more SKUs', { stock: { a: 1, b: 2, c: 0 } }, 'stock["c"] is not set (here 0)'],
    ['limit of a SKU', { limitPerBuyer: { a: 2 } }, 'limitPerBuyer["a"] is 3 (here 2)'],
    ['limit of all SKUs', { limitPerBuyer: 3 }, 'limitPerBuyer["b"] is not set (here 3)'],
    ['holdMs', { holdMs: 501 }, 'holdMs is 500 (here 501)'],
    ['maxHoldMs', { maxHoldMs: 901 }, 'maxHoldMs is 900 (here 901)'],
    ['opensAt', { opensAt: 1_700_000_000_001 }, 'opensAt is not set (here 2023-11-14T22:13:20.001Z)'],
    [
      'several',
      { closesAt: 4_102_444_800_000, holdMs: 400, limitPerBuyer: {} },
      'closesAt is not set (here 2100-01-01T00:00:00.000Z); holdMs is 500 (here 400); limitPerBuyer["a"] is 3 (not given here)',
    ],
  ])('other rules are RULES_CONFLICT, which names each, and change nothing: %s', async (_, other, named) => {
    const shop = await closed()
    await shop.sale.create(rules)
    const wanted = { ...rules, ...other }
    for (const handle of [shop.sale, shop.handle()])
      await expect(handle.create(wanted)).rejects.toMatchObject({
        ...{ code: 'RULES_CONFLICT', retryable: false },
        message: `The sale "launch" exists with other rules: ${named}. Nothing was changed. Use the same rules or another id.`,
      })
    expect(await shop.handle().create(rules)).toStrictEqual({ created: false })
  })

  test('of a catalogue that differs everywhere, the message names the first ten rules', async () => {
    const shop = await closed()
    const stock = (units: number) =>
      Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`sku-${1_000 + i}`, units]))
    await shop.sale.create({ stock: stock(1) })
    const error = await shop
      .handle()
      .create({ stock: stock(2) })
      .catch((thrown: Error) => thrown)
    expect(String(error)).toMatch(/stock\["sku-1009"\] is 1 \(here 2\); and 990 more\. Nothing/)
  })

  test('two handles that create at once: one of them made it', async () => {
    const shop = await closed()
    const handles = [shop.sale, shop.handle(), shop.handle()]
    const results = await Promise.all(handles.map((handle) => handle.create(rules)))
    expect(results.filter(({ created }) => created)).toHaveLength(1)
  })

  test('one handle that creates twice at once is answered twice', async () => {
    const shop = await closed()
    const first = await Promise.all([shop.sale.create(rules), shop.sale.create(rules)])
    expect(first.filter(({ created }) => created)).toHaveLength(1)
    const later = await Promise.all([shop.sale.create(rules), shop.sale.create(rules)])
    expect(later).toStrictEqual([{ created: false }, { created: false }])
  })

  test('a handle that did not create the sale learns its rules', async () => {
    const shop = await closed()
    await shop.sale.create(rules)
    const other = shop.handle()
    const result = await other.reserve({ buyer: 'u', items: [{ sku: 'b', quantity: 2 }] })
    expect(result).toMatchObject({ status: 'reserved', reservation: { expiresAt: shop.now() + 500 } })
    expect(await shop.handle().stats()).toEqual(await shop.sale.stats())
    const unknown = shop.handle().reserve({ buyer: 'u', items: [{ sku: 'x', quantity: 1 }] })
    await expect(unknown).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })

  test('a sale that was never created is NOT_FOUND, whatever is asked', async () => {
    const { sale } = await closed()
    const id = '1AAAAAAAAAAAAAAAAAA'
    for (const call of callsOf(sale, id))
      await expect(call(), String(call)).rejects.toMatchObject({ code: 'NOT_FOUND', retryable: false })
    expect(await sale.create({ stock: { a: 1 } })).toStrictEqual({ created: true })
    expect(await sale.get(id)).toBeUndefined()
  })

  test('sales on one engine know nothing of each other', async () => {
    const shop = await open({ stock: { a: 1 } })
    const names = ['launch2', 'launch:0', 'Launch', 'launch}', '{launch}', 'launch%7D', '0:launch']
    for (const name of names) {
      const other = new FlashSale(name, { engine: shop.clock.engine, deadlineMs: 60_000 })
      expect(await other.create({ stock: { a: 5 } })).toStrictEqual({ created: true })
      await other.close()
    }
    await shop.hold('u', 1, { key: 'k' })
    for (const name of names) {
      const other = new FlashSale(name, { engine: shop.clock.engine, deadlineMs: 60_000 })
      expect((await other.stats()).skus.a).toMatchObject({ total: 5, available: 5 })
      await other.close()
    }
  })

  test('port: created, exists, conflict, each with the token of the sale there is', async () => {
    const shop = await closed()
    const op: Op<'create'> = {
      incarnation: 'first',
      complete: true,
      rules: {
        skus: [{ sku: 'a', stock: 1, limit: null }],
        holdMs: 10,
        maxHoldMs: 20,
        opensAt: null,
        closesAt: null,
        partitions: 1,
      },
    }
    const run = (over: Partial<Op<'create'>>, deadline = anyTime.deadline) =>
      shop.done('create', [{ ...op, ...over }], { incarnation: null, deadline })
    const late = shop.now() - 1
    expect((await run({}, late)).answers).toStrictEqual([{ status: 'retry' }])
    expect((await shop.run('describe', [{}], { incarnation: null })).outcome).toBe('missing')
    const created = await run({})
    expect(created).toMatchObject({ outcome: 'done', now: shop.now(), sequence: 0 })
    expect(created.answers).toStrictEqual([{ status: 'created', incarnation: 'first', complete: true }])
    const exists = [{ status: 'exists', incarnation: 'first', complete: true }]
    expect((await run({ incarnation: 'second' })).answers).toStrictEqual(exists)
    expect((await run({ incarnation: 'second' }, late)).answers).toStrictEqual(exists)
    const conflict = await run({ incarnation: 'third', rules: { ...op.rules, holdMs: 11 } })
    expect(conflict.answers).toStrictEqual([{ status: 'conflict', incarnation: 'first', complete: true }])
    const described = await shop.done('describe', [{}], { incarnation: null })
    expect(described.answers).toStrictEqual([
      {
        status: 'described',
        incarnation: 'first',
        rules: op.rules,
        present: { rules: op.rules, revision: 0, everywhere: true },
        complete: true,
        paused: false,
        ended: false,
        frozen: false,
      },
    ])
  })
})
