import { expect, test } from 'vitest'
import type { Op } from '../../src/engine/engine.js'
import { splitStock } from '../../src/engine/stock-split.js'
import { openPort, partitionsOf, rulesOf, TOKEN } from '../support/port-sale.js'
import { anyTime, onBothEngines } from '../support/shop.js'

const stranger = { incarnation: null }

onBothEngines((_open, kind) => {
  const open = async (rules: Parameters<typeof openPort>[1] = {}) =>
    openPort(await kind.make(), { partitions: 3, ...rules })

  test('each partition begins with its share of every SKU', async () => {
    const stock = { a: 10, b: 2, c: 1, d: 9, e: 1 }
    const all = await open({ stock })
    const totals = await Promise.all(all.map(async (one) => (await one.stats()).skus.map((sku) => sku.total)))
    expect(totals).toEqual(
      [0, 1, 2].map((p) => Object.values(stock).map((n, sku) => splitStock(n, sku, p, 3))),
    )
    for (const [sku, units] of Object.values(stock).entries())
      expect(totals.reduce((sum, counts) => sum + counts[sku]!, 0)).toBe(units)
    for (const one of all)
      for (const [sku] of Object.keys(stock).entries())
        expect(await one.counts(sku)).toMatch(/^(\d+) \1 0 0 0$/)
  })

  test('a sale is complete when its partition 0 was told so by its own maker, and stays so', async () => {
    const [first, second] = partitionsOf(await kind.make(), { partitions: 3 })
    const op: Op<'create'> = { rules: rulesOf({ partitions: 3 }), incarnation: TOKEN, complete: false }
    const create = (over: Partial<Op<'create'>>, deadline = anyTime.deadline) =>
      first!.ask('create', { ...op, ...over }, { ...stranger, deadline })
    const late = first!.now() - 1
    const made = { incarnation: TOKEN, complete: false }
    expect(await create({})).toEqual({ ...made, status: 'created' })
    expect(await create({})).toEqual({ ...made, status: 'exists' })
    expect(await first!.ask('describe', {}, stranger)).toMatchObject(made)
    // Whoever speaks of a sale that is gone completes none.
    expect(await create({ incarnation: 'old', complete: true })).toEqual({ ...made, status: 'exists' })
    const other = { ...op.rules, holdMs: 1 }
    expect(await create({ rules: other, complete: true })).toEqual({ ...made, status: 'conflict' })
    expect(await create({ complete: true }, late)).toEqual({ status: 'retry' })
    expect(await create({}, late)).toEqual({ ...made, status: 'exists' })
    expect(await create({ complete: true })).toEqual({ status: 'exists', incarnation: TOKEN, complete: true })
    for (const complete of [false, true])
      expect(await create({ complete }, late)).toMatchObject({ status: 'exists', complete: true })
    expect(await first!.ask('describe', {})).toMatchObject({ complete: true })
    expect((await second!.run('describe', [{}])).outcome).toBe('missing')
  })

  test('two makers in one batch: the second completes what the first began', async () => {
    const [first] = partitionsOf(await kind.make(), { partitions: 2 })
    const op: Op<'create'> = { rules: rulesOf({ partitions: 2 }), incarnation: TOKEN, complete: false }
    const { answers } = await first!.done('create', [op, { ...op, complete: true }], stranger)
    expect(answers).toEqual([
      { status: 'created', incarnation: TOKEN, complete: false },
      { status: 'exists', incarnation: TOKEN, complete: true },
    ])
  })

  test('a partition that was lost is created again with its share, complete, frozen, and of that generation', async () => {
    const stock = { a: 10, b: 5 }
    const all = partitionsOf(await kind.make(), { partitions: 3 })
    const one = all[1]!
    const op = { rules: rulesOf({ stock, partitions: 3 }), incarnation: TOKEN, generation: 4 }
    expect(await one.ask('rebuild', op)).toEqual({ status: 'rebuilt', incarnation: TOKEN })
    expect(await one.ask('describe', {})).toMatchObject({ complete: true, rules: op.rules })
    expect((await one.run('stats', [{}])).outcome).toBe('rolled_back')
    const { skus } = await one.stats({ bypassFreeze: true })
    expect(skus.map(({ total }) => total)).toEqual([splitStock(10, 0, 1, 3), splitStock(5, 1, 1, 3)])
    expect(await one.ask('events', { after: 0, reservations: true })).toMatchObject({
      generation: 4,
      since: 0,
    })
    await one.ask(
      'control',
      { action: 'unfreeze', recovered: [{ generation: 4, sequence: 0, batchId: '' }], after: 0 },
      { bypassFreeze: true },
    )
    expect(await one.ask('events', { after: 0, reservations: true })).toMatchObject({
      generation: 5,
      since: 0,
    })
  })

  test('a late payment for which units lack is not refused while other partitions may have some', async () => {
    const [one] = await open({ stock: { a: 6, b: 6 }, partitions: 3 })
    const early = await one!.hold('early', [
      [0, 1],
      [1, 2],
    ])
    await one!.advance(1_000)
    await one!.hold('other', [[1, 1]])
    await one!.news()
    const pay = (final: boolean, call = {}) =>
      one!.ask('confirm', { id: early.id, buyer: null, paymentId: 'p', final }, call)
    const before = await one!.ask('get', { id: early.id })
    // The first SKU of the cart that lacks units, not the first of the cart.
    expect(await pay(false)).toEqual({ status: 'lacking', sku: 1, available: 1 })
    expect(await one!.ask('get', { id: early.id })).toEqual(before)
    expect(await one!.news()).toEqual([])
    expect(await pay(false, { deadline: one!.now() - 1 })).toEqual({ status: 'retry' })
    expect(await pay(true)).toMatchObject({ status: 'refund_due', reason: 'sold_out' })
    // The first answer stands.
    await one!.ask('restock', { sku: 1, quantity: 9, key: 'k', final: false })
    expect(await pay(false)).toMatchObject({ status: 'refund_due', reason: 'sold_out' })
  })

  test('what else refuses a late payment is decided here: nothing is asked of other partitions', async () => {
    const [one] = await open({ stock: { a: 9 }, limit: 2 })
    const first = await one!.hold('u', [[0, 2]])
    const second = await one!.hold('v', [[0, 1]])
    await one!.advance(1_000)
    await one!.hold('u', [[0, 1]], { number: 2 })
    await one!.hold('w', [[0, 2]])
    const pay = (id: string) => one!.ask('confirm', { id, buyer: null, paymentId: null, final: false })
    expect(await pay(first.id)).toMatchObject({ status: 'refund_due', reason: 'limit_exceeded' })
    await one!.ask('control', { action: 'end' })
    expect(await pay(second.id)).toMatchObject({ status: 'refund_due', reason: 'ended' })
  })

  test('a late payment takes what came from another partition meanwhile', async () => {
    const [one, two] = await open({ stock: { a: 6 } })
    const early = await one!.hold('early', [[0, 2]])
    await one!.advance(1_000)
    const op = { id: early.id, buyer: null, paymentId: 'p', final: false }
    await one!.hold('other', [[0, 2]])
    expect(await one!.ask('confirm', op)).toEqual({ status: 'lacking', sku: 0, available: 0 })
    const moved = await two!.ask('send', { to: 0, wants: [[0, 2]], received: [] })
    expect(moved).toEqual({ status: 'sent', sent: [[0, 2]], left: [[0, 0]] })
    await one!.ask('receive', { from: 1, sent: [[0, 2]] })
    expect(await one!.ask('confirm', op)).toMatchObject({ status: 'confirmed', late: true })
    expect(await one!.counts()).toBe('2 0 2 2 -2')
  })

  test('units are taken out here as far as there are any only if no other partition has some', async () => {
    const [one] = await open({ stock: { a: 12 } })
    await one!.hold('u', [[0, 1]])
    await one!.news()
    const take = (quantity: number, final: boolean, key = 'k') =>
      one!.ask('restock', { sku: 0, quantity, key, final })
    expect(await take(-4, false)).toEqual({ status: 'lacking', sku: 0, available: 3 })
    expect(await one!.news()).toEqual([])
    // Nothing was remembered of it: the key is free for another request.
    expect(await take(-3, false)).toEqual({ status: 'restocked', applied: -3, replayed: false })
    expect(await take(-3, false)).toEqual({ status: 'restocked', applied: -3, replayed: true })
    expect(await take(-3, true)).toEqual({ status: 'restocked', applied: -3, replayed: true })
    expect(await take(-1, false, 'more')).toEqual({ status: 'lacking', sku: 0, available: 0 })
    expect(await take(-1, true, 'more')).toEqual({ status: 'restocked', applied: 0, replayed: false })
    expect(await take(-1, false, 'more')).toEqual({ status: 'restocked', applied: 0, replayed: true })
    expect(await take(2, false, 'add')).toEqual({ status: 'restocked', applied: 2, replayed: false })
  })

  test('returns moves when units come back on sale, and at nothing else', async () => {
    const [one, two] = await open({ stock: { a: 30 } })
    let returns = (await one!.stats()).returns
    const moved = async () => {
      const before = returns
      returns = (await one!.stats()).returns
      expect(returns).toBeGreaterThanOrEqual(before)
      return returns > before
    }
    const restock = (quantity: number, key: string) =>
      one!.ask('restock', { sku: 0, quantity, key, final: true })
    const [released, paid, thrown] = await Promise.all(['u', 'v', 'w'].map((buyer) => one!.hold(buyer)))
    await one!.hold('x')
    for (const { id } of [paid!, thrown!])
      await one!.ask('confirm', { id, buyer: null, paymentId: null, final: true })
    await one!.ask('control', { action: 'pause' })
    expect(await moved()).toBe(false)
    await one!.ask('release', { id: released!.id, buyer: null })
    expect(await moved()).toBe(true)
    await one!.ask('release', { id: released!.id, buyer: null })
    await one!.ask('refund', { id: thrown!.id, restock: false })
    expect(await moved()).toBe(false)
    await one!.ask('refund', { id: paid!.id, restock: true })
    expect(await moved()).toBe(true)
    await restock(1, 'k')
    expect(await moved()).toBe(true)
    await restock(1, 'k')
    await restock(-1, 'l')
    expect(await moved()).toBe(false)
    await two!.ask('send', { to: 0, wants: [[0, 3]], received: [] })
    await one!.ask('receive', { from: 1, sent: [[0, 3]] })
    await one!.ask('send', { to: 1, wants: [[0, 1]], received: [] })
    expect(await moved()).toBe(false)
    await one!.advance(1_000)
    expect(await moved()).toBe(true)
    expect(await moved()).toBe(false)
  })
})
