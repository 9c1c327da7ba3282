import { expect, test } from 'vitest'

import { random } from '../../../scripts/lib/random.js'

import { type RoomState, type StoredRoomRules, TOKEN } from '../../../src/engine/room.js'
import { EtaEstimator } from '../../../src/waiting-room/eta.js'

const NOW = 1_000_000
const rules: StoredRoomRules = {
  order: 'fifo',
  tiers: [],
  opensAt: null,
  claimMs: 30_000,
  passMs: 60_000,
  sale: null,
  overcommit: 1_000,
  maxActive: null,
}

function state(rest: Partial<RoomState> = {}): RoomState {
  const usual = {
    opened: true,
    paused: false,
    closed: null,
    pace: { rate: 10_000, burst: 10 },
    tokens: 0,
    speed: 10_000,
  }
  const line = {
    tail: 1e6,
    called: 0,
    reach: 90,
    present: 0,
    waiting: 1e6,
    drawn: null,
    seed: null,
    opensAt: null,
  }
  return { ...usual, ...line, ...rest } as RoomState
}

/** What is told with every kind of chance. */
function range(tell: (forecast: EtaEstimator) => number, given: StoredRoomRules = rules): [number, number] {
  const told = [0, 0.25, 0.5, 0.75, 1 - 2 ** -53].map((chance) => tell(new EtaEstimator(given, () => chance)))
  for (const ms of told) {
    expect(Number.isInteger(ms)).toBe(true)
    expect(ms).toBeGreaterThanOrEqual(0)
  }
  return [Math.min(...told), Math.max(...told)]
}

test('the waiting time is the position at the speed that was observed', () => {
  const { etaMs } = new EtaEstimator(rules, Math.random).estimate(state({ speed: 2_500 }), 100, 100, NOW)
  expect(etaMs).toBe(40_000)
})

test('a visitor who finds a token in the bucket waits no time, and comes at once', () => {
  const full = state({ tokens: 3 * TOKEN })
  for (const position of [1, 2, 3]) {
    const forecast = new EtaEstimator(rules, Math.random)
    expect(forecast.estimate(full, position, position, NOW).etaMs).toBe(0)
    expect(forecast.estimate(full, position, position, NOW).pollAfterMs).toBeLessThanOrEqual(100)
  }
  expect(new EtaEstimator(rules, Math.random).estimate(full, 4, 4, NOW).etaMs).toBeGreaterThan(0)
})

test('unknown: paused, rate 0, or no speed', () => {
  for (const rest of [{ paused: true }, { pace: { rate: 0, burst: 1 } }, { speed: 0 }]) {
    const told = new EtaEstimator(rules, Math.random).estimate(state(rest), 500, 500, NOW)
    expect(told).toMatchObject({ position: 500, etaMs: null })
    expect(told.pollAfterMs).toBeGreaterThanOrEqual(4_000)
    expect(told.pollAfterMs).toBeLessThanOrEqual(6_000)
  }
})

test('a visitor present polls about each second, and often enough within claimMs', () => {
  for (const claimMs of [100, 300, 1_000, 2_999, 3_000, 600_000]) {
    const near = { ...rules, claimMs }
    const [least, most] = range((forecast) => forecast.estimate(state(), 50, 90, NOW).pollAfterMs, near)
    expect(least).toBeGreaterThanOrEqual(Math.floor(Math.min(1_000, claimMs / 3) * 0.8))
    expect(most).toBeLessThanOrEqual(Math.ceil(Math.min(1_000, claimMs / 3) * 1.2))
    // At least twice, whatever the chance.
    expect(2 * most).toBeLessThan(claimMs)
  }
})

test('in the last second one comes when the turn is due, and some four times a second at most', () => {
  const told = (rest: Partial<RoomState>, position: number) =>
    range((forecast) => forecast.estimate(state(rest), position, 90, NOW).pollAfterMs)
  expect(told({}, 5)).toEqual([400, 600])
  expect(told({}, 8)).toEqual([640, 960])
  expect(told({}, 1)).toEqual([200, 300])
  // Nobody can say when.
  expect(told({ paused: true }, 1)).toEqual([800, 1_200])
})

