import { expect, test } from 'vitest'
import { late, onBothEngines } from '../../support/room.js'

onBothEngines((open) => {
  test('numbers count from 1; the number of the first place names the visit', async () => {
    const room = await open()
    expect(await room.join('ann', 'bob')).toEqual([1, 2])
    expect(await room.ask('join', { buyer: 'cid' })).toEqual({
      status: 'placed',
      number: 3,
      visitId: 3,
      expiresAt: null,
    })
    expect(await room.tend()).toMatchObject({ tail: 3, waiting: 3, called: 0, admitted: 0 })
  })

  test('the same buyer has one place, in the same batch and ever after', async () => {
    const room = await open()
    expect(await room.join('ann', 'ann', 'bob', 'ann')).toEqual([1, 1, 2, 1])
    await room.advance(60_000)
    expect(await room.join('bob', 'ann')).toEqual([2, 1])
    expect(await room.peek()).toMatchObject({ tail: 2, waiting: 2 })
  })

  test('any name is a buyer of its own', async () => {
    const room = await open({}, { burst: 20 })
    const names = ['', ' ', 'a:b', 'a', '1', '01', '0x1', 'é', 'e\u0301', '\0', '💶', '"', 'x'.repeat(500)]
    expect(await room.join(...names)).toEqual(names.map((_, i) => i + 1))
    const tended = await room.come(names)
    for (const [i, name] of names.entries())
      expect(tended.of[name]).toMatchObject({ status: 'admitted', number: i + 1 })
    expect(await room.join(...names)).toEqual(names.map((_, i) => i + 1))
  })

  test('a join does not move on: it costs and brings no token', async () => {
    const room = await open({}, { rate: 1, burst: 1 })
    await room.crowd(2)
    expect((await room.come('u1')).tokens).toBe(0)
    for (let i = 0; i < 10; i++) {
      await room.advance(7)
      await room.join(`v${i}`)
    }
    expect((await room.tend()).tokens).toBe(70)
  })

  test('a visitor with a pass is told until when, and keeps it by joining again in time', async () => {
    const room = await open({ passMs: 5_000 })
    await room.join('ann', 'bob')
    const expiresAt = room.now() + 5_000
    expect((await room.come('ann')).of.ann).toEqual({ status: 'admitted', number: 1, expiresAt })
    const placed = { status: 'placed', number: 1, visitId: 1, expiresAt }
    expect(await room.ask('join', { buyer: 'ann' })).toEqual(placed)
    await room.advance(4_999)
    expect(await room.ask('join', { buyer: 'ann' })).toEqual(placed)
    expect((await room.tend()).waiting).toBe(1)
  })

  test('a pass that has run out: a new place at the end, in the same visit', async () => {
    const room = await open({ passMs: 5_000 })
    await room.join('ann', 'bob')
    await room.come('ann')
    await room.advance(5_000)
    const placed = { status: 'placed', number: 3, visitId: 1, expiresAt: null }
    expect(await room.ask('join', { buyer: 'ann' }, late)).toEqual({ status: 'retry' })
    expect((await room.peek()).tail).toBe(2)
    expect(await room.ask('join', { buyer: 'ann' })).toEqual(placed)
    expect(await room.ask('join', { buyer: 'ann' })).toEqual(placed)
    expect(await room.tend()).toMatchObject({ tail: 3, waiting: 2, admitted: 1, outstanding: 0 })
  })

  test('the same by a poll: the pass has run out, a new place at the end, in the same visit', async () => {
    const room = await open({ passMs: 5_000 })
    await room.join('ann', 'bob')
    await room.come('ann')
    await room.advance(5_000)
    const visits = [room.visit('ann'), room.visit('ann')]
    const waiting = { status: 'waiting', number: 3, ahead: null }
    expect((await room.tend({ visits })).visits).toEqual([waiting, waiting])
    expect(await room.peek()).toMatchObject({ tail: 3, waiting: 2, missedTurns: 0 })
    expect(await room.ask('join', { buyer: 'ann' })).toMatchObject({ number: 3, visitId: 1 })
    // Not at the door yet: that takes one more visit.
    expect((await room.come('ann')).of.ann).toMatchObject({ number: 3 })
  })

  test('after leaving: a new stay, and a number that was never used', async () => {
    const room = await open()
    await room.join('ann', 'bob')
    expect(await room.leave('ann')).toEqual({ status: 'left' })
    expect(await room.ask('join', { buyer: 'ann' })).toMatchObject({ number: 3, visitId: 3 })
    expect(await room.revoke('bob')).toEqual({ status: 'revoked' })
    expect(await room.ask('join', { buyer: 'bob' })).toMatchObject({ number: 4, visitId: 4 })
  })

  test('after the deadline no join gets a place; a visitor who has one is told', async () => {
    const room = await open()
    await room.join('ann')
    const { answers } = await room.done('join', [{ buyer: 'bob' }, { buyer: 'ann' }, { buyer: 'bob' }], late)
    expect(answers).toMatchObject([{ status: 'retry' }, { status: 'placed', number: 1 }, { status: 'retry' }])
    expect(await room.tend()).toMatchObject({ tail: 1, waiting: 1 })
    expect(await room.join('bob')).toEqual([2])
  })

  test('joining is possible while the room is paused, before it opens, and without stock', async () => {
    const room = await open({ opensAt: 4e12, sale: 'launch' }, { rate: 0 })
    await room.control({ action: 'pause' })
    expect(await room.join('ann', 'bob')).toEqual([1, 2])
    expect(await room.tend({ stock: room.stock(0, 'ended') })).toMatchObject({ waiting: 2, closed: 'ended' })
    expect(await room.join('cid')).toEqual([3])
  })

  test('a thousand join at once, in many batches on many ways', async () => {
    const room = await open()
    const batches = Array.from({ length: 10 }, (_, b) =>
      Array.from({ length: 200 }, (_, i) => `u${(b * 100 + i) % 1_000}`),
    )
    const numbers = (await Promise.all(batches.map((buyers) => room.join(...buyers)))).flat()
    expect(new Set(numbers).size).toBe(1_000)
    expect(Math.max(...numbers)).toBe(1_000)
    expect((await room.tend()).waiting).toBe(1_000)
  })
})
