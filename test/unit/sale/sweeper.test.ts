import { describe, expect, test } from 'vitest'
import { Sweeper } from '../../../src/sale/sweeper.js'
import { settled, TestClock } from '../../support/test-clock.js'

/** What the server's clock is ahead of the process'. */
const AHEAD = 7_000_000

function opened(next: () => number | null | Error = () => null, partitions = 1) {
  const clock = new TestClock(1_000)
  const swept: number[] = []
  const serverTime = () => clock.now() + AHEAD
  const sweep = async () => {
    swept.push(clock.now())
    const answer = next()
    if (answer instanceof Error) throw answer
    return answer
  }
  const sweeper = new Sweeper(sweep, serverTime, clock, partitions)
  const watch = (inMs: number) => sweeper.watch(serverTime() + inMs)
  return { clock, sweeper, swept, watch, serverTime }
}

describe('a sweep', () => {
  test('comes when the hold is over, and keeps no process alive', async () => {
    const { clock, swept, watch } = opened()
    watch(5_000)
    expect([clock.due, clock.keptAliveBy]).toEqual([[5_000], 0])
    await clock.advance(5_000)
    expect(swept).toEqual([6_000])
    expect(clock.timers).toBe(0)
  })

  test('comes no sooner than half a second after, no later than after a minute, and up to a quarter of a second later by chance', () => {
    for (const [inMs, due] of [
      [0, 500],
      [499, 500],
      [500, 500],
      [501, 501],
      [60_000, 60_000],
      [60_001, 60_000],
    ] as const) {
      const { clock, watch } = opened()
      watch(inMs)
      expect(clock.due).toEqual([due])
    }
    const { clock, watch } = opened()
    clock.luck = 1
    watch(1_000)
    expect(clock.due).toEqual([1_250])
  })

  test('of one of many partitions comes more seldom', () => {
    for (const [partitions, due] of [
      [100, 500],
      [101, 505],
      [1_000, 5_000],
    ] as const) {
      const { clock, watch } = opened(undefined, partitions)
      watch(0)
      expect(clock.due).toEqual([due])
    }
  })

  test('comes for the first hold to expire: there is one timer', async () => {
    const { clock, swept, watch } = opened()
    watch(5_000)
    watch(9_000)
    expect(clock.due).toEqual([5_000])
    watch(5_000)
    watch(2_000)
    expect(clock.due).toEqual([2_000])
    await clock.advance(60_000)
    expect(swept).toEqual([3_000])
  })

  test('is followed by the next one, as the server says', async () => {
    let left = 1
    const all = opened(() => (left-- > 0 ? all.serverTime() + 3_000 : null))
    all.watch(1_000)
    await all.clock.advance(60_000)
    expect(all.swept).toEqual([2_000, 5_000])
    // And what was watched after that.
    all.watch(800)
    expect(all.clock.due).toEqual([800])
  })

  test('that fails is tried again after some seconds, and reports no error', async () => {
    let left = 1
    const { clock, swept, watch } = opened(() => (left-- > 0 ? new Error('away') : null))
    watch(1_000)
    await clock.advance(60_000)
    expect(swept).toEqual([2_000, 8_000])
  })
})

test('once it is stopped nothing is swept, and nothing is watched', async () => {
  const { clock, sweeper, swept, watch } = opened()
  watch(1_000)
  sweeper.stop()
  expect(clock.timers).toBe(0)
  watch(500)
  expect(clock.timers).toBe(0)
  await settled()
  expect(swept).toEqual([])
})
