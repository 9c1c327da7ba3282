import { expect, test } from 'vitest'
import type { Op } from '../../src/engine/engine.js'
import type { SaleEvent } from '../../src/index.js'
import { testOfOne } from '../support/several.js'
import { anyTime, idIn, onBothEngines, order, type Shop } from '../support/shop.js'

const HOUR = 3_600_000

/** Buys one unit, or says why not. */
async function buy(shop: Shop, buyer: string, sku = 'a', quantity = 1): Promise<string> {
  return (await shop.reserve(buyer, [{ sku, quantity }])).status
}

onBothEngines((open) => {
  test('rules() reads the rules in force, also of a sale that another process updates', async () => {
    const shop = await open({ stock: { a: 10, b: 2 }, limitPerBuyer: { b: 1 }, maxHoldMs: 5_000 })
    const opensAt = shop.now() + HOUR
    const asCreated = {
      skus: { a: { limitPerBuyer: null }, b: { limitPerBuyer: 1 } },
      limitPerBuyer: { b: 1 },
      limitPerHousehold: null,
      limits: [],
      holdMs: 1_000,
      maxHoldMs: 5_000,
      opensAt: null,
      closesAt: null,
      partitions: expect.any(Number),
      retainMs: null,
      revision: 0,
      serverTime: shop.now(),
    }
    const elsewhere = shop.handle()
    expect(await elsewhere.rules()).toStrictEqual(asCreated)
    expect(await shop.sale.update({ opensAt, limitPerBuyer: 3 })).toStrictEqual({
      revision: 1,
      replayed: false,
    })
    expect(await elsewhere.rules()).toStrictEqual({
      ...asCreated,
      skus: { a: { limitPerBuyer: 3 }, b: { limitPerBuyer: 3 } },
      limitPerBuyer: 3,
      opensAt,
      revision: 1,
    })
    expect((await shop.handle().rules()).revision).toBe(1)
  })

  test('the same update again is no new revision, nor is one that changes nothing', async () => {
    const shop = await open()
    const update = { closesAt: shop.now() + HOUR, stock: { kiwi: 5 }, limitPerBuyer: { kiwi: 2 } }
    expect(await shop.sale.update(update)).toStrictEqual({ revision: 1, replayed: false })
    expect(await shop.handle().update(update)).toStrictEqual({ revision: 1, replayed: true })
    expect(await shop.sale.update({})).toStrictEqual({ revision: 1, replayed: true })
    expect(await shop.sale.update({ holdMs: 1_000, closesAt: new Date(update.closesAt) })).toStrictEqual({
      revision: 1,
      replayed: true,
    })
    expect(await shop.sale.update({ closesAt: null })).toStrictEqual({ revision: 2, replayed: false })
    expect(await shop.news()).toEqual([
      {
        type: 'updated',
        revision: 1,
        changes: { closesAt: update.closesAt, limitPerBuyer: { kiwi: 2 }, stock: { kiwi: 5 } },
      },
      { type: 'updated', revision: 2, changes: { closesAt: null } },
    ])
  })

  test('a shop prolongs, raises the limit, and adds a SKU: another process obeys with its next call', async () => {
    const shop = await open({ limitPerBuyer: 2, holdMs: 10 * HOUR, closesAt: (await open()).now() + HOUR })
    const elsewhere = shop.handle()
    const reserve = async (buyer: string, sku: string) =>
      (await elsewhere.reserve({ buyer, items: [{ sku, quantity: 1 }] })).status
    await elsewhere.stats()
    expect([await buy(shop, 'ann'), await buy(shop, 'ann')]).toEqual(['reserved', 'reserved'])
    await shop.sale.update({ closesAt: shop.now() + 2 * HOUR, limitPerBuyer: 3, stock: { kiwi: 5 } })
    await shop.advance(HOUR)
    expect(await reserve('bob', 'a')).toBe('reserved')
    expect(await reserve('ann', 'a')).toBe('reserved')
    expect(await reserve('ann', 'a')).toBe('limit_exceeded')
    expect(await reserve('ann', 'kiwi')).toBe('reserved')
    expect(await shop.counts('kiwi')).toBe('5 4 1 0')
    await shop.advance(HOUR)
    expect(await reserve('bob', 'a')).toBe('ended')
    await shop.audited()
  })

  test('a later closesAt reopens a sale that closed by time, null lets it go on, and end() is final', async () => {
    const shop = await open({ closesAt: (await open()).now() + 100 })
    await shop.advance(100)
    expect(await buy(shop, 'ann')).toBe('ended')
    await shop.sale.update({ closesAt: shop.now() + 100 })
    expect(await buy(shop, 'ann')).toBe('reserved')
    await shop.sale.update({ closesAt: shop.now() })
    expect(await buy(shop, 'ann')).toBe('ended')
    await shop.sale.update({ closesAt: null })
    expect(await buy(shop, 'ann')).toBe('reserved')
    await shop.sale.end()
    expect(await shop.sale.update({ closesAt: shop.now() + HOUR })).toMatchObject({ replayed: false })
    expect(await buy(shop, 'ann')).toBe('ended')
    expect((await shop.sale.stats()).state).toBe('ended')
  })

  test('opening is put off and brought forward; a paused sale stays paused', async () => {
    const shop = await open()
    const elsewhere = shop.handle()
    await elsewhere.stats()
    const opensAt = shop.now() + HOUR
    await shop.sale.update({ opensAt })
    const request = { buyer: 'ann', items: [{ sku: 'a', quantity: 1 }] }
    expect(await elsewhere.reserve(request)).toStrictEqual({ status: 'not_started', opensAt })
    await shop.sale.pause()
    await shop.sale.update({ opensAt: null })
    expect(await elsewhere.reserve(request)).toStrictEqual({ status: 'paused' })
    await shop.sale.resume()
    expect(await elsewhere.reserve(request)).toMatchObject({ status: 'reserved' })
  })

  test('a hold keeps its expiresAt; new ones take the new times', async () => {
    const shop = await open({ maxHoldMs: 5_000 })
    const elsewhere = shop.handle()
    await elsewhere.stats()
    const first = await shop.hold('ann')
    const own = await shop.hold('bob', 1, { holdMs: 4_000 })
    await shop.sale.update({ holdMs: 300, maxHoldMs: 400 })
    const items = [{ sku: 'a', quantity: 1 }]
    const next = await elsewhere.reserve({ buyer: 'cy', items })
    expect(next).toMatchObject({ reservation: { createdAt: shop.now(), expiresAt: shop.now() + 300 } })
    expect(await elsewhere.get(first.id)).toEqual(first)
    expect(await elsewhere.get(own.id)).toEqual(own)
    await expect(elsewhere.reserve({ buyer: 'dan', items, holdMs: 401 })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('maxHoldMs (400)'),
    })
    // No hold becomes shorter, and none longer than the new maxHoldMs.
    expect(await elsewhere.extend(own.id, { holdMs: 9_000 })).toMatchObject({ reservation: own })
    await shop.sale.update({ holdMs: 2_000, maxHoldMs: 8_000 })
    expect(await elsewhere.extend(own.id, { holdMs: 9_000 })).toMatchObject({
      reservation: { expiresAt: own.createdAt + 8_000 },
    })
    expect(await shop.hold('eve')).toMatchObject({ expiresAt: shop.now() + 2_000 })
    await shop.advance(1_000)
    expect(await elsewhere.get(first.id)).toMatchObject({ state: 'expired' })
    expect(await shop.counts()).toBe('10 8 2 0')
    await shop.sale.update({ holdMs: null, maxHoldMs: null })
    expect(await shop.sale.rules()).toMatchObject({ holdMs: 600_000, maxHoldMs: HOUR })
    await shop.audited()
  })

  test('a key finds its reservation, although its holdMs is too long by now', async () => {
    const shop = await open({ maxHoldMs: 5_000 })
    const held = await shop.hold('ann', 1, { key: 'k', holdMs: 5_000 })
    await shop.sale.update({ maxHoldMs: 2_000 })
    const again = await shop.reserve('ann', 1, { key: 'k', holdMs: 5_000 })
    expect(again).toEqual({ status: 'reserved', reservation: held, replayed: true })
  })

  test('a lower limit holds for new units only, and no audit complains', async () => {
    const shop = await open({ limitPerBuyer: 4 })
    const first = await shop.confirmed('ann', 2)
    const second = await shop.hold('ann', 2)
    await shop.sale.update({ limitPerBuyer: 3 })
    expect(await shop.reserve('ann')).toStrictEqual({
      status: 'limit_exceeded',
      sku: 'a',
      limit: 3,
      taken: 4,
      reservations: [second.id, first.id],
    })
    expect(await shop.sale.confirm(second.id)).toMatchObject({ status: 'confirmed' })
    expect(await buy(shop, 'bob', 'a', 4)).toBe('limit_exceeded')
    expect(await buy(shop, 'bob', 'a', 3)).toBe('reserved')
    await shop.audited()
    await shop.sale.update({ limitPerBuyer: null })
    expect(await buy(shop, 'bob', 'a', 3)).toBe('reserved')
    await shop.sale.update({ limitPerBuyer: { a: 1 } })
    expect(await buy(shop, 'cy', 'a', 2)).toBe('limit_exceeded')
    await shop.audited()
  })

  test('a late payment is decided by the limit in force', async () => {
    const shop = await open({ limitPerBuyer: 2 })
    const { id } = await shop.expired('ann', 2)
    await shop.sale.update({ limitPerBuyer: 1 })
    expect(await shop.sale.confirm(id)).toMatchObject({ status: 'refund_due', reason: 'limit_exceeded' })
  })

  test('a new SKU has the limit of all others, unless it is given another', async () => {
    const shop = await open({ stock: { b: 10, a: 10 }, limitPerBuyer: 2 })
    await shop.sale.update({ stock: { kiwi: 10, date: 10 }, limitPerBuyer: { date: null } })
    expect((await shop.sale.rules()).skus).toEqual({
      a: { limitPerBuyer: 2 },
      b: { limitPerBuyer: 2 },
      date: { limitPerBuyer: null },
      kiwi: { limitPerBuyer: 2 },
    })
    expect(await buy(shop, 'ann', 'kiwi', 3)).toBe('limit_exceeded')
    expect(await buy(shop, 'ann', 'date', 3)).toBe('reserved')
    await shop.sale.update({ stock: { elder: 1 } })
    expect((await shop.sale.rules()).skus.elder).toEqual({ limitPerBuyer: null })
  })

  test('a handle that knows older rules publishes, restocks and counts what is new', async () => {
    const shop = await open()
    const old = Array.from({ length: 6 }, () => shop.handle())
    for (const handle of old) await handle.stats()
    await shop.sale.update({ stock: { kiwi: 2 } })
    const held = await shop.hold('ann', [{ sku: 'kiwi', quantity: 1 }])
    const [reads, pays, counts, stocks, audits, asks] = old
    expect(await reads!.get(held.id)).toEqual(held)
    expect((await counts!.stats()).skus.kiwi).toMatchObject({ total: 2, held: 1 })
    expect(await stocks!.restock({ sku: 'kiwi', quantity: 3, key: 'k' })).toMatchObject({ applied: 3 })
    expect(await audits!.audit()).toMatchObject({ ok: true, skus: { kiwi: { total: 5 } } })
    expect(await pays!.confirm(held.id)).toMatchObject({ reservation: { items: held.items } })
    await expect(
      asks!.reserve({ buyer: 'bob', items: [{ sku: 'lime', quantity: 1 }] }),
    ).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('lime') })
    expect(await shop.counts('kiwi')).toBe('5 4 0 1')
  })

  test('create compares with the rules that the sale was first created with', async () => {
    const shop = await open({ stock: { a: 10 }, limitPerBuyer: 2 })
    const rules = { stock: { a: 10 }, holdMs: 1_000, limitPerBuyer: 2 }
    await shop.sale.update({ limitPerBuyer: 5, stock: { kiwi: 1 } })
    expect(await shop.sale.create(rules)).toStrictEqual({ created: false })
    const late = shop.handle()
    expect(await late.create(rules)).toStrictEqual({ created: false })
    expect((await late.reserve({ buyer: 'ann', items: [{ sku: 'kiwi', quantity: 1 }] })).status).toBe(
      'reserved',
    )
    for (const handle of [shop.sale, shop.handle(), late])
      await expect(handle.create({ ...rules, limitPerBuyer: 5 })).rejects.toMatchObject({
        code: 'RULES_CONFLICT',
      })
    expect((await shop.sale.rules()).revision).toBe(1)
  })

  test('consumers get each update once, and the events of SKUs that are new to them', async () => {
    const shop = await open()
    const seen: SaleEvent[] = []
    const consumer = shop.handle().consume({ group: 'g', onError: () => {} }, (event) => {
      seen.push(event)
    })
    await expect.poll(() => consumer.stats().then(({ leads }) => leads)).toBeGreaterThan(0)
    await shop.sale.update({ stock: { kiwi: 1 } })
    await shop.hold('ann', [{ sku: 'kiwi', quantity: 1 }])
    await shop.sale.update({ closesAt: shop.now() + HOUR, stock: { kiwi: 1 } })
    await expect
      .poll(() => seen.filter(({ type }) => type !== 'sold_out').map(({ type }) => type))
      .toHaveLength(3)
    await consumer.close()
    expect(seen.filter(({ type }) => type === 'updated')).toMatchObject([
      { partition: 0, revision: 1, changes: { stock: { kiwi: 1 } } },
      { partition: 0, revision: 2, changes: { closesAt: shop.now() + HOUR } },
    ])
    expect(seen.find(({ type }) => type === 'reserved')).toMatchObject({
      reservation: { items: [{ sku: 'kiwi', quantity: 1 }] },
    })
  })

  test('updates at once: each is made, one after another', async () => {
    const shop = await open()
    const handles = [shop.sale, shop.handle(), shop.handle()]
    const changes = [{ stock: { kiwi: 1 } }, { stock: { lime: 2 } }, { limitPerBuyer: 3 }]
    const made = await Promise.all(handles.map((handle, i) => handle.update(changes[i]!)))
    expect(made.map(({ revision }) => revision).sort()).toEqual([1, 2, 3])
    const { skus } = await shop.sale.rules()
    expect(Object.keys(skus).sort()).toEqual(['a', 'kiwi', 'lime'])
    expect(await shop.counts('kiwi')).toBe('1 1 0 0')
    expect(await shop.counts('lime')).toBe('2 2 0 0')
  })

  test.each([
    [{ closesAt: 5 }, 'closesAt'],
    [{ holdMs: 0 }, 'holdMs'],
    [{ holdMs: 4_000_000 }, 'maxHoldMs'],
    [{ maxHoldMs: 999 }, 'maxHoldMs'],
    [{ limitPerBuyer: 0 }, 'limitPerBuyer'],
    [{ limitPerBuyer: { kiwi: 1 } }, 'kiwi'],
    [{ stock: { a: 11 } }, 'restock'],
    [{ stock: { kiwi: -1 } }, 'stock'],
    [{ stock: { '': 1 } }, 'stock'],
    [{ partitions: 2 }, 'partitions'],
    [{ stock: Object.fromEntries(Array.from({ length: 1_001 }, (_, i) => [`s${i}`, 1])) }, '1000'],
    [{ opensAt: new Date('2030-01-02'), closesAt: new Date('2030-01-01') }, 'after opensAt'],
  ])('%j is INVALID_ARGUMENT and changes nothing', async (update, named) => {
    const shop = await open()
    await expect(shop.sale.update(update as never)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(named),
    })
    expect((await shop.sale.rules()).revision).toBe(0)
    expect(await shop.news()).toEqual([])
  })

  testOfOne('port: updated, unchanged, outdated, each with the revision in force', async () => {
    const shop = await open()
    const { rules } = await shop.ask('describe', {})
    const op = {
      revision: 1,
      after: 0,
      rules: { ...rules, holdMs: 7 },
      changes: { holdMs: 7 },
      everywhere: false,
    }
    const run = async (over: Partial<Op<'update'>>, deadline = anyTime.deadline) =>
      (await shop.done('update', [{ ...op, ...over }], { deadline })).answers[0]
    const late = shop.now() - 1
    expect(await run({}, late)).toStrictEqual({ status: 'retry' })
    expect(await run({ after: 1, revision: 2 })).toStrictEqual({ status: 'outdated', revision: 0 })
    expect(await run({})).toStrictEqual({ status: 'updated', revision: 1 })
    expect(await run({}, late)).toStrictEqual({ status: 'unchanged', revision: 1 })
    expect(await run({ rules })).toStrictEqual({ status: 'outdated', revision: 1 })
    expect(await run({ after: null, rules }, late)).toStrictEqual({ status: 'outdated', revision: 1 })
    expect(await shop.ask('describe', {})).toMatchObject({ present: { everywhere: false } })
    expect(await run({ everywhere: true }, late)).toStrictEqual({ status: 'retry' })
    expect(await run({ everywhere: true })).toStrictEqual({ status: 'unchanged', revision: 1 })
    const present = { revision: 1, rules: op.rules, everywhere: true }
    expect(await shop.ask('describe', {})).toMatchObject({ rules, present })
    expect(await run({ after: null, revision: 5, rules })).toStrictEqual({ status: 'updated', revision: 5 })
    expect(await run({ after: null, revision: 4 })).toStrictEqual({ status: 'outdated', revision: 5 })
    expect((await shop.done('sweep', [{}])).revision).toBe(5)
    expect(await shop.news()).toEqual([
      { type: 'updated', revision: 1, changes: { holdMs: 7 } },
      { type: 'updated', revision: 5, changes: { holdMs: 7 } },
    ])
  })

  testOfOne(
    'port: units of holds that have expired come back before the rules change, in the same step',
    async () => {
      const shop = await open({ holdMs: 1_000 })
      // An open handle sweeps by its own timer.
      await shop.sale.close()
      await shop.ask('reserve', order(idIn('u', 1), { cart: [[0, 2]] }))
      await shop.advance(1_000)
      const { rules } = await shop.ask('describe', {})
      const op = {
        revision: 1,
        after: 0,
        rules: { ...rules, holdMs: 7 },
        changes: { holdMs: 7 },
        everywhere: true,
      }
      await shop.news()
      expect(await shop.ask('update', op)).toStrictEqual({ status: 'updated', revision: 1 })
      expect((await shop.news()).map(({ type }) => type)).toEqual(['expired', 'updated'])
    },
  )

  testOfOne('port: a SKU that the partition does not have yet is not decided', async () => {
    const shop = await open()
    const id = idIn('u', 1)
    const ask = async (cart: [number, number][]) =>
      (await shop.done('reserve', [order(id, { cart }), order(idIn('v', 1), { buyer: 'v' })])).answers
    expect(await ask([[1, 1]])).toMatchObject([{ status: 'retry' }, { status: 'reserved' }])
    const both: [number, number][] = [
      [0, 1],
      [1, 1],
    ]
    expect((await ask(both))[0]).toStrictEqual({ status: 'retry' })
    const unknown = { sku: 1, quantity: -1, key: 'k', final: true }
    expect(await shop.ask('restock', unknown)).toStrictEqual({ status: 'retry' })
    expect(await shop.ask('send', { to: 1, wants: [[1, 1]], received: [] })).toStrictEqual({
      status: 'retry',
    })
    expect(await shop.ask('receive', { from: 1, sent: [[1, 1]] })).toStrictEqual({ status: 'retry' })
    expect(await shop.ask('withhold', { sku: 1, units: 1, received: 0 })).toStrictEqual({ status: 'retry' })
    expect(await shop.ask('debt', { sku: 1, partitions: 2 })).toMatchObject({ owed: 0 })
    const count = { total: 1, key: 'k', countedAt: null, basis: null, final: true, counted: null }
    expect(await shop.ask('setTotal', { ...count, sku: 1 })).toStrictEqual({ status: 'retry' })
    for (const [from, to] of [
      [0, 1],
      [1, 0],
    ] as const) {
      const move = { from, to, quantity: 1, key: 'k', final: true, atMost: null }
      expect(await shop.ask('move', move)).toStrictEqual({ status: 'retry' })
    }
    const held = { id: idIn('w', 2), buyer: 'w', cart: both, mayTake: true, count: null }
    const reserved = await shop.ask('reserve', order(held.id, { buyer: 'w' }))
    if (reserved.status !== 'reserved') expect.fail(reserved.status)
    expect(await shop.ask('amend', held)).toStrictEqual({ status: 'retry' })
    const departure = { reservation: { ...reserved.reservation, cart: both }, late: false, earlier: null }
    const arrival = { id: idIn('x', 3), receiver: 'x', departure }
    expect(await shop.ask('arrive', arrival)).toStrictEqual({ status: 'retry' })
    expect(await shop.ask('stats', { skus: [0, 1] })).toStrictEqual({ status: 'retry' })
    const { rules } = await shop.ask('describe', {})
    const skus = [...rules.skus, { sku: 'kiwi', stock: 3, limit: null }]
    const returns = async () => {
      const stats = await shop.ask('stats', { skus: [0] })
      return 'returns' in stats ? stats.returns : expect.fail(stats.status)
    }
    const before = await returns()
    const op = { revision: 1, after: 0, rules: { ...rules, skus }, changes: {}, everywhere: true }
    await shop.ask('update', op)
    expect((await ask(both))[0]).toMatchObject({ status: 'reserved' })
    const after = await shop.ask('stats', { skus: [1] })
    expect(after).toMatchObject({ skus: [{ total: 3, available: 2, held: 1 }] })
    expect(await returns()).toBeGreaterThan(before)
  })

  testOfOne('port: a recovery applies no later limit of households', async () => {
    const shop = await open({ limitPerHousehold: 3 })
    await shop.sale.update({ limitPerHousehold: 1 })
    const bypass = { bypassFreeze: true }
    const op = order(idIn('u', 1), { cart: [[0, 3]], household: 'h' })
    expect(await shop.ask('reserve', op)).toMatchObject({ status: 'limit_exceeded', limit: 1 })
    expect(await shop.ask('reserve', op, bypass)).toMatchObject({ status: 'reserved' })
    const more = order(idIn('u', 2), { household: 'h' })
    expect(await shop.ask('reserve', more, bypass)).toMatchObject({ status: 'limit_exceeded', limit: 3 })
  })

  testOfOne('port: a recovery applies no later limit, and no later maxHoldMs', async () => {
    const shop = await open({ limitPerBuyer: 3, maxHoldMs: 5_000 })
    await shop.sale.update({ limitPerBuyer: 1, maxHoldMs: 1_000 })
    const bypass = { bypassFreeze: true }
    const op = order(idIn('u', 1), { cart: [[0, 3]], holdMs: 4_000 })
    expect(await shop.ask('reserve', op)).toStrictEqual({ status: 'hold_too_long', maxHoldMs: 1_000 })
    expect(await shop.ask('reserve', { ...op, holdMs: null })).toMatchObject({
      status: 'limit_exceeded',
      limit: 1,
    })
    expect(await shop.ask('reserve', op, bypass)).toMatchObject({
      status: 'reserved',
      reservation: { expiresAt: shop.now() + 4_000 },
    })
    const more = order(idIn('u', 2), { cart: [[0, 1]], holdMs: 100 })
    expect(await shop.ask('reserve', more, bypass)).toMatchObject({ status: 'limit_exceeded', limit: 3 })
    const extended = { id: op.id, holdMs: 9_000 }
    expect(await shop.ask('extend', extended)).toMatchObject({
      reservation: { expiresAt: shop.now() + 4_000 },
    })
    expect(await shop.ask('extend', extended, bypass)).toMatchObject({
      reservation: { expiresAt: shop.now() + 5_000 },
    })
    await shop.audited()
  })
})
