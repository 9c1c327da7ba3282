import { expect, test } from 'vitest'
import { AWAY_AT_ONCE, PRESENT_MS, SHOW_MS, TURN_AGAIN_MS, TURNS_AGAIN } from '../../../src/engine/room.js'
import { admitted, onBothEngines, type Room } from '../../support/room.js'

const CLAIM_MS = 3_000

/** u1 is admitted; u2 gets a turn with the next token, and the turn runs out. */
async function missATurn(room: Room): Promise<void> {
  await room.come(['u1', 'u2'])
  await room.pace(1_000_000)
  await room.advance(1)
  expect((await room.tend()).turns).toEqual([2])
  await room.pace(0)
  await room.pace(1)
  // A rate of 0 kept the turn; from here on its time runs.
  await room.pass(CLAIM_MS)
  expect(await room.tend()).toMatchObject({ turns: [] })
}

/** A token comes at this moment. */
async function token(room: Room): Promise<void> {
  await room.pace(1_000_000)
  await room.advance(1)
  await room.pace(1)
}

onBothEngines((open) => {
  const missing = async (crowd = 5, burst = 1) => {
    const room = await open({ claimMs: CLAIM_MS }, { rate: 1, burst })
    await room.crowd(crowd)
    await missATurn(room)
    return room
  }

  test('a visitor who missed a turn keeps the number, and is admitted with the next poll if a token is there', async () => {
    const room = await missing()
    expect(await room.come('u2')).toMatchObject({
      missedTurns: 1,
      tail: 5,
      of: { u2: { status: 'admitted', number: 2 } },
    })
  })

  test('the token of a missed turn goes to the next visitor present', async () => {
    const room = await missing()
    expect(admitted(await room.come('u3'))).toEqual(['u3'])
    expect(await room.come(['u4', 'u2'])).toMatchObject({
      missedTurns: 1,
      of: { u2: { status: 'waiting', number: 2, ahead: 0 }, u4: { ahead: 1 } },
    })
  })

  test('the first token after the poll is theirs, however long it takes to come', async () => {
    const room = await missing()
    await room.come('u3')
    await room.come('u2')
    // Others are present all the while.
    await room.pass(60_000, ['u4', 'u5'])
    expect((await room.peek()).turns).toEqual([])
    await token(room)
    expect(await room.come(['u4', 'u5'])).toMatchObject({ turns: [2], admitted: 2 })
    await room.pass(TURN_AGAIN_MS - 5_000, ['u4', 'u5'])
    expect((await room.come('u2')).of).toMatchObject({ u2: { status: 'admitted', number: 2 } })
  })

  test('a turn is kept for TURN_AGAIN_MS after a missed one, to the ms', async () => {
    const room = await missing()
    await room.come('u3')
    await room.come('u2')
    await token(room)
    expect(await room.tend()).toMatchObject({ turns: [2], outstanding: 3 })
    await room.pass(TURN_AGAIN_MS - 1)
    expect(await room.tend()).toMatchObject({ turns: [2], outstanding: 1 })
    await room.advance(1)
    expect(await room.tend()).toMatchObject({ turns: [], outstanding: 0 })
  })

  test('a claimMs longer than TURN_AGAIN_MS holds after a missed turn too', async () => {
    const claimMs = TURN_AGAIN_MS + 10_000
    const room = await open({ claimMs }, { rate: 1, burst: 1 })
    await room.crowd(3)
    await room.come(['u1', 'u2'])
    await token(room)
    expect((await room.tend()).turns).toEqual([2])
    await room.pass(claimMs)
    await room.come('u3')
    await room.come('u2')
    await token(room)
    await room.tend()
    await room.pass(claimMs - 1)
    expect((await room.tend()).turns).toEqual([2])
    await room.advance(1)
    expect((await room.tend()).turns).toEqual([])
  })

  test('after too many missed turns a visitor is admitted only in the moment of a poll', async () => {
    const room = await missing()
    await room.come('u3')
    for (let missed = 2; missed <= TURNS_AGAIN + 1; missed++) {
      expect((await room.come('u2')).of).toMatchObject({ u2: { status: 'waiting', ahead: 0 } })
      await token(room)
      expect((await room.tend()).turns).toEqual([2])
      await room.pass(TURN_AGAIN_MS)
      // The token goes to another.
      await room.join(`x${missed}`)
      expect(admitted(await room.come(`x${missed}`))).toEqual([`x${missed}`])
    }
    expect(await room.come('u2')).toMatchObject({
      missedTurns: TURNS_AGAIN + 1,
      of: { u2: { status: 'waiting', number: 2, ahead: null } },
    })
    await token(room)
    expect(await room.tend()).toMatchObject({ turns: [], missedTurns: TURNS_AGAIN + 1 })
    // The token is still there, so the poll is enough.
    expect(await room.come(['u4', 'u2', 'u2'])).toMatchObject({
      of: { u2: { status: 'admitted', number: 2 }, u4: { status: 'waiting', ahead: 0 } },
    })
  })

  test('turns missed with an earlier number do not count for a later one', async () => {
    const room = await open({ claimMs: CLAIM_MS, passMs: 1_000 }, { rate: 1, burst: 1 })
    await room.crowd(3)
    await missATurn(room)
    await room.come('u2')
    await room.pass(1_000)
    await room.come('u2')
    expect(room.placeOf('u2')).toMatchObject({ number: 4, visitId: 2 })
    await room.pass(SHOW_MS)
    for (let missed = 1; missed <= TURNS_AGAIN; missed++) {
      await room.come('u2')
      await token(room)
      expect((await room.tend()).turns).toEqual([4])
      await room.pass(missed === 1 ? CLAIM_MS : TURN_AGAIN_MS)
      await room.join(`x${missed}`)
      await room.come(`x${missed}`)
    }
    // One more turn is given, and waits for the visitor.
    await room.come('u2')
    await token(room)
    expect((await room.tend()).turns).toEqual([4])
  })

  test('a visitor who was passed over while away gets the first token after the next poll', async () => {
    const room = await open({ claimMs: 60_000 }, { rate: 1, burst: 1 })
    await room.crowd(4)
    await room.come(['u1', 'u2', 'u3'])
    await room.pass(PRESENT_MS + 1, ['u3'])
    await token(room)
    expect(await room.come('u3')).toMatchObject({ missedTurns: 0, of: { u3: { status: 'admitted' } } })
    expect(await room.come('u2')).toMatchObject({ missedTurns: 1, of: { u2: { number: 2, ahead: 0 } } })
    await room.pass(50_000, ['u4'])
    await token(room)
    expect(await room.come('u4')).toMatchObject({ turns: [2], of: { u4: { status: 'waiting' } } })
  })

  test('to be passed over costs no turn, however often', async () => {
    const room = await open({ claimMs: 60_000 }, { rate: 1, burst: 1 })
    await room.crowd(1)
    await room.come('u1')
    const names = Array.from({ length: TURNS_AGAIN + 3 }, (_, i) => `x${i}`)
    await room.join('slow', ...names, 'last')
    for (const [i, name] of names.entries()) {
      await room.come('slow')
      if (i > 0) {
        // Returned: the token is the slow visitor's, who leaves it.
        await token(room)
        expect((await room.tend()).turns).toEqual([2])
        break
      }
      await room.pass(PRESENT_MS + 1, [name])
      await token(room)
      expect(admitted(await room.come(name))).toEqual([name])
    }
    expect(await room.tend()).toMatchObject({ missedTurns: 1 })
  })

  test('a long turn that is left or revoked gives its token back', async () => {
    for (const end of ['leave', 'revoke'] as const) {
      const room = await missing()
      await room.come('u3')
      await room.come('u2')
      await token(room)
      expect(await room.tend()).toMatchObject({ turns: [2], outstanding: 3 })
      await room[end]('u2')
      expect(await room.tend()).toMatchObject({ turns: [], outstanding: 2, waiting: 2 })
      expect(admitted(await room.come('u4'))).toEqual(['u4'])
    }
  })

  test('a call passes over a bounded number of visitors who are away', async () => {
    const room = await open({ claimMs: 60_000 }, { rate: 1, burst: 2_000 })
    const crowd = await room.crowd(AWAY_AT_ONCE + 102)
    await room.pace(1, 1)
    expect(admitted(await room.come('u1'))).toEqual(['u1'])
    await room.pace(1, 2_000)
    await room.come(crowd)
    await room.pass(PRESENT_MS + 1)
    await token(room)
    // The last of them is here, behind all who are away.
    const last = crowd.at(-1)!
    expect((await room.come(last)).of).toMatchObject({ [last]: { status: 'waiting', ahead: 100 } })
    expect((await room.come(last)).of).toMatchObject({ [last]: { status: 'admitted' } })
  })
})
