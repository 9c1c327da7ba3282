import { execFile } from 'node:child_process'
import { EventEmitter } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { achieved, type Reading } from '../../scripts/demo/launch/admission-rate.js'
import { BuyerScheduler } from '../../scripts/demo/launch/buyer-scheduler.js'
import { ExpectedAdmissions } from '../../scripts/demo/launch/expected-admissions.js'
import { planOf } from '../../scripts/demo/launch/plan.js'
import { Samples } from '../../scripts/demo/launch/samples.js'
import { type EndState, type Told, verdictOf } from '../../scripts/demo/launch/verdict.js'
import { visitorPlanOf } from '../../scripts/demo/launch/visitor-plan.js'
import { forgedFor } from '../../scripts/demo/launch/visitors.js'
import { readOptions } from '../../scripts/demo/options.js'
import { csvRecords } from '../../scripts/demo/orders/csv.js'
import { expectedOutcome } from '../../scripts/demo/orders/expected.js'
import { differences } from '../../scripts/demo/orders/outcome.js'
import { readOrders } from '../../scripts/demo/orders/read.js'
import { joined } from '../../scripts/lib/joined.js'
import { LivePanel } from '../../scripts/lib/terminal/live-panel.js'
import { bar, sparkline } from '../../src/cli/terminal/charts.js'
import { terminalOf } from '../../src/cli/terminal/style.js'
import { columnsOf } from '../../src/cli/terminal/width.js'
import { BadOption } from '../../src/cli/tool-options.js'
import { memoryEngine, StockholdError, WaitingRoom } from '../../src/index.js'

const engines = ['memory', 'redis']
/** A run of the whole demo, on a machine that has other things to do. */
const LONG_MS = 600_000
const folder = mkdtempSync(join(tmpdir(), 'stockhold-demo-'))
afterAll(() => rmSync(folder, { recursive: true }))

interface Run {
  code: number
  output: string
  /** The number at the end of the line with this label. */
  figure(label: string): number
  /** All numbers of the line with this label, below this title. */
  figures(title: string, label: string): number[]
}

function demo(...args: string[]): Promise<Run> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['scripts/run.mjs', 'scripts/demo/demo.ts', ...args],
      (error, stdout, stderr) => {
        const output = stdout + stderr
        const figure = (label: string) => {
          const line = output.split('\n').find((text) => text.trim().startsWith(`${label}  `))
          return line === undefined ? Number.NaN : Number(line.trim().slice(label.length).replaceAll(',', ''))
        }
        const figures = (title: string, label: string) => {
          const below = output.slice(output.lastIndexOf(`\n${title}  `)).split('\n')
          const line = below.find((text) => text.trim().startsWith(`${label}  `))
          return line?.match(/[\d,]+$|[\d,]+(?= {2})/g)?.map((text) => Number(text.replaceAll(',', ''))) ?? []
        }
        resolve({ code: error ? Number(error.code) : 0, output, figure, figures })
      },
    )
  })
}

/** Buyers, warehouse, bank and ledger say the same. */
function addsUp(run: Run, title: string, units: number): void {
  const of = (label: string) => run.figures(title, label)
  const confirmed = of('confirmed, as buyers know')
  expect(confirmed[1]).toBe(units)
  expect(of('parcels')).toEqual(confirmed)
  expect(of('ledger rows')).toEqual(confirmed)
  const cancelled = of('cancelled by buyers')
  expect(of('parcels not sent')).toEqual([cancelled[0]])
  expect(of('ledger rows refunded')).toEqual(cancelled)
  const due = of('refunds due, as buyers know')
  expect(of('told to the bank')).toEqual(due)
  expect(of('refund_due events in the ledger')).toEqual(due)
  expect(of('dead letters')).toEqual([0])
  expect(of('reconciled with the ledger')[0]).toBeGreaterThan(0)
  expect(of('and differing')).toEqual([0])
}

