import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { type ClusterNode, type RedisCluster, startCluster } from '../../scripts/lib/servers/redis/cluster.js'
import { makeId } from '../../src/engine/reservation-id.js'

import { ClusterShop } from '../support/cluster.js'
import { contentsOf } from '../support/contents.js'

let cluster: RedisCluster
beforeAll(async () => {
  cluster = await startCluster({ replicas: 0 })
})
afterAll(() => cluster.stop())

async function otherThan(slot: number): Promise<ClusterNode> {
  const master = await cluster.masterOf(slot)
  return cluster.nodes.find((node) => node !== master)!
}

/** How many commands all nodes have refused since a slot is open. */
async function refusals(): Promise<number> {
  const each = await Promise.all(cluster.nodes.map(({ admin }) => admin.info('errorstats')))
  const counts = each.flatMap((stats) => [...stats.matchAll(/errorstat_(?:TRYAGAIN|ASK):count=(\d+)/g)])
  return counts.reduce((sum, [, count]) => sum + Number(count), 0)
}

describe('a slot moves to another node', () => {
  test('under load, key by key: each call waits or hears that nothing was executed', async () => {
    const shop = await ClusterShop.open(cluster)
    shop.start()
    await shop.hears('confirmed', 5)
    for (const partition of [0, 1, 4]) {
      const slot = shop.slotOf(partition)
      await cluster.migrateSlot(slot, await otherThan(slot), { halfway: () => delay(100) })
      await shop.hears('confirmed', 5)
    }
    await shop.stop()
    expect(shop.count('UNKNOWN_OUTCOME')).toBe(0)
    await shop.verdict()
  })

  test('and stays open for longer than any call waits: UNAVAILABLE, for this slot alone, and then it goes on', async () => {
    const shop = await ClusterShop.open(cluster)
    shop.hurry([2])
    shop.start()
    await shop.hears('confirmed', 5)
    const slot = shop.slotOf(2)
    const others = shop.partitions.filter((p) => p !== 2)
    const refused = async () => {
      await shop.hears('UNAVAILABLE', 5, [2])
      await shop.hears('confirmed', 20, others)
    }
    await cluster.migrateSlot(slot, await otherThan(slot), {
      opened: refused,
      halfway: refused,
      moved: refused,
    })
    await shop.hears('confirmed', 5)
    await shop.stop()
    // A call that is on its way at its deadline cannot know; one that is refused before then knows
    // that nothing was executed.
    const unknown = shop.told.filter(({ told }) => told === 'UNKNOWN_OUTCOME')
    expect(unknown.filter(({ ms, partition }) => partition !== 2 || ms < shop.deadlineOf(2))).toEqual([])
    expect(shop.told.filter(({ told, partition }) => told === 'UNAVAILABLE' && partition !== 2)).toEqual([])
    await shop.verdict()
  })

  test('and stays open for a while: a call with time left waits, and is served', async () => {
    const shop = await ClusterShop.open(cluster, { partitions: 1, clients: [{}] })
    const calls: Promise<string>[] = []
    const ask = async () => {
      const before = await refusals()
      calls.push(shop.reserve(shop.order(0), shop.engines[0]!))
      // The pauses between the refusals make more than a quarter of a second.
      await expect.poll(refusals).toBeGreaterThan(before + 6)
    }
    await cluster.migrateSlot(shop.slotOf(0), await otherThan(shop.slotOf(0)), {
      opened: ask,
      halfway: ask,
      moved: ask,
    })
    expect(await Promise.all(calls)).toEqual(['reserved', 'reserved', 'reserved'])
    await shop.verdict()
  })

  test('between two calls: the second finds it (MOVED), and its script is made known there (NOSCRIPT)', async () => {
    const shop = await ClusterShop.open(cluster, { partitions: 1 })
    const slot = shop.slotOf(0)
    for (let round = 0; round < 3; round++) {
      const order = shop.order(0)
      for (const engine of shop.engines) expect(await shop.reserve(order, engine)).toBe('reserved')
      const to = await otherThan(slot)
      await to.admin.script('FLUSH')
      await cluster.migrateSlot(slot, to)
      for (const engine of shop.engines) expect(await shop.reserve(order, engine)).toBe('reserved')
      expect(await shop.reserve(shop.order(0), shop.engines[0]!)).toBe('reserved')
    }
    await shop.verdict()
  })

  test('while keys come and go in a script: it is refused as a whole, and never ended in the middle', async () => {
    const shop = await ClusterShop.open(cluster, { partitions: 2, stock: 100 })
    // All keys of the partition come to be there, so that nothing but the guard is missing.
    await shop.ask(0, 'restock', { sku: 0, quantity: 1, key: 'k', final: true })
    await shop.ask(0, 'send', { to: 1, wants: [[0, 1]], received: [] })
    for (let i = 0; i < 20; i++) {
      // Of one bucket, which overflows into the archive.
      const id = makeId(0, 'AAAAAAAA', `AAAAAA${String(i).padStart(2, '0')}`)
      await shop.ask(0, 'reserve', { id, buyer: 'u', key: null, cart: [[0, 1]], holdMs: 1 })
      await delay(3)
    }
    // The only hold has expired: whoever comes next takes the last member out of the expiry index,
    // and puts a new one in.
    const keys = shop.keysOf(0)
    const from = await cluster.masterOf(keys[0]!)
    const everything = () =>
      Promise.all(keys.slice(0, -1).map((key) => from.admin.callBuffer(...contentsOf(key))))
    const before = await everything()
    expect(before).not.toContain(null)
    let waiting: Promise<string> | undefined
    await cluster.migrateSlot(shop.slotOf(0), await otherThan(shop.slotOf(0)), {
      opened: async () => {
        const refusedBefore = await refusals()
        waiting = shop.reserve(shop.order(0), shop.engines[0]!)
        await expect.poll(refusals).toBeGreaterThan(refusedBefore)
        expect(await everything()).toEqual(before)
      },
    })
    expect(await waiting).toBe('reserved')
    expect(await shop.reserve(shop.order(0), shop.engines[0]!)).toBe('reserved')
  })
})
