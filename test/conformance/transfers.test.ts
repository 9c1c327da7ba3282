import { expect, test } from 'vitest'
import type { Units } from '../../src/engine/engine.js'
import { openPort, type PortPartition } from '../support/port-sale.js'
import { onBothEngines } from '../support/shop.js'

const send = (from: PortPartition, wants: Units, rest: { to?: number; received?: Units } = {}) =>
  from.ask('send', { to: 1, received: [], ...rest, wants })
const receive = (at: PortPartition, sent: Units, from = 0) => at.ask('receive', { from, sent })

onBothEngines((_open, kind) => {
  const open = async (rules: Parameters<typeof openPort>[1] = {}) =>
    openPort(await kind.make(), { partitions: 3, ...rules })

  test('what is sent leaves one partition at once, and is in the other when it is received', async () => {
    const [one, two] = await open({ stock: { a: 30 } })
    expect(await send(one!, [[0, 7]])).toEqual({ status: 'sent', sent: [[0, 7]], left: [[0, 3]] })
    expect(await one!.counts()).toBe('10 3 0 0 7')
    expect(await two!.counts()).toBe('10 10 0 0 0')
    expect(await receive(two!, [[0, 7]])).toEqual({ status: 'received', received: [[0, 7]] })
    expect(await two!.counts()).toBe('10 17 0 0 -7')
    expect(await one!.news()).toEqual([{ type: 'sent', to: 1, sku: 0, quantity: 7 }])
    expect(await two!.news()).toEqual([{ type: 'received', from: 0, sku: 0, quantity: 7 }])
  })

  test('what is asked, or half of what is there if that is more, but no more than there is', async () => {
    const [one] = await open({ stock: { a: 60 } })
    const answers: unknown[] = []
    for (const quantity of [1, 9, 1, 1, 1, 1, 1]) answers.push(await send(one!, [[0, quantity]]))
    // Of 20: 10 of 20, 9 of 10, then one by one, then none.
    expect(answers).toMatchObject([
      { sent: [[0, 10]], left: [[0, 10]] },
      { sent: [[0, 19]], left: [[0, 1]] },
      { sent: [[0, 20]], left: [[0, 0]] },
      ...Array.from({ length: 4 }, () => ({ sent: [[0, 20]], left: [[0, 0]] })),
    ])
    const [other] = await open({ stock: { a: 15 } })
    expect(await send(other!, [[0, 1]])).toMatchObject({ sent: [[0, 2]], left: [[0, 3]] })
    expect(await send(other!, [[0, 99]])).toMatchObject({ sent: [[0, 5]], left: [[0, 0]] })
  })

  test('of several SKUs each as far as it is there, an event each in order, sold_out behind the last unit', async () => {
    const [one] = await open({ stock: { a: 6, b: 3, c: 30 } })
    await one!.hold('u', [[1, 1]])
    await one!.news()
    const wants: Units = [
      [0, 5],
      [1, 1],
      [2, 2],
    ]
    expect(await send(one!, wants)).toEqual({
      status: 'sent',
      sent: [
        [0, 2],
        [2, 5],
      ],
      left: [
        [0, 0],
        [1, 0],
        [2, 5],
      ],
    })
    expect(await one!.news()).toEqual([
      { type: 'sent', to: 1, sku: 0, quantity: 2 },
      { type: 'sold_out', sku: 0 },
      { type: 'sent', to: 1, sku: 2, quantity: 5 },
    ])
    // Of the SKUs that are named, what was ever sent.
    expect(await send(one!, [[0, 1]])).toEqual({ status: 'sent', sent: [[0, 2]], left: [[0, 0]] })
    expect(await send(one!, [[0, 1]], { received: [[2, 5]] })).toEqual({
      status: 'sent',
      sent: [
        [0, 2],
        [2, 5],
      ],
      left: [[0, 0]],
    })
    expect(await one!.news()).toEqual([])
  })

  test('nothing wanted: what was ever sent there', async () => {
    const [one] = await open()
    const received: Units = [[0, 0]]
    expect(await send(one!, [], { received })).toEqual({ status: 'sent', sent: [], left: [] })
    await send(one!, [[0, 1]], { to: 2 })
    expect(await send(one!, [], { received })).toEqual({ status: 'sent', sent: [], left: [] })
    expect(await send(one!, [], { to: 2, received })).toMatchObject({ sent: [[0, 2]] })
    expect(await send(one!, [], { to: 2 })).toMatchObject({ sent: [] })
  })

  test('expired holds are there to be sent, held units are not', async () => {
    const [one] = await open({ stock: { a: 12 } })
    await one!.hold('u', [[0, 3]])
    await one!.hold('v', [[0, 1]], { holdMs: 5_000 })
    expect(await send(one!, [[0, 1]])).toMatchObject({ sent: [], left: [[0, 0]] })
    await one!.advance(1_000)
    expect(await send(one!, [[0, 9]])).toMatchObject({ sent: [[0, 3]], left: [[0, 0]] })
    expect(await one!.counts()).toBe('4 0 1 0 3')
    expect((await one!.news()).slice(-3)).toMatchObject([
      { type: 'expired' },
      { type: 'sent', quantity: 3 },
      { type: 'sold_out', sku: 0 },
    ])
  })

  test('a paused sale and one that has ended send and receive too', async () => {
    const [one, two] = await open({ stock: { a: 30 } })
    for (const action of ['pause', 'end'] as const) {
      for (const each of [one!, two!]) await each.ask('control', { action })
      const sent = await send(one!, [[0, 1]])
      if (sent.status !== 'sent') expect.fail(sent.status)
      await receive(two!, sent.sent)
    }
    expect(await one!.counts()).toBe('10 3 0 0 7')
    expect(await two!.counts()).toBe('10 17 0 0 -7')
  })

  test('to receive is to catch up: repeated, late, out of order, or by any process', async () => {
    const [one, two] = await open({ stock: { a: 30, b: 30 } })
    const sent = (...units: number[]) => units.map((quantity, sku) => [sku, quantity] as const)
    const steps = [
      [sent(3), sent(3)],
      [sent(3), sent(3)],
      [sent(2, 1), sent(3, 1)],
      [sent(1), sent(3)],
      [sent(7, 4), sent(7, 4)],
      [[], []],
      [[[1, 2]], [[1, 4]]],
      [sent(6, 5), sent(7, 5)],
    ] as const
    for (const [told, received] of steps)
      expect(await receive(two!, told)).toEqual({ status: 'received', received })
    expect(await two!.counts(0)).toBe('10 17 0 0 -7')
    expect(await two!.counts(1)).toBe('10 15 0 0 -5')
    const quantities = (await two!.news()).map((event) => 'quantity' in event && [event.sku, event.quantity])
    expect(quantities).toEqual([
      [0, 3],
      [1, 1],
      [0, 4],
      [1, 3],
      [1, 1],
    ])
    // Another sender has an account of its own.
    expect(await receive(two!, [[0, 2]], 2)).toEqual({ status: 'received', received: [[0, 2]] })
    expect(await one!.counts()).toBe('10 10 0 0 0')
  })

  test('several in one batch, as if one after another', async () => {
    const [one, two] = await open({ stock: { a: 30 } })
    const items = [4, 1, 9].map((quantity, i) => {
      const wants: Units = [[0, quantity]]
      return { to: i === 1 ? 2 : 1, wants, received: [] }
    })
    expect((await one!.done('send', items)).answers).toEqual([
      { status: 'sent', sent: [[0, 5]], left: [[0, 5]] },
      { status: 'sent', sent: [[0, 2]], left: [[0, 3]] },
      { status: 'sent', sent: [[0, 8]], left: [[0, 0]] },
    ])
    const receipts = [3, 8, 5].map((units) => ({ from: 0, sent: [[0, units]] as Units }))
    expect((await two!.done('receive', receipts)).answers).toEqual([
      { status: 'received', received: [[0, 3]] },
      { status: 'received', received: [[0, 8]] },
      { status: 'received', received: [[0, 8]] },
    ])
  })

  test('transfers: everything ever sent and received, in order; a partition with no transfers is not named', async () => {
    const [one] = await open({ stock: { a: 90, b: 90 } })
    expect(await one!.ask('transfers', {})).toEqual({
      status: 'transfers',
      sent: [],
      received: [],
      departing: [],
      hasArrived: false,
    })
    await send(one!, [[1, 3]], { to: 2 })
    await send(one!, [[0, 4]], { to: 1 })
    await send(one!, [[0, 3]], { to: 2 })
    await send(one!, [], { to: 3 })
    await receive(one!, [[1, 2]], 2)
    await receive(one!, [], 1)
    await receive(one!, [[0, 0]], 1)
    expect(await one!.ask('transfers', {})).toEqual({
      status: 'transfers',
      sent: [
        [1, [[0, 15]]],
        [
          2,
          [
            [0, 7],
            [1, 15],
          ],
        ],
      ],
      received: [[2, [[1, 2]]]],
      departing: [],
      hasArrived: false,
    })
  })

  test('after the deadline nothing is moved; what would move nothing is answered', async () => {
    const [one, two] = await open({ stock: { a: 30 } })
    const late = { deadline: one!.now() - 1 }
    const wants: Units = [[0, 10]]
    const op = { to: 1, wants, received: [] }
    expect(await one!.ask('send', op, late)).toEqual({ status: 'retry' })
    expect(await one!.counts()).toBe('10 10 0 0 0')
    expect(await one!.ask('send', { ...op, wants: [] }, late)).toMatchObject({ status: 'sent' })
    await send(one!, wants)
    expect(await one!.ask('send', op, late)).toEqual({ status: 'sent', sent: wants, left: [[0, 0]] })
    const receipt = { from: 0, sent: wants }
    expect(await two!.ask('receive', receipt, late)).toEqual({ status: 'retry' })
    expect(await two!.counts()).toBe('10 10 0 0 0')
    await receive(two!, wants)
    expect(await two!.ask('receive', receipt, late)).toEqual({ status: 'received', received: wants })
  })

  test('the other has received more than this one knows to have sent: it is frozen, and nothing is sent', async () => {
    const [one] = await open({ stock: { a: 30, b: 30 } })
    await send(one!, [[0, 5]])
    await one!.hold('u', [[1, 1]])
    expect(await send(one!, [[1, 1]], { received: [[0, 5]] })).toMatchObject({ status: 'sent' })
    const before = await one!.events()
    const received: Units = [
      [0, 4],
      [1, 6],
    ]
    const items = [
      { to: 2, wants: [[0, 1]] as Units, received: [] },
      { to: 1, wants: [[0, 1]] as Units, received },
    ]
    const rolledBack = { outcome: 'rolled_back', now: one!.now() }
    expect(await one!.run('send', items)).toStrictEqual(rolledBack)
    expect(await one!.run('send', [items[0]!])).toStrictEqual(rolledBack)
    expect(await one!.run('receive', [{ from: 2, sent: [] }])).toStrictEqual(rolledBack)
    expect(await one!.run('stats', [{}])).toStrictEqual(rolledBack)
    expect(await one!.events()).toEqual(before)
    expect(await one!.ask('transfers', {})).toMatchObject({ sent: [[1, expect.anything()]] })
    expect(await one!.ask('events', { after: 0, reservations: false })).toMatchObject({
      generation: 1,
      since: before.length,
    })
  })

  test('a recovery sends what was forgotten after all; what is lacking of it joins the sale', async () => {
    const [one] = await open({ stock: { a: 30, b: 30, c: 30 } })
    await one!.hold('u', [
      [0, 8],
      [1, 10],
    ])
    await one!.news()
    const received: Units = [
      [0, 5],
      [1, 3],
      [2, 4],
    ]
    expect((await one!.run('send', [{ to: 1, wants: [], received }])).outcome).toBe('rolled_back')
    const bypassFreeze = { bypassFreeze: true }
    const late = { ...bypassFreeze, deadline: one!.now() - 1 }
    expect(await one!.ask('send', { to: 1, wants: [], received }, late)).toEqual({ status: 'retry' })
    const answer = { status: 'sent', sent: received, left: [] }
    expect(await one!.ask('send', { to: 1, wants: [], received }, bypassFreeze)).toEqual(answer)
    // Known by now: nothing more is lacking.
    for (const again of [bypassFreeze, late])
      expect(await one!.ask('send', { to: 1, wants: [], received }, again)).toEqual(answer)
    expect(await one!.news()).toEqual([
      { type: 'sent', to: 1, sku: 0, quantity: 5 },
      { type: 'sold_out', sku: 0 },
      { type: 'sent', to: 1, sku: 1, quantity: 3 },
      { type: 'sent', to: 1, sku: 2, quantity: 4 },
    ])
    await one!.ask(
      'control',
      { action: 'unfreeze', recovered: [{ generation: 1, sequence: 0, batchId: '' }], after: 0 },
      bypassFreeze,
    )
    expect(await one!.counts(0)).toBe('13 0 8 0 5')
    expect(await one!.counts(1)).toBe('13 0 10 0 3')
    expect(await one!.counts(2)).toBe('10 6 0 0 4')
  })

  test('a recovery may send what is wanted too, behind what was forgotten', async () => {
    const [one] = await open({ stock: { a: 30 } })
    const op = { to: 1, wants: [[0, 1]] as Units, received: [[0, 6]] as Units }
    const answer = await one!.ask('send', op, { bypassFreeze: true })
    expect(answer).toEqual({ status: 'sent', sent: [[0, 8]], left: [[0, 2]] })
    expect(await one!.news()).toMatchObject([{ quantity: 6 }, { quantity: 2 }])
  })

  test('a recovery receives what others have sent', async () => {
    const [one] = await open({ stock: { a: 30 } })
    await one!.run('send', [{ to: 1, wants: [], received: [[0, 1]] }])
    const receipt = { from: 2, sent: [[0, 4]] as Units }
    expect((await one!.run('receive', [receipt])).outcome).toBe('rolled_back')
    expect(await one!.ask('receive', receipt, { bypassFreeze: true })).toMatchObject({ received: [[0, 4]] })
  })
})
