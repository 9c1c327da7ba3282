import { describe, expect, test } from 'vitest'
import { random } from '../../../scripts/lib/random.js'
import { ABORTED, Calls } from '../../../scripts/soak/application/calls.js'
import { faults, injectFaults, plan } from '../../../scripts/soak/faults.js'
import { judge, mannKendall, median, theilSen, tolerances } from '../../../scripts/soak/judge.js'
import type { ClosedSale, RoundReport } from '../../../scripts/soak/messages.js'
import { readOptions } from '../../../scripts/soak/options.js'
import { RunRecord } from '../../../scripts/soak/record.js'
import { chart, failed, passed, report } from '../../../scripts/soak/report.js'
import { compare } from '../../../scripts/soak/sale-checks.js'
import { SoakView } from '../../../scripts/soak/view.js'
import { plain } from '../../../src/cli/terminal/style.js'
import { StockholdError } from '../../../src/index.js'

/** Half an hour of samples, one each six seconds. */
const SAMPLES = 300
const EVERY_S = 6

const points = (value: (index: number) => number, samples = SAMPLES) =>
  Array.from({ length: samples }, (_, index) => [index * EVERY_S, value(index)] as const)

const countOf = (value: (index: number) => number) => judge(points(value), tolerances.count)
const MEBIBYTE = 2 ** 20
const bytesOf = (value: (index: number) => number) =>
  judge(
    points((index) => value(index) * MEBIBYTE),
    tolerances.bytes,
  )

describe('a series', () => {
  const dice = random(1)
  const noise = Array.from({ length: SAMPLES }, () => dice() - 0.5)

  test.each<[string, (index: number) => number]>([
    ['is flat', () => 4],
    ['is flat and noisy', (index) => 4 + Math.round(2 * noise[index]!)],
    ['is a sawtooth', (index) => 4 + (index % 40)],
    ['falls', (index) => 400 - index],
    ['rises in the warm-up only', (index) => Math.min(index, 70)],
    ['has one step early', (index) => (index < 100 ? 4 : 9)],
    ['has one step in the middle of what is judged', (index) => (index < 187 ? 4 : 9)],
    ['has one step late', (index) => (index < 290 ? 4 : 9)],
    ['has a spike', (index) => (index === 200 ? 500 : 4)],
  ])('that %s does not leak', (_, value) => {
    expect(countOf(value).verdict).toBe('steady')
  })

  test.each<[string, (index: number) => number]>([
    ['one more each sample', (index) => 4 + index],
    ['one more each fortieth sample', (index) => 4 + Math.floor(index / 40)],
    [
      'one more each fortieth sample, and noise',
      (index) => 4 + Math.floor(index / 40) + Math.round(2 * noise[index]!),
    ],
    ['a sawtooth that climbs', (index) => 4 + (index % 10) + index / 20],
    ['a leak that begins in the middle', (index) => 4 + Math.max(0, index - 150)],
  ])('of %s leaks', (_, value) => {
    expect(countOf(value).verdict).toBe('leaking')
  })

  test('of bytes leaks when it grows by more than 5 % and 2 MiB', () => {
    const grown = (base: number, growth: number) => (index: number) =>
      base + (growth * index) / SAMPLES / 0.75
    expect(bytesOf(grown(20, 2.2)).verdict).toBe('leaking')
    expect(bytesOf(grown(20, 1.8)).verdict).toBe('steady')
    expect(bytesOf(grown(200, 9)).verdict).toBe('steady')
    expect(bytesOf(grown(200, 12)).verdict).toBe('leaking')
  })

  test('of bytes is steady under noise of a megabyte, and leaks under it', () => {
    expect(bytesOf((index) => 25 + noise[index]!).verdict).toBe('steady')
    expect(bytesOf((index) => 25 + noise[index]! + index / 60).verdict).toBe('leaking')
  })

  test('of few samples is not judged', () => {
    const rising = (samples: number) =>
      judge(
        points((index) => index, samples),
        tolerances.count,
      ).verdict
    expect([rising(9), rising(10)]).toEqual(['too few samples', 'leaking'])
    expect(judge([], tolerances.count)).toMatchObject({ verdict: 'too few samples' })
  })

  test('of a whole night is judged as well', () => {
    const night = (value: (index: number) => number) => judge(points(value, 5_000), tolerances.count).verdict
    expect(night((index) => 4 + (index % 3))).toBe('steady')
    expect(night((index) => 4 + (index % 3) + Math.floor(index / 500))).toBe('leaking')
  })

  test('is told by its first and last value after the warm-up, its median and its slope', () => {
    const told = judge(
      points((index) => index, 100),
      tolerances.count,
    )
    expect(told).toMatchObject({ first: 25, last: 99, median: 62 })
    expect(told.slopePerHour).toBeCloseTo(600)
    expect(told.growth).toBeCloseTo(74)
  })
})