/** Parcels arrive, some come back, and the seller has the money for the rest, to the cent. */
function paysTheSeller(run: Run): void {
  const below = run.output.slice(run.output.lastIndexOf('\nFrom parcel to payout  ')).split('\n')
  const of = (label: string) => {
    const line = below.find((text) => text.trim().startsWith(`${label}  `)) ?? ''
    return line.trim().slice(label.length).trim().split(/ +/)
  }
  const orders = (label: string) => Number(of(label)[0]!.replaceAll(',', ''))
  expect(
    of('received by buyers')
      .slice(0, 2)
      .map((text) => Number(text.replaceAll(',', ''))),
  ).toEqual(run.figures('From payment to parcel', 'parcels'))
  expect(of('the seller has')).toEqual(of('sold and not refunded'))
  expect(of('the seller has')[2]).toMatch(/^[\d,]+\.\d\d$/)
  const back = orders('sent back before the payout')
  const late = orders('sent back after the payout')
  expect(orders('and taken back')).toBe(late)
  expect(orders('paid to the seller')).toBe(orders('received by buyers') - back)
  expect(orders('the seller has')).toBe(orders('received by buyers') - back - late)
}

// Most of what a launch takes is waiting, and it takes all it needs with it.
describe('the launch', () => {
  test.concurrent.each(engines)(
    'sells every unit once on %s',
    async (engine) => {
      const sizes = ['--units', '500', '--buyers', '2000', '--rate', '400', '--hold-ms', '400']
      const run = await demo(...sizes, '--engine', engine)
      expect(run.output).toContain('verdict: everything adds up')
      expect(run.code).toBe(0)
      expect(run.output).toContain(`stockhold demo on ${engine}`)
      expect(run.output).toMatch(/seed \d+: --seed \d+ repeats/)
      expect(run.output).toMatch(/audit: ok, [\d,]+ reservations recounted/)
      expect(run.figure('units')).toBe(500)
      expect(run.figure('sold (confirmed)') + run.figure('refunded after the payment')).toBe(500)
      addsUp(run, 'From payment to parcel', run.figure('sold (confirmed)'))
      paysTheSeller(run)
      expect(run.output).toContain('a ledger in PostgreSQL')
      expect(run.output).toMatch(/[\d,]+ parcels {2}[\d,]+ events waiting {2}[\d,]+ events in the ledger/)
      expect(run.output).toMatch(/a worker crashed +yes/)
      for (const label of ['unsold', 'oversold', 'lost', 'stranded', 'buyers over the limit', 'got two']) {
        expect(run.figure(label), label).toBe(0)
      }
      for (const label of [
        'refused',
        'limit exceeded',
        'double clicks',
        'payments reported twice',
        'left to expire',
      ]) {
        expect(run.figure(label), label).toBeGreaterThan(0)
      }
      // Every visitor was admitted, turned away, or left.
      expect(run.figure('visitors')).toBe(2000)
      const ways = ['admitted', 'turned away: sold out', 'left the queue', 'never came back']
      expect(ways.map((way) => run.figure(way)).reduce((sum, times) => sum + times)).toBe(2000)
      for (const way of ways) expect(run.figure(way), way).toBeGreaterThan(0)
      expect(run.figure('passes given')).toBeGreaterThanOrEqual(run.figure('admitted'))
      expect(run.figure('forged or borrowed, refused')).toBeGreaterThan(0)
      for (const label of ['forged or borrowed, accepted', 'reservations without a pass', 'admitted twice']) {
        expect(run.figure(label), label).toBe(0)
      }
      expect(run.figure('rate set, per second')).toBe(400)
      expect(run.output).toMatch(/rate achieved +(\d+|-)/)
      expect(run.output).toMatch(/[\d,]+ waiting {2}[\d,]+ admitted\/s/)
      expect(run.output).toMatch(/buyer-\d+: (position|has a pass|turned away)/)
      // Not a terminal: nothing to steer one with.
      expect(run.output).not.toContain('\x1b')
    },
    LONG_MS,
  )

  test.concurrent.each(engines)(
    'and the orders of many stores beside it, on %s',
    async (engine) => {
      const sizes = [
        '--units',
        '100',
        '--buyers',
        '300',
        '--rate',
        '400',
        '--hold-ms',
        '400',
        '--stores',
        '30',
      ]
      const run = await demo(...sizes, '--engine', engine)
      expect(run.output).toContain('verdict: everything adds up')
      expect(run.code).toBe(0)
      expect(run.figure('stores')).toBe(30)
      expect(run.figure('orders')).toBe(30 * 43)
      expect(run.figure('stores that got something wrong')).toBe(0)
      expect(run.figure('visits of a worker')).toBeGreaterThan(0)
      const title = 'From payment to parcel: the stores'
      addsUp(run, title, run.figures(title, 'parcels')[1]!)
    },
    LONG_MS,
  )

  test(
    'a warehouse that loses a parcel is found out',
    async () => {
      const sizes = ['--units', '50', '--buyers', '200', '--hold-ms', '200', '--engine', 'memory']
      // Not one alone: its buyer may send the order back.
      const run = await demo(...sizes, '--no-ledger', '--lose-parcels', '5')
      expect(run.output).toMatch(/WRONG {2}parcels: [1-5] confirmed orders have no parcel/)
      expect(run.output).toContain('verdict: 1 fault')
      expect(run.code).toBe(1)
    },
    LONG_MS,
  )

  test(
    'leaves the ledger out where it is not wanted',
    async () => {
      const sizes = ['--units', '50', '--buyers', '200', '--hold-ms', '200', '--engine', 'memory']
      const run = await demo(...sizes, '--no-ledger')
      expect(run.output).toContain('no ledger: left out, as --no-ledger asks')
      expect(run.output).not.toContain('ledger rows')
      expect(run.output).not.toContain('From parcel to payout')
      expect(run.code).toBe(0)
      const [orders, units] = run.figures('From payment to parcel', 'parcels')
      expect(units).toBe(run.figure('sold (confirmed)'))
      expect([orders, units]).toEqual(run.figures('From payment to parcel', 'confirmed, as buyers know'))
    },
    LONG_MS,
  )

  test(
    'ends when no buyer is left, with units unsold',
    async () => {
      const sizes = ['--units', '500', '--buyers', '100', '--engine', 'memory', '--hold-ms', '200']
      const run = await demo(...sizes, '--no-ledger')
      expect(run.code).toBe(0)
      expect(run.figure('sold (confirmed)')).toBeLessThan(500)
      const sold = run.figure('sold (confirmed)') + run.figure('refunded after the payment')
      expect(sold + run.figure('unsold')).toBe(500)
      expect(run.figure('stranded')).toBe(0)
    },
    LONG_MS,
  )

  test('buyers decide the same with the same seed', () => {
    expect(planOf(1, 2, 3)).toEqual(planOf(1, 2, 3))
    const quantities = (seed: number) =>
      Array.from({ length: 200 }, (_, buyer) => planOf(seed, buyer, 0).quantity)
    expect(quantities(1)).toEqual(quantities(1))
    expect(quantities(1)).not.toEqual(quantities(2))
    expect(new Set(quantities(1))).toEqual(new Set([1, 2, 3]))
  })
})

