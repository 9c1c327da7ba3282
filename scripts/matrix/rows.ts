/** What is taken in place of this machine's own: versions as npm knows them, or names of servers. */
export interface Versions {
  readonly node?: string
  /** By name. They must be dependencies of this repository. */
  readonly packages?: Readonly<Record<string, string>>
  readonly redis?: 'redis' | 'valkey'
  readonly postgres?: string
}

/** One version that the README promises, and the tests that could tell it from another. */
export interface Row {
  readonly name: string
  /** What must be found to be in use: the beginning of a version as it is reported. */
  readonly promise: string
  readonly versions: Versions
  readonly files: readonly string[]
}

/**
 * The scripts, what the server answers, how it fails, saves, replicates and forms a cluster. What the memory engine does, what
 * the simulator plays and what is computed in the process is the same on every server.
 */
const onRedis = [
  'test/conformance',
  'test/race',
  'test/fault',
  'test/property/port',
  'test/property/room-port',
  'test/postgres/recover',
  'test/unit/scripts',
  'test/unit/server-config',
  'test/package/verify',
]

/**
 * How ioredis connects, resends, fails, follows a cluster and decodes; the types of clients, and every kind of client that is
 * given to an engine. What a script answers, ioredis hands on unread, so one suite of each command is enough.
 */
const onIoredis = [
  'test/conformance/port',
  'test/conformance/resend',
  'test/conformance/handoff',
  'test/fault/cluster',
  'test/fault/durability',
  'test/fault/faulty-',
  'test/fault/network',
  'test/fault/refusals',
  'test/fault/rights',
  'test/fault/waiting-room-network',
  'test/unit/client',
  'test/package/readme',
  'test/package/types',
  'test/package/verify',
]

/**
 * Timers and the order of callbacks, streams and sockets, hashes and signatures, processes, and how the built package is loaded.
 * What is computed is the same on every Node: one engine of it, and one file of each kind, are enough.
 */
const onNode = [
  'test/unit',
  'test/conformance/reserve',
  'test/conformance/resend',
  'test/conformance/consumer',
  'test/conformance/waiting-room',
  'test/fault/network',
  'test/fault/faulty-redis',
  'test/fault/pause',
  'test/fault/waiting-room-network',
  'test/fault/cluster-client',
  'test/postgres/follow',
  'test/package/readme',
  'test/package/types',
  'test/package/verify',
  'test/package/testing',
]

/** Statements, locks, and a connection that breaks. */
const onPostgres = ['test/postgres', 'test/fault/ledger', 'test/package/types']

export const rows: readonly Row[] = [
  { name: 'redis 7.0', promise: 'Redis 7.0', versions: { redis: 'redis' }, files: onRedis },
  { name: 'valkey 8.0', promise: 'Valkey 8.0', versions: { redis: 'valkey' }, files: onRedis },
  { name: 'node 20', promise: 'Node 20.19.0', versions: { node: '20.19.0' }, files: onNode },
  { name: 'node 22', promise: 'Node 22', versions: { node: '22' }, files: onNode },
  { name: 'node 24', promise: 'Node 24', versions: { node: '24' }, files: onNode },
  {
    name: 'ioredis 5.4',
    promise: 'ioredis 5.4.0',
    versions: { packages: { ioredis: '5.4.0' } },
    files: onIoredis,
  },
  { name: 'ioredis 6', promise: 'ioredis 6', versions: {}, files: onIoredis },
  { name: 'postgres 15', promise: 'PostgreSQL 15', versions: { postgres: '15' }, files: onPostgres },
  { name: 'postgres 18', promise: 'PostgreSQL 18', versions: { postgres: '18' }, files: onPostgres },
]
