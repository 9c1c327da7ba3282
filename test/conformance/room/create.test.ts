import { expect, test } from 'vitest'
import type { RoomCommand, RoomOp } from '../../../src/engine/room.js'
import { late, onBothEngines, Room, usualRules } from '../../support/room.js'

const oneOfEach: { [C in Exclude<RoomCommand, 'create' | 'describe'>]: RoomOp<C> } = {
  update: { opensAt: { to: 1 }, tiers: ['a'] },
  join: { buyer: 'ann' },
  tend: { visits: [], stock: null, goneVersion: 0, turnsSince: 0, revokedSince: 0, drawn: null },
  leave: { buyer: 'ann', visitId: 1 },
  revoke: { buyer: 'ann' },
  block: { buyer: 'ann', blocked: true },
  transfer: { buyer: 'ann', visitId: 1, to: 'bob', compared: null },
  spend: { buyer: 'ann', visitId: 1 },
  control: { action: 'pause' },
}

onBothEngines((open, kind) => {
  test('a room is as it was created, with a full bucket and no visitors', async () => {
    const room = await open({ claimMs: 20_000, passMs: 90_000 }, { rate: 500_000, burst: 1_000 })
    expect(await room.tend()).toEqual({
      status: 'tended',
      opened: true,
      paused: false,
      closed: null,
      pace: { rate: 500_000, burst: 1_000 },
      tokens: 1_000_000_000,
      tail: 0,
      called: 0,
      reach: 5_000,
      present: 0,
      speed: 500_000,
      waiting: 0,
      admitted: 0,
      missedTurns: 0,
      outstanding: 0,
      capacity: null,
      drawn: null,
      seed: null,
      tiers: [
        {
          ...{ index: 0, name: null, tail: 0, called: 0, reach: 5_000, present: 0, waiting: 0, drawn: null },
        },
      ],
      opensAt: null,
      revision: 0,
      doorTime: 0,
      turns: [],
      goneVersion: 0,
      gone: [],
      revoked: [],
      visits: [],
      of: {},
    })
  })

  test('exists: with the same rules, whatever the pace; the first token and commitment stay', async () => {
    const room = await open({ opensAt: 5 }, { rate: 7 })
    const again = { rules: { ...usualRules, opensAt: 5 }, pace: { rate: 1, burst: 9 }, seed: 's' }
    expect(await room.ask('create', { ...again, commitment: 'other', incarnation: 'other' })).toEqual({
      status: 'exists',
      incarnation: room.token,
      commitment: 'commitment of launch',
    })
    expect((await room.tend()).pace).toEqual({ rate: 7, burst: 1 })
  })

  test('conflict: with other rules, each of them; nothing changes', async () => {
    const room = await open({ sale: 'launch' })
    await room.join('ann')
    const others = [
      { sale: 'launch', order: 'random' as const },
      { sale: 'launch', opensAt: 1 },
      { sale: 'launch', claimMs: 1 },
      { sale: 'launch', passMs: 1 },
      { sale: 'other' },
      { sale: null },
      { sale: 'launch', overcommit: 1_001 },
      { sale: 'launch', maxActive: 1 },
    ]
    const conflict = { status: 'conflict', incarnation: room.token, commitment: 'commitment of launch' }
    for (const rules of others) expect(await room.create(rules)).toEqual(conflict)
    expect(await room.create({ sale: 'launch' })).toEqual({ ...conflict, status: 'exists' })
    expect((await room.tend()).tail).toBe(1)
  })

  test('one batch: the first creates, the others find it', async () => {
    const room = new Room(await kind.make(), 'launch')
    const op = { rules: usualRules, pace: { rate: 1, burst: 1 }, seed: 's', commitment: 'c' }
    const { answers } = await room.done('create', [
      { ...op, incarnation: 't1' },
      { ...op, incarnation: 't2' },
      { ...op, incarnation: 't3', rules: { ...usualRules, claimMs: 1 } },
    ])
    expect(answers.map(({ status }) => status)).toEqual(['created', 'exists', 'conflict'])
    expect(answers.map((answer) => 'incarnation' in answer && answer.incarnation)).toEqual(['t1', 't1', 't1'])
  })

  test('described: rules, token and commitment', async () => {
    const room = await open({ order: 'random', opensAt: 99, sale: 'élan "x"' })
    expect(await room.ask('describe', {}, { incarnation: null })).toEqual({
      status: 'described',
      rules: { ...usualRules, order: 'random', opensAt: 99, sale: 'élan "x"' },
      incarnation: room.token,
      commitment: 'commitment of launch',
    })
  })

  test('nothing of this name: missing. Another incarnation: lost, and nothing changes', async () => {
    const clock = await kind.make()
    const nothing = new Room(clock, 'nothing')
    const room = await Room.open(clock)
    for (const [command, op] of Object.entries({ ...oneOfEach, describe: {} })) {
      const missing = await nothing.run(command as RoomCommand, [op])
      expect(missing, command).toStrictEqual({ outcome: 'missing', now: room.now() })
      if (command === 'describe') continue
      const lost = await room.run(command as RoomCommand, [op], { incarnation: 'another' })
      expect(lost, command).toStrictEqual({ outcome: 'lost', now: room.now() })
    }
    expect(await room.tend()).toMatchObject({ tail: 0, paused: false })
  })

  test('after the deadline nothing is created; what exists is told all the same', async () => {
    const room = new Room(await kind.make(), 'launch')
    expect(await room.create({}, {}, late)).toEqual({ status: 'retry' })
    expect((await room.run('describe', [{}], { incarnation: null })).outcome).toBe('missing')
    expect(await room.create()).toMatchObject({ status: 'created' })
    expect(await room.create({}, {}, late)).toMatchObject({ status: 'exists' })
    expect(await room.create({ claimMs: 1 }, {}, late)).toMatchObject({ status: 'conflict' })
  })

  test('two rooms side by side know nothing of each other, nor of a sale of the same name', async () => {
    const clock = await kind.make()
    const [a, b] = [await Room.open(clock, {}, { burst: 5 }, 'a'), await Room.open(clock, {}, {}, 'b')]
    await a.join('ann', 'bob', 'cid')
    await b.join('cid')
    expect(b.placeOf('cid').number).toBe(1)
    expect((await a.come(['ann', 'bob', 'cid'])).of).toMatchObject({ cid: { status: 'admitted', number: 3 } })
    expect(await b.tend()).toMatchObject({ tail: 1, waiting: 1, tokens: 1_000_000, admitted: 0 })
    await b.control({ action: 'pause' })
    await a.revoke('cid')
    expect(await a.tend()).toMatchObject({ paused: false, revoked: [{ buyer: 'cid' }] })
    expect(await b.tend()).toMatchObject({ paused: true, revoked: [], waiting: 1 })
    expect((await clock.engine.partition('a', 0, 1).run('describe', [{}], late0)).outcome).toBe('missing')
  })

  test('the same name leads to the same room', async () => {
    const room = await open()
    await room.join('ann')
    const other = new Room(room.clock, 'launch', room.token)
    expect(await other.join('bob', 'ann')).toEqual([2, 1])
  })

  test('time never runs backwards: the floor, and what is stored', async () => {
    const room = await open()
    const minTime = room.now() + 500
    expect((await room.done('join', [{ buyer: 'ann' }], { minTime })).now).toBe(minTime)
    await room.advance(-60_000)
    expect((await room.done('join', [{ buyer: 'bob' }])).now).toBe(minTime)
    expect((await room.done('tend', [oneOfEach.tend], { minTime: minTime + 70 })).now).toBe(minTime + 70)
    expect((await room.done('tend', [oneOfEach.tend])).now).toBe(minTime + 70)
  })

  test('a closed engine answers nothing', async () => {
    const room = await open()
    await room.clock.engine.close()
    await expect(room.join('ann')).rejects.toMatchObject({ code: 'CLOSED' })
  })
})

const late0 = { incarnation: null, deadline: 0, minTime: 0 }
