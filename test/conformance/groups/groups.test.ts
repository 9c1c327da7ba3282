import { expect, test } from 'vitest'
import type { GroupCommand, GroupOp } from '../../../src/engine/groups.js'
import { Follower } from '../../support/group-consumer.js'
import { openPort, partitionsOf, rulesOf, TOKEN } from '../../support/port-sale.js'
import { onBothEngines } from '../../support/shop.js'

const oneOfEach: { [C in GroupCommand]: GroupOp<C> } = {
  claim: { group: 'g', consumer: 'one', leaseMs: 1_000, start: 'beginning' },
  acknowledge: {
    ...{ group: 'g', consumer: 'one', epoch: 1, leaseMs: 1_000, position: 1 },
    ...{ park: [], unpark: [], trim: { olderThanMs: 10_000, maxEvents: 0 } },
  },
  checkpoint: { group: 'ledger', position: 1, trim: null },
  groups: {},
  dead: { group: 'g', after: 0 },
  revive: { group: 'g', sequences: [1], action: 'retry' },
  drop: { group: 'g' },
}
const commands = Object.entries(oneOfEach) as [GroupCommand, GroupOp<GroupCommand>][]

onBothEngines((_open, kind) => {
  const open = async (rules: Parameters<typeof openPort>[1] = {}) => openPort(await kind.make(), rules)

  test('no sale of this name: missing; another than the one there is: lost, and nothing changes', async () => {
    const [none] = partitionsOf(await kind.make())
    for (const [command, op] of commands)
      expect(await none!.runGroups(command, [op]), command).toStrictEqual({
        outcome: 'missing',
        now: none!.now(),
      })
    const [at] = await open()
    for (const [command, op] of commands)
      expect(await at!.runGroups(command, [op], { incarnation: 'another' }), command).toStrictEqual({
        outcome: 'lost',
        now: at!.now(),
      })
    expect(await at!.askGroups('groups', {})).toEqual({ status: 'groups', groups: [], first: 1 })
  })

  test('every reply carries the time, and the partition’s number of events', async () => {
    const [at] = await open()
    await at!.hold('u')
    await at!.hold('v')
    const statuses = []
    for (const [command, op] of commands) {
      await at!.advance(1)
      const { now, sequence, answers } = await at!.doneGroups(command, [op])
      expect({ now, sequence }, command).toEqual({ now: at!.now(), sequence: 2 })
      statuses.push(answers[0]!.status)
    }
    expect(statuses).toEqual([
      'claimed',
      'acknowledged',
      'checkpointed',
      'groups',
      'dead',
      'revived',
      'dropped',
    ])
    expect(await at!.events()).toHaveLength(2)
  })

  test('the groups in order of their names’ bytes, each with where it stands', async () => {
    const [at] = await open()
    for (const buyer of ['u', 'v', 'w']) await at!.hold(buyer)
    const names = ['b', 'a', 'ä', 'Z', 'aa', '\u{1f600}', '\uffee', 'head', '']
    for (const name of names) await new Follower(at!, 'x', name).checkpoint(names.indexOf(name))
    const follower = new Follower(at!, 'one', 'b')
    await follower.take()
    const park = [await follower.parked(1), await follower.parked(3, { retryAt: null })]
    await follower.acknowledge({ position: 2, park: [...park, await follower.parked(2)] })
    const { groups } = await at!.askGroups('groups', {})
    expect(groups.map(({ group }) => group)).toEqual([
      '',
      'Z',
      'a',
      'aa',
      'b',
      'head',
      'ä',
      '\uffee',
      '\u{1f600}',
    ])
    expect(groups[2]).toEqual({ group: 'a', position: 1, consumer: null, until: 0, parked: 0, dead: 0 })
    expect(groups[4]).toEqual({
      ...{ group: 'b', position: 2, consumer: 'one', until: at!.now() + 1_000, parked: 2, dead: 1 },
    })
  })

  test('a checkpoint makes the group where it is, and moves it on; it needs no lease', async () => {
    const [at] = await open()
    for (const buyer of ['u', 'v', 'w']) await at!.hold(buyer)
    const ledger = new Follower(at!, 'one', 'ledger')
    const stands = []
    for (const position of [1, 0, 2, 99]) {
      expect(await ledger.checkpoint(position)).toEqual({ status: 'checkpointed', first: 1 })
      stands.push((await ledger.state())?.position)
    }
    expect(stands).toEqual([1, 1, 2, 3])
    // What has not happened nobody has dealt with.
    expect(await ledger.state()).toMatchObject({ consumer: null, until: 0 })
    const ahead = new Follower(at!, 'one', 'ahead')
    await ahead.checkpoint(99)
    expect(await ahead.state()).toMatchObject({ position: 3 })
  })

  test('a checkpoint takes no lease and ends none', async () => {
    const [at] = await open()
    for (const buyer of ['u', 'v', 'w']) await at!.hold(buyer)
    const one = new Follower(at!, 'one')
    await one.checkpoint(1)
    expect(await one.take({ start: 'now' })).toMatchObject({ epoch: 1, position: 1 })
    await one.checkpoint(2)
    expect(await one.state()).toMatchObject({ position: 2, consumer: 'one', until: at!.now() + 1_000 })
    expect(await one.acknowledge({ position: 1 })).toMatchObject({ status: 'acknowledged' })
    expect(await one.state()).toMatchObject({ position: 2 })
  })

  test('a checkpoint after the deadline', async () => {
    const [at] = await open()
    await at!.hold('u')
    const late = { deadline: at!.now() - 1 }
    const op = { group: 'g', position: 1, trim: null }
    expect(await at!.askGroups('checkpoint', { ...op, position: 0 }, late)).toEqual({ status: 'retry' })
    expect((await at!.askGroups('groups', {})).groups).toEqual([])
    await at!.askGroups('checkpoint', op)
    expect(await at!.askGroups('checkpoint', op, late)).toEqual({ status: 'checkpointed', first: 1 })
    await at!.hold('v')
    expect(await at!.askGroups('checkpoint', { ...op, position: 2 }, late)).toEqual({ status: 'retry' })
  })

  test('dropped: position, lease and what was parked; a group of that name is another one', async () => {
    const [at] = await open()
    for (const buyer of ['u', 'v', 'w']) await at!.hold(buyer)
    const one = new Follower(at!, 'one')
    const two = new Follower(at!, 'two')
    const drop = (deadline?: number) =>
      at!.askGroups('drop', { group: 'g' }, deadline === undefined ? {} : { deadline })
    const late = at!.now() - 1
    expect(await drop(late)).toEqual({ status: 'gone' })
    await one.take()
    const park = [await one.parked(1), await one.parked(2, { retryAt: null })]
    await one.acknowledge({ position: 3, park })
    expect(await drop(late)).toEqual({ status: 'retry' })
    expect(await one.state()).toMatchObject({ parked: 1, dead: 1 })
    expect(await drop()).toEqual({ status: 'dropped' })
    expect(await drop()).toEqual({ status: 'gone' })
    expect(await one.acknowledge({ position: 3 })).toEqual({ status: 'gone' })
    expect(await one.dead()).toEqual([])
    expect((await at!.askGroups('groups', {})).groups).toEqual([])
    expect(await two.take()).toMatchObject({ epoch: 1, position: 0, parked: [] })
    // The epoch is the same, the consumer is not.
    expect(await one.acknowledge({ position: 3 })).toEqual({ status: 'fenced' })
    expect(await two.dead()).toEqual([])
    expect(await two.state()).toMatchObject({ position: 0, parked: 0, dead: 0 })
  })

  test('partitions have groups of their own', async () => {
    const [one, two] = await open({ partitions: 2 })
    await new Follower(one!, 'one').take()
    expect((await two!.askGroups('groups', {})).groups).toEqual([])
    await new Follower(two!, 'two').take()
    expect(await new Follower(one!, 'one').state()).toMatchObject({ consumer: 'one' })
  })

  test('a freeze does not concern consumers and ledgers, nor what they have seen', async () => {
    const [at] = await open()
    const lastSeen = { generation: 1, sequence: 99, batchId: 'unheard of' }
    const one = new Follower(at!, 'one')
    await at!.hold('u')
    expect((await at!.runGroups('claim', [oneOfEach.claim], { lastSeen })).outcome).toBe('done')
    expect((await at!.stats()).status).toBe('open')
    expect((await at!.run('stats', [{}], { lastSeen })).outcome).toBe('rolled_back')
    await one.take()
    expect(await one.acknowledge({ position: 1 })).toMatchObject({ status: 'acknowledged' })
    expect(await one.state()).toMatchObject({ position: 1 })
  })

  test('a sale that is created again has none of the groups of the one before', async () => {
    const [at] = partitionsOf(await kind.make())
    await at!.ask('rebuild', { rules: rulesOf({}), incarnation: TOKEN, generation: 1 })
    expect(await at!.askGroups('groups', {})).toEqual({ status: 'groups', groups: [], first: 1 })
  })
})