describe('the verdict of a launch', () => {
  const told: Told = {
    confirmed: new Map([
      ['a', 2],
      ['b', 1],
    ]),
    confirmedUnits: 3,
    cancelled: new Map(),
    cancelledUnits: 0,
    refundDue: ['c'],
    released: ['d'],
    peaks: [2, 1, 0],
    wanted: [0, 0, 1],
    toldGone: 1,
    room: {
      passes: 4,
      doubled: 0,
      withoutPass: 0,
      forged: { accepted: 0 },
      turnedAway: 0,
      turnedAwayAgain: 0,
    },
    doubleClicks: { contradictions: 0 },
    doubleReports: { contradictions: 0 },
  }
  const end: EndState = {
    counts: { total: 3, available: 0, held: 0, confirmed: 3, inTransit: 0 },
    states: new Map([
      ['a', 'confirmed'],
      ['b', 'confirmed'],
      ['c', 'expired'],
      ['d', 'released'],
    ]),
    passes: 4,
    audit: { ok: true, violations: [], reservations: 4 },
  }
  const room = (wrong: Partial<Told['room']>) => ({ room: { ...told.room, ...wrong } })
  const judge = (
    tell: Partial<Told> = {},
    counts: Partial<EndState['counts']> = {},
    rest: Partial<EndState> = {},
  ) => verdictOf(3, 2, { ...told, ...tell }, { ...end, counts: { ...end.counts, ...counts }, ...rest })
  const state = (id: string, now: 'confirmed' | 'held' | 'expired' | undefined) => ({
    states: new Map([...end.states, [id, now]]),
  })

  test('is good where everything adds up', () => {
    expect(judge()).toEqual({ oversold: 0, lost: 0, stranded: 0, overLimit: 0, faults: [] })
  })

  test.each<[string, ReturnType<typeof judge>, Partial<ReturnType<typeof judge>>]>([
    ['more was confirmed than there was', judge({ confirmedUnits: 5 }, { confirmed: 5 }), { oversold: 2 }],
    ['a confirmed reservation expired', judge({}, {}, state('b', 'expired')), { lost: 1 }],
    ['a confirmed reservation is gone', judge({}, {}, state('b', undefined)), { lost: 1 }],
    ['a unit is held for ever', judge({ confirmedUnits: 2 }, { held: 1, confirmed: 2 }), { stranded: 1 }],
    [
      'a unit is in transit for ever',
      judge({ confirmedUnits: 2 }, { inTransit: 1, confirmed: 2 }),
      { stranded: 1 },
    ],
    ['a unit was sold to no buyer', judge({ confirmedUnits: 2 }), { stranded: 1 }],
    [
      'a unit is available to a buyer who was told sold_out',
      judge({ confirmedUnits: 2, toldGone: 0 }, { available: 1, confirmed: 2 }),
      { stranded: 1 },
    ],
    [
      'a unit is available after nothing was to come back',
      judge({ confirmedUnits: 2, wanted: [0] }, { available: 1, confirmed: 2 }),
      { stranded: 1 },
    ],
    [
      'a unit is available after the room has sent somebody away',
      judge(
        { confirmedUnits: 2, toldGone: 0, wanted: [0], ...room({ turnedAway: 1 }) },
        { available: 1, confirmed: 2 },
      ),
      { stranded: 1 },
    ],
    ['a buyer had three', judge({ peaks: [3] }), { overLimit: 1 }],
  ])('sees that %s', (_, verdict, figures) => {
    expect(verdict).toMatchObject(figures)
    expect(verdict.faults.join()).toMatch(/oversold|lost|stranded|over the limit/)
  })

  test.each([
    ['revived', judge({}, {}, state('c', 'confirmed'))],
    ['revived', judge({}, {}, state('d', 'held'))],
    ['double clicks', judge({ doubleClicks: { contradictions: 1 } })],
    ['double reports', judge({ doubleReports: { contradictions: 1 } })],
    ['no pass', judge(room({ withoutPass: 1 }))],
    ['no pass', judge(room({ forged: { accepted: 1 } }))],
    ['admitted twice', judge(room({ doubled: 1 }))],
    ['passes', judge({}, {}, { passes: 5 })],
    ['total', judge({}, { total: 4 })],
    ['revived', judge({ cancelled: new Map([['d', 0]]) }, {}, state('d', 'confirmed'))],
    ['confirmed', judge({}, { confirmed: 2 })],
    ['audit', judge({}, {}, { audit: { ok: false, violations: [], reservations: 4 } })],
  ])('names what else is off: %s', (name, { faults }) => {
    expect(faults.some((fault) => fault.startsWith(`${name}:`))).toBe(true)
  })

  test('units refunded after the payment have left the sale', () => {
    const given = { confirmed: new Map([['a', 2]]), cancelled: new Map([['b', 1]]), cancelledUnits: 1 }
    const states = new Map([...end.states, ['b', 'refunded' as const]])
    const gone = judge({ ...given, confirmedUnits: 2 }, { total: 2, confirmed: 2 }, { states })
    expect(gone.faults).toEqual([])
    expect(judge({ ...given, confirmedUnits: 2 }, { confirmed: 2 }, { states }).faults).toHaveLength(1)
    expect(judge({ ...given, confirmedUnits: 3 }, { confirmed: 3 }, { states }).oversold).toBe(1)
  })

  test('lets units stay unsold that no buyer wanted', () => {
    const { faults } = judge(
      { confirmedUnits: 2, toldGone: 0, wanted: [0, 2] },
      { available: 1, confirmed: 2 },
    )
    expect(faults).toEqual([])
  })
})

