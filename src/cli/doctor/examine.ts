import { FULL_SHARE, LAG_SECONDS, mayEvict } from '../../engine/servers.js'
import { type Info, infoVersion } from '../../redis-engine/info.js'
import { bytes } from '../plan/format.js'
import { span } from '../text.js'
import type { Probe } from './probe.js'

/** One thing that was checked. */
export interface Finding {
  readonly check:
    | 'version'
    | 'eviction'
    | 'persistence'
    | 'memory'
    | 'rights'
    | 'latency'
    | 'clock'
    | 'clients'
    | 'replicas'
    | 'functions'
  /** `fault`: do not sell so. `warning`: know it. */
  readonly state: 'ok' | 'warning' | 'fault'
  readonly found: string
  /** What to do; `null` if there is nothing. */
  readonly advice: string | null
}

const tuning = {
  /** The median answer of a server in the same network takes less. ms */
  slowMs: 5,
  /** How long a fork may stop the server. ms */
  forkMs: 500,
  clockMs: 1_000,
}

const ACL = (prefix: string) =>
  `ACL SETUSER shop on >password resetkeys ~{${encodeURIComponent(prefix)}:* resetchannels -@all +@read +@write +eval +evalsha +info +time`

type Judgement = Omit<Finding, 'check'>
const ok = (found: string): Judgement => ({ state: 'ok', found, advice: null })
const warning = (found: string, advice: string): Judgement => ({ state: 'warning', found, advice })
const fault = (found: string, advice: string): Judgement => ({ state: 'fault', found, advice })

/**
 * What to think of a server before the night.
 *
 * @param needed Bytes that the plan of the sale asks of it; `undefined`: no sale was planned.
 */
export function examine(probe: Probe, prefix: string, needed: number | undefined): Finding[] {
  const { info } = probe
  return [
    { check: 'version', ...version(info) },
    { check: 'eviction', ...eviction(info) },
    { check: 'persistence', ...persistence(info, probe.config) },
    { check: 'memory', ...memory(info, needed) },
    { check: 'rights', ...rights(probe, prefix) },
    { check: 'latency', ...latency(probe) },
    { check: 'clock', ...clock(probe) },
    { check: 'clients', ...clients(info) },
    { check: 'replicas', ...replicas(info) },
    { check: 'functions', ...functions(probe) },
  ]
}

const number = (info: Info, name: string) => Number(info.get(name) ?? 0)

function version(info: Info): Judgement {
  const valkey = info.get('valkey_version')
  const found = infoVersion(info)
  const major = Number.parseInt(valkey ?? info.get('redis_version') ?? '0', 10)
  if (major >= (valkey === undefined ? 7 : 8)) return ok(found)
  return fault(found, 'use Redis 7.0 or later, or Valkey 8.0 or later')
}

function eviction(info: Info): Judgement {
  const policy = info.get('maxmemory_policy') ?? 'unknown'
  if (policy === 'noeviction') return ok(policy)
  if (!mayEvict(policy))
    return warning(
      policy,
      'keys with a TTL may be deleted: give no key of a sale one, or set maxmemory-policy noeviction',
    )
  return fault(policy, 'it deletes stock when memory runs out: set maxmemory-policy noeviction')
}

function persistence(info: Info, config: ReadonlyMap<string, string>): Judgement {
  for (const name of ['rdb_last_bgsave_status', 'aof_last_write_status', 'aof_last_bgrewrite_status'])
    if ((info.get(name) ?? 'ok') !== 'ok')
      return fault(`${name} is ${info.get(name)}`, 'see the log of the server: its disk may be full')
  if (info.get('aof_enabled') === '1') {
    const sync = config.get('appendfsync')
    if (sync === undefined)
      return warning('append-only file', 'allow CONFIG GET to see whether appendfsync is always')
    const found = `append-only file, appendfsync ${sync}`
    if (sync !== 'always')
      return warning(
        found,
        'a crash can lose the latest changes, and freezes the sale: set appendfsync always',
      )
    if (config.get('aof-load-truncated') !== 'yes') return ok(found)
    return warning(
      `${found}, aof-load-truncated yes`,
      'killed twice in a row, it may make half of a change: set aof-load-truncated no, and repair its file by redis-check-aof --fix',
    )
  }
  const found = config.get('save') === '' ? 'none' : 'snapshots only'
  return warning(
    found,
    'a crash loses what was acknowledged, and freezes the sale: set appendonly yes and appendfsync always',
  )
}

