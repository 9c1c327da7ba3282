import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type ForeseenSale, type Resources, readOptions } from '../../../src/cli/plan/options.js'
import { planOf } from '../../../src/cli/plan/plan.js'
import { reportLines } from '../../../src/cli/plan/report.js'
import { plain } from '../../../src/cli/terminal/style.js'
import { BadOption } from '../../../src/cli/tool-options.js'
import { seeded } from '../../support/seeds.js'

const asked = (...args: string[]) => readOptions(args)
const planned = (...args: string[]) => {
  const { sale, resources } = asked(...args)
  return planOf(sale, resources)
}
const report = (...args: string[]) => reportLines(planned(...args), 110, plain).join('\n')

const resources: Resources = { core: 0.5, gib: 8, processRate: undefined }

/** Sales of every kind and size that one cluster can bear. */
const sales: fc.Arbitrary<ForeseenSale> = fc
  .record({
    carts: fc.integer({ min: 1, max: 1_000_000 }),
    cart: fc.integer({ min: 1, max: 5 }),
    arrivals: fc.integer({ min: 1, max: 5_000_000 }),
    within: fc.integer({ min: 1, max: 3_600 }),
    rate: fc.option(fc.integer({ min: 1, max: 100_000 }), { nil: undefined }),
    paid: fc.double({ min: 0.3, max: 1, noNaN: true }),
    payIn: fc.integer({ min: 1, max: 300 }),
    hold: fc.integer({ min: 300, max: 1_800 }),
  })
  .map(({ carts, hold, ...rest }) => ({
    ...rest,
    units: carts * rest.cart,
    peak: Math.min(rest.arrivals, 2 * Math.ceil(rest.arrivals / rest.within)),
    holdMs: hold * 1_000,
  }))

const runs = seeded(60)

describe('whatever the sale', () => {
  test('units and people are conserved, and nothing is more than there is', () => {
    fc.assert(
      fc.property(sales, (sale) => {
        const { course } = planOf(sale, resources)
        expect(course.confirmedUnits + course.leftUnits).toBe(sale.units)
        expect(course.reservations + course.refused).toBe(Math.max(sale.arrivals, course.reservations))
        expect(course.reservations).toBeLessThanOrEqual(sale.arrivals)
        expect(course.held * sale.cart).toBeLessThanOrEqual(sale.units)
        expect(course.waiting).toBeLessThanOrEqual(sale.arrivals)
        expect(course.leftUnits).toBeGreaterThanOrEqual(0)
      }),
      runs,
    )
  })

  test('it is sold out exactly when nothing is left, and its moments come one after another', () => {
    fc.assert(
      fc.property(sales, (sale) => {
        const { firstGone, mostPaid, lastPaid, leftUnits, over } = planOf(sale, resources).course
        expect(lastPaid !== null).toBe(leftUnits === 0)
        if (lastPaid === null) return
        expect(firstGone).not.toBeNull()
        expect(mostPaid).toBeGreaterThanOrEqual(sale.payIn / 2)
        expect(mostPaid).toBeLessThanOrEqual(lastPaid)
        expect(lastPaid).toBeLessThanOrEqual(over)
      }),
      runs,
    )
  })

  test('more arrivals never need fewer masters or processes, nor much less memory', () => {
    fc.assert(
      fc.property(sales, fc.integer({ min: 1, max: 20 }), (sale, times) => {
        // What no cluster can bear is refused.
        fc.pre(sale.peak * times <= 10_000_000)
        const few = planOf(sale, resources)
        const more = { ...sale, arrivals: sale.arrivals * times, peak: sale.peak * times }
        const many = planOf(more, resources)
        const all = ({ servers }: typeof few) => servers.masters + servers.ofRoom
        expect(all(many)).toBeGreaterThanOrEqual(all(few))
        expect(many.servers.partitions).toBeGreaterThanOrEqual(few.servers.partitions)
        expect(many.processes.count).toBeGreaterThanOrEqual(few.processes.count)
        // Buyers may have left by the time the last holds expire.
        expect(many.servers.memory.total).toBeGreaterThan(0.9 * few.servers.memory.total)
      }),
      runs,
    )
  })

  test('larger servers never need to be more, and what they bear is within their share', () => {
    fc.assert(
      fc.property(sales, fc.double({ min: 0.1, max: 0.5, noNaN: true }), (sale, core) => {
        const { servers, oneIsEnough } = planOf(sale, { ...resources, core })
        expect(planOf(sale, { ...resources, core: 2 * core }).servers.masters).toBeLessThanOrEqual(
          servers.masters,
        )
        expect(servers.cores.sale / servers.masters).toBeLessThanOrEqual(core + 1e-9)
        expect(servers.memory.total / servers.masters).toBeLessThanOrEqual(resources.gib * 2 ** 30)
        expect(servers.maxmemory * servers.masters).toBeGreaterThanOrEqual(2 * servers.memory.total)
        expect(servers.partitions).toBe(servers.masters === 1 ? 1 : 2 * servers.masters)
        if (oneIsEnough) expect(servers.cores.sale + servers.cores.room).toBeLessThanOrEqual(core)
      }),
      runs,
    )
  })

  test('batches are possible ones, and every number is one', () => {
    fc.assert(
      fc.property(sales, (sale) => {
        const plan = planOf(sale, resources)
        expect(plan.batches.reservations).toBeGreaterThanOrEqual(1)
        expect(plan.batches.reservations).toBeLessThanOrEqual(256)
        expect(plan.batches.waitMs).toBeGreaterThan(0)
        const numbers = JSON.stringify(plan, (_, value) =>
          typeof value === 'number' && !Number.isFinite(value) ? 'NaN' : value,
        )
        expect(numbers).not.toContain('NaN')
        expect(reportLines(plan, 110, plain).join('\n')).not.toMatch(/NaN|undefined|Infinity/)
      }),
      runs,
    )
  })
})

