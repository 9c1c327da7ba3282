import { expect } from 'vitest'
import type { ClusterNode, RedisCluster } from '../../../scripts/lib/servers/redis/cluster.js'
import type { ClusterShop } from '../../support/cluster.js'

/**
 * Every partition of the sale sits with one of three masters: those of the one that is to fail, and
 * the others.
 */
export async function divide(
  cluster: RedisCluster,
  shop: ClusterShop,
): Promise<{ victim: ClusterNode; hit: number[]; spared: number[] }> {
  const victim = await cluster.masterOf(shop.slotOf(0))
  const hit = await shop.partitionsOn(victim)
  const spared = shop.partitions.filter((p) => !hit.includes(p))
  expect([hit.length, spared.length]).toEqual([2, 4])
  return { victim, hit, spared }
}

/** Calls to partitions that had nothing to do with it, and that were not served all the same. */
export function disturbed(shop: ClusterShop, partitions: readonly number[]): unknown[] {
  return shop.told.filter(({ partition, told }) => partitions.includes(partition) && told.startsWith('UN'))
}
