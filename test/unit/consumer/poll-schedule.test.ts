import { describe, expect, test } from 'vitest'
import { PollSchedule } from '../../../src/consumer/poll-schedule.js'
import { TestClock } from '../../support/test-clock.js'

const LONGEST = 1_000

async function opened(longestMs = LONGEST) {
  const clock = new TestClock(10_000)
  // The middle of the jitter: a pause is as long as was meant.
  clock.luck = 0.5
  const pace = new PollSchedule(longestMs, clock)
  pace.begin()
  /**
   * A reading that brought so many events, asked for now and answered after so many ms; answers how
   * long until the next.
   */
  const read = async (events: number, latest = 0, tookMs = 0) => {
    const at = clock.now()
    pace.hasRead(at)
    await clock.advance(tookMs)
    const hurries = pace.plan(events, latest, at)
    return { pause: pace.at - clock.now(), hurries }
  }
  return { clock, pace, read }
}

describe('how long a partition is left alone', () => {
  test('a new lease is read at once', async () => {
    const { pace, clock } = await opened()
    expect(pace.at).toBe(clock.now())
  })

  test('ever longer while there is nothing, up to the longest pause, and short again after one event', async () => {
    const { read } = await opened()
    const pauses: number[] = []
    for (let i = 0; i < 20; i++) pauses.push((await read(0)).pause)
    for (let i = 1; i < pauses.length; i++)
      expect(pauses[i]! > pauses[i - 1]! || pauses[i] === LONGEST).toBe(true)
    expect(pauses.at(-1)).toBe(LONGEST)
    const { pause } = await read(1)
    expect(pause).toBeLessThan(pauses[0]!)
    expect((await read(0)).pause).toBe(pauses[0])
  })

  test('another lease begins with short pauses', async () => {
    const { pace, read } = await opened()
    const { pause } = await read(0)
    for (let i = 0; i < 20; i++) await read(0)
    pace.begin()
    expect((await read(0)).pause).toBe(pause)
  })

  test('never longer than was asked for, also after events', async () => {
    const { read } = await opened(3)
    expect((await read(1)).pause).toBe(3)
    expect((await read(0)).pause).toBe(3)
  })

  test('a quarter more or less by chance', async () => {
    const { clock, read } = await opened(8)
    clock.luck = 0
    expect((await read(1)).pause).toBe(6)
    clock.luck = 1
    expect((await read(1)).pause).toBe(10)
  })

  test('not at all after a full page, so that news need not bring the next reading forward', async () => {
    const { read } = await opened()
    expect(await read(255)).toMatchObject({ hurries: true })
    expect(await read(256, 0, 3)).toEqual({ pause: 0, hurries: false })
    expect(await read(256, 0, 1)).toEqual({ pause: 0, hurries: false })
    // Where no time has passed, others get a turn.
    expect(await read(256, 0, 0)).toEqual({ pause: 1, hurries: false })
  })
})

test('a reading says for a second whether the engine still knows what it was told, and after a failure nothing', async () => {
  const { clock, pace } = await opened()
  expect(pace.isFresh).toBe(false)
  pace.hasRead(clock.now())
  await clock.advance(1_000)
  expect(pace.isFresh).toBe(true)
  await clock.advance(1)
  expect(pace.isFresh).toBe(false)
  pace.hasRead(clock.now())
  pace.distrust()
  expect(pace.isFresh).toBe(false)
})

describe('news of a partition', () => {
  test('bring the reading forward, to shortly after the last one', async () => {
    const { clock, pace, read } = await opened()
    await read(1)
    const planned = pace.at
    expect(pace.hurries(8, 7)).toBe(true)
    expect(pace.at).toBeLessThan(planned)
    expect(pace.at).toBeGreaterThan(clock.now())
    // That was it: the same news again bring nothing forward.
    expect(pace.hurries(8, 7)).toBe(false)
  })

  test('are none where everything has been read, or more', async () => {
    const { pace, read } = await opened()
    await read(1)
    expect(pace.hurries(7, 7)).toBe(false)
    expect(pace.hurries(6, 7)).toBe(false)
    expect(pace.hurries(8, 7)).toBe(true)
  })

  test('are news from the first event on', async () => {
    const { pace } = await opened()
    await pace.hasRead(0)
    pace.at = Number.POSITIVE_INFINITY
    expect(pace.hurries(1, 0)).toBe(true)
  })

  test('are none where it was looked for in vain: it belonged to a history that was rolled back', async () => {
    const { pace, read } = await opened()
    await read(0, 12)
    expect(pace.hurries(11, 7)).toBe(false)
    expect(pace.hurries(12, 7)).toBe(false)
    expect(pace.hurries(13, 7)).toBe(true)
  })

  test('are news again once events were found', async () => {
    const { pace, read } = await opened()
    await read(3, 12)
    expect(pace.hurries(12, 7)).toBe(true)
  })
})

describe('a reply of another kind', () => {
  test('puts the reading off, where it is seldom read anyway', async () => {
    const { clock, pace, read } = await opened()
    for (let i = 0; i < 20; i++) await read(0)
    const begun = clock.now()
    await clock.advance(900)
    pace.hasHeard(clock.now())
    expect(pace.at).toBe(begun + 900 + LONGEST)
    await clock.advance(900)
    pace.hasHeard(clock.now())
    // However often it is heard of, it is read after twice the pause.
    expect(pace.at).toBe(begun + 2 * LONGEST)
  })

  test('never brings it forward', async () => {
    const { clock, pace, read } = await opened()
    for (let i = 0; i < 20; i++) await read(0)
    clock.luck = 1
    await read(0)
    const planned = pace.at
    pace.hasHeard(clock.now())
    expect(pace.at).toBe(planned)
  })

  test('changes nothing where it is read ten times a second, and something where it is read less often', async () => {
    for (const longestMs of [100, 101]) {
      const { clock, pace, read } = await opened(longestMs)
      for (let i = 0; i < 20; i++) await read(0)
      const planned = pace.at
      await clock.advance(50)
      pace.hasHeard(clock.now())
      expect(pace.at - planned).toBe(longestMs === 100 ? 0 : 50)
    }
  })

  test('changes nothing where it is read often', async () => {
    const { clock, pace, read } = await opened()
    await read(1)
    const planned = pace.at
    await clock.advance(10)
    pace.hasHeard(clock.now())
    expect(pace.at).toBe(planned)
  })
})