function memory(info: Info, needed: number | undefined): Judgement {
  const [used, most] = [number(info, 'used_memory'), number(info, 'maxmemory')]
  const machine = number(info, 'total_system_memory')
  const limit = most || machine
  const of = most ? `${bytes(most)} maxmemory` : `${bytes(machine)} of the machine, no maxmemory`
  const planned = needed === undefined ? '' : `; the plan needs ${bytes(needed)} more`
  const found = `${bytes(used)} of ${of}${planned}`
  if (needed !== undefined && limit > 0 && used + needed > limit)
    return fault(found, `give it ${bytes(used + needed)}, or spread the sale over more masters`)
  if (limit > 0 && used > FULL_SHARE * limit)
    return fault(found, 'make room before the sale: a full Redis takes no reservations')
  if (!most) return warning(found, 'set maxmemory: without it the system kills Redis when memory runs out')
  return ok(found)
}

function rights({ denied }: Probe, prefix: string): Judgement {
  if (denied === undefined) return fault('no script may run', ACL(prefix))
  if (denied.length > 0) return fault(`not allowed: ${denied.join(', ').toLowerCase()}`, ACL(prefix))
  return ok(`all commands below {${prefix}:*`)
}

function latency({ trips, info }: Probe): Judgement {
  const median = trips[Math.floor(trips.length / 2)] ?? 0
  const found = `median ${median.toFixed(2)} ms, slowest ${(trips.at(-1) ?? 0).toFixed(2)} ms`
  const fork = number(info, 'latest_fork_usec') / 1_000
  if (fork > tuning.forkMs)
    return warning(
      `${found}; the latest fork stopped it for ${Math.round(fork)} ms`,
      'turn snapshots off for the sale, or use a smaller Redis',
    )
  if (median <= tuning.slowMs) return ok(found)
  return warning(found, 'each call takes at least that: run the servers and Redis in one zone')
}

function clock({ ahead }: Probe): Judgement {
  const found = `${span(Math.abs(ahead))} ${ahead < 0 ? 'behind' : 'ahead of'} this machine`
  if (Math.abs(ahead) <= tuning.clockMs) return ok(found)
  return warning(found, 'the clock of Redis decides when a sale opens: let NTP set it')
}

function clients(info: Info): Judgement {
  const [connected, most] = [number(info, 'connected_clients'), number(info, 'maxclients')]
  const found = `${connected} of ${most || 'an unknown number'}`
  if (most && connected > FULL_SHARE * most)
    return fault(found, 'raise maxclients: a server that starts gets no connection')
  return ok(found)
}

function replicas(info: Info): Judgement {
  if ((info.get('role') ?? 'master') !== 'master')
    return fault('it is a replica itself', 'name the master, or use --sentinel')
  const count = number(info, 'connected_slaves')
  if (count === 0)
    return warning(
      'none',
      'the loss of its machine is the loss of what the disk does not have: attach a replica',
    )
  const behind = Array.from({ length: count }, (_, i) => info.get(`slave${i}`) ?? '').filter(
    (replica) => !/state=online/.test(replica) || Number(/lag=(\d+)/.exec(replica)?.[1] ?? 0) > LAG_SECONDS,
  )
  if (behind.length > 0)
    return warning(
      `${count}, of which ${behind.length} lag`,
      'wait until they have caught up: a failover to one of them rolls the sale back',
    )
  return ok(String(count))
}

function functions({ libraries }: Probe): Judgement {
  if (libraries === undefined)
    return warning(
      'scripts in place of functions',
      'a call costs the server about three times as much: allow +fcall +function|load +function|list',
    )
  const of = (state: string) => libraries.filter((library) => library.state === state).length
  const parts = [
    `${of('own') + of('in_use')} in use`,
    ...(of('removed') > 0 ? [`${of('removed')} removed that were not used for a day`] : []),
  ]
  if (of('not_removed') > 0)
    return warning(
      `${parts.join(', ')}, ${of('not_removed')} not used for a day`,
      'allow +function|delete, and run doctor again',
    )
  return ok(parts.join(', '))
}

/** Clocks of masters that differ: holds of a buyer end by the clock of the buyer's master. */
export function compareClocks(probes: readonly Probe[]): Judgement | undefined {
  if (probes.length < 2) return undefined
  const ahead = probes.map((one) => one.ahead)
  const apart = Math.max(...ahead) - Math.min(...ahead)
  const found = `the masters are ${span(apart)} apart`
  return apart <= tuning.clockMs ? ok(found) : warning(found, 'let NTP set all of them')
}