describe('the waiting room of a launch', () => {
  const reading = (at: number, admitted: number, isBusy = true): Reading => ({ at, admitted, isBusy })

  test('the rate achieved is taken while it was the rate that decided', () => {
    const readings = [
      reading(0, 0, false),
      reading(100, 10),
      // The full bucket is gone from here on.
      ...[0, 500, 1_000, 1_500, 2_000].map((ms) => reading(200 + ms, 50 + ms / 10)),
      // No units for a while, and then few.
      reading(2_300, 250, false),
      reading(2_400, 900),
    ]
    const rate = achieved(readings, 50)
    expect(rate).toMatchObject({ perSecond: 100, slowest: 100, fastest: 100, ms: 2_000 })
    expect(achieved(readings.slice(0, 4), 50)).toBeUndefined()
    expect(achieved([], 50)).toBeUndefined()
  })

  test('a second that was too slow shows', () => {
    const rate = achieved([reading(0, 100), reading(1_000, 150), reading(2_000, 300), reading(4_000, 500)], 1)
    expect(rate).toMatchObject({ perSecond: 100, slowest: 50, fastest: 150 })
  })

  test('the expected admissions count each pass once, and see two at a time', () => {
    const expected = new ExpectedAdmissions(3, 1_000)
    for (const buyer of [0, 1, 0]) expected.joined(buyer)
    expected.entered(0, 5_000)
    expected.entered(0, 5_000)
    expect(expected).toMatchObject({ visitors: 2, joins: 3, passes: 1, admitted: 1, doubled: 0 })
    expected.entered(0, 6_000)
    expect(expected).toMatchObject({ passes: 2, admitted: 1, doubled: 0 })
    expected.entered(0, 6_999)
    expect(expected.doubled).toBe(1)
    for (const buyer of [0, 1]) expected.closed(buyer)
    expect(expected).toMatchObject({ turnedAway: 1, turnedAwayAgain: 1 })
    expected.reserved(0)
    expect(expected.withoutPass).toBe(0)
    expected.reserved(2)
    expect(expected.withoutPass).toBe(1)
    expected.cheated({ status: 'pass_rejected', reason: 'invalid' })
    expected.cheated({ status: 'paused' })
    expect(expected.forged).toEqual({ tried: 2, refused: 1, accepted: 1 })
  })

  test('the followed visitors show how long they waited, and the eta', () => {
    const samples = new Samples([7, 8])
    expect(samples.lines()).toEqual(['buyer-7: on the way', 'buyer-8: on the way'])
    const waiting = { status: 'waiting', pollAfterMs: 1_000, soldOutLikely: false } as const
    samples.told(7, { ...waiting, position: 1_234, etaMs: 2_500 }, 1_000)
    samples.told(8, { ...waiting, position: 9, etaMs: null, soldOutLikely: true }, 1_000)
    samples.told(9, { ...waiting, position: 1, etaMs: 0 }, 1_000)
    expect(samples.lines()).toEqual([
      'buyer-7: position 1,234, 2.5 s to go',
      'buyer-8: position 9, no forecast yet, likely sold out by then',
    ])
    samples.told(7, { status: 'admitted', pass: 'p', expiresAt: 9 }, 3_000)
    samples.told(8, { status: 'closed', reason: 'sold_out' }, 4_000)
    // A visitor who joins again is not followed.
    samples.told(7, { ...waiting, position: 5, etaMs: 5 }, 5_000)
    expect(samples.lines()).toEqual([
      'buyer-7: has a pass after 2.0 s, forecast 2.5 s at position 1,234',
      'buyer-8: turned away, sold out after 3.0 s',
    ])
  })

  test('visitors decide the same with the same seed, and all kinds come', () => {
    const plans = Array.from({ length: 3_000 }, (_, buyer) => visitorPlanOf(1, buyer))
    expect(plans).toEqual(Array.from({ length: 3_000 }, (_, buyer) => visitorPlanOf(1, buyer)))
    expect(new Set(plans.map(({ kind }) => kind)).size).toBe(3)
    expect(new Set(plans.map(({ cheat }) => cheat)).size).toBe(4)
    expect(plans.some(({ watches }) => watches)).toBe(true)
  })

  test('what it forges looks right and is refused', async () => {
    const engine = memoryEngine()
    const options = { engine, secret: 'a secret of the demo, 32 bytes or more', ratePerSecond: 10 }
    await using room = new WaitingRoom('room', options)
    await room.create()
    const { ticket } = await joined(room.join('ann'))
    const answer = await room.poll(ticket)
    if (answer.status !== 'admitted') throw new Error(answer.status)
    expect(room.verify(answer.pass, { buyer: 'ann' }).buyer).toBe('ann')
    const forged = forgedFor('ben', answer.pass)
    expect(JSON.parse(Buffer.from(forged.split('.')[1]!, 'base64url').toString()).sub).toBe('ben')
    expect(() => room.verify(forged, { buyer: 'ben' })).toThrow(StockholdError)
  })

  test('polls do not count as visits, and the run ends with the last of them', async () => {
    const scheduler = new BuyerScheduler(1)
    const seen: string[] = []
    let looks = 0
    const watcher = {
      async poll() {
        if (++looks < 3) scheduler.pollAfter(15, watcher)
        seen.push('look')
      },
    }
    const visit = async () => {
      scheduler.pollAfter(0, watcher)
      await new Promise((resolve) => setTimeout(resolve, 60))
      seen.push('visit')
    }
    await scheduler.run([visit])
    expect(seen).toContain('visit')
    expect(seen.filter((what) => what === 'look')).toHaveLength(3)
    expect(seen[0]).toBe('look')
    const broken = { poll: () => Promise.reject(new Error('broken')) }
    await expect(scheduler.run([async () => scheduler.pollAfter(0, broken)])).rejects.toThrow('broken')
  })
})

