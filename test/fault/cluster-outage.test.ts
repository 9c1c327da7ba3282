import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type ClusterNode, type RedisCluster, startCluster } from '../../scripts/redis/cluster.js'
import { ClusterShop } from '../support/cluster.js'

let cluster: RedisCluster

/** Every partition of the sale sits with one of three masters: those of the one that is to fail, and the others. */
async function divide(shop: ClusterShop): Promise<{ victim: ClusterNode; hit: number[]; spared: number[] }> {
  const victim = await cluster.masterOf(shop.slotOf(0))
  const hit = await shop.partitionsOn(victim)
  const spared = shop.partitions.filter((p) => !hit.includes(p))
  expect([hit.length, spared.length]).toEqual([2, 4])
  return { victim, hit, spared }
}

/** Calls to partitions that had nothing to do with it, and that were not served all the same. */
function disturbed(shop: ClusterShop, partitions: readonly number[]): unknown[] {
  return shop.told.filter(({ partition, told }) => partitions.includes(partition) && told.startsWith('UN'))
}

/** Lets the replicas have everything: what a master alone has is lost with it, and that is another story (ROLLBACK_DETECTED). */
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
    const { victim, hit, spared } = await divide(shop)
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
    expect(shop.count('confirmed', spared)).toBeGreaterThan(before + 40)
    await shop.stop()
    expect(disturbed(shop, spared)).toEqual([])
    await victim.server.restart()
    await cluster.settled()
    await shop.servesEverybody()
    await shop.verdict()
  })

  test('a master hangs, and its replica takes over: its connections never close, and the way is found all the same', async () => {
    const shop = await ClusterShop.open(cluster)
    const { victim, hit, spared } = await divide(shop)
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
    // What it had not answered, it executes only now, as a master of the past: nobody must be told of that.
    await victim.server.kill('SIGCONT')
    await cluster.settled()
    await shop.servesEverybody()
    await shop.verdict()
  })

  test("a replica takes over at the operator's word, under load: nothing is lost, and the old master is not written to", async () => {
    const shop = await ClusterShop.open(cluster)
    const { victim } = await divide(shop)
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
    const { victim, hit, spared } = await divide(shop)
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

describe.each(['yes', 'no'])('without replicas, cluster-require-full-coverage %s', (coverage) => {
  beforeAll(async () => {
    cluster = await startCluster({
      replicas: 0,
      config: {
        'cluster-require-full-coverage': coverage,
        appendonly: 'yes',
        appendfsync: 'always',
      },
    })
  })
  afterEach(() => cluster.revive())
  afterAll(() => cluster.stop())

  test('a master is killed, and comes back', async () => {
    const shop = await ClusterShop.open(cluster)
    const { victim, hit, spared } = await divide(shop)
    shop.start()
    await shop.hears('confirmed', 5)
    const down = coverage === 'yes' ? shop.partitions : hit
    // Where one that is missing closes the whole cluster, the others must find that it is.
    if (coverage === 'yes') await cluster.watchful()
    shop.hurry(down)
    await victim.server.kill()
    await shop.hears('UNAVAILABLE', 10, down)
    if (coverage === 'no') await shop.hears('confirmed', 20, spared)
    await victim.server.restart()
    await shop.hears('confirmed', 10)
    await shop.stop()
    if (coverage === 'no') expect(disturbed(shop, spared)).toEqual([])
    await cluster.settled()
    await shop.servesEverybody()
    await shop.verdict()
  })

  test('a slot belongs to nobody, and is given back', async () => {
    const shop = await ClusterShop.open(cluster)
    const { victim, hit, spared } = await divide(shop)
    const slot = shop.slotOf(hit[0]!)
    const down = coverage === 'yes' ? shop.partitions : [hit[0]!]
    shop.hurry(down)
    shop.start()
    await shop.hears('confirmed', 5)
    // Its owner first: as long as that claims the slot, the others have it back with the next word they hear from it.
    await victim.admin.cluster('DELSLOTS', slot)
    const others = cluster.nodes.filter((node) => node !== victim)
    let heard = false
    const everywhere = shop.hears('UNAVAILABLE', 10, down).then(() => {
      heard = true
    })
    while (!heard) {
      // It may have been on its way; a node that does not know the slot any more says so.
      for (const { admin } of others) await admin.cluster('DELSLOTS', slot).catch(() => {})
      await delay(20)
    }
    await everywhere
    const served = shop.partitions.filter((p) => !down.includes(p))
    await shop.hears('confirmed', 20, served)
    await victim.admin.cluster('ADDSLOTS', slot)
    await shop.hears('confirmed', 10)
    await shop.stop()
    expect(disturbed(shop, served)).toEqual([])
    expect(spared).toHaveLength(4)
    await cluster.settled()
    await shop.verdict()
  })

  test('all of it is killed, and comes back', async () => {
    const shop = await ClusterShop.open(cluster)
    shop.start()
    await shop.hears('confirmed', 5)
    shop.hurry(shop.partitions)
    await Promise.all(cluster.nodes.map(({ server }) => server.kill()))
    await shop.hears('UNAVAILABLE', 10)
    await Promise.all(cluster.nodes.map(({ server }) => server.restart()))
    await shop.hears('confirmed', 10)
    await shop.stop()
    await cluster.settled()
    await shop.servesEverybody()
    await shop.verdict()
  })
})
