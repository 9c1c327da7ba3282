import { expect, test } from 'vitest'
import { PRESENT_MS, SHOW_MS, TIER } from '../../../src/engine/room.js'
import { START } from '../../support/engines.js'
import { admitted, goneNumbers, late, onBothEngines } from '../../support/room.js'

const TIERS = { tiers: ['members', 'public'] }

onBothEngines((open) => {
  test('numbers count in each tier, and the visits of all tiers together', async () => {
    const room = await open(TIERS)
    expect(await room.joinTier('public', 'ann', 'bob')).toMatchObject([
      { number: TIER + 1, visitId: 1 },
      { number: TIER + 2, visitId: 2 },
    ])
    expect(await room.joinTier('members', 'cleo')).toMatchObject([{ number: 1, visitId: 3 }])
    expect(await room.joinTier(null, 'dan')).toMatchObject([{ number: TIER + 3, visitId: 4 }])
    expect(await room.joinTier('vip', 'eve')).toEqual([{ status: 'unknown_tier' }])
    expect(await room.tend()).toMatchObject({
      ...{ tail: 4, waiting: 4 },
      tiers: [
        { index: 0, name: 'members', tail: 1, waiting: 1, drawn: null },
        { index: 1, name: 'public', tail: 3, waiting: 3, drawn: null },
      ],
    })
    const plain = await open()
    expect(await plain.joinTier('public', 'ann')).toEqual([{ status: 'unknown_tier' }])
    expect((await plain.tend()).tiers).toMatchObject([{ index: 0, name: null }])
  })

  test('a present visitor of a higher tier goes first, however late they joined', async () => {
    const room = await open(TIERS, { rate: 1_000, burst: 2 })
    await room.joinTier('public', 'p1', 'p2', 'p3', 'p4')
    await room.joinTier('members', 'm1', 'm2')
    const told = await room.come(['p1', 'p2', 'm1', 'm2'])
    expect(admitted(told)).toEqual(['m1', 'm2'])
    expect(told.of).toMatchObject({ p1: { ahead: 0 }, p2: { ahead: 1 } })
    await room.pass(SHOW_MS, ['p1'])
    await room.joinTier('members', 'm3')
    await room.pass(1_000, ['p2', 'm3'])
    expect((await room.peek()).tiers).toMatchObject([{ waiting: 0 }, { waiting: 2 }])
  })

  test('one count of passes for all tiers: rate, stock and maxActive', async () => {
    const room = await open({ ...TIERS, maxActive: 2 }, { rate: 1_000, burst: 5 })
    await room.joinTier('members', 'm1')
    await room.joinTier('public', 'p1', 'p2')
    await room.pass(SHOW_MS)
    expect(admitted(await room.come(['m1', 'p1', 'p2']))).toEqual(['m1', 'p1'])
    expect((await room.come('p2')).of).toMatchObject({ p2: { status: 'waiting', ahead: 0 } })
    await room.leave('m1')
    expect(admitted(await room.come('p2'))).toEqual(['p2'])
  })

  test('a tier waits until the visitors of the higher ones had time to poll, and not for those who just joined', async () => {
    const room = await open({ ...TIERS, claimMs: 60_000 }, { rate: 1_000, burst: 1 })
    const members = Array.from({ length: 100 }, (_, i) => `m${i}`)
    await room.joinTier('members', ...members)
    await room.pass(SHOW_MS)
    await room.joinTier('public', 'p1')
    // 64 of the members are called, and the others have had no time yet.
    expect((await room.come('p1')).of).toMatchObject({ p1: { status: 'waiting', ahead: 0 } })
    expect(await room.peek()).toMatchObject({ called: 64, tiers: [{ called: 64 }, { called: 0 }] })
    await room.pass(SHOW_MS - 1, ['p1'])
    expect((await room.come('p1')).of).toMatchObject({ p1: { status: 'waiting' } })
    await room.joinTier('members', 'new')
    await room.advance(1)
    expect(admitted(await room.come('p1'))).toEqual(['p1'])
  })

  test('members who left or are away hold nothing up; one who comes back goes first', async () => {
    const room = await open({ ...TIERS, claimMs: 60_000 }, { rate: 1, burst: 1 })
    await room.joinTier('members', 'm1', 'm2', 'm3')
    await room.joinTier('public', 'p1', 'p2')
    await room.leave('m1')
    await room.leave('m2')
    await room.leave('m3')
    // All of them left, so the public need not wait for them.
    expect(admitted(await room.come('p1'))).toEqual(['p1'])
    expect(goneNumbers((await room.peek()).gone)).toEqual([1, 2, 3])
    await room.joinTier('members', 'm4')
    await room.come(['m4', 'p2'])
    await room.pass(PRESENT_MS + 1, ['p2'])
    await room.pace(1_000_000)
    await room.advance(1)
    await room.pace(1)
    expect(admitted(await room.come('p2'))).toEqual(['p2'])
    await room.pace(1_000_000)
    await room.advance(1)
    expect(admitted(await room.come('m4'))).toEqual(['m4'])
    expect((await room.peek()).missedTurns).toBe(1)
  })

  test('a visitor of a lower tier joins a higher one later: a place at its end, in the same visit', async () => {
    const room = await open(TIERS, { rate: 1, burst: 1 })
    await room.joinTier('public', 'p1', 'p2', 'p3')
    await room.joinTier('members', 'm1')
    await room.come(['m1'])
    await room.come(['p2'])
    expect(await room.ask('join', { buyer: 'p2', tier: 'members' }, late)).toEqual({ status: 'retry' })
    const up = [{ status: 'placed', number: 2, visitId: 2, expiresAt: null }]
    expect(await room.joinTier('members', 'p2')).toEqual(up)
    // Again, in a lower tier, or in none: they keep the better place.
    for (const tier of ['members', 'public', null]) expect(await room.joinTier(tier, 'p2')).toEqual(up)
    const told = await room.come(['p1', 'p2', 'p3'])
    expect(told).toMatchObject({
      waiting: 3,
      of: { p1: { ahead: 0 }, p2: { ahead: 0, number: 2 }, p3: { ahead: 1 } },
    })
    expect(told.gone).toEqual([{ index: TIER / 65_536, bits: expect.any(Buffer) }])
    expect(told.gone[0]!.bits[0]).toBe(0b0010_0000)
    // With the old number the visitor learns the new one.
    const old = { ...room.visit('p2'), number: TIER + 2, rank: 2 }
    expect((await room.tend({ visits: [old] })).visits).toMatchObject([{ status: 'waiting', number: 2 }])
    await room.pace(1_000_000)
    await room.advance(1)
    expect(admitted(await room.come(['p1', 'p2']))).toEqual(['p2'])
  })

  test('a turn and a pass stay as they are; after the pass the better tier counts', async () => {
    const room = await open({ ...TIERS, passMs: 5_000 }, { rate: 1, burst: 1 })
    await room.joinTier('public', 'p1', 'p2')
    await room.come(['p1', 'p2'])
    const [pass] = await room.joinTier('members', 'p1')
    expect(pass).toMatchObject({ number: TIER + 1, expiresAt: room.now() + 5_000 })
    await room.pace(1_000_000)
    await room.advance(1)
    expect((await room.tend()).turns).toEqual([TIER + 2])
    expect(await room.joinTier('members', 'p2')).toMatchObject([{ number: TIER + 2 }])
    await room.advance(5_000)
    expect(await room.joinTier('members', 'p1')).toMatchObject([{ number: 1, visitId: 1, expiresAt: null }])
    expect(admitted(await room.come('p1'))).toEqual(['p1'])
    await room.advance(5_000)
    expect(await room.joinTier('public', 'p1')).toMatchObject([{ number: 2, visitId: 1 }])
  })

  test('after a draw in each tier, the public waits for the members', async () => {
    const room = await open({ ...TIERS, order: 'random', opensAt: START + 1_000 }, { rate: 1_000, burst: 3 })
    await room.joinTier('public', 'p1', 'p2', 'p3')
    await room.joinTier('members', 'm1', 'm2')
    expect(await room.tend()).toMatchObject({ opened: false, drawn: null })
    await room.advance(1_000)
    expect(await room.tend()).toMatchObject({ drawn: 5, tiers: [{ drawn: 2 }, { drawn: 3 }] })
    room.rankOf = (number) => 4 - number
    expect(admitted(await room.come('p3'))).toEqual([])
    await room.joinTier('members', 'm3')
    room.rankOf = (number) => (number < 3 ? 3 - number : number)
    expect(admitted(await room.come(['m1', 'm2']))).toEqual(['m1', 'm2'])
    room.rankOf = (number) => 4 - number
    expect(admitted(await room.come('p3'))).toEqual(['p3'])
    // A tier that comes later has nothing to draw.
    await room.update({ tiers: ['vip', 'members', 'public'] })
    expect(await room.tend()).toMatchObject({ drawn: 5, tiers: [{ name: 'vip', drawn: 0 }, {}, {}] })
  })

  test('a guest who logs in keeps the place in the better tier', async () => {
    const room = await open(TIERS, { rate: 1, burst: 1 })
    await room.joinTier('members', 'first', 'ann')
    await room.joinTier('public', 'guest', 'bob')
    await room.come('first')
    const compare = { buyer: 'guest', visitId: 3, to: 'ann', compared: null }
    expect(await room.ask('transfer', compare)).toEqual({ status: 'compare', number: TIER + 1, own: 2 })
    const compared = { number: TIER + 1, own: 2, ownIsFirst: true }
    expect(await room.ask('transfer', { ...compare, compared })).toMatchObject({ number: 2, visitId: 2 })
    expect(await room.ask('transfer', { ...compare, visitId: 4, buyer: 'bob', to: 'cleo' })).toMatchObject({
      ...{ status: 'transferred', number: TIER + 2, visitId: 5 },
    })
    expect((await room.tend()).tiers).toMatchObject([{ waiting: 1 }, { waiting: 1, tail: 3 }])
  })

  test('an update is in force with the next call, once, and comes again without effect', async () => {
    const room = await open({}, { rate: 1_000, burst: 1 })
    await room.crowd(2)
    const tiers = ['members', 'public']
    expect(await room.run('update', [{ opensAt: null, tiers }], late)).toMatchObject({
      answers: [{ status: 'retry' }],
    })
    expect(await room.update({ tiers })).toEqual({ status: 'updated', revision: 1, replayed: false })
    expect(await room.update({ tiers })).toEqual({ status: 'updated', revision: 1, replayed: true })
    expect(await room.update({})).toEqual({ status: 'updated', revision: 1, replayed: true })
    expect(await room.update({ tiers: ['members'] })).toEqual({ status: 'missing_tier' })
    // Who was in the room is of the last tier.
    expect(await room.joinTier('members', 'm1')).toMatchObject([{ number: TIER + 1, visitId: 3 }])
    expect(await room.tend()).toMatchObject({
      revision: 1,
      tiers: [
        { index: 1, name: 'members', waiting: 1 },
        { index: 0, name: 'public', waiting: 2 },
      ],
    })
    expect(admitted(await room.come(['u1', 'm1']))).toEqual(['m1'])
    await room.joinTier('members', 'm2')
    expect(await room.update({ tiers: ['public', 'vip', 'members'] })).toMatchObject({ revision: 2 })
    await room.advance(1_000)
    expect(admitted(await room.come(['m2', 'u1']))).toEqual(['u1'])
    // Created with these rules, whatever became of them.
    expect(await room.create()).toMatchObject({ status: 'exists' })
    expect(await room.create({ tiers })).toMatchObject({ status: 'conflict' })
    expect(await room.ask('describe', {})).toMatchObject({ rules: { tiers: [], opensAt: null } })
  })

  test('an opening time is moved: the room opens then, and closes again until a later one', async () => {
    const room = await open({ opensAt: 1, claimMs: 3_000 }, { rate: 1_000, burst: 1 })
    await room.crowd(3)
    const opensAt = room.now() + 5_000
    expect(await room.update({ opensAt: { to: opensAt } })).toMatchObject({ revision: 1 })
    expect(await room.come(['u1', 'u2'])).toMatchObject({ opened: false, opensAt, admitted: 0 })
    await room.update({ opensAt: { to: room.now() + 1_000 } })
    await room.pass(1_000, ['u1', 'u2'])
    expect(await room.peek()).toMatchObject({ opened: true, admitted: 1 })
    await room.pass(1_000)
    expect((await room.peek()).turns).toEqual([2])
    // A turn waits while the room is closed.
    await room.update({ opensAt: { to: room.now() + 60_000 } })
    await room.pass(30_000)
    expect(await room.come('u2')).toMatchObject({ opened: false, turns: [2], admitted: 1 })
    expect(await room.update({ opensAt: { to: null } })).toMatchObject({ revision: 4 })
    expect(admitted(await room.come('u2'))).toEqual(['u2'])
    expect(await room.tend()).toMatchObject({ opensAt: null, missedTurns: 0 })
  })

  test('eight tiers, each with its own places', async () => {
    const tiers = [...'abcdefgh']
    const room = await open({ tiers }, { rate: 1, burst: 8 })
    for (const tier of tiers) await room.joinTier(tier, `${tier}1`, `${tier}2`)
    for (const tier of tiers) await room.leave(`${tier}1`)
    expect(goneNumbers((await room.peek()).gone)).toEqual(tiers.map((_, i) => i * TIER + 1))
    expect(admitted(await room.come(tiers.toReversed().map((tier) => `${tier}2`)))).toHaveLength(8)
    expect((await room.peek()).tiers.map(({ waiting }) => waiting)).toEqual(tiers.map(() => 0))
  })
})
