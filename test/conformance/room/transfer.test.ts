import { expect, test } from 'vitest'
import { admitted, late, onBothEngines, type Room } from '../../support/room.js'

const gone = { status: 'gone' }
const waits = (number: number, visitId: number) => ({
  ...{ status: 'transferred', number, visitId, expiresAt: null },
})

onBothEngines((open) => {
  const opened = async (rate = 1): Promise<Room> => {
    const room = await open({}, { rate, burst: 1 })
    await room.crowd(4)
    return room
  }

  test('a place goes along with its number; the guest has none any more', async () => {
    const room = await opened()
    await room.come(['u1', 'u3', 'u4'])
    expect(await room.transfer('u3', 'ann')).toEqual(waits(3, 5))
    const ann = { buyer: 'ann', visitId: 5, number: 3, rank: 3 }
    expect((await room.tend({ visits: [room.visit('u3'), ann] })).visits).toEqual([
      gone,
      { status: 'waiting', number: 3, ahead: 0 },
    ])
    // The number that names the visit is given up: no visitor waits for it.
    expect(await room.peek()).toMatchObject({ waiting: 3, tail: 5, goneVersion: 1 })
    expect(await room.ask('join', { buyer: 'ann' })).toMatchObject({ number: 3, visitId: 5 })
    expect(await room.join('u3')).toEqual([6])
  })

  test('repeated, it answers the same and changes nothing', async () => {
    const room = await opened()
    const first = await room.transfer('u3', 'ann')
    const before = await room.tend()
    for (const call of [{}, late])
      expect(
        await room.ask('transfer', { buyer: 'u3', visitId: 3, to: 'ann', compared: null }, call),
      ).toEqual(first)
    expect(await room.tend()).toEqual({ ...before, doorTime: before.doorTime })
    // To another, or of another visit: there is no such visit any more.
    expect(await room.transfer('u3', 'bob')).toEqual(gone)
    expect(await room.transfer('u3', 'ann', 4)).toEqual(gone)
    await room.leave('ann', 5)
    expect(await room.transfer('u3', 'ann')).toEqual(gone)
  })

  test('a pass goes along with its time, and the guest loses it', async () => {
    const room = await opened()
    const { visits } = await room.come('u1')
    const { expiresAt } = visits[0] as { expiresAt: number }
    await room.advance(500)
    expect(await room.transfer('u1', 'ann')).toEqual({
      status: 'transferred',
      number: 1,
      visitId: 5,
      expiresAt,
    })
    const ann = { buyer: 'ann', visitId: 5, number: 1, rank: 1 }
    expect(await room.tend({ visits: [ann] })).toMatchObject({
      admitted: 1,
      outstanding: 1,
      revoked: [{ buyer: 'u1', visitId: 1 }],
      visits: [{ status: 'admitted', number: 1, expiresAt }],
    })
    expect(await room.spend('ann', 5)).toEqual({ status: 'spent' })
    expect(await room.spend('u1', 1)).toEqual(gone)
  })

  test('a turn goes along', async () => {
    const room = await opened()
    await room.come(['u1', 'u2'])
    await room.pace(1_000_000)
    await room.advance(1)
    expect((await room.tend()).turns).toEqual([2])
    await room.pace(1)
    await room.transfer('u2', 'ann')
    const ann = { buyer: 'ann', visitId: 5, number: 2, rank: 2 }
    expect((await room.tend({ visits: [ann] })).visits).toMatchObject([{ status: 'admitted', number: 2 }])
  })

  test('of two places the better stays, and the other is given up', async () => {
    const room = await opened()
    await room.come('u1')
    expect(await room.transfer('u2', 'u4')).toEqual(waits(2, 5))
    expect(await room.peek()).toMatchObject({ waiting: 2, tail: 5 })
    const other = await opened()
    await other.come('u1')
    expect(await other.transfer('u4', 'u2')).toEqual(waits(2, 2))
    expect(await other.peek()).toMatchObject({ waiting: 2, tail: 4 })
    for (const each of [room, other]) expect((await each.come('u4')).of).toEqual({ u4: gone })
  })

  test('both wait: the caller compares, and what it compared must still be so', async () => {
    const room = await opened()
    await room.come('u1')
    const op = { buyer: 'u4', visitId: 4, to: 'u2' }
    const compare = { status: 'compare', number: 4, own: 2 }
    for (const compared of [
      null,
      { number: 4, own: 3, ownIsFirst: false },
      { number: 3, own: 2, ownIsFirst: false },
    ])
      expect(await room.ask('transfer', { ...op, compared })).toEqual(compare)
    expect(await room.ask('transfer', { ...op, compared: null }, late)).toEqual(compare)
    // In a room that was drawn the later number may have the lower rank.
    const compared = { number: 4, own: 2, ownIsFirst: false }
    expect(await room.ask('transfer', { ...op, compared })).toEqual(waits(4, 5))
    expect(await room.ask('join', { buyer: 'u2' })).toMatchObject({ number: 4, visitId: 5 })
  })

  test('a pass is better than a place, a place is better than a pass that has run out', async () => {
    const passMs = 2_000
    const withPass = async (): Promise<Room> => {
      const room = await open({ passMs }, { rate: 1, burst: 1 })
      await room.crowd(3)
      await room.come('u1')
      return room
    }
    const given = await withPass()
    expect(await given.transfer('u1', 'u2')).toMatchObject({ number: 1, expiresAt: given.now() + passMs })
    expect(await given.peek()).toMatchObject({ waiting: 1, outstanding: 1 })
    const kept = await withPass()
    expect(await kept.transfer('u3', 'u1')).toMatchObject({
      number: 1,
      visitId: 1,
      expiresAt: kept.now() + passMs,
    })
    const over = await withPass()
    await over.advance(passMs)
    expect(await over.transfer('u1', 'u2')).toEqual(waits(2, 2))
    const taken = await withPass()
    await taken.advance(passMs)
    expect(await taken.transfer('u2', 'u1')).toEqual(waits(2, 4))
  })

  test('two passes: the receiver keeps their own, and the other is revoked', async () => {
    const room = await open({}, { rate: 1, burst: 2 })
    await room.crowd(2)
    expect(admitted(await room.come(['u1', 'u2']))).toEqual(['u1', 'u2'])
    expect(await room.transfer('u1', 'u2')).toMatchObject({ number: 2, visitId: 2 })
    expect(await room.peek()).toMatchObject({ outstanding: 1, revoked: [{ buyer: 'u1', visitId: 1 }] })
  })

  test('to a blocked buyer, to oneself, and of nobody', async () => {
    const room = await opened()
    await room.block('ann')
    expect(await room.transfer('u2', 'ann')).toEqual({ status: 'blocked' })
    expect(await room.transfer('u2', 'u2')).toEqual(waits(2, 2))
    expect(await room.transfer('u2', 'bob', 7)).toEqual(gone)
    expect(await room.ask('transfer', { buyer: 'nobody', visitId: 1, to: 'bob', compared: null })).toEqual(
      gone,
    )
    expect(await room.peek()).toMatchObject({ waiting: 4, tail: 4 })
  })

  test('too late: nothing is changed', async () => {
    const room = await opened()
    const op = { buyer: 'u1', visitId: 1, to: 'ann', compared: null }
    expect(await room.ask('transfer', op, late)).toEqual({ status: 'retry' })
    expect((await room.come('u1')).of).toMatchObject({ u1: { status: 'admitted' } })
  })

  test('a missed turn goes along: the receiver gets the first token', async () => {
    const room = await open({ claimMs: 2_000 }, { rate: 1, burst: 1 })
    await room.crowd(3)
    await room.come(['u1', 'u2'])
    await room.pace(1_000_000)
    await room.advance(1)
    await room.tend()
    await room.pace(1)
    await room.pass(2_000)
    await room.come('u3')
    await room.transfer('u2', 'ann')
    const ann = { buyer: 'ann', visitId: 4, number: 2, rank: 2 }
    expect(await room.tend({ visits: [ann] })).toMatchObject({ missedTurns: 1, visits: [{ ahead: 0 }] })
  })

  test('one batch: what goes on can be transferred again', async () => {
    const room = await opened()
    const op = { visitId: 2, compared: null }
    const ops = [
      { ...op, buyer: 'u2', to: 'ann' },
      { ...op, buyer: 'u2', to: 'ann' },
      { ...op, buyer: 'ann', visitId: 5, to: 'bob' },
      { ...op, buyer: 'u2', to: 'ann' },
    ]
    expect((await room.done('transfer', ops)).answers).toEqual([waits(2, 5), waits(2, 5), waits(2, 6), gone])
  })
})
