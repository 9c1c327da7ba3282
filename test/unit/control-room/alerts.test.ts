import { expect, test } from 'vitest'
import { alertsOf } from '../../../src/control-room/alerts.js'
import type { RoomView, SaleView } from '../../../src/control-room/view.js'
import type { ListedProcess } from '../../../src/heartbeat/processes.js'
import type { RoomStats } from '../../../src/index.js'

const sale = (rest: Partial<SaleView> = {}): SaleView => ({
  ...{ id: 'launch', state: 'open', problem: null, rules: null, skus: [], groups: [], ...rest },
})
const group = (rest: object) => ({ group: 'mail', lag: 0, parked: 0, dead: 0, consumers: 1, ...rest })
const room = (stats: Partial<RoomStats>, admittedPerSecond: number | null): RoomView => ({
  ...{ id: 'queue', state: 'open', problem: null, sale: null, waitSeconds: null, admittedPerSecond },
  stats: {
    state: 'open',
    waiting: 10,
    ratePerSecond: 100,
    outstanding: 0,
    capacity: null,
    maxActive: null,
    ...stats,
  } as RoomStats,
})
const process = (rest: Partial<ListedProcess>, figures: object = {}): ListedProcess => ({
  ...{ id: 'x', seenAt: 0, silentMs: 100, isPresent: true, ...rest },
  figures: { host: 'web-1', pid: 7, version: '0.2.0', latency: {}, ...figures } as ListedProcess['figures'],
})
const latency = (calls: number, p99Ms: number) => ({ latency: { reserve: { calls, p50Ms: 1, p99Ms } } })

const lines = (...parts: Parameters<typeof alertsOf>) =>
  alertsOf(...parts).map(({ kind, level, subject }) => `${level} ${kind} ${subject}`)

test('a night on which all is well has no alerts', () => {
  const groups = [group({ lag: 9_999, parked: 3 })]
  expect(lines([sale({ groups })], [room({}, 60)], [process({}, latency(1_000, 499))])).toEqual([])
})

test.each(['frozen', 'lost'] as const)('a sale that is %s comes first, with the guide', (state) => {
  const alerts = alertsOf([sale({ groups: [group({ dead: 1 })] }), sale({ id: 'two', state })], [], [])
  expect(alerts.map(({ kind }) => kind)).toEqual([state, 'dead_letters'])
  expect(alerts[0]).toMatchObject({ level: 'critical', subject: 'sale:two' })
  expect(alerts[0]!.guide.length).toBeGreaterThan(3)
})

test('a group that is far behind, and dead letters', () => {
  const groups = [group({ lag: 10_000, dead: 2, consumers: 0 })]
  expect(lines([sale({ groups })], [], [])).toEqual([
    'warning lag sale:launch',
    'warning dead_letters sale:launch',
  ])
  expect(alertsOf([sale({ groups })], [], [])[0]!.text).toContain('No consumer is running.')
})

test.each([
  ['admits too few', {}, 49, true],
  ['is not known yet', {}, null, false],
  ['has an empty queue', { waiting: 0 }, 0, false],
  ['is paused', { state: 'paused' }, 0, false],
  ['waits for passes', { outstanding: 5, capacity: 5 }, 0, false],
  ['is at its maxActive', { outstanding: 5, maxActive: 5 }, 0, false],
] as const)('a room that %s', (_, stats, achieved, alarms) => {
  expect(lines([], [room(stats, achieved)], [])).toEqual(alarms ? ['warning admission room:queue'] : [])
})

test('a room that was lost', () => {
  const lost = { ...room({}, null), state: 'lost', stats: null } as const
  expect(lines([], [lost], [])).toEqual(['critical lost room:queue'])
})

test('a process that is gone, a slow one, and one of another version', () => {
  expect(lines([], [], [process({ isPresent: false, silentMs: 6_000 }, latency(100, 900))])).toEqual([
    'warning process_gone web-1:7',
  ])
  expect(lines([], [], [process({}, latency(20, 500))])).toEqual(['warning latency web-1:7'])
  expect(lines([], [], [process({}, latency(19, 900))])).toEqual([])
  const other = process({ id: 'y' }, { version: '0.3.0' })
  expect(lines([], [], [process({}), other])).toEqual(['warning version processes'])
  expect(lines([], [], [process({}), { ...other, isPresent: false }])).toEqual([
    'warning process_gone web-1:7',
  ])
  expect(lines([], [], [process({}), { ...other, figures: undefined }])).toEqual([
    'warning version processes',
  ])
})
