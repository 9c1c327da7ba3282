import { Redis } from 'ioredis'
import { type RedisOptions, type RedisServer, startRedis as startOwn } from '../lib/servers/redis/server.js'
import { SHARED_REDIS } from './protocol.js'

/**
 * Stands where tests import `scripts/lib/servers/redis/server.ts`: they get the one server that runs through all mutants, emptied. A test that asks
 * for a configuration or a folder means a server of its own, and gets one.
 */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const url = process.env[SHARED_REDIS]
  if (url === undefined || Object.keys(options).length > 0) return startOwn(options)
  const client = new Redis(url)
  await client.flushall()
  // Each test has a clock of its own in its scripts, so they pile up by the thousand, and Lua's collector walks over all of them.
  await client.script('FLUSH', 'SYNC')
  client.disconnect()
  const refuse = async () => {
    throw new Error('the server is shared with other tests')
  }
  const { hostname, port } = new URL(url)
  return {
    ...{ url, host: hostname, port: Number(port), pid: 0, dir: '' },
    stop: async () => {},
    kill: refuse,
    restart: refuse,
  }
}
