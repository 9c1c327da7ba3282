import { expect, test } from 'vitest'
import type { Command, Op } from '../../src/engine/engine.js'
import type { Call, LogOffset } from '../../src/engine/port.js'
import { idIn, onBothEngines, order, type Shop } from '../support/shop.js'

const rolledBack = (shop: Shop) => ({ outcome: 'rolled_back', now: shop.now() })
/** Where the history of the first generation begins. */
const start: LogOffset = { generation: 1, sequence: 0, batchId: '' }
const reserve = (number: number) => [order(idIn('b', number))]

/** Reserves under a mark, and answers the point of the history that it reached. */
async function written(
  shop: Shop,
  number: number,
  call: Partial<Call> & { batchId: string },
): Promise<LogOffset> {
  const { offset } = await shop.done('reserve', reserve(number), call)
  return offset ?? expect.fail('no tip')
}

onBothEngines((open) => {
  test('a reply names the point reached: line, events so far, and the mark of the latest that wrote', async () => {
    const shop = await open()
    expect(await written(shop, 1, { batchId: 'one' })).toEqual({ generation: 1, sequence: 1, batchId: 'one' })
    expect(await written(shop, 2, { batchId: 'two' })).toEqual({ generation: 1, sequence: 2, batchId: 'two' })
    const again = await shop.done('reserve', reserve(2), { batchId: 'three' })
    expect(again.offset).toEqual({ generation: 1, sequence: 2, batchId: 'two' })
    expect((await shop.done('get', [{ id: idIn('b', 1) }])).offset).toEqual({
      generation: 1,
      sequence: 2,
      batchId: 'two',
    })
  })

  test('a process that has seen any part of the history is served', async () => {
    const shop = await open()
    const tips: LogOffset[] = [{ generation: 1, sequence: 0, batchId: '' }]
    for (const number of [1, 2, 3, 4]) tips.push(await written(shop, number, { batchId: `m${number}` }))
    await shop.done('reserve', [order(idIn('b', 5)), order(idIn('b', 6))], { batchId: 'both' })
    for (const lastSeen of tips) await shop.done('stats', [{}], { lastSeen })
    await shop.done('stats', [{}], { lastSeen: { generation: 1, sequence: 6, batchId: 'both' } })
  })

  const unknown: [string, LogOffset][] = [
    ['more events than there are', { generation: 1, sequence: 4, batchId: 'm3' }],
    ['the latest event by another call', { generation: 1, sequence: 3, batchId: 'x' }],
    [
      'an earlier event by another call: the new history has overtaken',
      { generation: 1, sequence: 2, batchId: 'x' },
    ],
    ['a later line', { generation: 2, sequence: 1, batchId: 'm1' }],
    ['a later line without any event', { generation: 2, sequence: 0, batchId: '' }],
  ]
  test.each(unknown)('seen was %s: frozen, for all and every command that may write', async (_, lastSeen) => {
    const shop = await open()
    for (const number of [1, 2, 3]) await written(shop, number, { batchId: `m${number}` })
    const before = await shop.events()
    expect(await shop.run('reserve', reserve(9), { lastSeen })).toStrictEqual(rolledBack(shop))
    const id = idIn('b', 1)
    const others: Partial<{ [C in Command]: Op<C> }> = {
      reserve: order(idIn('b', 8)),
      confirm: { id, buyer: null, paymentId: null, final: true },
      release: { id, buyer: null },
      extend: { id, holdMs: 5_000 },
      refund: { id, restock: true },
      restock: { sku: 0, quantity: 1, key: 'k', final: true },
      control: { action: 'unfreeze', recovered: [start], after: 0 },
      stats: {},
      sweep: {},
    }
    await shop.advance(10_000)
    for (const [command, op] of Object.entries(others))
      expect(await shop.run(command as Command, [op]), command).toStrictEqual(rolledBack(shop))
    expect(await shop.events()).toEqual(before)
    expect((await shop.done('scan', [{ cursor: '0' }])).answers[0]!.reservations).toHaveLength(3)
  })

  test('a reader is told, and freezes nothing; of a frozen sale everything can be read', async () => {
    const shop = await open()
    await written(shop, 1, { batchId: 'm1' })
    const lastSeen = { generation: 1, sequence: 2, batchId: 'm2' }
    const get = [{ id: idIn('b', 1) }]
    expect(await shop.run('get', get, { lastSeen })).toStrictEqual(rolledBack(shop))
    await shop.done('stats', [{}])
    expect(await shop.run('stats', [{}], { lastSeen })).toStrictEqual(rolledBack(shop))
    expect((await shop.done('get', get, { lastSeen })).answers[0]).toMatchObject({ status: 'found' })
  })

  test('a call that recovers goes through, whatever the state of the sale; unfreeze ends the freeze on another line', async () => {
    const shop = await open({ stock: { a: 3 } })
    const first = await written(shop, 1, { batchId: 'm1' })
    await shop.ask('control', { action: 'end' })
    const lastSeen = { generation: 1, sequence: 9, batchId: 'x' }
    await shop.run('stats', [{}], { lastSeen })
    const bypassFreeze = { bypassFreeze: true, lastSeen }
    expect(await shop.ask('reserve', reserve(2)[0]!, bypassFreeze)).toMatchObject({ status: 'reserved' })
    await shop.advance(1_000)
    const late = await shop.ask(
      'confirm',
      { id: idIn('b', 2), buyer: null, paymentId: null, final: true },
      bypassFreeze,
    )
    expect(late).toMatchObject({ status: 'confirmed', late: true })
    expect(await shop.run('stats', [{}])).toStrictEqual(rolledBack(shop))
    const recovered = [(await shop.done('stats', [{}], bypassFreeze)).offset!]
    const unfreeze = await shop.done('control', [{ action: 'unfreeze', recovered, after: 0 }], bypassFreeze)
    expect(unfreeze.answers).toEqual([{ status: 'ended' }])
    expect(unfreeze.offset).toMatchObject({ generation: 2 })
    // What was seen before the recovery, of either history, is no matter any more.
    for (const before of [lastSeen, first]) await shop.done('stats', [{}], { lastSeen: before })
    expect(await shop.ask('reserve', reserve(3)[0]!)).toEqual({ status: 'ended' })
    expect(await shop.counts()).toBe('3 2 0 1')
    await shop.audited()
  })

  test('unfreeze where nothing is frozen, of what is there, changes nothing', async () => {
    const shop = await open()
    const early = await written(shop, 1, { batchId: 'm1' })
    const latest = await written(shop, 2, { batchId: 'm2' })
    const unfreeze = async (...recovered: LogOffset[]) => {
      const call = { bypassFreeze: true }
      const { answers, offset } = await shop.done(
        'control',
        [{ action: 'unfreeze', recovered, after: 0 }],
        call,
      )
      return [...answers, offset]
    }
    expect(await unfreeze(start, early, latest)).toEqual([{ status: 'open' }, latest])
    // A repetition of one that ended the freeze of the generation before.
    await shop.run('stats', [{}], { lastSeen: { ...latest, sequence: 9 } })
    const next = { ...latest, generation: 2 }
    for (let i = 0; i < 2; i++) expect(await unfreeze(early, latest)).toEqual([{ status: 'open' }, next])
  })

  // The server has loaded a copy from before the freeze, and lost what was recovered.
  test.each([
    ['more than there is', { generation: 1, sequence: 3, batchId: 'm3' }],
    ['another history', { generation: 1, sequence: 2, batchId: 'x' }],
    ['a later generation', { generation: 7, sequence: 0, batchId: '' }],
  ])('unfreeze where nothing is frozen, and %s was recovered: it freezes', async (_, lost) => {
    const shop = await open()
    await written(shop, 1, { batchId: 'm1' })
    const latest = await written(shop, 2, { batchId: 'm2' })
    const op = { action: 'unfreeze', recovered: [latest, lost], after: 0 } as const
    const { answers, offset } = await shop.done('control', [op], { bypassFreeze: true })
    expect([...answers, offset]).toEqual([{ status: 'frozen' }, latest])
    expect(await shop.run('stats', [{}])).toStrictEqual(rolledBack(shop))
    expect(await shop.run('reserve', reserve(3))).toStrictEqual(rolledBack(shop))
    // What came after it froze does not go on in the next generation.
    await shop.ask('reserve', reserve(3)[0]!, { bypassFreeze: true, batchId: 'm3' })
    const recovered = [latest]
    const again = await shop.done('control', [{ action: 'unfreeze', recovered, after: 0 }], {
      bypassFreeze: true,
    })
    expect([...again.answers, again.offset!.generation]).toEqual([{ status: 'open' }, 2])
    expect(await shop.ask('events', { after: 0, reservations: false })).toMatchObject({ since: 2 })
  })

  test('unfreeze ends no other freeze than that of the history which was recovered', async () => {
    const shop = await open()
    const early = await written(shop, 1, { batchId: 'm1' })
    const recovered = await written(shop, 2, { batchId: 'm2' })
    const freeze = async () => {
      const { generation } = (await shop.done('get', [{ id: idIn('b', 1) }])).offset!
      await shop.run('stats', [{}], { lastSeen: { generation, sequence: 99, batchId: 'x' } })
    }
    const unfreeze = async (...recovered: LogOffset[]) => {
      const call = { bypassFreeze: true }
      const done = await shop.done('control', [{ action: 'unfreeze', recovered, after: 0 }], call)
      return [done.answers[0]!.status, done.offset!.generation]
    }
    await freeze()
    // Another history, or more of it than there is.
    expect(await unfreeze({ ...recovered, batchId: 'x' })).toEqual(['frozen', 1])
    expect(await unfreeze({ ...recovered, sequence: 3 })).toEqual(['frozen', 1])
    expect(await unfreeze({ ...recovered, generation: 2 })).toEqual(['frozen', 1])
    // One of several is enough.
    expect(await unfreeze(recovered, { ...early, batchId: 'x' })).toEqual(['frozen', 1])
    expect(await unfreeze({ ...early, batchId: 'x' }, recovered)).toEqual(['frozen', 1])
    expect(await shop.run('stats', [{}])).toStrictEqual(rolledBack(shop))
    // What has come since belongs to the same history.
    expect(await unfreeze(recovered, early)).toEqual(['open', 2])
    expect(await unfreeze(early)).toEqual(['open', 2])
    // That which was recovered before the sale froze again.
    await freeze()
    expect(await unfreeze(recovered)).toEqual(['frozen', 2])
    expect(await unfreeze({ ...recovered, generation: 2 })).toEqual(['open', 3])
  })

  test('unfreeze where a later generation was seen: the next one comes after it', async () => {
    const shop = await open()
    const latest = await written(shop, 1, { batchId: 'm1' })
    const unfreeze = async (after: number) => {
      const { generation } = (await shop.done('get', [{ id: idIn('b', 1) }])).offset!
      await shop.run('stats', [{}], { lastSeen: { generation, sequence: 99, batchId: 'x' } })
      const op = { action: 'unfreeze', recovered: [{ ...latest, generation }], after } as const
      // A repetition, whatever it has seen, changes nothing.
      const again = { ...op, after: after + 1 }
      await shop.ask('control', op, { bypassFreeze: true })
      return (await shop.done('control', [again], { bypassFreeze: true })).offset!.generation
    }
    expect(await unfreeze(1)).toBe(2)
    expect(await unfreeze(1)).toBe(3)
    expect(await unfreeze(4)).toBe(6)
    expect(await unfreeze(6)).toBe(7)
    await shop.done('stats', [{}], { lastSeen: { generation: 4, sequence: 99, batchId: 'x' } })
  })

  test('advance while it is frozen: the next generation comes after those that a process has seen', async () => {
    const shop = await open()
    const latest = await written(shop, 1, { batchId: 'm1' })
    const call = { bypassFreeze: true }
    const advance = async (after: number) => {
      const { answers, offset } = await shop.done('control', [{ action: 'advance', after }], call)
      return [answers[0]!.status, offset!.generation]
    }
    // Nothing is frozen.
    expect(await advance(7)).toEqual(['open', 1])
    await shop.run('stats', [{}], { lastSeen: { ...latest, generation: 5 } })
    expect(await shop.run('control', [{ action: 'advance', after: 7 }])).toStrictEqual(rolledBack(shop))
    expect(await advance(1)).toEqual(['open', 1])
    for (const after of [5, 5, 6, 4]) expect(await advance(after)).toEqual(['open', 6])
    expect(await shop.run('stats', [{}])).toStrictEqual(rolledBack(shop))
    const unfreeze = async (generation: number) => {
      const op = { action: 'unfreeze', recovered: [{ ...latest, generation }], after: 0 } as const
      const { answers, offset } = await shop.done('control', [op], call)
      return [answers[0]!.status, offset!.generation]
    }
    // What was recovered before may have been lost since.
    expect(await unfreeze(1)).toEqual(['frozen', 6])
    expect(await unfreeze(6)).toEqual(['open', 7])
    expect(await shop.ask('events', { after: 0, reservations: false })).toMatchObject({ since: 1 })
    for (const generation of [1, 5, 6])
      await shop.done('stats', [{}], { lastSeen: { ...latest, generation, batchId: 'x' } })
  })

  test('a whole sale is not rebuilt, by whomever', async () => {
    const shop = await open()
    await written(shop, 1, { batchId: 'm1' })
    const { rules } = await shop.ask('describe', {})
    const answer = await shop.ask('rebuild', { rules, incarnation: 'another', generation: 5 })
    expect(answer).toEqual({ status: 'exists', incarnation: await shop.token() })
    expect(await shop.counts()).toBe('10 9 1 0')
  })
})