test('farther off one polls less often: never more than half a minute apart, give or take the jitter', () => {
  let before = 0
  for (const position of [91, 200, 400, 800, 1_600, 10_000, 1_000_000]) {
    const [least, most] = range((forecast) => forecast.estimate(state(), position, position, NOW).pollAfterMs)
    expect(least).toBeGreaterThanOrEqual(800)
    expect(most).toBeLessThanOrEqual(36_000)
    expect(most).toBeGreaterThan(least * 1.4)
    expect(most).toBeGreaterThanOrEqual(before)
    // Several times within the wait: who moves up faster than foreseen is still there.
    expect(3 * most).toBeLessThanOrEqual(
      Math.max(3 * 1_200, new EtaEstimator(rules, () => 0).estimate(state(), position, position, NOW).etaMs!),
    )
    before = most
  }
})

test('a crowd of one distance does not come back in step', () => {
  const forecast = new EtaEstimator(rules, random(5))
  const waits = Array.from(
    { length: 10_000 },
    () => forecast.estimate(state(), 5_000, 5_000, NOW).pollAfterMs,
  )
  const slots = new Map<number, number>()
  for (const wait of waits)
    slots.set(Math.floor(wait / 1_000), (slots.get(Math.floor(wait / 1_000)) ?? 0) + 1)
  expect(Math.max(...slots.values())).toBeLessThan(1_500)
})

test('before it opens: the time until then comes on top, and no visitor polls each second for an hour', () => {
  const opensAt = NOW + 3_600_000
  const later = { ...rules }
  const closed = state({ opened: false, tokens: 10 * TOKEN, opensAt })
  expect(new EtaEstimator(later, Math.random).estimate(closed, 1, 1, NOW).etaMs).toBe(3_600_000)
  expect(new EtaEstimator(later, Math.random).estimate(closed, 100, 100, NOW).etaMs).toBe(3_610_000)
  const [least] = range((forecast) => forecast.estimate(closed, 1, 1, NOW).pollAfterMs, later)
  expect(least).toBeGreaterThanOrEqual(24_000)
  // Shortly before, those near the door are there.
  const [, most] = range((forecast) => forecast.estimate(closed, 5, 5, opensAt - 900).pollAfterMs, later)
  expect(most).toBeLessThanOrEqual(1_200)
})

test('before a draw all visitors come back after it, spread by their number', () => {
  const later: StoredRoomRules = { ...rules, order: 'random' }
  const opensAt = NOW + 20_000
  const crowd = (waiting: number) =>
    range(
      (forecast) =>
        forecast.estimate(state({ opened: false, waiting, opensAt }), waiting, null, NOW).pollAfterMs,
      later,
    )
  expect(crowd(10)).toEqual([20_000, 21_000])
  const [least, most] = crowd(400_000)
  expect(least).toBe(20_000)
  expect(most).toBe(28_000)
  expect(crowd(100_000_000)[1]).toBe(30_000)
  const early = range(
    (forecast) => forecast.estimate(state({ opened: false, opensAt }), 9, null, NOW - 500_000).pollAfterMs,
    later,
  )
  expect(early[0]).toBeGreaterThanOrEqual(24_000)
  expect(early[1]).toBeLessThanOrEqual(36_000)
})

test('while the engine is away: the same position, and longer than before, whatever was said then', () => {
  for (const pollAfterMs of [0, 10, 1_000, 1_200, 8_000, 24_000, 36_000]) {
    const place = { position: 7, etaMs: 700, pollAfterMs }
    expect(new EtaEstimator(rules, Math.random).later(place)).toMatchObject({ position: 7, etaMs: 700 })
    const [least, most] = range((forecast) => forecast.later(place).pollAfterMs)
    expect(least).toBeGreaterThan(pollAfterMs)
    expect(least).toBeGreaterThanOrEqual(4_000)
    expect(most).toBeLessThanOrEqual(72_000)
  }
})

