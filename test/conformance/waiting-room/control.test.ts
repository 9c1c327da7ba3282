import { expect, test } from 'vitest'
import { entered, onBothEngines, positions, START } from '../../support/waiting-room.js'

onBothEngines((open) => {
  test('a pause admits no visitor and takes nothing from any', async () => {
    const door = await open({ ratePerSecond: 1, burst: 1, claimMs: 3_000 })
    const crowd = await door.crowd(6)
    await door.come(crowd)
    await door.room.pause()
    expect(await door.room.stats()).toMatchObject({ state: 'paused', waiting: 5 })
    // Far longer than a turn is kept, and nobody comes.
    await door.advance(60_000)
    const told = await door.come(crowd)
    expect(positions(told)).toEqual([null, 1, 2, 3, 4, 5])
    expect(told.u2).toMatchObject({ etaMs: null })
    await door.room.pause()
    await door.room.resume()
    await door.room.resume()
    expect(await door.room.stats()).toMatchObject({ state: 'open' })
    const after = await door.come(crowd)
    expect(entered(after)).toEqual(['u1'])
    await door.advance(1_000)
    expect(entered(await door.come(crowd))).toEqual(['u1', 'u2'])
    expect((await door.room.stats()).missedTurns).toBe(0)
  })

  test('a pass given before a pause stays good, and joins go on', async () => {
    const door = await open()
    await door.join('ann')
    const { pass } = await door.admitted('ann')
    await door.room.pause()
    expect(await door.admitted('ann')).toMatchObject({ pass })
    expect(door.room.verify(pass, { buyer: 'ann' })).toMatchObject({ buyer: 'ann' })
    expect((await door.join('bob'))[0]).toMatchObject({ position: 1, etaMs: null })
  })

  test('what one handle sets is in force on another within a second, though no call is made there', async () => {
    const door = await open({ ratePerSecond: 1 })
    const far = door.live()
    await door.join('ann', 'bob')
    await door.admitted('ann')
    expect((await door.timers.during(door.waiting('bob', far))).etaMs).not.toBeNull()
    await door.room.pause()
    await door.timers.advance(1_000)
    expect(await door.timers.during(door.waiting('bob', far))).toMatchObject({ etaMs: null })
    await door.room.resume()
    await door.room.setRate(4, { burst: 2 })
    await door.timers.advance(1_000)
    expect(await door.timers.during(door.waiting('bob', far))).toMatchObject({ position: 1, etaMs: 250 })
  })

  test('before opensAt every visitor waits and none enters; at the very moment the first do', async () => {
    const opensAt = START + 10_000
    const door = await open({ ratePerSecond: 1, burst: 2 }, { opensAt })
    const crowd = await door.crowd(5)
    expect(await door.room.stats()).toMatchObject({ state: 'not_open', waiting: 5 })
    expect(await door.waiting('u1')).toMatchObject({ position: 1, etaMs: 10_000 })
    expect(await door.waiting('u5')).toMatchObject({ position: 5, etaMs: 15_000 })
    await door.advance(9_999)
    const told = await door.come(crowd)
    expect(entered(told)).toEqual([])
    expect(told.u1).toMatchObject({ position: 1, etaMs: 1 })
    await door.advance(1)
    expect(entered(await door.come(crowd.toReversed())).toSorted()).toEqual(['u1', 'u2'])
    expect(await door.room.stats()).toMatchObject({ state: 'open', draw: null })
  })

  test('opensAt as a Date, and one that is long past', async () => {
    const opensAt = new Date(START - 1)
    const door = await open({}, { opensAt })
    await door.join('ann')
    await door.admitted('ann')
    expect(await door.handle().create({ opensAt: START - 1 })).toEqual({ created: false })
  })

  test('paused before it opens, opened while paused', async () => {
    const door = await open({}, { opensAt: START + 1_000 })
    await door.join('ann')
    await door.room.pause()
    await door.advance(2_000)
    expect(await door.waiting('ann')).toMatchObject({ position: 1, etaMs: null })
    expect(await door.room.stats()).toMatchObject({ state: 'paused' })
    await door.room.resume()
    await door.admitted('ann')
  })
})