describe('the replay of an order file', () => {
  const orders = [
    '\ufefforder_id,sku,qty,customer',
    '1001,A,5,anna',
    '1001,A,5,anna',
    '1001,"B, ""large""",2,anna',
    '1002,A,1,ben',
    '1003,A,many,ben',
    '1003,A,3,ben',
    'C1,A,-1,ben',
    'C2,A,-2,anna',
    '1004,A,9,carl',
    'C3,A,-9,carl',
    '1005,"B, ""large"",1,anna',
    'X1,"B, ""large""",-1,',
    '1001,A',
    '',
  ].join('\r\n')

  const ends = new Set<string | undefined>()

  test.each(engines)('leads on %s where the file says', async (engine) => {
    const file = join(folder, `${engine}.csv`)
    writeFileSync(file, orders)
    const run = await demo('--orders', file, '--engine', engine)
    expect(run.output).toContain('verdict: everything adds up')
    expect(run.code).toBe(0)
    const figures = {
      carts: 4,
      accepted: 3,
      'sold out': 1,
      'cancelled (refunded whole)': 1,
      'returns added to the stock': 1,
      'cancellations of refused orders': 1,
      ordered: 23 + 2,
      'confirmed in the end': 15,
      'returned to the stock': 2,
      'taken out by corrections': 0,
      'on sale': 2,
      'ran out': 1,
      'differences from plain arithmetic': 0,
    }
    for (const [label, value] of Object.entries(figures)) expect(run.figure(label), label).toBe(value)
    expect(run.output).toContain('line 6: qty is no whole number: "many"')
    expect(run.output).toContain('line 12: ')
    expect(run.output).toContain('line 14: has 2 fields, the header has 4')
    expect(run.output).toContain('3 broken lines left out')
    // The same on both engines.
    ends.add(/end state +(\w+)/.exec(run.output)?.[1])
    expect(ends.size).toBe(1)
  })

  test('takes other separators and columns by option', async () => {
    const file = join(folder, 'columns.csv')
    writeFileSync(file, 'a|b|c|d\n1|x|2|ann\n1|x|0|ann\n2|x|1|\n')
    const columns = [
      '--column-order',
      'a',
      '--column-sku',
      'b',
      '--column-quantity',
      'c',
      '--column-buyer',
      'd',
    ]
    const run = await demo(
      '--orders',
      file,
      ...columns,
      '--separator',
      '|',
      '--max-errors',
      '0',
      '--engine',
      'memory',
    )
    expect(run.code).toBe(0)
    expect(run.figure('carts')).toBe(2)
    expect(run.output).toContain('... and 1 more')
  })

  test('the plain calculation', () => {
    const line = (order: string, quantity: number, cancels = false) => ({
      line: 0,
      order,
      sku: 'A',
      quantity,
      cancels,
      buyer: 'ann',
    })
    const { skus, orders } = expectedOutcome(
      [line('1', 4), line('2', 4), line('C', -4, true), line('X', -9)],
      0.75,
    )
    expect([...orders]).toEqual([
      ['1', 'refunded'],
      ['2', 'sold_out'],
    ])
    expect(skus.get('A')).toEqual({ total: 0, available: 0, confirmed: 0 })
  })

  test('names every difference', () => {
    const one = { skus: new Map([['A', { total: 3, available: 1, confirmed: 2 }]]), orders: new Map() }
    const other = { skus: new Map([['A', { total: 3, available: 0, confirmed: 3 }]]), orders: new Map() }
    expect(differences(one, one)).toEqual([])
    expect(differences(one, other)).toHaveLength(2)
    expect(differences({ ...one, orders: new Map([['7', 'sold_out']]) }, one)).toEqual([
      'order 7: is unknown, expected sold_out',
    ])
  })

  test('reads CSV as it is found', () => {
    const read = (text: string) => [...csvRecords(text, ';')]
    expect(read('\ufeffa;"b;""c""\nd";\r\n\r\ne;5" pipe;f')).toEqual([
      { line: 1, fields: ['a', 'b;"c"\nd', ''] },
      { line: 4, fields: ['e', '5" pipe', 'f'] },
    ])
    expect(read('a;"b\nc;d\n')).toEqual([
      { line: 1, error: 'a quote is opened and not closed' },
      { line: 2, fields: ['c', 'd'] },
    ])
  })
})

