import { expect, test } from 'vitest'
import { random } from '../../scripts/random.js'
import { Forecast } from '../../src/admission/forecast.js'
import { type RoomRules, type RoomState, TOKEN } from '../../src/engine/room.js'

const NOW = 1_000_000
const rules: RoomRules = {
  order: 'fifo',
  opensAt: null,
  claimMs: 30_000,
  passMs: 60_000,
  sale: null,
  overcommit: 1_000,
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
  const line = { tail: 1e6, called: 0, reach: 90, atDoor: 0, waiting: 1e6, drawn: null, seed: null }
  return { ...usual, ...line, ...rest } as RoomState
}

/** What is told with every kind of chance. */
function range(tell: (forecast: Forecast) => number, given: RoomRules = rules): [number, number] {
  const told = [0, 0.25, 0.5, 0.75, 1 - 2 ** -53].map((chance) => tell(new Forecast(given, () => chance)))
  for (const ms of told) {
    expect(Number.isInteger(ms)).toBe(true)
    expect(ms).toBeGreaterThanOrEqual(0)
  }
  return [Math.min(...told), Math.max(...told)]
}

test('the waiting time is the position at the speed that was observed', () => {
  const { etaMs } = new Forecast(rules, Math.random).place(state({ speed: 2_500 }), 100, 100, NOW)
  expect(etaMs).toBe(40_000)
})

test('who finds a token in the bucket waits no time, and comes at once', () => {
  const full = state({ tokens: 3 * TOKEN })
  for (const position of [1, 2, 3]) {
    const forecast = new Forecast(rules, Math.random)
    expect(forecast.place(full, position, position, NOW).etaMs).toBe(0)
    expect(forecast.place(full, position, position, NOW).pollAfterMs).toBeLessThanOrEqual(100)
  }
  expect(new Forecast(rules, Math.random).place(full, 4, 4, NOW).etaMs).toBeGreaterThan(0)
})

test('nobody can say: paused, rate 0, or no speed', () => {
  for (const rest of [{ paused: true }, { pace: { rate: 0, burst: 1 } }, { speed: 0 }]) {
    const told = new Forecast(rules, Math.random).place(state(rest), 500, 500, NOW)
    expect(told).toMatchObject({ position: 500, etaMs: null })
    expect(told.pollAfterMs).toBeGreaterThanOrEqual(4_000)
    expect(told.pollAfterMs).toBeLessThanOrEqual(6_000)
  }
})

test('at the door one polls about each second, and often enough within claimMs', () => {
  for (const claimMs of [100, 300, 1_000, 2_999, 3_000, 600_000]) {
    const near = { ...rules, claimMs }
    const [least, most] = range((forecast) => forecast.place(state(), 50, 90, NOW).pollAfterMs, near)
    expect(least).toBeGreaterThanOrEqual(Math.floor(Math.min(1_000, claimMs / 3) * 0.8))
    expect(most).toBeLessThanOrEqual(Math.ceil(Math.min(1_000, claimMs / 3) * 1.2))
    // At least twice, whatever the chance.
    expect(2 * most).toBeLessThan(claimMs)
  }
})

test('in the last second one comes when the turn is due, and some four times a second at most', () => {
  const told = (rest: Partial<RoomState>, position: number) =>
    range((forecast) => forecast.place(state(rest), position, 90, NOW).pollAfterMs)
  expect(told({}, 5)).toEqual([400, 600])
  expect(told({}, 8)).toEqual([640, 960])
  expect(told({}, 1)).toEqual([200, 300])
  // Nobody can say when.
  expect(told({ paused: true }, 1)).toEqual([800, 1_200])
})

test('farther off one polls less often: never more than half a minute apart, give or take the jitter', () => {
  let before = 0
  for (const position of [91, 200, 400, 800, 1_600, 10_000, 1_000_000]) {
    const [least, most] = range((forecast) => forecast.place(state(), position, position, NOW).pollAfterMs)
    expect(least).toBeGreaterThanOrEqual(800)
    expect(most).toBeLessThanOrEqual(36_000)
    expect(most).toBeGreaterThan(least * 1.4)
    expect(most).toBeGreaterThanOrEqual(before)
    // Several times within the wait: who moves up faster than foreseen is still there.
    expect(3 * most).toBeLessThanOrEqual(
      Math.max(3 * 1_200, new Forecast(rules, () => 0).place(state(), position, position, NOW).etaMs!),
    )
    before = most
  }
})

test('a crowd of one distance does not come back in step', () => {
  const forecast = new Forecast(rules, random(5))
  const waits = Array.from({ length: 10_000 }, () => forecast.place(state(), 5_000, 5_000, NOW).pollAfterMs)
  const slots = new Map<number, number>()
  for (const wait of waits)
    slots.set(Math.floor(wait / 1_000), (slots.get(Math.floor(wait / 1_000)) ?? 0) + 1)
  expect(Math.max(...slots.values())).toBeLessThan(1_500)
})

test('before it opens: the time until then comes on top, and nobody polls each second for an hour', () => {
  const opensAt = NOW + 3_600_000
  const later = { ...rules, opensAt }
  const closed = state({ opened: false, tokens: 10 * TOKEN })
  expect(new Forecast(later, Math.random).place(closed, 1, 1, NOW).etaMs).toBe(3_600_000)
  expect(new Forecast(later, Math.random).place(closed, 100, 100, NOW).etaMs).toBe(3_610_000)
  const [least] = range((forecast) => forecast.place(closed, 1, 1, NOW).pollAfterMs, later)
  expect(least).toBeGreaterThanOrEqual(24_000)
  // Shortly before, those near the door are there.
  const [, most] = range((forecast) => forecast.place(closed, 5, 5, opensAt - 900).pollAfterMs, later)
  expect(most).toBeLessThanOrEqual(1_200)
})

test('before a draw everybody comes back after it, spread by how many they are', () => {
  const later: RoomRules = { ...rules, order: 'random', opensAt: NOW + 20_000 }
  const crowd = (waiting: number) =>
    range(
      (forecast) => forecast.place(state({ opened: false, waiting }), waiting, null, NOW).pollAfterMs,
      later,
    )
  expect(crowd(10)).toEqual([20_000, 21_000])
  const [least, most] = crowd(400_000)
  expect(least).toBe(20_000)
  expect(most).toBe(28_000)
  expect(crowd(100_000_000)[1]).toBe(30_000)
  const early = range(
    (forecast) => forecast.place(state({ opened: false }), 9, null, NOW - 500_000).pollAfterMs,
    later,
  )
  expect(early[0]).toBeGreaterThanOrEqual(24_000)
  expect(early[1]).toBeLessThanOrEqual(36_000)
})

test('while the engine is away: the same place, and longer than before, whatever was said then', () => {
  for (const pollAfterMs of [0, 10, 1_000, 1_200, 8_000, 24_000, 36_000]) {
    const place = { position: 7, etaMs: 700, pollAfterMs }
    expect(new Forecast(rules, Math.random).later(place)).toMatchObject({ position: 7, etaMs: 700 })
    const [least, most] = range((forecast) => forecast.later(place).pollAfterMs)
    expect(least).toBeGreaterThan(pollAfterMs)
    expect(least).toBeGreaterThanOrEqual(4_000)
    expect(most).toBeLessThanOrEqual(72_000)
  }
})
