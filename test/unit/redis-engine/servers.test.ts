import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { infoField } from '../../../scripts/lib/servers/redis/info.js'
import { startRedis } from '../../../scripts/lib/servers/redis/server.js'
import { redisEngine } from '../../../src/index.js'
import { connectTo } from '../../support/client.js'
import { OwnRedis } from '../../support/own-redis.js'

const LIMIT = 64 * 2 ** 20
const redis = new OwnRedis({ config: { maxmemory: String(LIMIT), 'repl-diskless-sync-delay': '0' } })

/** The figures of the only server, asked by this client. */
function asking(client: Redis) {
  const [server, ...others] = redisEngine(client).servers!()
  expect(others).toEqual([])
  return server!
}

test('a server tells what INFO says, and its replicas', async () => {
  const server = asking(connectTo(redis.server))
  expect(server.address).toBe(`${redis.server.host}:${redis.server.port}`)
  // By then the server has accepted both clients.
  await server.figures()
  const info = await redis.client.info()
  const figures = (await server.figures())!
  const version = infoField(info, 'valkey_version') ?? infoField(info, 'redis_version')
  expect(figures).toMatchObject({
    ...{ maxMemory: LIMIT, policy: 'noeviction', replicas: [], replicaCount: 0 },
    machineMemory: Number(infoField(info, 'total_system_memory')),
    maxClients: Number(infoField(info, 'maxclients')),
  })
  expect(figures.version).toMatch(new RegExp(` ${version}$`))
  expect(figures.clients).toBe(Number(infoField(info, 'connected_clients')))
  expect(figures.usedMemory! / Number(infoField(info, 'used_memory'))).toBeCloseTo(1, 1)
  expect(figures.cpuSeconds).toBeGreaterThan(0)

  const replica = await startRedis({ config: { replicaof: `${redis.server.host} ${redis.server.port}` } })
  onTestFinished(() => replica.stop())
  await expect
    .poll(async () => (await server.figures())!.replicas)
    .toEqual([
      {
        ...{ address: expect.stringMatching(new RegExp(`:${replica.port}$`)), isOnline: true },
        ...{ lagSeconds: expect.any(Number), behindBytes: expect.any(Number) },
      },
    ])
  await redis.client.config('SET', 'maxmemory', '0')
  expect(await server.figures()).toMatchObject({ maxMemory: null, replicaCount: 1 })
})

test('a user without the right to INFO gets no figures, and a server that is away rejects', async () => {
  const client = connectTo(redis.server, { maxRetriesPerRequest: 0, retryStrategy: () => 20 })
  const server = asking(client)
  expect(await server.figures()).toBeDefined()
  await redis.client.call('ACL', 'SETUSER', 'default', '-info')
  try {
    expect(await server.figures()).toBeUndefined()
  } finally {
    await redis.client.call('ACL', 'SETUSER', 'default', '+info')
  }
  const away = new Redis({ host: '127.0.0.1', port: 1, maxRetriesPerRequest: 0 })
  away.on('error', () => {})
  onTestFinished(() => away.disconnect())
  await expect(asking(away).figures()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
})
