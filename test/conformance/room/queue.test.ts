import { expect, test } from 'vitest'
import { SHOW_MS } from '../../../src/engine/room.js'
import { admitted, onBothEngines } from '../../support/room.js'

onBothEngines((open) => {
  test('first come, first served, in whatever order they are asked for', async () => {
    const room = await open({}, { burst: 3 })
    const crowd = await room.crowd(6)
    const tended = await room.come(crowd.toReversed())
    expect(admitted(tended).toSorted()).toEqual(['u1', 'u2', 'u3'])
    expect(tended.of).toMatchObject({
      u4: { status: 'waiting', number: 4, ahead: 0 },
      u5: { status: 'waiting', number: 5, ahead: 1 },
      u6: { status: 'waiting', number: 6, ahead: 2 },
    })
    expect(tended).toMatchObject({ called: 3, present: 0, waiting: 3, outstanding: 3, turns: [] })
  })

  test('one place called and one token: the room waits no time for the next visitor', async () => {
    const room = await open({}, { burst: 2 })
    await room.join('ann', 'bob')
    expect(admitted(await room.come('ann'))).toEqual(['ann'])
    expect(admitted(await room.come('bob'))).toEqual(['bob'])
  })

  test('a visitor who joined later and came first waits, for SHOW_MS at most', async () => {
    const room = await open({}, { burst: 3 })
    await room.join('ann', 'bob', 'cid')
    expect(await room.come('cid')).toMatchObject({ called: 0, of: { cid: { status: 'waiting', ahead: 0 } } })
    await room.advance(SHOW_MS - 1)
    expect(admitted(await room.come('cid'))).toEqual([])
    // Had they come until now, they would have been first.
    await room.advance(1)
    expect(await room.come('cid')).toMatchObject({ called: 3, of: { cid: { status: 'admitted' } } })
    expect(admitted(await room.come(['bob', 'ann'])).toSorted()).toEqual(['ann', 'bob'])
  })

  test('a visitor who joined earlier and comes in time is first, though another came before', async () => {
    const room = await open({}, { rate: 1, burst: 1 })
    await room.join('ann', 'bob', 'cid')
    await room.come('cid')
    await room.advance(1_000)
    expect((await room.come('bob')).of).toMatchObject({ bob: { status: 'waiting', ahead: 0 } })
    await room.advance(1_000)
    expect(await room.come(['cid', 'bob', 'ann'])).toMatchObject({
      of: { ann: { status: 'admitted' }, bob: { ahead: 0 }, cid: { ahead: 1 } },
    })
  })

  test('at the edge of a byte of places: the room waits for the visitor who has not given up', async () => {
    for (const size of [7, 8, 9, 15, 16, 17, 24, 25]) {
      const room = await open({}, { burst: 3 })
      const crowd = await room.crowd(size)
      // All but the last two have given up; the last but one has not come.
      for (const buyer of crowd.slice(0, -2)) await room.leave(buyer)
      expect(admitted(await room.come(crowd.at(-1)!)), `${size}`).toEqual([])
      await room.leave(crowd.at(-2)!)
      expect(admitted(await room.come(crowd.at(-1)!)), `${size}`).toEqual([crowd.at(-1)])
    }
  })

  test('the room waits for no visitor who gave up: the next moves up at once', async () => {
    const room = await open({}, { burst: 3 })
    await room.crowd(5)
    await room.leave('u1')
    await room.revoke('u3')
    expect(admitted(await room.come(['u5']))).toEqual([])
    expect(admitted(await room.come(['u2', 'u5']))).toEqual(['u2'])
    await room.leave('u4')
    expect(await room.come(['u5'])).toMatchObject({ called: 5, of: { u5: { status: 'admitted' } } })
  })

  test('many gave up, one has not: that one is waited for', async () => {
    const room = await open({}, { rate: 1, burst: 1 })
    const crowd = await room.crowd(60)
    for (const buyer of crowd.slice(0, 58)) if (buyer !== 'u30') await room.leave(buyer)
    expect(admitted(await room.come('u59'))).toEqual([])
    expect(admitted(await room.come(['u59', 'u30']))).toEqual(['u30'])
  })

  test('visitors are called beyond those present while tokens are left, only as far as they had time to come', async () => {
    const room = await open({}, { rate: 1_000, burst: 100 })
    await room.crowd(500)
    // 100 at once and 8 seconds of 1 a second.
    expect(await room.tend()).toMatchObject({ called: 0, reach: 108, speed: 1_000 })
    await room.advance(SHOW_MS)
    const first = await room.tend()
    // By then two seconds were seen in which nobody was called: 5 in 7 seconds, asked for and
    // observed.
    expect(first).toMatchObject({ called: 105, tokens: 100_000_000, present: 0 })
    // However fast it went, it is not taken for more than four times the rate.
    expect(first.speed).toBeGreaterThan(4_000)
    expect(first.reach).toBe(105 + 100 + 8 * 4)
    // Called just now: those beyond the reach of before are called when these had their time.
    await room.advance(SHOW_MS - 1)
    expect((await room.tend()).called).toBeLessThanOrEqual(first.reach)
  })

  test('never calls beyond the visitors who had joined SHOW_MS ago', async () => {
    const room = await open({}, { burst: 50 })
    await room.join('ann', 'bob')
    await room.advance(1_500)
    await room.tend()
    await room.join('cid')
    await room.advance(500)
    expect((await room.tend()).called).toBe(0)
    await room.advance(1_500)
    expect((await room.tend()).called).toBe(3)
  })

  test('visitors who join all the time do not keep the queue from moving', async () => {
    const room = await open({}, { burst: 20 })
    for (let i = 0; i < 60; i++) {
      await room.join(`u${i}`)
      await room.tend()
      await room.advance(100)
    }
    const { called } = await room.tend()
    expect(called).toBeGreaterThanOrEqual(15)
    expect(called).toBeLessThanOrEqual(41)
  })

  test('beyond reach a visit changes nothing', async () => {
    const room = await open({}, { rate: 1, burst: 1 })
    await room.crowd(100)
    const { reach, of } = await room.come(['u65', 'u66', 'u64'])
    expect(reach).toBe(64)
    expect(of).toEqual({
      u64: { status: 'waiting', number: 64, ahead: 0 },
      u65: { status: 'waiting', number: 65, ahead: null },
      u66: { status: 'waiting', number: 66, ahead: null },
    })
    await room.come('u1')
    expect((await room.come('u65')).of).toMatchObject({ u65: { ahead: 1 } })
  })

  test('ahead and present: the visitors present, and how many of them were called', async () => {
    const room = await open({}, { rate: 1, burst: 2 })
    const crowd = await room.crowd(10)
    await room.advance(SHOW_MS)
    expect((await room.tend()).called).toBe(10)
    await room.join('late')
    const tended = await room.come(['late', ...crowd.slice(4)])
    expect(admitted(tended)).toEqual(['u5', 'u6'])
    expect(tended.present).toBe(4)
    expect(tended.of).toMatchObject({ u7: { ahead: 0 }, u10: { ahead: 3 }, late: { ahead: 4 } })
    const again = await room.come(['u3', 'u10', 'late'])
    expect(again).toMatchObject({
      present: 5,
      of: { u3: { ahead: 0 }, u10: { ahead: 4 }, late: { ahead: 5 } },
    })
    await room.leave('u3')
    await room.revoke('u8')
    expect((await room.come('late')).of).toMatchObject({ late: { ahead: 3 } })
  })

  test('another number than the buyer has: they are told theirs', async () => {
    const room = await open({}, { rate: 1 })
    await room.crowd(4)
    await room.come(['u1', 'u2', 'u3'])
    const wrong = [room.visit('u3', { number: 2, rank: 2 }), room.visit('u4', { number: 1, rank: 1 })]
    expect((await room.tend({ visits: wrong })).visits).toEqual([
      { status: 'waiting', number: 3, ahead: 1 },
      { status: 'waiting', number: 4, ahead: null },
    ])
  })

  test('two tabs, one of which has the old number: both are told the place after all', async () => {
    const room = await open({ passMs: 1_000 }, { burst: 1, rate: 1 })
    await room.join('bob', 'ann')
    await room.come('bob')
    await room.pass(1_000)
    const visits = [room.visit('bob', { number: 1, rank: 1 }), room.visit('bob', { number: 2, rank: 2 })]
    const waiting = { status: 'waiting', number: 3, ahead: null }
    expect(await room.tend({ visits })).toMatchObject({ visits: [waiting, waiting] })
  })

  test('no place, another visit: gone', async () => {
    const room = await open()
    await room.join('ann', 'bob')
    await room.leave('ann')
    const unknown = { buyer: 'nobody', visitId: 1, number: 1, rank: 1 }
    const visits = [unknown, room.visit('ann'), room.visit('bob', { visitId: 1 })]
    expect((await room.tend({ visits })).visits).toEqual(visits.map(() => ({ status: 'gone' })))
    expect((await room.peek()).present).toBe(0)
  })

  test('a turn is given once: to visit again and again gives nothing more', async () => {
    const room = await open({}, { burst: 5 })
    await room.join('ann')
    const visits = [room.visit('ann'), room.visit('ann'), room.visit('ann')]
    const first = await room.tend({ visits })
    expect(new Set(first.visits.map((answer) => JSON.stringify(answer))).size).toBe(1)
    expect(first).toMatchObject({ tokens: 4_000_000, admitted: 1, outstanding: 1 })
    expect((await room.tend({ visits })).visits).toEqual(first.visits)
    expect(await room.peek()).toMatchObject({ tokens: 4_000_000, admitted: 1, outstanding: 1, waiting: 0 })
  })
})
