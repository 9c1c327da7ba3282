import { expect, test } from 'vitest'
import { seedCommitment, shuffledRank } from '../../../src/waiting-room/draw.js'
import { type Entrance, entered, onBothEngines, positions, START } from '../../support/waiting-room.js'

const opensAt = START + 60_000

/** The order of those who were drawn, worked out by whoever has read what the room published. */
async function published(door: Entrance, crowd: readonly string[]): Promise<string[]> {
  const { draw } = await door.room.stats()
  expect(draw).toMatchObject({ seed: expect.any(String), count: crowd.length })
  expect(seedCommitment(draw!.seed!)).toBe(draw!.commitment)
  const inLine: string[] = []
  for (const [i, buyer] of crowd.entries()) inLine[shuffledRank(draw!.seed!, crowd.length, i + 1) - 1] = buyer
  return inLine
}

/** Everybody polls each second until all have entered; answers in which order they did. */
async function admissions(door: Entrance, crowd: readonly string[]): Promise<string[]> {
  const order: string[] = []
  while (order.length < crowd.length) {
    const inside = entered(await door.come(crowd.filter((buyer) => !order.includes(buyer))))
    expect(inside).toHaveLength(1)
    order.push(...inside)
    await door.advance(1_000)
  }
  return order
}

onBothEngines((open) => {
  test('the hash of the seed is told before, the seed after; never sooner', async () => {
    const door = await open({}, { order: 'random', opensAt })
    const before = await door.room.stats()
    expect(before).toMatchObject({ state: 'not_open', draw: { seed: null, count: null } })
    await door.crowd(5)
    await door.advance(59_999)
    expect((await door.handle().stats()).draw).toEqual(before.draw)
    await door.advance(1)
    const { draw } = await door.handle().stats()
    expect(draw).toEqual({
      commitment: before.draw!.commitment,
      seed: expect.stringMatching(/^[0-9a-f]{64}$/),
      count: 5,
    })
  })

  test('until the draw every visitor stands at the end; then each where the seed says, on every process', async () => {
    const door = await open({ ratePerSecond: 0.001 }, { order: 'random', opensAt })
    const crowd = await door.crowd(20)
    const other = door.handle()
    for (const room of [door.room, other]) {
      const told = await door.come(crowd, room)
      expect(new Set(positions(told))).toEqual(new Set([20]))
    }
    await door.advance(60_000)
    const inLine = await (async () => {
      await door.room.stats()
      return published(door, crowd)
    })()
    // The bucket was full: the first of the draw enters.
    expect(entered(await door.come(crowd))).toEqual([inLine[0]])
    for (const room of [door.room, other, door.handle()]) {
      const told = await door.come(inLine.slice(1), room)
      expect(positions(told)).toEqual(inLine.slice(1).map((_, i) => i + 1))
    }
  })

  test('they enter in the order of the draw, and visitors who came after it behind them', async () => {
    const door = await open({ ratePerSecond: 1 }, { order: 'random', opensAt })
    const crowd = await door.crowd(12)
    await door.advance(60_000)
    await door.join('late1', 'late2')
    const drawn = await published(door, crowd)
    expect(await admissions(door, [...crowd, 'late2', 'late1'])).toEqual([...drawn, 'late1', 'late2'])
    expect(drawn).not.toEqual(crowd)
  })

  test('a visitor who leaves before or after the draw is not counted, and not waited for once all had time to come', async () => {
    const door = await open({ ratePerSecond: 0.001 }, { order: 'random', opensAt })
    const crowd = await door.crowd(10)
    const other = door.handle()
    await other.stats()
    await door.room.leave(door.ticket('u3'))
    await door.room.revoke('u8')
    expect(await door.waiting('u1', other)).toMatchObject({ position: 8 })
    await door.advance(60_000)
    await door.room.stats()
    const drawn = (await published(door, crowd)).filter((buyer) => buyer !== 'u3' && buyer !== 'u8')
    await door.come(drawn)
    expect(entered(await door.pass(3_000, drawn))).toEqual([drawn[0]])
    expect(positions(await door.come(drawn.slice(1), other))).toEqual([1, 2, 3, 4, 5, 6, 7])
    await door.room.leave(door.ticket(drawn[3]!))
    const rest = drawn.filter((_, i) => i !== 0 && i !== 3)
    expect(positions(await door.come(rest, other))).toEqual([1, 2, 3, 4, 5, 6])
    await door.room.setRate(1)
    await door.advance(1_000)
    expect(await admissions(door, rest)).toEqual(rest)
  })

  test('no visitor came before: nothing to draw, and later visitors are served in turn', async () => {
    const door = await open({ ratePerSecond: 1 }, { order: 'random', opensAt })
    await door.advance(60_000)
    const crowd = await door.crowd(4)
    expect((await door.room.stats()).draw).toMatchObject({ count: 0 })
    expect(await admissions(door, crowd.toReversed())).toEqual(crowd)
  })

  test('a single one', async () => {
    const door = await open({}, { order: 'random', opensAt })
    await door.join('ann')
    await door.advance(60_000)
    await door.admitted('ann')
    expect((await door.room.stats()).draw).toMatchObject({ count: 1 })
  })

  test('a visitor who joins twice is drawn once', async () => {
    const door = await open({ ratePerSecond: 0.001 }, { order: 'random', opensAt })
    const crowd = await door.crowd(6)
    await Promise.all(crowd.map((buyer) => door.handle().join(buyer)))
    await door.advance(60_000)
    await door.room.stats()
    expect(await published(door, crowd)).toHaveLength(6)
  })
})
