import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { type RedisCluster, startCluster } from '../../scripts/lib/servers/redis/cluster.js'
import { listProcesses } from '../../src/heartbeat/processes.js'
import { type Engine, FlashSale, type RecoveryProgress, redisEngine } from '../../src/index.js'
import { faultOf } from '../support/secrets.js'

let cluster: RedisCluster
beforeAll(async () => {
  cluster = await startCluster({ replicas: 0 })
})
afterAll(() => cluster.stop())

/** A process that has the sale open, on a client of its own. */
interface Process {
  readonly sale: FlashSale
  readonly engine: Engine
  /** From now on nothing of it reaches the cluster. */
  die(): void
}

let sales = 0

/** Three processes that have sold, an operator's process, and a master that has lost the sale. */
async function stage() {
  const name = `launch-${++sales}`
  const open = (): Process => {
    const client = cluster.client()
    const engine = redisEngine(client)
    const sale = new FlashSale(name, { engine, deadlineMs: 20_000 })
    onTestFinished(async () => {
      await sale.close()
      client.disconnect()
    })
    return { sale, engine, die: () => client.disconnect() }
  }
  const sellers = [open(), open(), open()] as const
  const held: string[] = []
  for (const [i, { sale }] of sellers.entries()) {
    await sale.create({ stock: { a: 120 }, partitions: 6, holdMs: 3_600_000 })
    for (let j = 0; j < 10; j++) {
      const answer = await sale.reserve({
        buyer: `u-${i}-${j}`,
        items: [{ sku: 'a', quantity: 1 }],
        key: 'k',
      })
      if (answer.status !== 'reserved') expect.fail(answer.status)
      held.push(answer.reservation.id)
    }
  }
  const outside = open()
  await outside.sale.stats()
  const listed = async () => {
    const processes = await listProcesses(outside.engine)
    return processes.filter(({ figures }) => figures?.sales.ids.includes(name)).length
  }
  await expect.poll(listed).toBe(4)
  for (const { admin } of cluster.nodes.slice(0, 2)) {
    const lost = await admin.keys(`{stockhold:${name}:*`)
    await Promise.all(lost.map((key) => admin.del(key)))
  }
  await faultOf(sellers[0].sale.stats(), 'STATE_LOST')
  const isWhole = async () => {
    for (const id of held) expect(await outside.sale.get(id)).toMatchObject({ id, state: 'held' })
    expect(await outside.sale.audit()).toMatchObject({ ok: true })
  }
  return { sellers, outside, held, isWhole }
}

test('two operators at once recover a sale that two of three masters have lost, in every process', async () => {
  const { sellers, outside, held, isWhole } = await stage()
  const everywhere = { waitFor: 3, timeoutMs: 300_000 }
  const recoveries = await Promise.all(
    [outside, sellers[1]].map(({ sale }) => sale.recover({ from: 'replay', everywhere })),
  )
  for (const { processes, ...recovered } of recoveries) {
    expect(recovered).toEqual({ restored: held.length, refused: [], forgotten: 0, state: 'open' })
    expect(processes).toMatchObject({ lacking: 0, resumed: true })
  }
  expect(recoveries.map(({ processes }) => processes.joined).sort()).toEqual([false, true])
  await isWhole()
})

test('a process that has died is named, and the sale is resumed without it when that is asked for', async () => {
  const { sellers, outside } = await stage()
  sellers[2].die()
  const stopped = new AbortController()
  const progress: RecoveryProgress[] = []
  const onProgress = (one: RecoveryProgress) => {
    progress.push(one)
    if (one.answered.filter(({ counts }) => counts).length === 2) stopped.abort(new Error('seen'))
  }
  const waiting = outside.sale.recover(
    { from: 'replay', everywhere: { waitFor: 3, timeoutMs: 300_000, onProgress } },
    { signal: stopped.signal },
  )
  await expect(waiting).rejects.toThrow('seen')
  expect(progress.at(-1)).toMatchObject({ lacking: 1 })
  expect(progress.at(-1)!.missing).toHaveLength(1)
  // What was lost is there again, and still frozen.
  await faultOf(sellers[0].sale.stats(), 'ROLLBACK_DETECTED')
  const { processes, refused } = await outside.sale.recover({
    ...{ from: 'replay', unfreeze: true, everywhere: { waitFor: 3, timeoutMs: 1 } },
  })
  expect(processes).toMatchObject({ lacking: 1, resumed: true })
  expect(refused).toEqual([])
  expect((await outside.sale.audit()).ok).toBe(true)
  expect((await outside.sale.stats()).skus.a).toMatchObject({ total: 120 })
})
