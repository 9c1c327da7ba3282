import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type RedisCluster, startCluster } from '../../scripts/lib/servers/redis/cluster.js'
import { ClusterShop } from '../support/cluster.js'
import { disturbed, divide } from './support/outage.js'

let cluster: RedisCluster

/**
 * Lets the replicas have everything: what a master alone has is lost with it, and that is another
 * story (ROLLBACK_DETECTED).
 */
async function replicated(): Promise<void> {
  for (const { admin } of cluster.nodes) {
    const [role] = (await admin.role()) as [string]
    if (role !== 'master') continue
    // The write that WAIT speaks of has to be one of this connection.
    await admin.script('LOAD', 'return 1')
    await expect.poll(async () => replicaLag(await admin.info('replication'))).toBe(0)
  }
}

function replicaLag(info: string): number {
  const offset = Number(/master_repl_offset:(\d+)/.exec(info)![1])
  return Math.max(0, ...[...info.matchAll(/offset=(\d+)/g)].map(([, at]) => offset - Number(at)))
}

describe('with a replica of each master', () => {
  beforeAll(async () => {
    cluster = await startCluster({ config: { 'cluster-require-full-coverage': 'no' } })
  })
  afterEach(async () => {
    await cluster.revive()
    await cluster.settled()
  })
  afterAll(() => cluster.stop())

  test('a master is killed, and its replica takes over: only its own buyers hear of it', async () => {
    const shop = await ClusterShop.open(cluster)
    const { victim, hit, spared } = await divide(cluster, shop)
    shop.start()
    await shop.hears('confirmed', 5)
    await shop.stop()
    await replicated()
    await victim.server.kill()
    shop.hurry(hit)
    shop.start()
    await shop.hears('UNAVAILABLE', 3, hit)
    await cluster.takeOver(victim)
    const before = shop.count('confirmed', spared)
    await shop.hears('confirmed', 10)
    expect(shop.count('confirmed', spared)).toBeGreaterThanOrEqual(before + 40)
    await shop.stop()
    expect(disturbed(shop, spared)).toEqual([])
    await victim.server.restart()
    await cluster.settled()
    await shop.servesEverybody()
    await shop.verdict()
  })

  test('a master hangs, and its replica takes over: its connections never close, and the way is found all the same', async () => {
    const shop = await ClusterShop.open(cluster)
    const { victim, hit, spared } = await divide(cluster, shop)
    shop.start()
    await shop.hears('confirmed', 5)
    await shop.stop()
    await replicated()
    await victim.server.kill('SIGSTOP')
    shop.hurry(hit)
    shop.start()
    await shop.hears('UNKNOWN_OUTCOME', 3, hit)
    await cluster.takeOver(victim)
    await shop.hears('confirmed', 10)
    await shop.stop()
    expect(disturbed(shop, spared)).toEqual([])
    // What it had not answered, it executes only now, as a master of the past: nobody must be told
    // of that.
    await victim.server.kill('SIGCONT')
    await cluster.settled()
    await shop.servesEverybody()
    await shop.verdict()
  })

  test("a replica takes over at the operator's word, under load: nothing is lost, and the old master is not written to", async () => {
    const shop = await ClusterShop.open(cluster)
    const { victim } = await divide(cluster, shop)
    shop.start()
    await shop.hears('confirmed', 5)
    const successor = await cluster.switchOver(victim)
    await shop.hears('confirmed', 10)
    await cluster.settled()
    await cluster.switchOver(successor)
    await shop.hears('confirmed', 10)
    await shop.stop()
    await shop.verdict()
  })

  test('a new client comes while a master is away: it serves the other partitions', async () => {
    const shop = await ClusterShop.open(cluster)
    const { victim, hit, spared } = await divide(cluster, shop)
    const [replica] = await cluster.replicasOf(victim)
    await replicated()
    await replica!.server.kill()
    await victim.server.kill()
    const late = await ClusterShop.join(shop)
    for (const p of spared) expect(await late.reserve(late.order(p), late.engines[0]!)).toBe('reserved')
    late.hurry(hit)
    for (const p of hit) expect(await late.reserve(late.order(p), late.engines[0]!)).toBe('UNAVAILABLE')
  })

  test('every node goes away and comes back', async () => {
    const shop = await ClusterShop.open(cluster, { partitions: 3 })
    shop.start()
    await shop.hears('confirmed', 5)
    shop.hurry(shop.partitions)
    for (const { server } of cluster.nodes) await server.kill('SIGSTOP')
    await shop.hears('UNKNOWN_OUTCOME', 2)
    for (const { server } of cluster.nodes) await server.kill('SIGCONT')
    await shop.hears('confirmed', 10)
    await shop.stop()
    await cluster.settled()
    await shop.servesEverybody()
    await shop.verdict()
  })
})
