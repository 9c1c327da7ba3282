import { performance } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { measure as launchNight } from '../../bench/launch-night.js'
import { Zipf } from '../../bench/load/zipf.js'
import { measure as reserveAndConfirm } from '../../bench/reserve-confirm.js'
import { closedLoop, evenly, openArrivals, poisson } from '../../scripts/lib/load/drive.js'
import { Histogram } from '../../scripts/lib/load/histogram.js'
import { Recorder } from '../../scripts/lib/load/recorder.js'
import { random } from '../../scripts/lib/random.js'
import { benchContext } from '../support/bench-context.js'
import { OwnRedis } from '../support/own-redis.js'

function block(ms: number): void {
  const until = performance.now() + ms
  while (performance.now() < until);
}

describe('open arrivals', () => {
  test('time each request from its intended start, so a stall counts for all that fell due in it', async () => {
    const recorder = new Recorder(50)
    const work = async (n: number) => {
      if (n === 100) block(200)
      return 'accepted' as const
    }
    const tally = await openArrivals({ gap: evenly(1_000), limit: { count: 500 }, work, recorder })
    expect(tally).toMatchObject({ accepted: 500, refused: 0, failed: 0 })
    // Some 200 requests fell due while nothing moved, and waited between 0 and 200 ms: 150 of them
    // for 50 or more. Timed from when they were issued, one alone would have been slow.
    const latency = recorder.latency()
    expect(latency.count).toBe(500)
    expect(latency.at(0.75)).toBeGreaterThan(40)
    expect(latency.max).toBeGreaterThanOrEqual(200)
    expect(tally.lateness.max).toBeGreaterThan(150)
  })

  test('do not wait: a slow answer delays no other request', async () => {
    let open = 0
    let most = 0
    const work = async () => {
      most = Math.max(most, ++open)
      await delay(100)
      open--
      return 'accepted' as const
    }
    await openArrivals({ gap: evenly(1_000), limit: { count: 100 }, work })
    expect(most).toBeGreaterThan(20)
  })

  test('keep accepted, refused and failed apart', async () => {
    const recorder = new Recorder(10_000)
    const error = new Error('no answer')
    const work = async (n: number) => {
      if (n % 4 === 0) throw error
      return n % 4 === 1 ? ('refused' as const) : ('accepted' as const)
    }
    const gap = poisson(10_000, random(1))
    const tally = await openArrivals({ gap, limit: { count: 40 }, first: 4, work, recorder })
    expect(tally).toMatchObject({ accepted: 20, refused: 10, failed: 10, error })
    expect(recorder.intervals).toMatchObject([{ accepted: 20, refused: 10, failed: 10 }])
    expect(recorder.latency().count).toBe(40)
  })

  test('Poisson arrivals come at their rate on average, and by their seed', () => {
    const gaps = (seed: number) => Array.from({ length: 10_000 }, poisson(50, random(seed)))
    const mean = gaps(7).reduce((a, b) => a + b) / 10_000
    expect(mean).toBeGreaterThan(19)
    expect(mean).toBeLessThan(21)
    expect(gaps(7)).toEqual(gaps(7))
    expect(gaps(8)).not.toEqual(gaps(7))
  })
})

test('a closed loop makes every request once, with as many callers as it is told', async () => {
  const seen = new Set<number>()
  let open = 0
  let most = 0
  const work = async (n: number) => {
    most = Math.max(most, ++open)
    await delay(1)
    open--
    seen.add(n)
    return 'accepted' as const
  }
  const tally = await closedLoop({ callers: 7, limit: { count: 50 }, first: 10, work })
  expect(tally).toMatchObject({ accepted: 50, refused: 0, failed: 0 })
  expect([...seen].sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i + 10))
  expect(most).toBe(7)
})