describe('the statistics', () => {
  test('the slope is the median of all slopes: outliers do not move it', () => {
    expect(
      theilSen([
        [0, 1],
        [1, 3],
        [2, 5],
        [3, 700],
        [4, 9],
      ]),
    ).toBe(2)
    expect(theilSen([[0, 1]])).toBe(0)
  })

  test('the trend is the score of all pairs over its standard deviation, with ties', () => {
    // S = 3, and its variance 6 * 5 * 17 / 18.
    expect(mannKendall([1, 4, 2, 5, 3, 2.5])).toBeCloseTo((3 - 1) / Math.sqrt((6 * 5 * 17) / 18))
    // Two tied: (5 * 4 * 15 - 2 * 1 * 9) / 18, and S = 9.
    expect(mannKendall([1, 2, 2, 3, 4])).toBeCloseTo(8 / Math.sqrt((300 - 18) / 18))
    expect(mannKendall([3, 3, 3])).toBe(0)
    expect(mannKendall([3, 2, 1])).toBeLessThan(0)
  })

  test('the median of an even number of values is between the middle ones', () => {
    expect(median([3, 1, 2, 10])).toBe(2.5)
    expect(median([3, 1, 2])).toBe(2)
  })
})

const settled = (sample: RoundReport['sample'], rest: Partial<RoundReport> = {}): RoundReport => ({
  ...{ sample, answers: {}, sales: [] },
  ...rest,
})

/** A run that takes these samples. */
function recordOf(sample: (index: number) => RoundReport['sample'], samples = 40): RunRecord {
  const record = new RunRecord()
  for (let index = 0; index < samples; index++) record.add(index * EVERY_S, settled(sample(index)), {})
  return record
}

describe('a run', () => {
  const fine = { 'heap (MiB)': 24, timers: 5 }

  test('passes when every series is steady', () => {
    const record = recordOf(() => fine)
    expect([passed(record), failed(record)]).toEqual([true, false])
    expect(report(record, 140, plain)).toContain('✓ 2 series, none of them leaks')
  })

  test.each([
    ['heap', (index: number) => ({ ...fine, 'heap (MiB)': 24 + index / 10 }), 'heap (MiB) leaks: it grew by'],
    [
      'a listener never removed',
      (index: number) => ({ ...fine, listeners: 3 + index }),
      'listeners leaks: it grew by 29',
    ],
    [
      'a timer never cleared',
      (index: number) => ({ ...fine, timers: 5 + index }),
      'timers leaks: it grew by 29',
    ],
  ])('fails on %s, and says how much it was', (_, sample, said) => {
    const record = recordOf(sample)
    expect([passed(record), failed(record)]).toEqual([false, true])
    expect(report(record, 140, plain).join('\n')).toContain(`✗ ${said}`)
  })

  test('fails on what broke it, though nothing leaks', () => {
    const record = recordOf(() => fine)
    record.broken.push('unhandledRejection: Error: left')
    expect([passed(record), failed(record)]).toEqual([false, true])
    expect(report(record, 140, plain)).toEqual(
      expect.arrayContaining(['unhandledRejection: Error: left', '✗ 1 failed check']),
    )
  })

  test('fails when it was too short to judge', () => {
    for (const samples of [0, 5]) {
      const record = recordOf(() => fine, samples)
      expect([passed(record), failed(record)]).toEqual([false, false])
      expect(report(record, 140, plain)).toContain('✗ The run was too short to judge its series')
    }
  })

  test('its report counts answers and faults, and draws each series', () => {
    const record = recordOf((index) => ({ timers: index % 2 }))
    record.add(1_000, settled({}, { answers: { reserve: { sold_out: 2, reserved: 12 } } }), {})
    record.add(1_006, settled({}, { answers: { reserve: { reserved: 1_000 } } }), {})
    record.fault('Redis crashes')
    const text = report(record, 120, plain).join('\n')
    expect(text).toMatch(/^reserve +1,012 reserved, 2 sold_out$/m)
    expect(text).toMatch(/^Redis crashes +1$/m)
    expect(text).toMatch(/^timers +0 +1 +0.50 +0 +steady +[▁█]+$/m)
  })

  test('is shown while it goes on', () => {
    let now = 0
    const record = recordOf(() => fine)
    const view = new SoakView(record, 1_800, plain, () => now)
    view.doing('round 3')
    now = 450_000
    expect(view.line()).toBe('round 3, 7 min 30 s of 30 min 0 s, 0 calls, 0 faults, heap 24 MiB')
    expect(view.panel(100)[0]).toMatch(/ 25 %$/)
    expect(view.panel(100).join('\n')).toMatch(/left +22 min 30 s/)
    expect(view.panel(100).at(-1)).toMatch(/^timers +5 +▁+$/)
  })
})

