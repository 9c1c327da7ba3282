import { Redis } from 'ioredis'
import { type RedisOptions, type RedisServer, startRedis as startOwn } from '../lib/servers/redis/server.js'
import { SHARED_REDIS } from './protocol.js'

/**
 * Replaces `scripts/lib/servers/redis/server.ts` in tests: they get the one server that runs
 * through all mutants, emptied. A test that asks for a configuration or a folder gets its own
 * server.
 */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const shared = process.env[SHARED_REDIS]
  if (shared === undefined || Object.keys(options).length > 0) return startOwn(options)
  const { url, host, port, socket }: RedisServer = JSON.parse(shared)
  const client = new Redis(socket)
  await client.flushall()
  // Each test compiles its own clock into its scripts; without a flush thousands of them would slow
  // down Lua's collector.
  await client.script('FLUSH', 'SYNC')
  client.disconnect()
  const refuse = async () => {
    throw new Error('This server is shared with other tests.')
  }
  return {
    ...{ url, host, port, socket, pid: 0, dir: '' },
    stop: async () => {},
    kill: refuse,
    restart: refuse,
  }
}
