import { Redis } from 'ioredis'
import pg from 'pg'
import { type FaultyRedis, faultyRedis } from '../../src/testing.js'
import { type PostgresServer, startPostgres } from '../lib/servers/postgres/server.js'
import { type RedisServer, startRedis } from '../lib/servers/redis/server.js'

const APPLICATION = 'soak'

/** Redis and PostgreSQL, with what makes them fail. */
export interface FaultyServers {
  readonly redis: RedisServer
  /** Between the application and Redis. */
  readonly proxy: FaultyRedis
  /** For the application. */
  readonly postgresUrl: string
  /** A pool that no fault affects. */
  readonly pool: pg.Pool
  /** Ends the application's connections to PostgreSQL. */
  endSessions(): Promise<void>
  /** The application's connections, as the servers count them. */
  connections(): Promise<{ redis: number; postgres: number }>
  close(): Promise<void>
}

export async function startFaultyServers(seed: number, log: (line: string) => void): Promise<FaultyServers> {
  const redis = await startRedis({ config: { appendonly: 'yes', appendfsync: 'always' }, log })
  const postgres = await startPostgres({ log }).catch(async (error) => {
    await redis.stop()
    throw error
  })
  const proxy = await faultyRedis(redis.url, { seed: seed % 2 ** 31 })
  const pool = new pg.Pool({ connectionString: postgres.url })
  pool.on('error', () => {})
  return {
    redis,
    proxy,
    pool,
    postgresUrl: `${postgres.url}?application_name=${APPLICATION}`,
    endSessions: async () => {
      await pool.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1', [
        APPLICATION,
      ])
    },
    connections: async () => ({ redis: await clientsOf(redis), postgres: await sessionsOf(pool) }),
    close: () => close(redis, postgres, proxy, pool),
  }
}

/** Without the connection of this call. */
async function clientsOf(redis: RedisServer): Promise<number> {
  const admin = new Redis(redis.url)
  try {
    const list = String(await admin.call('CLIENT', 'LIST', 'TYPE', 'normal'))
    return list.trim().split('\n').length - 1
  } finally {
    admin.disconnect()
  }
}

async function sessionsOf(pool: pg.Pool): Promise<number> {
  const text = 'SELECT count(*)::int AS count FROM pg_stat_activity WHERE application_name = $1'
  return (await pool.query(text, [APPLICATION])).rows[0].count
}

async function close(
  redis: RedisServer,
  postgres: PostgresServer,
  proxy: FaultyRedis,
  pool: pg.Pool,
): Promise<void> {
  await pool.end()
  await proxy.close()
  await redis.stop()
  await postgres.stop()
}
