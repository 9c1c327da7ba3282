import { describe, expect, test } from 'vitest'
import type { GroupCommand, GroupOp } from '../../../src/engine/groups.js'
import { Follower } from '../../support/group-consumer.js'
import { stored } from '../../support/layouts.js'
import { openPort } from '../../support/port-sale.js'
import { onBothEngines } from '../../support/shop.js'

onBothEngines((_open, kind) => {
  /** A sale with five events, and a group of which 1 to 3 are parked and 4 and 5 are dead. */
  const open = async () => {
    const timed = await kind.make()
    const [at] = await openPort(timed)
    for (const buyer of ['u', 'v', 'w', 'x', 'y']) await at!.hold(buyer, [[0, 1]], { holdMs: 10_000 })
    const one = new Follower(at!, 'one')
    await one.take()
    const park = await Promise.all([1, 2, 3, 4, 5].map((n) => one.parked(n, n > 3 ? { retryAt: null } : {})))
    await one.acknowledge({ position: 5, park })
    return { at: at!, one, park, dump: () => stored(kind, timed) }
  }

  const changes: [GroupCommand, GroupOp<GroupCommand>, status: string][] = [
    ['claim', { group: 'new', consumer: 'one', leaseMs: 1_000, start: 'now' }, 'claimed'],
    [
      'acknowledge',
      {
        ...{ group: 'g', consumer: 'one', epoch: 1, leaseMs: 1_000, position: 5 },
        ...{ park: [], unpark: [1], trim: null },
      },
      'acknowledged',
    ],
    ['checkpoint', { group: 'new', position: 1, trim: null }, 'checkpointed'],
    ['revive', { group: 'g', sequences: [4], action: 'retry' }, 'revived'],
    ['drop', { group: 'g' }, 'dropped'],
  ]
  test.each(changes)('%s is executed at its deadline, and not a ms after it', async (command, op, status) => {
    const { at, dump } = await open()
    const before = await dump()
    expect(await at.askGroups(command, op, { deadline: at.now() - 1 })).toEqual({ status: 'retry' })
    expect(await dump()).toEqual(before)
    expect(await at.askGroups(command, op, { deadline: at.now() })).toMatchObject({ status })
    expect(await dump()).not.toEqual(before)
  })

  test('an answer that changes nothing writes nothing', async () => {
    const { at, one, dump } = await open()
    const two = new Follower(at, 'two')
    const other = new Follower(at, 'one', 'none')
    const before = await dump()
    const revive = (group: string, sequences: number[]) =>
      at.askGroups('revive', { group, sequences, action: 'retry' })
    expect(await two.claim()).toMatchObject({ status: 'busy' })
    expect(await two.acknowledge({ epoch: 1, position: 5 })).toEqual({ status: 'fenced' })
    expect(await other.acknowledge({ epoch: 1, position: 5 })).toEqual({ status: 'gone' })
    expect(await revive('g', [1, 6, 99])).toEqual({ status: 'revived', count: 0 })
    expect(await revive('none', [1])).toEqual({ status: 'revived', count: 0 })
    expect(await at.askGroups('drop', { group: 'none' })).toEqual({ status: 'gone' })
    await one.dead()
    await one.state()
    expect(await dump()).toEqual(before)
  })

  describe('one event beside its neighbours', () => {
    test.each([
      [1, [2, 3]],
      [2, [1, 3]],
      [3, [1, 2]],
    ])('unparks %i and no other', async (sequence, left) => {
      const { one } = await open()
      await one.acknowledge({ unpark: [sequence] })
      expect((await one.take()).parked.map(({ event }) => event.sequence)).toEqual(left)
      expect(await one.state()).toMatchObject({ parked: 2, dead: 2 })
    })

    test.each(['retry', 'discard'] as const)('%s of one dead event and no other', async (action) => {
      const { at, one } = await open()
      await at.askGroups('revive', { group: 'g', sequences: [4], action })
      expect((await one.dead()).map(({ event }) => event.sequence)).toEqual([5])
      expect(await one.state()).toMatchObject({ parked: action === 'retry' ? 4 : 3, dead: 1 })
    })

    test('parks one event again and no other', async () => {
      const { one, park } = await open()
      const again = { ...park[1]!, attempts: 7 }
      await one.acknowledge({ park: [again] })
      expect((await one.take()).parked).toEqual([park[0], again, park[2]])
    })

    test.each([0, 3, 4, 5])('dead events after %i', async (after) => {
      const { one } = await open()
      expect((await one.dead(after)).map(({ event }) => event.sequence)).toEqual(
        [4, 5].filter((n) => n > after),
      )
    })
  })

  describe('items of a batch, of which one has more to do', () => {
    test.each(['first', 'last'])('parking comes %s', async (order) => {
      const { at, one, park } = await open()
      const batch = [one.acknowledgement({ park: [{ ...park[0]!, attempts: 9 }] }), one.acknowledgement()]
      await at.doneGroups('acknowledge', order === 'first' ? batch : batch.toReversed())
      expect((await one.take()).parked[0]).toMatchObject({ attempts: 9 })
    })

    test.each(['first', 'last'])('unparking comes %s', async (order) => {
      const { at, one } = await open()
      const batch = [one.acknowledgement({ unpark: [2] }), one.acknowledgement()]
      await at.doneGroups('acknowledge', order === 'first' ? batch : batch.toReversed())
      expect(await one.state()).toMatchObject({ parked: 2 })
    })

    test.each(['first', 'last'])('trimming comes %s', async (order) => {
      const { at, one } = await open()
      const trim = { olderThanMs: 0, maxEvents: 1_000 }
      const acknowledgements = [one.acknowledgement({ trim }), one.acknowledgement()]
      const checkpoints = [
        { group: 'ledger', position: 5, trim },
        { group: 'ledger', position: 5, trim: null },
      ]
      const [batch, other] =
        order === 'first'
          ? [acknowledgements, checkpoints]
          : [acknowledgements.toReversed(), checkpoints.toReversed()]
      await at.doneGroups('acknowledge', batch)
      expect((await at.askGroups('groups', {})).first).toBe(5)
      await at.hold('z', [[0, 1]], { holdMs: 10_000 })
      await at.doneGroups('checkpoint', other)
      expect((await at.askGroups('groups', {})).first).toBe(6)
    })
  })

  test('trims all that is 0 ms old by a lease, and nothing without being asked to', async () => {
    const { one } = await open()
    expect(await one.acknowledge({ position: 5 })).toMatchObject({ first: 1 })
    const trim = { olderThanMs: 0, maxEvents: 1_000 }
    expect(await one.acknowledge({ position: 5, trim })).toMatchObject({ first: 5 })
  })

  test.each([1, 2, 3, 9])(
    '%i groups: each is dropped with its own events, and the others keep theirs',
    async (count) => {
      const { at, one, park } = await open()
      const others = Array.from({ length: count }, (_, i) => new Follower(at, 'one', `other ${i}`))
      for (const other of others) {
        await other.take()
        await other.acknowledge({ position: 2, park: [park[0]!, park[3]!, park[4]!] })
      }
      expect(await at.askGroups('drop', { group: 'g' })).toEqual({ status: 'dropped' })
      expect(await one.state()).toBeUndefined()
      for (const [i, other] of others.entries()) {
        expect(await other.state()).toMatchObject({ position: 2, parked: 1, dead: 2 })
        expect((await other.take()).parked).toEqual([park[0]])
        expect(await at.askGroups('drop', { group: other.group })).toEqual({ status: 'dropped' })
        expect((await at.askGroups('groups', {})).groups).toHaveLength(count - 1 - i)
      }
      expect(await one.take()).toMatchObject({ epoch: 1, position: 0, parked: [] })
    },
  )

  test('each group of a batch is counted by its own events', async () => {
    const { at, one, park } = await open()
    const two = new Follower(at, 'one', 'two')
    await two.take()
    await at.doneGroups('acknowledge', [
      two.acknowledgement({ position: 1, park: [park[3]!, park[0]!] }),
      one.acknowledgement({ position: 5, unpark: [1, 4] }),
      two.acknowledgement({ position: 4, unpark: [1] }),
    ])
    expect(await one.state()).toMatchObject({ position: 5, parked: 2, dead: 1 })
    expect(await two.state()).toMatchObject({ position: 4, parked: 0, dead: 1 })
  })

  describe('the clock is set back by five seconds', () => {
    test('a claim answers a time that is not before the latest event', async () => {
      const [at] = await openPort(await kind.make())
      await at!.hold('u', [[0, 1]], { holdMs: 10_000 })
      const written = at!.now()
      await at!.advance(-5_000)
      const claim = { group: 'g', consumer: 'one', leaseMs: 1_000, start: 'now' as const }
      expect((await at!.doneGroups('claim', [claim])).now).toBe(written)
    })

    test('an answer that changes no group lets the time pass at half speed', async () => {
      const { at } = await open()
      const written = at.now()
      const claim = { group: 'g', consumer: 'two', leaseMs: 1_000, start: 'now' as const }
      await at.advance(-5_000)
      const timeOf = async () => (await at.doneGroups('claim', [claim])).now
      expect(await timeOf()).toBe(written)
      await at.advance(2_000)
      expect(await timeOf()).toBe(written + 1_000)
    })
  })
})
