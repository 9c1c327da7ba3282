import { expect, test } from 'vitest'
import { SHOW_MS } from '../../../src/engine/room.js'
import { START } from '../../support/engines.js'
import { admitted, late, onBothEngines } from '../../support/room.js'

const opensAt = START + 10_000
const TOKEN = 1_000_000

onBothEngines((open) => {
  test('no visitor is admitted before opensAt; from then on the visitors present are, in order', async () => {
    const room = await open({ opensAt }, { rate: 1_000, burst: 2 })
    const crowd = await room.crowd(4)
    const before = await room.pass(9_999, crowd)
    expect(before).toMatchObject({ opened: false, called: 0, admitted: 0, tokens: 2 * TOKEN, waiting: 4 })
    expect(before.of).toMatchObject({ u1: { status: 'waiting', ahead: 0 }, u4: { ahead: 3 } })
    await room.advance(1)
    expect(await room.tend()).toMatchObject({ opened: true, turns: [1, 2], tokens: 0 })
    expect(admitted(await room.come(crowd))).toEqual(['u1', 'u2'])
  })

  test('the room does not wait at the opening for a visitor seen long before it', async () => {
    const room = await open({ opensAt }, { rate: 1_000, burst: 1 })
    await room.crowd(2)
    await room.pass(5_000, ['u1', 'u2'])
    expect(await room.pass(5_000, ['u2'])).toMatchObject({ opened: true, of: { u2: { status: 'admitted' } } })
    expect((await room.come('u1')).of).toMatchObject({ u1: { status: 'waiting', number: 1, ahead: 0 } })
  })

  test('the wait before the opening counts against no visitor', async () => {
    const room = await open({ opensAt, claimMs: 2_000 }, { rate: 1_000, burst: 3 })
    await room.crowd(3)
    await room.pass(11_000)
    expect(await room.come(['u1', 'u2', 'u3'])).toMatchObject({ missedTurns: 0, admitted: 3 })
  })

  test('random: before the opening no visitor counts as present, and nothing of the draw is told', async () => {
    const room = await open({ opensAt, order: 'random' }, { burst: 3 })
    await room.crowd(3)
    expect(await room.pass(9_999, ['u1', 'u2'])).toMatchObject({
      drawn: null,
      seed: null,
      of: { u1: { status: 'waiting', number: 1, ahead: null }, u2: { ahead: null } },
    })
    expect(await room.ask('describe', {})).toMatchObject({ commitment: 'commitment of launch' })
  })

  test('random: a visitor who came before the first command after opensAt is drawn, once, and the seed is told', async () => {
    const room = await open({ opensAt, order: 'random' }, { burst: 1 })
    await room.crowd(5)
    await room.pass(10_000)
    expect(await room.peek()).toMatchObject({ drawn: 5, seed: 'seed of launch' })
    await room.join('new')
    expect(await room.tend()).toMatchObject({ drawn: 5, tail: 6 })
  })

  test('random: a join can be that first command; its buyer is not drawn', async () => {
    const room = await open({ opensAt, order: 'random' }, { burst: 1 })
    await room.crowd(5)
    await room.advance(10_000)
    expect(await room.peek()).toMatchObject({ opened: true, drawn: null, seed: null })
    expect(await room.ask('join', { buyer: 'u9' }, late)).toEqual({ status: 'retry' })
    expect(await room.peek()).toMatchObject({ drawn: null })
    expect(await room.join('new', 'u1')).toEqual([6, 1])
    expect(await room.peek()).toMatchObject({ drawn: 5, seed: 'seed of launch' })
  })

  test('random: any other command can be it too', async () => {
    for (const act of ['leave', 'revoke', 'spend', 'control'] as const) {
      const room = await open({ opensAt, order: 'random' })
      await room.crowd(5)
      await room.advance(10_000)
      if (act === 'control') await room.control({ action: 'resume' })
      else await room[act]('u2')
      expect((await room.peek()).drawn, act).toBe(5)
    }
  })

  test('random and open from the start: no visitor is drawn', async () => {
    const room = await open({ order: 'random' })
    await room.join('ann')
    expect(await room.peek()).toMatchObject({ drawn: 0, seed: 'seed of launch' })
    expect((await room.come('ann')).of).toMatchObject({ ann: { status: 'admitted' } })
  })

  test('random: they come in by rank, those after the draw by number behind them', async () => {
    const room = await open({ opensAt, order: 'random' }, { rate: 1, burst: 4 })
    const crowd = await room.crowd(4)
    await room.pass(10_000)
    room.rankOf = (number) => (number <= 4 ? 5 - number : number)
    await room.join('new')
    await room.pace(1, 2)
    const tended = await room.come([...crowd, 'new'])
    expect(admitted(tended)).toEqual(['u3', 'u4'])
    expect(tended.of).toMatchObject({ u2: { ahead: 0 }, u1: { ahead: 1 }, new: { ahead: 2 } })
  })

  test('random: the room waits for no visitor who gave up behind the drawn', async () => {
    const room = await open({ opensAt, order: 'random' }, { rate: 1, burst: 9 })
    await room.crowd(3)
    // They learn their ranks by the draw, and have time to come then.
    expect(await room.pass(10_000)).toMatchObject({ drawn: 3, called: 0 })
    expect(await room.pass(3_000)).toMatchObject({ called: 3 })
    await room.join('v1', 'v2')
    expect(admitted(await room.come('v2'))).toEqual([])
    await room.leave('v1')
    expect(admitted(await room.come('v2'))).toEqual(['v2'])
  })

  test('random: a place given up tells nothing of a rank among the drawn', async () => {
    const room = await open({ opensAt: START + 10, order: 'random' }, { rate: 1, burst: 9 })
    await room.crowd(3)
    await room.advance(10)
    await room.leave('u1')
    room.rankOf = (number) => [0, 1, 3, 2][number] ?? number
    // Were it still fifo, nobody would stand before rank 2.
    expect(admitted(await room.come(['u3', 'u2']))).toEqual([])
    await room.advance(SHOW_MS)
    expect(admitted(await room.come(['u3', 'u2']))).toEqual(['u3', 'u2'])
  })
})