describe('the panel of a live terminal', () => {
  test('is redrawn in place, fits the width, and gives the cursor back', () => {
    let written = ''
    const stream = Object.assign(new EventEmitter(), {
      isTTY: true,
      columns: 30,
      rows: 24,
      write: (text: string) => {
        written += text
        return true
      },
    }) as unknown as NodeJS.WriteStream
    const terminal = terminalOf(stream, {})
    const view = { panel: () => ['x'.repeat(100), terminal.paint('green', 'y'.repeat(100))], line: () => '' }
    const panel = new LivePanel(view, ['head'], terminal, stream)
    panel.start()
    expect(written).toContain('\x1b[?25l')
    written = ''
    stream.columns = 20
    stream.emit('resize')
    expect(written.startsWith('\x1b[H\x1b[Jhead\n')).toBe(true)
    expect(written.split('\n').map(columnsOf)).toEqual([4, 19, 19, 0])
    written = ''
    panel.stop()
    expect(written.startsWith('\x1b[2A\r')).toBe(true)
    expect(written.endsWith('\x1b[?25h')).toBe(true)
  })

  test('has no colour where none is wanted, and is none at all in a pipe', () => {
    const stream = (isTTY: boolean) => ({ isTTY }) as NodeJS.WriteStream
    expect(terminalOf(stream(true), {}).paint('red', 'x')).toBe('\x1b[31mx\x1b[39m')
    expect(terminalOf(stream(true), { NO_COLOR: '1' })).toMatchObject({ live: true })
    expect(terminalOf(stream(true), { NO_COLOR: '1' }).paint('red', 'x')).toBe('x')
    expect(terminalOf(stream(false), {}).live).toBe(false)
    expect(terminalOf(stream(true), { TERM: 'dumb' }).live).toBe(false)
  })

  test('draws bars and curves', () => {
    expect(bar(0.5, 8)).toBe('████░░░░')
    expect(sparkline([0, 1, 8], 10)).toBe(' ▂█')
    expect(sparkline([1, 1, 1, 1], 2)).toBe('██')
  })
})