test('a single unit for a single buyer who pays five times of six is sold out all the same', () => {
  const one = { units: 1, cart: 1, arrivals: 1, within: 3, peak: 1, rate: undefined, holdMs: 300_000 }
  const { course } = planOf({ ...one, paid: 5 / 6, payIn: 1 }, resources)
  expect(course).toMatchObject({ confirmedUnits: 1, leftUnits: 0 })
  expect(course.firstGone).toBe(course.lastPaid)
})

describe('the two usual questions', () => {
  test('100,000 units and a million people: one Redis', () => {
    const plan = planned()
    expect(plan.oneIsEnough).toBe(true)
    expect(plan.servers).toMatchObject({ masters: 1, ofRoom: 0, partitions: 1 })
    expect(plan.waitingRoom).toEqual({ ratePerSecond: 556, burst: 556 })
    expect(plan.course).toMatchObject({ confirmedUnits: 100_000, leftUnits: 0, reservations: 125_000 })
    expect(plan.course.firstGone).toBeGreaterThan(170)
    expect(plan.course.firstGone).toBeLessThan(185)
    expect(report()).toContain('One Redis is enough')
  })

  test('583,000 orders a second: a cluster, as large as their work', () => {
    const args = [
      '--units',
      '20_000_000',
      '--arrivals',
      '40_000_000',
      '--within',
      '70s',
      '--peak',
      '583_000',
      '--no-room',
    ]
    const { servers, oneIsEnough, waitingRoom } = planned(...args)
    expect(oneIsEnough).toBe(false)
    expect(waitingRoom).toBeNull()
    expect(servers.masters).toBe(Math.ceil(servers.cores.sale / 0.5))
    expect(servers.masters).toBeGreaterThan(5)
    expect(report(...args)).toContain(
      `a cluster of ${servers.masters} masters, partitions: ${2 * servers.masters}.`,
    )
  })
})

test('a waiting room that takes more than the sale leaves of a core has a Redis of its own', () => {
  const { servers, oneIsEnough } = planned('--arrivals', '9_000_000')
  expect(servers).toMatchObject({ masters: 1, ofRoom: 1, partitions: 1, roomKeepsUp: false })
  expect(oneIsEnough).toBe(false)
  expect(report('--arrivals', '9_000_000')).toContain('A waiting room is one core')
})

test('memory decides where there is more of it than of work', () => {
  const { servers } = planned(
    '--units',
    '100_000_000',
    '--arrivals',
    '200_000_000',
    '--within',
    '10h',
    '--rate',
    '5000',
  )
  expect(servers.decidedBy).toBe('memory')
  expect(servers.masters).toBeGreaterThan(1)
})

test('without a room no buyer waits for units that come back; with one, too few people leave units', () => {
  expect(report('--no-room')).toContain('20,000 units come back when no buyer is there any more')
  expect(report('--arrivals', '100_000')).toContain(
    '20,000 units are left: for all of them 125,000 people must come',
  )
})

test('HTTP decides how many processes, where it is given', () => {
  const { processes } = planned('--process-rate', '5000')
  expect(processes.count).toBe(Math.ceil(processes.requests / 5_000))
  expect(processes.decidedBy).toBe('http')
})

test.each<[string, string[], string]>([
  ['no units', ['--units', '0'], '--units must be a whole number from 1'],
  ['a cart of more than there is', ['--units', '2', '--cart', '3'], '--cart must be at most --units'],
  ['a time without a unit', ['--within', '60'], '--within must be a time such as 90s'],
  ['a time of nothing', ['--within', '0s'], '--within must be a time such as 90s'],
  ['a peak below the mean', ['--peak', '16666'], '--peak must be at least 16667'],
  [
    'a peak of more than all',
    ['--arrivals', '10', '--peak', '11'],
    '--peak must be a whole number from 1 to 10',
  ],
  ['payment after the hold', ['--pay-in', '11min'], '--pay-in must be at most --hold-ms'],
  ['a share of 0 that pays', ['--paid', '0'], '--paid must be a number greater than 0, at most 1'],
  ['a rate without a waiting room', ['--no-room', '--rate', '5'], '--rate does not go with --no-room'],
  ['two rates', ['--rate', '5', '--sell-in', '1min'], '--sell-in does not go with --rate'],
  ['more than a core', ['--core', '1.5'], '--core must be a number greater than 0, at most 1'],
  ['an unknown option', ['--speed', '5'], "Unknown option '--speed'"],
  ['a stray word', ['now'], 'Unexpected argument'],
])('%s is a mistake that names its option', (_, args, message) => {
  expect(() => readOptions(args)).toThrow(BadOption)
  expect(() => readOptions(args)).toThrow(message)
})

test('a sale beyond every cluster says what would have to change', () => {
  const args = ['--units', '1000000000', '--arrivals', '1000000000', '--within', '1s', '--no-room']
  expect(() => planned(...args)).toThrow('--core must be larger, or the sale smaller')
})
