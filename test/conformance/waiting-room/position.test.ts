import { expect, test } from 'vitest'
import { joined } from '../../../scripts/lib/joined.js'
import { entered, onBothEngines, positions } from '../../support/waiting-room.js'

onBothEngines((open) => {
  test('a position gets smaller as those before enter or leave, and for nothing else', async () => {
    const door = await open({ ratePerSecond: 1 })
    const crowd = await door.crowd(10)
    expect(positions(await door.come(crowd))).toEqual([null, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(positions(await door.come(crowd))).toEqual([null, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    await door.room.leave(door.ticket('u4'))
    await door.room.revoke('u7')
    const rest = crowd.filter((buyer) => buyer !== 'u4' && buyer !== 'u7')
    expect(positions(await door.come(rest))).toEqual([null, 1, 2, 3, 4, 5, 6, 7])
    await door.advance(1_000)
    expect(positions(await door.come(rest))).toEqual([null, null, 1, 2, 3, 4, 5, 6])
    await door.join('late')
    expect(positions(await door.come([...rest, 'late']))).toEqual([null, null, 1, 2, 3, 4, 5, 6, 7])
  })

  test('far from the front too: visitors who left before are not counted, on any process', async () => {
    const door = await open({ ratePerSecond: 0.001 })
    const crowd = await door.crowd(400)
    const other = door.handle()
    await door.admitted('u1')
    expect(await door.waiting('u400')).toMatchObject({ position: 399 })
    expect(await door.waiting('u400', other)).toMatchObject({ position: 399 })
    for (const buyer of crowd.slice(100, 150)) await door.room.leave(door.ticket(buyer))
    for (const room of [door.room, other]) {
      expect(await door.waiting('u400', room)).toMatchObject({ position: 349 })
      expect(await door.waiting('u151', room)).toMatchObject({ position: 100 - 1 + 1 })
      expect(await door.waiting('u100', room)).toMatchObject({ position: 99 })
    }
    expect((await door.join('new'))[0]).toMatchObject({ position: 350 })
  })

  test('a join again never promises a better position than a poll', async () => {
    const door = await open({ ratePerSecond: 0.001 })
    const crowd = await door.crowd(20)
    // The line is called on while nobody comes; then they all come at once.
    await door.advance(2_000)
    await door.room.stats()
    const told = await door.come(crowd)
    expect(entered(told)).toEqual(['u1'])
    expect(positions(told)).toEqual([null, ...Array.from({ length: 19 }, (_, i) => i + 1)])
    expect((await door.join('u15'))[0]).toMatchObject({ position: 14 })
    // A process that has not seen them knows no better than the whole crowd at the door.
    const { position } = await joined(door.handle().join('u15'))
    expect(position).toBeGreaterThanOrEqual(14)
    expect(position).toBeLessThanOrEqual(19)
    expect(await door.waiting('u15')).toMatchObject({ position: 14 })
  })

  test('the waiting time goes by the rate that was asked for at first, and by the observed one then', async () => {
    const door = await open({ ratePerSecond: 2, burst: 2 })
    const crowd = await door.crowd(41)
    let told = await door.come(crowd)
    const near = (ms: number) => ({ etaMs: expect.toSatisfy((eta) => Math.abs(eta - ms) <= ms * 0.2) })
    expect(told.u41).toMatchObject({ position: 39, ...near(19_500) })
    expect(told.u3).toMatchObject({ position: 1, ...near(500) })
    // It holds: each second two enter, and whoever was told 20 seconds waits for 20.
    for (let second = 1; second < 20; second++) {
      await door.advance(1_000)
      told = await door.come(crowd)
      const position = 39 - 2 * second
      expect(told.u41).toMatchObject({ position, ...near(position * 500) })
    }
    await door.advance(1_000)
    expect(entered(await door.come(crowd))).toHaveLength(41)
  })

  test('turns that are not taken make the queue move faster, and the eta with it', async () => {
    const door = await open({ ratePerSecond: 4, burst: 4, claimMs: 4_000 })
    const crowd = await door.crowd(600)
    // Only each fourth comes.
    const coming = crowd.filter((_, i) => i % 4 === 3)
    await door.come(coming)
    for (let second = 1; second <= 20; second++) {
      await door.advance(1_000)
      await door.come(coming)
    }
    const { turnsPerSecond, ratePerSecond } = await door.room.stats()
    expect(ratePerSecond).toBe(4)
    expect(turnsPerSecond).toBeGreaterThan(6)
    const { position, etaMs } = await door.waiting('u600')
    expect(etaMs).toBe(Math.ceil((position * 1_000) / turnsPerSecond))
    const bySimpleRate = (position * 1_000) / ratePerSecond
    expect(etaMs).toBeLessThan(bySimpleRate * 0.75)
  })

  test('no eta while the room admits no visitor', async () => {
    const door = await open({ ratePerSecond: 0 })
    await door.join('ann', 'bob')
    await door.admitted('ann').catch(() => {})
    expect(await door.waiting('bob')).toMatchObject({ position: 2, etaMs: null })
    await door.room.setRate(1)
    expect((await door.waiting('bob')).etaMs).not.toBeNull()
    await door.room.pause()
    expect(await door.waiting('bob')).toMatchObject({ position: 2, etaMs: null })
  })

  test('a visitor near the front polls often, one far back seldom, and never in step', async () => {
    const door = await open({ ratePerSecond: 1 })
    const crowd = await door.crowd(500)
    const told = await door.come(crowd)
    const waits = crowd.slice(1).map((buyer) => {
      const result = told[buyer]!
      if (result.status !== 'waiting') expect.fail(result.status)
      return result.pollAfterMs
    })
    for (const wait of waits.slice(0, 60)) {
      expect(wait).toBeGreaterThan(0)
      expect(wait).toBeLessThanOrEqual(1_200)
    }
    for (const wait of waits.slice(300)) {
      expect(wait).toBeGreaterThan(20_000)
      expect(wait).toBeLessThanOrEqual(36_000)
    }
    expect(new Set(waits.slice(300)).size).toBeGreaterThan(100)
  })

  test('soldOutLikely: exactly those behind the last unit', async () => {
    const door = await open({ sale: 'phones', overcommit: 1, ratePerSecond: 1, burst: 2 })
    await door.sale().create({ stock: { a: 6, b: 4 } })
    const crowd = await door.crowd(15)
    const told = await door.come(crowd)
    expect(entered(told)).toEqual(['u1', 'u2'])
    const late = () => crowd.filter((buyer) => 'soldOutLikely' in told[buyer]! && told[buyer].soldOutLikely)
    expect(late()).toEqual(['u11', 'u12', 'u13', 'u14', 'u15'])
    expect(Object.values(told).slice(2)).toEqual(
      crowd
        .slice(2)
        .map(() => expect.objectContaining({ status: 'waiting', soldOutLikely: expect.any(Boolean) })),
    )
    await door.room.leave(door.ticket('u5'))
    expect(await door.waiting('u11')).toMatchObject({ soldOutLikely: false })
    expect(await door.waiting('u12')).toMatchObject({ soldOutLikely: true })
  })

  test('a room without a sale knows of no last unit', async () => {
    const door = await open()
    const crowd = await door.crowd(200)
    await door.admitted('u1')
    for (const buyer of [crowd[1]!, crowd[199]!])
      expect(await door.waiting(buyer)).toMatchObject({ soldOutLikely: false })
    expect(await door.room.stats()).toMatchObject({ capacity: null })
  })
})
