import { expect, test } from 'vitest'
import { GAP_MS, PRESENT_MS, SHOW_MS } from '../../../src/engine/room.js'
import { admitted, onBothEngines } from '../../support/room.js'

const TOKEN = 1_000_000

onBothEngines((open) => {
  test('a token gives the first visitor present a turn, which waits for its buyer', async () => {
    const room = await open({}, { rate: 1_000, burst: 1 })
    const crowd = await room.crowd(3)
    await room.come(crowd)
    await room.advance(1_000)
    expect(await room.tend()).toMatchObject({ turns: [2], outstanding: 2, waiting: 2, present: 0, tokens: 0 })
    await room.advance(500)
    expect((await room.come(['u3', 'u2'])).of).toMatchObject({
      u3: { status: 'waiting', ahead: 0 },
      u2: { status: 'admitted', number: 2, expiresAt: room.now() + 60_000 },
    })
    expect(await room.tend()).toMatchObject({ turns: [], outstanding: 2, admitted: 2, missedTurns: 0 })
  })

  test('a turn that is not taken goes back as a token, to the ms', async () => {
    const room = await open({ claimMs: 1_900 }, { rate: 1, burst: 2 })
    await room.crowd(2)
    await room.pace(1_000_000, 1)
    await room.come('u1')
    await room.come('u2')
    await room.advance(1)
    // The bucket is full again right after, so the turn's token has to find room in it.
    expect(await room.tend()).toMatchObject({ turns: [2], tokens: 0 })
    await room.pace(1, 3)
    await room.advance(1_899)
    expect(await room.tend()).toMatchObject({ turns: [2], outstanding: 2, tokens: 1_899 })
    await room.advance(1)
    expect(await room.tend()).toMatchObject({ turns: [], outstanding: 1, tokens: TOKEN + 1_900 })
  })

  test('a token that comes back goes to the next visitor present at once', async () => {
    const room = await open({ claimMs: 4_000 }, { rate: 1_000, burst: 1 })
    await room.crowd(3)
    await room.come(['u1', 'u2'])
    await room.advance(1_000)
    expect((await room.tend()).turns).toEqual([2])
    await room.pace(1)
    expect((await room.pass(3_000, ['u3'])).turns).toEqual([2])
    expect(await room.pass(1_000, ['u3'])).toMatchObject({ turns: [], of: { u3: { status: 'admitted' } } })
    expect(await room.tend()).toMatchObject({ outstanding: 2, admitted: 2 })
  })

  test('no-shows cost no admission: with four of ten away the rate is the one asked for', async () => {
    const room = await open({ claimMs: 5_000 }, { rate: 10_000, burst: 10 })
    const crowd = await room.crowd(1_000)
    const present = new Set(crowd.filter((_, i) => i % 10 < 6))
    let before = 0
    for (let second = 0; second <= 30; second++) {
      for (let tenth = 0; tenth < 10; tenth++) {
        const { reach } = await room.peek()
        const near = crowd.filter((buyer) => present.has(buyer) && room.placeOf(buyer).number <= reach)
        for (const buyer of admitted(await room.come(near))) present.delete(buyer)
        await room.advance(100)
      }
      const { admitted: all } = await room.peek()
      if (second >= 10) expect(all - before).toBe(10)
      before = all
    }
    expect(await room.tend()).toMatchObject({ missedTurns: 0 })
  })

  test('called and absent: missed after claimMs, and not before', async () => {
    const room = await open({ claimMs: 6_400 }, { rate: 1, burst: 5 })
    await room.crowd(5)
    await room.pace(1_000_000, 1)
    await room.advance(SHOW_MS)
    expect((await room.tend()).called).toBe(5)
    await room.pass(6_399)
    expect(await room.come('u1')).toMatchObject({ missedTurns: 0, of: { u1: { status: 'admitted' } } })
    await room.pace(1)
    await room.advance(1)
    const tended = await room.come(['u3', 'u2', 'u2'])
    expect(tended.visits).toEqual([
      { status: 'waiting', number: 3, ahead: 1 },
      { status: 'waiting', number: 2, ahead: 0 },
      { status: 'waiting', number: 2, ahead: 0 },
    ])
    expect(tended).toMatchObject({ missedTurns: 2, waiting: 4, tail: 5 })
    expect(await room.ask('join', { buyer: 'u2' })).toMatchObject({ number: 2, visitId: 2 })
  })

  test('called further in the same millisecond: waited for from then on all the same', async () => {
    const room = await open({ claimMs: 3_000 }, { rate: 500, burst: 1 })
    await room.crowd(4)
    await room.come(['u1', 'u2'])
    await room.advance(SHOW_MS)
    expect(await room.tend()).toMatchObject({ called: 2, turns: [2] })
    // The token comes back, and there is nobody at the door: the line moves on.
    await room.leave('u2')
    expect(await room.tend()).toMatchObject({ called: 4 })
    await room.pass(2_999)
    expect(await room.tend()).toMatchObject({ missedTurns: 0 })
    await room.advance(1)
    expect(await room.come('u3')).toMatchObject({ missedTurns: 1, of: { u3: { status: 'admitted' } } })
  })

  test('a visitor seen within claimMs has missed no turn, though called long ago', async () => {
    const room = await open({ claimMs: 4_000 }, { rate: 1, burst: 2 })
    await room.crowd(4)
    await room.pass(SHOW_MS)
    expect((await room.tend()).called).toBe(4)
    await room.come(['u1', 'u2'])
    for (let i = 0; i < 4; i++) {
      await room.come(['u3', 'u4'])
      await room.pass(3_900)
    }
    expect(await room.come('u3')).toMatchObject({ missedTurns: 0, of: { u3: { number: 3, ahead: 0 } } })
    await room.pass(100)
    expect(await room.come(['u3', 'u4'])).toMatchObject({
      missedTurns: 1,
      of: { u3: { number: 3, ahead: 0 }, u4: { number: 4, ahead: 1 } },
    })
  })

  test('a visit is good for PRESENT_MS: after that the token goes to the next', async () => {
    for (const [ms, turn] of [
      [PRESENT_MS, 2],
      [PRESENT_MS + 1, 3],
    ] as const) {
      const room = await open({}, { rate: 1, burst: 2 })
      await room.crowd(3)
      await room.pass(SHOW_MS)
      await room.tend()
      await room.pace(1, 1)
      await room.come(['u1', 'u2'])
      await room.pass(ms - 1)
      await room.come('u3')
      await room.pace(1_000_000, 1)
      await room.advance(1)
      expect((await room.tend()).turns, `${ms}`).toEqual([turn])
    }
  })

  test('a visitor who is away for a while keeps the rank: present again, first by rank', async () => {
    const room = await open({}, { rate: 1, burst: 1 })
    await room.crowd(3)
    await room.come(['u1', 'u2', 'u3'])
    await room.pass(5_000, ['u3'])
    expect((await room.come(['u2', 'u3'])).of).toMatchObject({ u2: { ahead: 0 }, u3: { ahead: 1 } })
    await room.pace(1_000_000)
    await room.advance(1)
    expect((await room.tend()).turns).toEqual([2])
  })

  test('a visitor who was not seen for claimMs no longer counts as present', async () => {
    const room = await open({ claimMs: 4_000 }, { rate: 1, burst: 1 })
    await room.crowd(4)
    await room.come(['u1', 'u2', 'u3', 'u4'])
    await room.pass(3_999, ['u4'])
    expect((await room.come('u4')).of).toMatchObject({ u4: { ahead: 2 } })
    await room.advance(1)
    expect((await room.come('u4')).of).toMatchObject({ u4: { ahead: 0 } })
    // Not called yet, so nothing was missed.
    expect(await room.come('u2')).toMatchObject({ missedTurns: 0, of: { u2: { number: 2, ahead: 0 } } })
  })

  test('no process polled the room for a minute: no visitor loses a place', async () => {
    const room = await open({ claimMs: 5_000 }, { rate: 1_000, burst: 4 })
    const crowd = await room.crowd(8)
    await room.pass(SHOW_MS)
    await room.come(crowd.slice(0, 4))
    await room.come(crowd)
    const turns = await room.pass(1_000)
    expect(turns.turns).toEqual([5])
    await room.advance(60_000)
    expect(await room.tend()).toMatchObject({ turns: [5], missedTurns: 0 })
    const back = await room.come(crowd.slice(4))
    expect(back.missedTurns).toBe(0)
    expect(admitted(back)).toEqual(['u5', 'u6', 'u7', 'u8'])
  })

  test('after a gap those seen before it count as away until they come again', async () => {
    const room = await open({}, { rate: 1, burst: 1 })
    await room.crowd(3)
    await room.pass(SHOW_MS, ['u1', 'u2', 'u3'])
    await room.pace(1_000_000)
    await room.advance(GAP_MS + 1)
    expect(await room.tend()).toMatchObject({ turns: [] })
    expect((await room.come('u3')).of).toMatchObject({ u3: { status: 'admitted' } })
    await room.advance(1)
    expect((await room.come('u2')).of).toMatchObject({ u2: { status: 'admitted', number: 2 } })
  })

  test('exactly GAP_MS is no gap yet', async () => {
    const room = await open({}, { rate: 1, burst: 1 })
    await room.crowd(2)
    await room.come(['u1', 'u2'])
    await room.pace(1_000_000)
    await room.advance(GAP_MS)
    expect(await room.tend()).toMatchObject({ turns: [2] })
  })

  test('time in which the room is paused counts against no visitor', async () => {
    const room = await open({ claimMs: 3_000 }, { rate: 1_000, burst: 3 })
    await room.crowd(4)
    await room.pass(SHOW_MS)
    expect((await room.tend()).called).toBe(4)
    await room.pace(1_000, 1)
    await room.come(['u1', 'u2'])
    await room.pass(1_000)
    expect((await room.peek()).turns).toEqual([2])
    await room.pass(1_500)
    await room.control({ action: 'pause' })
    await room.pass(30_000)
    // Turns stay, and who was called is still waited for.
    expect(await room.come('u2')).toMatchObject({
      turns: [2],
      of: { u2: { status: 'waiting', ahead: null } },
    })
    expect(await room.come('u3')).toMatchObject({ missedTurns: 0, of: { u3: { number: 3, ahead: 0 } } })
    await room.control({ action: 'resume' })
    expect((await room.come('u2')).of).toMatchObject({ u2: { status: 'admitted' } })
    expect(await room.tend()).toMatchObject({ missedTurns: 0, admitted: 2 })
  })

  test('a visitor seen while the room was paused counts as away when it goes on, until the next poll', async () => {
    const room = await open({}, { rate: 1_000, burst: 1 })
    await room.crowd(2)
    await room.control({ action: 'pause' })
    expect((await room.come(['u1', 'u2'])).of).toMatchObject({ u1: { ahead: 0 }, u2: { ahead: 1 } })
    await room.control({ action: 'resume' })
    expect(await room.tend()).toMatchObject({ turns: [], tokens: TOKEN })
    expect(await room.come('u1')).toMatchObject({ of: { u1: { status: 'admitted' } } })
  })

  test('rate 0 stops the time of turns too', async () => {
    const room = await open({ claimMs: 3_000 }, { rate: 1_000, burst: 1 })
    await room.crowd(3)
    await room.come(['u1', 'u2'])
    await room.pass(1_000)
    await room.pace(0)
    expect(await room.pass(20_000)).toMatchObject({ turns: [2] })
    await room.pace(1)
    expect((await room.come('u2')).of).toMatchObject({ u2: { status: 'admitted' } })
  })

  test('a turn given back never fills the bucket above burst', async () => {
    const room = await open({ claimMs: 2_000 }, { rate: 1_000, burst: 2 })
    await room.crowd(3)
    await room.come(['u1', 'u2'])
    await room.come('u3')
    await room.pass(1_000)
    expect((await room.peek()).turns).toEqual([3])
    expect(await room.pass(2_000)).toMatchObject({ turns: [], tokens: 2 * TOKEN, outstanding: 2 })
  })
})
