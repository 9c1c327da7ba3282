import { describe, expect, test } from 'vitest'
import { compareClocks, examine, type Finding } from '../../../src/cli/doctor/examine.js'
import type { Probe } from '../../../src/cli/doctor/probe.js'

const GIB = 2 ** 30
const safe = {
  ...{ redis_version: '7.2.4', maxmemory_policy: 'noeviction', aof_enabled: '1', role: 'master' },
  ...{ used_memory: String(GIB), maxmemory: String(8 * GIB), total_system_memory: String(16 * GIB) },
  ...{ connected_clients: '20', maxclients: '10000', connected_slaves: '1' },
  slave0: 'ip=10.0.0.2,port=6379,state=online,offset=1,lag=0',
}

function probed(info: Record<string, string>, more: Partial<Probe> = {}): Probe {
  return {
    ...{ address: 'h:1', info: new Map(Object.entries({ ...safe, ...info })) },
    ...{ config: new Map([['appendfsync', 'always']]), denied: [], trips: [0.2, 0.3, 0.4], ahead: 3 },
    libraries: [{ name: 'stockhold_a', state: 'own' }],
    ...more,
  }
}

const truncating = new Map([
  ['appendfsync', 'always'],
  ['aof-load-truncated', 'yes'],
])

const found = (check: Finding['check'], probe: Probe, needed?: number) =>
  examine(probe, 'stockhold', needed).find((one) => one.check === check)!

test('a server that is ready: every check is ok, and nothing is to do', () => {
  for (const { state, advice } of examine(probed({}), 'stockhold', GIB))
    expect([state, advice]).toEqual(['ok', null])
})

describe('a finding has a verdict, and what to do', () => {
  test.each<[Finding['check'], Record<string, string>, Partial<Probe>, Finding['state'], RegExp]>([
    ['version', { redis_version: '6.2.1' }, {}, 'fault', /use Redis 7\.0/],
    ['version', { redis_version: '7.2.4', valkey_version: '7.2.4' }, {}, 'fault', /Valkey 8\.0/],
    ['eviction', { maxmemory_policy: 'allkeys-lru' }, {}, 'fault', /set maxmemory-policy noeviction/],
    ['eviction', { maxmemory_policy: 'volatile-ttl' }, {}, 'warning', /TTL/],
    ['persistence', { aof_enabled: '0' }, {}, 'warning', /set appendonly yes/],
    ['persistence', {}, { config: new Map([['appendfsync', 'everysec']]) }, 'warning', /appendfsync always/],
    ['persistence', {}, { config: truncating }, 'warning', /aof-load-truncated no/],
    ['persistence', {}, { config: new Map() }, 'warning', /allow CONFIG GET/],
    ['persistence', { rdb_last_bgsave_status: 'err' }, {}, 'fault', /disk may be full/],
    ['persistence', { aof_last_write_status: 'err' }, {}, 'fault', /disk may be full/],
    ['memory', { maxmemory: '0' }, {}, 'warning', /set maxmemory/],
    ['memory', { used_memory: String(7 * GIB) }, {}, 'fault', /make room/],
    ['rights', {}, { denied: ['XADD', 'HSET'] }, 'fault', /^ACL SETUSER .* ~\{stockhold:\* .*\+eval/],
    ['rights', {}, { denied: undefined }, 'fault', /^ACL SETUSER/],
    ['latency', {}, { trips: [4, 6, 7] }, 'warning', /one zone/],
    ['latency', { latest_fork_usec: '600000' }, {}, 'warning', /snapshots off/],
    ['clock', {}, { ahead: -1_500 }, 'warning', /NTP/],
    ['clients', { connected_clients: '8001' }, {}, 'fault', /raise maxclients/],
    ['replicas', { connected_slaves: '0' }, {}, 'warning', /attach a replica/],
    ['replicas', { slave0: 'state=wait_bgsave,lag=0' }, {}, 'warning', /caught up/],
    ['replicas', { slave0: 'state=online,lag=9' }, {}, 'warning', /caught up/],
    ['replicas', { role: 'slave' }, {}, 'fault', /name the master/],
    ['functions', {}, { libraries: undefined }, 'warning', /\+fcall/],
    ['functions', {}, { libraries: [{ name: 'a', state: 'not_removed' }] }, 'warning', /function\|delete/],
  ])('%s %j %j: %s', (check, info, more, state, advice) => {
    const finding = found(check, probed(info, more))
    expect(finding.state).toBe(state)
    expect(finding.advice).toMatch(advice)
  })
})

test('the memory of a plan is added to what is used', () => {
  expect(found('memory', probed({}), 7 * GIB)).toMatchObject({ state: 'ok' })
  expect(found('memory', probed({}), 7 * GIB + 1)).toMatchObject({
    ...{ state: 'fault', found: expect.stringContaining('the plan needs 7.5 GB more') },
    advice: expect.stringContaining('give it 8.6 GB'),
  })
})

test('the clocks of several masters are compared with each other', () => {
  const at = (ahead: number) => probed({}, { ahead })
  expect(compareClocks([at(0)])).toBeUndefined()
  expect(compareClocks([at(-400), at(500)])).toMatchObject({
    state: 'ok',
    found: 'the masters are 900 ms apart',
  })
  expect(compareClocks([at(-600), at(0), at(500)])).toMatchObject({ state: 'warning' })
})
