import { expect, test } from 'vitest'
import { admitted, goneNumbers, late, onBothEngines } from '../../support/room.js'

const TOKEN = 1_000_000

onBothEngines((open) => {
  test('left: the place is given up. Again, or in another visit: gone, and nothing changes', async () => {
    const room = await open({}, { rate: 1 })
    await room.crowd(3)
    await room.come(['u1', 'u2', 'u3'])
    expect(await room.leave('u2')).toEqual({ status: 'left' })
    expect(await room.leave('u2')).toEqual({ status: 'gone' })
    expect(await room.leave('u3', 2)).toEqual({ status: 'gone' })
    expect(await room.ask('leave', { buyer: 'nobody', visitId: 1 })).toEqual({ status: 'gone' })
    const tended = await room.come(['u2', 'u3'])
    expect(tended.of).toEqual({ u2: { status: 'gone' }, u3: { status: 'waiting', number: 3, ahead: 0 } })
    expect(tended).toMatchObject({ waiting: 1, tail: 3, goneVersion: 1 })
    expect(goneNumbers(tended.gone)).toEqual([2])
  })

  test('one batch: each after the one before', async () => {
    const room = await open({}, { rate: 0 })
    await room.crowd(2)
    const [u1, u2] = [
      { buyer: 'u1', visitId: 1 },
      { buyer: 'u2', visitId: 2 },
    ]
    const left = (await room.done('leave', [u1, u2, u1])).answers
    expect(left).toEqual([{ status: 'left' }, { status: 'left' }, { status: 'gone' }])
    await room.join('u1')
    const revoked = (await room.done('revoke', [{ buyer: 'u1' }, { buyer: 'u1' }, { buyer: 'u2' }])).answers
    expect(revoked).toEqual([{ status: 'revoked' }, { status: 'gone' }, { status: 'gone' }])
    expect(goneNumbers((await room.tend()).gone)).toEqual([1, 2, 3])
  })

  test('a visitor who leaves with a turn gives it back, and the next one has it', async () => {
    for (const act of ['leave', 'revoke'] as const) {
      const room = await open({}, { rate: 1_000, burst: 2 })
      await room.crowd(4)
      await room.come(['u1', 'u2'])
      await room.come(['u3', 'u4'])
      await room.pass(1_000)
      await room.pace(0)
      expect(await room.peek()).toMatchObject({ turns: [3], outstanding: 3, tokens: 0 })
      await room[act]('u3')
      expect(await room.peek()).toMatchObject({ turns: [], outstanding: 2, tokens: TOKEN, waiting: 1 })
      await room.pace(1)
      expect(admitted(await room.come('u4'))).toEqual(['u4'])
    }
  })

  test('a turn given back never fills the bucket above burst', async () => {
    const room = await open({}, { rate: 1_000, burst: 1 })
    await room.crowd(2)
    await room.come(['u1', 'u2'])
    await room.pass(1_000)
    await room.pass(1_000)
    expect(await room.peek()).toMatchObject({ turns: [2], tokens: TOKEN })
    await room.leave('u2')
    expect(await room.peek()).toMatchObject({ turns: [], tokens: TOKEN })
  })

  test('a visitor who leaves with a pass gives up no place; the token is spent, the pass is no longer outstanding', async () => {
    const room = await open({ sale: 'launch' }, { rate: 1, burst: 2 })
    await room.join('ann', 'bob')
    await room.come(['ann', 'bob'], { stock: room.stock(1) })
    expect(await room.peek()).toMatchObject({ outstanding: 1, tokens: TOKEN })
    expect(await room.leave('ann')).toEqual({ status: 'left' })
    expect(await room.peek()).toMatchObject({
      outstanding: 0,
      tokens: TOKEN,
      waiting: 1,
      gone: [],
      goneVersion: 0,
    })
    expect(admitted(await room.come(['ann', 'bob']))).toEqual(['bob'])
  })

  test('revoke: place, turn or pass, whichever it is; the buyer may join again, at the end', async () => {
    const room = await open({ passMs: 5_000 }, { rate: 1_000, burst: 1 })
    await room.crowd(3)
    await room.come(['u1', 'u2'])
    expect(await room.revoke('u1')).toEqual({ status: 'revoked' })
    expect(await room.revoke('u3')).toEqual({ status: 'revoked' })
    expect(await room.revoke('nobody')).toEqual({ status: 'gone' })
    const tended = await room.come(['u1', 'u3'])
    expect(tended.of).toEqual({ u1: { status: 'gone' }, u3: { status: 'gone' } })
    expect(tended).toMatchObject({ outstanding: 0, waiting: 1, admitted: 1, goneVersion: 1 })
    expect(goneNumbers(tended.gone)).toEqual([3])
    expect(await room.join('u1')).toEqual([4])
  })

  test('revoked: whose pass was, by stay, since when it is asked, until passMs later', async () => {
    const room = await open({ passMs: 5_000 }, { rate: 1, burst: 5 })
    await room.crowd(4)
    await room.come(['u1', 'u2', 'u3'])
    await room.advance(1_000)
    const first = room.now()
    await room.revoke('u1')
    await room.join('u1')
    await room.advance(1_000)
    // A pass that is left behind must not be good for anything either. Who has none has nothing to
    // revoke.
    await room.leave('u2')
    await room.revoke('u4')
    const [u1, u2] = [
      { buyer: 'u1', visitId: 1 },
      { buyer: 'u2', visitId: 2 },
    ]
    const since = async (revokedSince: number) =>
      (await room.tend({ revokedSince })).revoked.toSorted((a, b) => a.visitId - b.visitId)
    expect(await since(0)).toEqual([u1, u2])
    expect(await since(first)).toEqual([u1, u2])
    expect(await since(first + 1)).toEqual([u2])
    expect(await since(room.now() + 1)).toEqual([])
    await room.advance(3_999)
    expect(await since(0)).toEqual([u1, u2])
    await room.advance(1)
    expect(await since(0)).toEqual([u2])
    // This one has run out by itself.
    await room.revoke('u3')
    await room.advance(1_000)
    expect(await since(0)).toEqual([])
  })

  test('a revoked buyer who has joined again and has a pass: only the old visit is revoked', async () => {
    const room = await open({}, { burst: 5 })
    await room.join('ann')
    await room.come('ann')
    await room.revoke('ann')
    await room.join('ann')
    expect(await room.come('ann')).toMatchObject({
      of: { ann: { status: 'admitted', number: 2 } },
      revoked: [{ buyer: 'ann', visitId: 1 }],
    })
  })

  test('turns since: those given at that time of the room or later', async () => {
    const room = await open({}, { rate: 1_000, burst: 1 })
    await room.crowd(3)
    await room.come(['u1', 'u2', 'u3'])
    await room.advance(1_000)
    const first = await room.tend()
    await room.advance(1_000)
    const second = await room.tend()
    expect(second.doorTime - first.doorTime).toBe(1_000)
    expect((await room.peek()).turns.toSorted()).toEqual([2, 3])
    expect((await room.peek({ turnsSince: first.doorTime })).turns.toSorted()).toEqual([2, 3])
    expect((await room.peek({ turnsSince: first.doorTime + 1 })).turns).toEqual([3])
    expect((await room.peek({ turnsSince: second.doorTime + 1 })).turns).toEqual([])
  })

  test('chunks of ranks given up: only those that changed after the version known', async () => {
    const room = await open({}, { rate: 0 })
    const crowd = Array.from({ length: 65_600 }, (_, i) => `u${i + 1}`)
    for (let from = 0; from < crowd.length; from += 250) await room.join(...crowd.slice(from, from + 250))
    const seen = async (goneVersion: number) => {
      const tended = await room.tend({ goneVersion })
      return { version: tended.goneVersion, chunks: tended.gone, numbers: goneNumbers(tended.gone) }
    }
    expect(await seen(0)).toEqual({ version: 0, chunks: [], numbers: [] })
    for (const number of [1, 7, 8, 9, 65_535]) await room.leave(`u${number}`)
    const first = await seen(0)
    expect(first.numbers).toEqual([1, 7, 8, 9, 65_535])
    expect(first.chunks.map(({ index }) => index)).toEqual([0])
    expect(await seen(first.version)).toEqual({ version: first.version, chunks: [], numbers: [] })
    for (const number of [65_536, 65_537, 65_600]) await room.leave(`u${number}`)
    const second = await seen(first.version)
    expect(second.numbers).toEqual([65_536, 65_537, 65_600])
    expect(second.chunks.map(({ index }) => index)).toEqual([1])
    await room.revoke('u2')
    const third = await seen(second.version)
    expect(third.numbers).toEqual([1, 2, 7, 8, 9, 65_535])
    expect((await seen(0)).numbers).toEqual([1, 2, 7, 8, 9, 65_535, 65_536, 65_537, 65_600])
    // What was handed out before does not change.
    expect(goneNumbers(first.chunks)).toEqual([1, 7, 8, 9, 65_535])
  })

  test('after the deadline nothing ends', async () => {
    const room = await open({}, { rate: 1 })
    await room.join('ann', 'bob')
    await room.come('ann')
    await room.leave('bob')
    const before = await room.peek()
    expect(await room.ask('leave', { buyer: 'ann', visitId: 1 }, late)).toEqual({ status: 'retry' })
    expect(await room.ask('revoke', { buyer: 'ann' }, late)).toEqual({ status: 'retry' })
    expect(await room.ask('leave', { buyer: 'bob', visitId: 2 }, late)).toEqual({ status: 'gone' })
    expect(await room.ask('leave', { buyer: 'ann', visitId: 2 }, late)).toEqual({ status: 'gone' })
    expect(await room.ask('revoke', { buyer: 'bob' }, late)).toEqual({ status: 'gone' })
    expect(await room.peek()).toEqual(before)
  })
})