test('a chart goes from the least to the greatest value, and is flat where they are equal', () => {
  expect(chart([1_000, 1_001, 1_007], 10)).toBe('▁▂█')
  expect(chart([5, 5, 5], 10)).toBe('▁▁▁')
  expect(chart([], 10)).toBe('')
})

describe('a closed sale', () => {
  const closed: ClosedSale = { name: 'soak-1', stock: { phone: 10 }, confirmed: { phone: 4 }, ledger: true }
  const counts = (confirmed: number, held = 0) => ({
    phone: { total: 10, available: 10 - confirmed - held, held, confirmed, inTransit: 0 },
  })

  test('has every order that was confirmed to a buyer, and sold no unit twice', () => {
    expect([...compare(closed, counts(4))]).toEqual([])
    expect([...compare(closed, counts(7, 3))]).toEqual([])
    expect([...compare(closed, counts(3))]).toEqual(['phone: 4 were confirmed to buyers, the sale has 3'])
    expect([...compare(closed, counts(8, 3))]).toEqual(['phone: 11 are sold of 10'])
    expect([...compare(closed, {})]).toEqual(['phone is missing'])
  })
})

describe('calls', () => {
  test('are counted by what they were answered, faults and aborts included', async () => {
    const calls = new Calls()
    await calls.ask('reserve', async () => ({ status: 'sold_out' }))
    await calls.ask('get', async () => undefined)
    await calls.ask('get', () => Promise.reject(ABORTED))
    await calls.ask('get', () => Promise.reject(new StockholdError('UNAVAILABLE', 'away')))
    await calls.ask('follow', () => Promise.reject(Object.assign(new Error(), { code: '57P01' })))
    await calls.ask('follow', () => Promise.reject(new Error('Connection terminated unexpectedly')))
    expect(calls.take()).toEqual({
      reserve: { sold_out: 1 },
      get: { answered: 1, aborted: 1, UNAVAILABLE: 1 },
      follow: { 'session ended': 2 },
    })
    expect(calls.take()).toEqual({})
  })

  test.each([
    new StockholdError('INTERNAL', 'a defect'),
    new StockholdError('STATE_LOST', 'gone'),
    new TypeError(),
  ])('that fail as no fault makes them fail end the run: %s', async (error) => {
    const asked = new Calls().ask('reserve', () => Promise.reject(error))
    await expect(asked).rejects.toMatchObject({ cause: error })
  })

  test('are known while they are open', async () => {
    const calls = new Calls()
    let answer = () => {}
    const asked = calls.ask('poll', () => new Promise<void>((resolve) => (answer = resolve)))
    expect(calls.open).toBe('poll')
    answer()
    await asked
    expect(calls.open).toBe('')
  })
})

describe('faults', () => {
  test('come from the seed and the round', () => {
    expect(plan(3, 1, 5_000)).toEqual(plan(3, 1, 5_000))
    expect(plan(3, 2, 5_000)).not.toEqual(plan(3, 1, 5_000))
    expect(plan(4, 1, 5_000)).not.toEqual(plan(3, 1, 5_000))
    expect(plan(3, 1, 5_000).every(({ at }) => at < 5_000)).toBe(true)
  })

  test('come in every kind', () => {
    const rounds = Array.from({ length: 50 }, (_, round) => plan(3, round, 5_000))
    expect(new Set(rounds.flat().map(({ fault }) => fault))).toEqual(new Set(faults))
  })

  test('end with the round', async () => {
    const done: string[] = []
    const note = (what: string) => async () => void done.push(what)
    const proxy = new Proxy(
      {},
      { get: (_, name) => (name === 'heal' ? note('heal') : () => ({ hits: 0, lift: note('lift') })) },
    )
    const redis = { kill: note('kill'), restart: note('restart') }
    const servers = { proxy, redis, endSessions: note('end') } as unknown as Parameters<
      typeof injectFaults
    >[0]
    await injectFaults(servers, { seed: 3, round: 1, ms: 500 }, () => {})
    expect(done.at(-1)).toBe('heal')
  })
})

describe('the options', () => {
  test('half an hour with a new seed, if nothing is said', () => {
    expect(readOptions([])).toEqual({ minutes: 30, seed: expect.any(Number) })
    expect(readOptions(['--minutes', '0.5', '--seed', '7'])).toEqual({ minutes: 0.5, seed: 7 })
  })

  test.each([
    [['--minutes', '0'], '--minutes must be a number greater than 0, at most 10000, not "0"'],
    [['--seed', '-1'], "Option '--seed' argument is ambiguous"],
    [['--hours', '3'], "Unknown option '--hours'"],
  ])('refuses %j', (args, message) => {
    expect(() => readOptions(args)).toThrow(message)
  })
})
