import { randomBytes } from 'node:crypto'
import { mkdir, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { startRedis } from '../../scripts/lib/servers/redis/server.js'
import { redisEngine } from '../../src/index.js'
import { connectTo } from '../support/client.js'
import { Crowd } from './support/crowd.js'
import { refuse } from './support/refuse.js'
import { openTrial, type Stage } from './support/trial.js'
import { verdict } from './support/verdict.js'

test('OOM: maxmemory reached, and raised', async () => {
  await refuse(
    'OOM',
    ({ admin }) => admin.config('SET', 'maxmemory', '1'),
    ({ admin }) => admin.config('SET', 'maxmemory', '0'),
  )
})

test('OOM: commands that give units back or end a hold go on; nothing else is sold', async () => {
  const stage = await openTrial({ deadlineMs: 60_000 })
  const { crowd, admin, handles } = stage
  const [first, second, third] = handles
  const holds = await Promise.all(handles.map((handle) => crowd.ask(handle)))
  const short = await crowd.ask(first!, { holdMs: 150 })
  crowd.start()
  await crowd.hears('confirmed', 20)
  await admin.config('SET', 'maxmemory', '1')
  await crowd.hears('OOM', 50)
  await crowd.stop()
  const before = (await first!.stats()).skus.phone!
  expect((await crowd.ask(first!)).told).toBe('UNAVAILABLE')
  expect((await crowd.settle(first!, holds[0]!, 'confirm')).wishTold).toBe('confirmed')
  expect((await crowd.settle(second!, holds[1]!, 'release')).wishTold).toBe('released')
  await delay(200)
  expect(await third!.get(short.ids[0]!)).toMatchObject({ state: 'expired' })
  const after = (await first!.stats()).skus.phone!
  expect(after.confirmed).toBe(before.confirmed + 1)
  expect(after.held).toBeLessThan(before.held - 1)
  await admin.config('SET', 'maxmemory', '0')
  await crowd.buysOnEveryHandle()
  await verdict(stage, [crowd])
})

test('MISCONF: the snapshot cannot be written, and can be again', async () => {
  const blocked = ({ server }: Stage) => join(server.dir, 'dump.rdb')
  const saved = async (stage: Stage, how: string) => {
    await stage.admin.bgsave()
    await expect.poll(() => stage.admin.info('persistence')).toMatch(`rdb_last_bgsave_status:${how}`)
  }
  await refuse(
    'MISCONF',
    async (stage) => {
      // A snapshot replaces a file by renaming; a folder it cannot replace.
      await mkdir(join(blocked(stage), 'x'), { recursive: true })
      await saved(stage, 'err')
    },
    async (stage) => {
      await rmdir(join(blocked(stage), 'x'))
      await rmdir(blocked(stage))
      await saved(stage, 'ok')
    },
    { config: { save: '86400 1000000' } },
  )
})

test('NOREPLICAS: too few replicas, and enough again', async () => {
  await refuse(
    'NOREPLICAS',
    ({ admin }) => admin.config('SET', 'min-replicas-to-write', '1'),
    ({ admin }) => admin.config('SET', 'min-replicas-to-write', '0'),
  )
})

test("BUSY: somebody else's script runs without end, and is killed", async () => {
  let endless: Promise<unknown> = Promise.resolve()
  await refuse(
    'BUSY',
    async ({ server }) => {
      endless = connectTo(server).eval('while true do end', 0)
      endless.catch(() => {})
    },
    async ({ admin }) => {
      await admin.script('KILL')
      await expect(endless).rejects.toThrow('killed')
    },
    { config: { 'busy-reply-threshold': '50' } },
  )
})

test('READONLY: the server becomes a replica, and a master again', async () => {
  await refuse(
    'READONLY',
    ({ admin }) => admin.replicaof('127.0.0.1', 1),
    ({ admin }) => admin.replicaof('NO', 'ONE'),
  )
})

test('READONLY: a replica takes no orders, and its master learns of none', async () => {
  const stage = await openTrial({ config: { 'repl-diskless-sync-delay': '0' } })
  const { server, crowd, limit } = stage
  const replica = await startRedis({ config: { replicaof: `${server.host} ${server.port}` } })
  onTestFinished(() => replica.stop())
  const astray = stage.handle(redisEngine(connectTo(replica)))
  // Reading is what a replica is for; `stats` is not among it, since it gives back expired holds.
  const { ids } = await crowd.ask(stage.handles[0]!)
  const there = async () => (await astray.get(ids[0]!).catch(() => undefined))?.state
  await expect.poll(there).toBe('held')
  crowd.start()
  const lost = new Crowd({ name: 'lost', handles: [astray], deadlineMs: 60_000, limit, shoppers: 0 })
  const orders = await Promise.all(Array.from({ length: 100 }, () => lost.ask(astray)))
  expect(new Set(orders.map(({ told }) => told))).toEqual(new Set(['UNAVAILABLE']))
  await crowd.hears('confirmed', 30)
  await crowd.stop()
  await verdict(stage, [crowd, lost])
})

test('LOADING: the server comes back, and reads its data for a while', async () => {
  let back: Promise<void> | undefined
  await refuse(
    'LOADING',
    async ({ server, admin }) => {
      const others = Array.from({ length: 250 }, (_, i) => ['set', `other:${i}`, randomBytes(1_024)])
      await admin.pipeline(others).exec()
      await server.kill('SIGTERM')
      back = server.restart()
    },
    async ({ server }) => {
      // It may be read at once now: the refusals have been heard.
      await connectTo(server, { enableReadyCheck: false }).config('SET', 'key-load-delay', '0')
      await back
    },
    {
      config: {
        // It writes a snapshot as it ends, takes 100 ms for each key when it reads that, and
        // answers in between.
        ...{ save: '86400 1000000', rdbcompression: 'no' },
        ...{ 'key-load-delay': '100000', 'loading-process-events-interval-bytes': '1024' },
      },
      // Clients that do not look whether the server is ready: theirs are the calls that are
      // refused.
      clients: [{ enableReadyCheck: false }, { enableReadyCheck: false, enableAutoPipelining: true }],
      deadlineMs: 500,
    },
  )
})

test('maxclients: no client that reconnects is accepted, until there is room', async () => {
  const stage = await openTrial()
  const { crowd, admin, proxy } = stage
  crowd.start()
  await crowd.hears('confirmed', 30)
  await admin.config('SET', 'maxclients', '1')
  proxy.cutConnections()
  await crowd.hears('UNAVAILABLE', 50)
  await admin.config('SET', 'maxclients', '1000')
  await crowd.hears('confirmed', 30)
  await crowd.buysOnEveryHandle()
  await crowd.stop()
  await verdict(stage, [crowd])
})

test('what the driver sends again is refused this time: not "nothing was executed"', async () => {
  // The reply that is lost must be that of the order.
  const stage = await openTrial({ clients: [{}], deadlineMs: 60_000, quiet: true })
  const { crowd, admin, proxy, handles } = stage
  for (let round = 0; round < 5; round++) {
    // ioredis' own defaults: the script has run, its reply is lost, the driver connects and sends
    // it once more.
    await handles[1]!.stats() // by then the engine has verified the server
    const lost = proxy.dropReplies({ times: 1 })
    const asked = crowd.ask(handles[1]!)
    const refusing = proxy.refuseConnections()
    while (lost.hits === 0) await delay(1)
    await admin.config('SET', 'maxmemory', '1')
    await refusing.lift()
    const order = await asked
    await admin.config('SET', 'maxmemory', '0')
    expect(order.told).toBe('UNKNOWN_OUTCOME')
  }
  await verdict(stage, [crowd])
})
