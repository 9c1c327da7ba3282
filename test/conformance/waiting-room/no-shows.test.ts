import { expect, test } from 'vitest'
import { type Entrance, entered, onBothEngines } from '../../support/waiting-room.js'

/** Those who are not inside yet poll each second; answers how many entered in each. */
async function perSecond(door: Entrance, coming: readonly string[], seconds: number): Promise<number[]> {
  const outside = new Set(coming)
  const counts: number[] = []
  for (let second = 0; second < seconds; second++) {
    await door.advance(1_000)
    const inside = entered(await door.come([...outside]))
    for (const buyer of inside) outside.delete(buyer)
    counts.push(inside.length)
  }
  return counts
}

onBothEngines((open) => {
  test('two of five never come: all others are served at the full rate, in order', async () => {
    const door = await open({ ratePerSecond: 3, burst: 3, claimMs: 5_000 })
    const crowd = await door.crowd(150)
    const coming = crowd.filter((_, i) => i % 5 > 1)
    await door.come(coming)
    // Where nobody has come before, they are waited for once.
    await perSecond(door, coming, 3)
    const { admitted } = await door.room.stats()
    const counts = await perSecond(door, coming.slice(admitted), 15)
    expect(counts.slice(2)).toEqual(counts.slice(2).map(() => 3))
    const inside = entered(await door.come(coming))
    expect(inside).toEqual(coming.slice(0, inside.length))
  })

  test('a visitor who comes back after claimMs is next, with the same ticket', async () => {
    const door = await open({ ratePerSecond: 1, claimMs: 3_000 })
    const crowd = await door.crowd(10)
    const others = crowd.slice(1)
    const ticket = door.ticket('u1')
    await door.pass(12_000, others)
    expect(await door.room.stats()).toMatchObject({ waiting: 1, missedTurns: 0 })
    await door.join('late')
    await door.room.setRate(0.001)
    // The token that is there goes to a visitor who came before.
    await door.join('here')
    await door.advance(2_000)
    await door.admitted('here')
    expect(await door.waiting('u1')).toMatchObject({ position: 1 })
    expect(await door.room.stats()).toMatchObject({ missedTurns: 1, waiting: 2 })
    // In another process, and with a join.
    expect(await door.waiting('u1', door.handle())).toMatchObject({ position: 1 })
    expect((await door.join('u1'))[0]).toMatchObject({ ticket, position: 1 })
    expect(await door.waiting('late')).toMatchObject({ position: 2 })
    await door.room.setRate(1, { burst: 2 })
    await door.advance(1_000)
    await door.waiting('late')
    await door.admitted('u1')
    expect((await door.room.stats()).missedTurns).toBe(1)
  })

  test('a visitor who polls once a minute gets in, while a crowd takes every token', async () => {
    const door = await open({ ratePerSecond: 1, claimMs: 5_000 })
    await door.join('first', 'slow')
    await door.admitted('first')
    await door.waiting('slow')
    const crowd = await door.crowd(400)
    const outside = new Set(crowd)
    let told: string[] = []
    for (let minute = 0; minute < 3 && !told.includes('slow'); minute++) {
      for (let second = 0; second < 60; second++) {
        await door.advance(1_000)
        for (const buyer of entered(await door.come([...outside].slice(0, 20)))) outside.delete(buyer)
      }
      told = entered(await door.come(['slow']))
    }
    expect(told).toEqual(['slow'])
    // The crowd lost no more than the tokens that waited for the slow visitor.
    expect(outside.size).toBeLessThan(400 - 110)
  })

  test('the only visitor is admitted with a poll, however seldom they poll', async () => {
    const door = await open({ ratePerSecond: 1 })
    await door.join('first')
    await door.admitted('first')
    await door.join('slow')
    await door.advance(45_000)
    await door.admitted('slow')
    await door.join('slower')
    await door.advance(1_000)
    // Called while away, and again and again.
    for (let hour = 0; hour < 3; hour++) {
      await door.advance(3_600_000)
      await door.room.stats()
    }
    await door.admitted('slower')
  })

  test('a visitor who comes back in time is next', async () => {
    const door = await open({ ratePerSecond: 1, claimMs: 10_000 })
    const crowd = await door.crowd(20)
    await door.pass(6_000, crowd.slice(1))
    expect(await door.waiting('u1')).toMatchObject({ position: 1 })
    const before = entered(await door.come(crowd))
    await door.advance(1_000)
    expect(entered(await door.come(crowd))).toEqual(['u1', ...before])
    expect((await door.room.stats()).missedTurns).toBe(0)
  })

  test('a turn that its owner does not take goes to the next, and costs no token', async () => {
    const door = await open({ ratePerSecond: 1, burst: 1, claimMs: 2_000 })
    const crowd = await door.crowd(8)
    await door.admitted('u1')
    await door.come(crowd.slice(1))
    await door.advance(1_000)
    // The room is looked at by others only: u2, who was here a second ago, gets a turn and is never
    // seen again.
    await door.come(crowd.slice(2))
    expect(await door.room.stats()).toMatchObject({ outstanding: 2, admitted: 1 })
    const counts = await perSecond(door, crowd.slice(2), 7)
    // 7 seconds, and the token that u2 did not take; never two in a bucket of one.
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(6)
    await door.admitted('u2')
    expect((await door.room.stats()).missedTurns).toBe(1)
  })

  test('no visitor comes for a long time: the next one enters, and none was forgotten', async () => {
    const door = await open({ ratePerSecond: 1, claimMs: 5_000 })
    await door.crowd(30)
    await door.advance(600_000)
    await door.room.stats()
    await door.advance(1_000)
    expect(entered(await door.come(['u20']))).toEqual(['u20'])
    const told = await door.pass(1_000, ['u25', 'u3'])
    expect(entered(told)).toEqual(['u3'])
    expect(await door.room.stats()).toMatchObject({ missedTurns: 0, waiting: 28 })
  })
})
