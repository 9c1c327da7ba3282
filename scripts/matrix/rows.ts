/** What a row uses in place of the programs of this machine: npm versions, or names of servers. */
export interface Versions {
  readonly node?: string
  /** By name. They must be dependencies of this repository. */
  readonly packages?: Readonly<Record<string, string>>
  readonly redis?: 'redis' | 'valkey'
  /** `no`: the server refuses functions, so scripts run. */
  readonly functions?: 'no'
  readonly postgres?: string
}

/** A version that the README promises, and the tests that depend on it. */
export interface Row {
  readonly name: string
  /** The versions that must be in use, by the beginning of what they report. */
  readonly promises: readonly string[]
  readonly versions: Versions
  readonly files: readonly string[]
}

/**
 * The scripts, the answers of the server, how it fails, saves, replicates and forms a cluster. The
 * memory engine, the simulator and computations in the process are the same on every server.
 */
const onRedis = [
  'test/conformance',
  'test/race',
  'test/fault',
  'test/property/port',
  'test/property/room-port',
  'test/postgres/recover',
  'test/unit/redis-engine/sale-scripts',
  'test/unit/redis-engine/server-check',
  'test/package/verify',
]

/**
 * How ioredis connects, resends, fails, follows a cluster and decodes; the types of clients, and
 * every kind of client that an engine takes. ioredis does not interpret answers of scripts, so one
 * suite of each command is enough.
 */
const onIoredis = [
  'test/conformance/port',
  'test/conformance/resend',
  'test/conformance/groups',
  'test/fault/cluster',
  'test/fault/durability',
  'test/fault/faulty-',
  'test/fault/network',
  'test/fault/refusals',
  'test/fault/rights',
  'test/fault/waiting-room-network',
  'test/unit/redis-engine/client',
  'test/package/readme',
  'test/package/types',
  'test/package/verify',
]

/**
 * Timers and the order of callbacks (the simulator depends on it), streams and sockets, hashes and
 * signatures, processes, and how the built package is loaded. Computations are the same on every
 * Node, so a few suites are enough.
 */
const onNode = [
  'test/unit',
  'test/simulation/simulation',
  'test/conformance/reserve',
  'test/conformance/confirm',
  'test/conformance/resend',
  'test/conformance/consumer/take-over',
  'test/fault/network',
  'test/fault/faulty-redis',
  'test/fault/cluster-client',
  'test/fault/waiting-room-network',
  'test/postgres/follow',
  'test/package/readme',
  'test/package/types',
  'test/package/verify',
]

/** Statements, locks, and a connection that breaks; of pg, the types of its clients too. */
const onPostgres = ['test/postgres', 'test/fault/ledger', 'test/package/types']

/** Stories and how the smallest is found, and the types of the arbitraries. */
const onFastCheck = [
  'test/property/port',
  'test/package/testing',
  'test/package/verify',
  'test/package/types',
]

const row = (
  name: string,
  promises: readonly string[],
  files: readonly string[],
  versions: Versions,
): Row => ({
  ...{ name, promises, files, versions },
})

/** The lowest version of each range by its number, and the newest that npm has. */
export const rows: readonly Row[] = [
  row('redis 7.0', ['Redis 7.0'], onRedis, { redis: 'redis' }),
  row('valkey 8.0', ['Valkey 8.0'], onRedis, { redis: 'valkey' }),
  row('scripts on redis', ['Redis 7.0'], onRedis, { redis: 'redis', functions: 'no' }),
  row('scripts on valkey', ['Valkey 8.0'], onRedis, { redis: 'valkey', functions: 'no' }),
  row('node 20', ['Node 20.19.0'], onNode, { node: '20.19.0' }),
  row('node 22', ['Node 22'], onNode, { node: '22' }),
  row('node 24', ['Node 24'], onNode, { node: '24' }),
  row('ioredis 5.4', ['ioredis 5.4.0'], onIoredis, { packages: { ioredis: '5.4.0' } }),
  row('ioredis 5', ['ioredis 5'], onIoredis, { packages: { ioredis: '5' } }),
  row('ioredis 6', ['ioredis 6'], onIoredis, { packages: { ioredis: '6' } }),
  row('postgres 15', ['PostgreSQL 15', 'pg 8.11.0'], onPostgres, {
    postgres: '15',
    packages: { pg: '8.11.0' },
  }),
  row('postgres 18', ['PostgreSQL 18', 'pg 8'], onPostgres, { postgres: '18' }),
  row('fast-check 4.0', ['fast-check 4.0.0'], onFastCheck, { packages: { 'fast-check': '4.0.0' } }),
]
