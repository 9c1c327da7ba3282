import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type RedisCluster, startCluster } from '../../scripts/lib/servers/redis/cluster.js'
import { ClusterShop } from '../support/cluster.js'
import { disturbed, divide } from './support/outage.js'

let cluster: RedisCluster

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
    const { victim, hit, spared } = await divide(cluster, shop)
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

  test('a slot belongs to no master, and is given back', async () => {
    const shop = await ClusterShop.open(cluster)
    const { victim, hit, spared } = await divide(cluster, shop)
    const slot = shop.slotOf(hit[0]!)
    const down = coverage === 'yes' ? shop.partitions : [hit[0]!]
    shop.hurry(down)
    shop.start()
    await shop.hears('confirmed', 5)
    // Its owner first: as long as that claims the slot, the others have it back with the next word
    // they hear from it.
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