/** Without any jitter: the middle of what chance makes of it. */
const middle = (given: StoredRoomRules = rules) => new EtaEstimator(given, () => 0.5)
const pollAfter = (rest: Partial<RoomState>, position: number, given = rules, now = NOW) =>
  middle(given).estimate(state(rest), position, position, now).pollAfterMs

test('how far off, and how soon again: a sixth of the wait, a second at least and half a minute at most', () => {
  const far = { reach: 0 }
  expect(pollAfter(far, 60)).toBe(1_000)
  expect(pollAfter(far, 61)).toBe(1_017)
  expect(pollAfter(far, 120)).toBe(2_000)
  expect(pollAfter(far, 1_799)).toBe(29_984)
  expect(pollAfter(far, 1_800)).toBe(30_000)
  expect(pollAfter(far, 1_000_000)).toBe(30_000)
  expect(pollAfter({ ...far, paused: true }, 60)).toBe(5_000)
})

test('present within reach only, and not before the last second before it opens', () => {
  expect(pollAfter({ reach: 300 }, 300)).toBe(1_000)
  expect(pollAfter({ reach: 299 }, 300)).toBe(5_000)
  const later = { ...rules }
  const closed = { opened: false, opensAt: NOW + 6_000, reach: 500, speed: 100_000 }
  expect(pollAfter(closed, 300, later, NOW + 5_001)).toBe(1_000)
  expect(pollAfter(closed, 300, later, NOW + 5_000)).toBe(1_000)
  expect(pollAfter({ ...closed, speed: 20_000 }, 300, later, NOW + 5_000)).toBe(2_667)
})

test('a turn is waited for no shorter than a quarter of a second', () => {
  expect(pollAfter({ speed: 20_000 }, 1)).toBe(250)
  expect(pollAfter({ speed: 20_000 }, 5)).toBe(250)
  expect(pollAfter({ speed: 20_000 }, 6)).toBe(300)
})

test('visitors who need not wait come spread over a tenth of a second', () => {
  const full = { tokens: TOKEN }
  expect(
    [0, 0.5, 0.999].map(
      (chance) => new EtaEstimator(rules, () => chance).estimate(state(full), 1, 1, NOW).pollAfterMs,
    ),
  ).toEqual([0, 50, 100])
  expect(new EtaEstimator(rules, () => 0.005).estimate(state(full), 1, 1, NOW).pollAfterMs).toBe(1)
  expect(middle().estimate(state({ tokens: TOKEN - 1 }), 1, 1, NOW).etaMs).toBe(100)
})

test('the slowest speed there is tells a time, to the ms', () => {
  expect(middle().estimate(state({ speed: 1 }), 3, 3, NOW).etaMs).toBe(3_000_000)
})

test('a room that never opens by itself, and one that is about to, have no time to wait for', () => {
  expect(middle().estimate(state({ opened: false, tokens: TOKEN }), 1, 1, NOW).etaMs).toBe(0)
  const late = middle().estimate(state({ opened: false, tokens: TOKEN, opensAt: NOW - 10 }), 1, 1, NOW)
  expect(late.etaMs).toBe(0)
})

test('before a draw: after it where it is less than half a minute off, else a sixth of the time until then', () => {
  const drawn = (opensIn: number, waiting = 200_000) =>
    middle({ ...rules, order: 'random' }).estimate(
      state({ opened: false, waiting, opensAt: NOW + opensIn }),
      1,
      null,
      NOW,
    ).pollAfterMs
  expect(drawn(30_000)).toBe(32_000)
  expect(drawn(30_001)).toBe(5_001)
  expect(drawn(120_000)).toBe(20_000)
  expect(drawn(10_000, 50_000)).toBe(10_500)
  expect(drawn(10_000, 100_000)).toBe(11_000)
  expect(drawn(10_000, 100_010)).toBe(11_001)
})

test('while the engine is away: three times as late as before, five seconds at least, a minute at most', () => {
  const later = (pollAfterMs: number) => middle().later({ position: 1, etaMs: 1, pollAfterMs }).pollAfterMs
  expect([1_000, 1_666, 1_667, 20_000, 20_001].map(later)).toEqual([5_000, 5_000, 5_001, 60_000, 60_000])
})
