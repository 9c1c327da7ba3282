import { expect, test } from 'vitest'
import { alertsOf } from '../../../src/control-room/alerts.js'
import type { RoomView, SaleView, ServerView } from '../../../src/control-room/view.js'
import type { ListedProcess } from '../../../src/heartbeat/processes.js'
import type { RoomStats } from '../../../src/index.js'
import { figuresOfServer } from '../../support/control-room.js'

const sale = (rest: Partial<SaleView> = {}): SaleView => ({
  ...{
    id: 'launch',
    state: 'open',
    problem: null,
    rules: null,
    skus: [],
    answers: [],
    groups: [],
    recovery: null,
    ...rest,
  },
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

const alerts = (
  sales: Parameters<typeof alertsOf>[0],
  rooms: Parameters<typeof alertsOf>[1],
  processes: Parameters<typeof alertsOf>[2],
  servers: Parameters<typeof alertsOf>[3] = null,
) => alertsOf(sales, rooms, processes, servers)
const lines = (...parts: Parameters<typeof alerts>) =>
  alerts(...parts).map(({ kind, level, subject }) => `${level} ${kind} ${subject}`)

test('a night on which all is well has no alerts', () => {
  const groups = [group({ lag: 9_999, parked: 3 })]
  expect(lines([sale({ groups })], [room({}, 60)], [process({}, latency(1_000, 499))])).toEqual([])
})

test.each(['frozen', 'lost'] as const)('a sale that is %s comes first, with the guide', (state) => {
  const found = alerts([sale({ groups: [group({ dead: 1 })] }), sale({ id: 'two', state })], [], [])
  expect(found.map(({ kind }) => kind)).toEqual([state, 'dead_letters'])
  expect(found[0]).toMatchObject({ level: 'critical', subject: 'sale:two' })
  expect(found[0]!.guide.length).toBeGreaterThan(3)
})

test('a group that is far behind, and dead letters', () => {
  const groups = [group({ lag: 10_000, dead: 2, consumers: 0 })]
  expect(lines([sale({ groups })], [], [])).toEqual([
    'warning lag sale:launch',
    'warning dead_letters sale:launch',
  ])
  expect(alerts([sale({ groups })], [], [])[0]!.text).toContain('No consumer is running.')
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

const server = (figures: Parameters<typeof figuresOfServer>[0], state: ServerView['state'] = 'told') => ({
  ...{ address: '10.0.0.1:6379', state, figures: figuresOfServer(figures), busyShare: null },
})
const replica = (rest: object = {}) => ({
  ...{ address: '10.0.0.2:6379', isOnline: true, lagSeconds: 1, behindBytes: 9, ...rest },
})

test.each([
  ['uses less than 80 % of its memory', { usedMemory: 799 }, []],
  ['uses 80 %', { usedMemory: 800 }, ['warning memory']],
  ['is about to refuse reservations', { usedMemory: 950 }, ['critical memory']],
  ['has no limit but its machine', { usedMemory: 3_200, maxMemory: null }, ['warning memory']],
  ['has room on its machine', { usedMemory: 3_199, maxMemory: null }, []],
  ['does not tell its memory', { usedMemory: null }, []],
  ['may evict', { policy: 'allkeys-lru' }, ['warning eviction']],
  ['evicts keys with a TTL alone', { policy: 'volatile-lru' }, []],
  ['has replicas that follow', { replicas: [replica({ lagSeconds: 5 })] }, []],
  ['has one that is not online', { replicas: [replica({ isOnline: false })] }, ['warning replicas']],
  ['has one that is silent', { replicas: [replica({ lagSeconds: 6 })] }, ['warning replicas']],
] as const)('a server that %s', (_, figures, expected) => {
  const servers = { servers: [server(figures)], count: 1, missingReplicas: 0 }
  expect(lines([], [], [], servers)).toEqual(expected.map((one) => `${one} redis 10.0.0.1:6379`))
  for (const { guide } of alerts([], [], [], servers)) expect(guide.length).toBeGreaterThan(1)
  const away = { ...servers, servers: [server(figures, 'away')] }
  expect(lines([], [], [], away)).toEqual([])
})

test('a replica that is missing', () => {
  const servers = { servers: [server({})], count: 1, missingReplicas: 2 }
  expect(lines([], [], [], servers)).toEqual(['warning replicas redis'])
  expect(alerts([], [], [], servers)[0]!.text).toContain('2 replicas are missing.')
})