describe('histogram', () => {
  test('its percentiles are within one percent of the exact ones', () => {
    const dice = random(3)
    const values = Array.from({ length: 50_000 }, () => Math.exp(dice() * 16 - 6))
    const half = values.length / 2
    const histogram = new Histogram()
    const other = new Histogram()
    for (const [i, value] of values.entries()) (i < half ? histogram : other).add(value)
    histogram.merge(structuredClone(other))
    const sorted = values.toSorted((a, b) => a - b)
    for (const share of [0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999]) {
      const exact = sorted[Math.ceil(share * sorted.length) - 1]!
      expect(Math.abs(histogram.at(share) / exact - 1)).toBeLessThan(0.01)
    }
    expect(histogram.at(1)).toBe(sorted.at(-1))
    expect(histogram.count).toBe(values.length)
  })

  test('takes what is out of its range, and has no percentile of nothing', () => {
    const histogram = new Histogram()
    expect(histogram.at(0.5)).toBeNaN()
    for (const ms of [0, 1e9]) histogram.add(ms)
    expect(histogram.at(0.5)).toBeLessThan(0.001)
    expect(histogram.at(1)).toBe(1e9)
  })
})

describe('random', () => {
  test('is a function of its seeds', () => {
    const draw = (...seeds: number[]) => Array.from({ length: 5 }, random(...seeds))
    expect(draw(42, 1)).toEqual(draw(42, 1))
    expect(new Set([draw(42, 1), draw(42, 2), draw(1, 42), draw(43, 1), draw(42)].map(String)).size).toBe(5)
  })

  test('spreads evenly, also over the first draws of neighbouring seeds', () => {
    const tenths = new Array<number>(10).fill(0)
    for (let n = 0; n < 20_000; n++) tenths[Math.floor(random(1, n)() * 10)]!++
    for (const count of tenths) expect(Math.abs(count - 2_000)).toBeLessThan(200)
  })

  test('Zipf: the first of 10,000 stores is asked for as often as the law says, by its seed', () => {
    const zipf = new Zipf(10_000)
    const draw = (seed: number) => {
      const dice = random(seed)
      return Array.from({ length: 50_000 }, () => zipf.sample(dice))
    }
    const ranks = draw(5)
    expect(ranks).toEqual(draw(5))
    expect(Math.min(...ranks)).toBe(0)
    expect(Math.max(...ranks)).toBeLessThan(10_000)
    for (const rank of [0, 1, 9]) {
      const expected = 50_000 * zipf.share(rank)
      const count = ranks.filter((drawn) => drawn === rank).length
      expect(Math.abs(count - expected)).toBeLessThan(6 * Math.sqrt(expected))
    }
    expect(zipf.share(0) / zipf.share(9)).toBeCloseTo(10)
    const sum = Array.from({ length: 10_000 }, (_, rank) => zipf.share(rank)).reduce((a, b) => a + b)
    expect(sum).toBeCloseTo(1)
  })
})

describe('smallest runs', () => {
  const redis = new OwnRedis()
  const context = () => benchContext(redis, { realTime: true, seed: 42 })

  test('of reserve and confirm: all invariants hold', async () => {
    const { invariants, figures } = await reserveAndConfirm(context(), {
      rounds: 1,
      seconds: 0.05,
      callers: 50,
    })
    expect(invariants.length).toBeGreaterThan(3)
    expect(invariants.filter(({ holds }) => !holds)).toEqual([])
    expect(figures.map(({ id }) => id)).toContain('reserve-confirm.ratio')
  })

  test('of the launch night, fast and in real time: all invariants hold, nothing is oversold', async () => {
    const size = { units: 100, phoneOrders: 400, stores: 20, orders: 600 }
    const sizes = { ...size, callers: 50, rounds: 1, realSeconds: 2 }
    const { invariants, tables, figures } = await launchNight(context(), sizes)
    expect(invariants.length).toBeGreaterThan(11)
    expect(invariants.filter(({ holds }) => !holds)).toEqual([])
    const [beside, ...stories] = tables
    expect(beside?.rows).toHaveLength(1)
    expect(stories).toHaveLength(2)
    for (const { rows } of stories) {
      const told = new Map(rows.map(([what, count]) => [what, Number(count)]))
      expect(told.get('units of mango-me-launch sold')).toBeGreaterThan(0)
      expect(told.get('units of mango-me-launch oversold')).toBe(0)
      expect(told.get('double clicks')).toBeGreaterThan(0)
      expect(told.get('released')).toBeGreaterThan(0)
    }
    const measured = figures.map(({ id }) => id)
    expect(measured).toEqual(
      expect.arrayContaining(['launch-night.ratio-plain', 'launch-night.real-time-p99']),
    )
  })
})
