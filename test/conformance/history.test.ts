import { expect, test } from 'vitest'
import type { Call, Command, Op, Tip } from '../../src/engine/engine.js'
import { idIn, onBothEngines, order, type Shop } from '../support/shop.js'

const rolledBack = (shop: Shop) => ({ outcome: 'rolled_back', now: shop.now() })
const reserve = (number: number) => [order(idIn('b', number))]

/** Reserves under a mark, and answers the point of the history that it reached. */
async function written(shop: Shop, number: number, call: Partial<Call> & { mark: string }): Promise<Tip> {
  const { tip } = await shop.done('reserve', reserve(number), call)
  return tip ?? expect.fail('no tip')
}

onBothEngines((open) => {
  test('a reply names the point reached: line, events so far, and the mark of the latest that wrote', async () => {
    const shop = await open()
    expect(await written(shop, 1, { mark: 'one' })).toEqual({ line: 1, sequence: 1, mark: 'one' })
    expect(await written(shop, 2, { mark: 'two' })).toEqual({ line: 1, sequence: 2, mark: 'two' })
    const again = await shop.done('reserve', reserve(2), { mark: 'three' })
    expect(again.tip).toEqual({ line: 1, sequence: 2, mark: 'two' })
    expect((await shop.done('get', [{ id: idIn('b', 1) }])).tip).toEqual({
      line: 1,
      sequence: 2,
      mark: 'two',
    })
  })

  test('whoever has seen any part of the history is served', async () => {
    const shop = await open()
    const tips: Tip[] = [{ line: 1, sequence: 0, mark: '' }]
    for (const number of [1, 2, 3, 4]) tips.push(await written(shop, number, { mark: `m${number}` }))
    await shop.done('reserve', [order(idIn('b', 5)), order(idIn('b', 6))], { mark: 'both' })
    for (const seen of tips) await shop.done('stats', [{}], { seen })
    await shop.done('stats', [{}], { seen: { line: 1, sequence: 6, mark: 'both' } })
  })

  const unknown: [string, Tip][] = [
    ['more events than there are', { line: 1, sequence: 4, mark: 'm3' }],
    ['the latest event by another call', { line: 1, sequence: 3, mark: 'x' }],
    ['an earlier event by another call: the new history has overtaken', { line: 1, sequence: 2, mark: 'x' }],
    ['a later line', { line: 2, sequence: 1, mark: 'm1' }],
    ['a later line without any event', { line: 2, sequence: 0, mark: '' }],
  ]
  test.each(unknown)('seen was %s: frozen, for all and every command that may write', async (_, seen) => {
    const shop = await open()
    for (const number of [1, 2, 3]) await written(shop, number, { mark: `m${number}` })
    const before = await shop.events()
    expect(await shop.run('reserve', reserve(9), { seen })).toStrictEqual(rolledBack(shop))
    const id = idIn('b', 1)
    const others: Partial<{ [C in Command]: Op<C> }> = {
      reserve: order(idIn('b', 8)),
      confirm: { id, buyer: null, paymentId: null, final: true },
      release: { id, buyer: null },
      extend: { id, holdMs: 5_000 },
      refund: { id, restock: true },
      restock: { sku: 0, quantity: 1, key: 'k', final: true },
      control: { action: 'thaw' },
      stats: {},
      sweep: {},
    }
    await shop.advance(10_000)
    for (const [command, op] of Object.entries(others))
      expect(await shop.run(command as Command, [op]), command).toStrictEqual(rolledBack(shop))
    expect(await shop.events()).toEqual(before)
    expect((await shop.done('scan', [{ cursor: '0' }])).answers[0]!.reservations).toHaveLength(3)
  })

  test('who only reads is told, and freezes nothing; of a frozen sale everything can be read', async () => {
    const shop = await open()
    await written(shop, 1, { mark: 'm1' })
    const seen = { line: 1, sequence: 2, mark: 'm2' }
    const get = [{ id: idIn('b', 1) }]
    expect(await shop.run('get', get, { seen })).toStrictEqual(rolledBack(shop))
    await shop.done('stats', [{}])
    expect(await shop.run('stats', [{}], { seen })).toStrictEqual(rolledBack(shop))
    expect((await shop.done('get', get, { seen })).answers[0]).toMatchObject({ status: 'found' })
  })

  test('a call that recovers goes through, whatever the state of the sale; thaw ends the freeze on another line', async () => {
    const shop = await open({ stock: { a: 3 } })
    const first = await written(shop, 1, { mark: 'm1' })
    await shop.ask('control', { action: 'end' })
    const seen = { line: 1, sequence: 9, mark: 'x' }
    await shop.run('stats', [{}], { seen })
    const recovers = { recovers: true, seen }
    expect(await shop.ask('reserve', reserve(2)[0]!, recovers)).toMatchObject({ status: 'reserved' })
    await shop.advance(1_000)
    const late = await shop.ask(
      'confirm',
      { id: idIn('b', 2), buyer: null, paymentId: null, final: true },
      recovers,
    )
    expect(late).toMatchObject({ status: 'confirmed', late: true })
    expect(await shop.run('stats', [{}])).toStrictEqual(rolledBack(shop))
    const thaw = await shop.done('control', [{ action: 'thaw' }], recovers)
    expect(thaw.answers).toEqual([{ status: 'ended' }])
    expect(thaw.tip).toMatchObject({ line: 2 })
    // What was seen before the recovery, of either history, is no matter any more.
    for (const before of [seen, first]) await shop.done('stats', [{}], { seen: before })
    expect(await shop.ask('reserve', reserve(3)[0]!)).toEqual({ status: 'ended' })
    expect(await shop.counts()).toBe('3 2 0 1')
    await shop.audited()
  })

  test('thaw where nothing is frozen changes nothing', async () => {
    const shop = await open()
    const { tip } = await shop.done('control', [{ action: 'thaw' }])
    expect(tip).toEqual({ line: 1, sequence: 0, mark: '' })
  })

  test('a whole sale is not rebuilt, by whomever', async () => {
    const shop = await open()
    await written(shop, 1, { mark: 'm1' })
    const { rules } = await shop.ask('describe', {})
    const answer = await shop.ask('rebuild', { rules, token: 'another', line: 5 })
    expect(answer).toEqual({ status: 'exists', token: await shop.token() })
    expect(await shop.counts()).toBe('10 9 1 0')
  })
})