describe('options', () => {
  const orders = join(folder, 'some.csv')
  writeFileSync(orders, 'order,sku,qty,buyer\n1,a,1,b\n')

  test.each([
    ['--units', '0'],
    ['--units', '1e3'],
    ['--buyers', 'many'],
    ['--rate', '0'],
    ['--rate', '2000000'],
    ['--hold-ms', '5'],
    ['--seed', '1.5'],
    ['--concurrency', '20000'],
    ['--engine', 'postgres'],
    ['--redis', 'http://127.0.0.1'],
    ['--stores', '100000'],
    ['--lose-parcels', 'some'],
    ['--no-ledger', '--orders', orders],
    ['--keep'],
    ['--surprise'],
    ['--stock-share', '0.5'],
    ['--orders', join(folder, 'none.csv')],
    ['--column-sku', 'nothing', '--orders', orders],
    ['--separator', ';;', '--orders', orders],
    ['--stock-share', '0', '--orders', orders],
    ['--units', '5', '--orders', orders],
    ['--rate', '5', '--orders', orders],
  ])('a wrong one is named: %s %s', async (...args) => {
    const read = async () => {
      const options = readOptions(args)
      if ('orders' in options) await readOrders(options.orders)
    }
    await expect(read()).rejects.toThrow(BadOption)
    await expect(read()).rejects.toThrow(args[0])
  })

  test.each([
    ['--units', '0'],
    ['--orders', join(folder, 'none.csv')],
  ])('a wrong one ends the demo with 2: %s', async (...args) => {
    const { code, output } = await demo(...args)
    expect(code).toBe(2)
    expect(output).toContain(args[0])
    expect(output).toContain('--help')
  })

  test('--help', async () => {
    const { code, output } = await demo('--help')
    expect(code).toBe(0)
    expect(output).toContain('--orders FILE')
  })
})
