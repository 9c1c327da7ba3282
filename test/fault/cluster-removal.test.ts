import { expect, onTestFinished, test } from 'vitest'
import { startCluster } from '../../scripts/lib/servers/redis/cluster.js'
import { FlashSale, redisEngine } from '../../src/index.js'

test('of a sale that is spread over a cluster nothing is left on any master', async () => {
  const cluster = await startCluster({ replicas: 0 })
  onTestFinished(() => cluster.stop())
  const client = cluster.client()
  const engine = redisEngine(client)
  const [sale, other] = ['launch', 'launch'].map((id) => new FlashSale(id, { engine, deadlineMs: 20_000 }))
  onTestFinished(async () => void (await Promise.all([sale!.close(), other!.close()])))
  await sale!.create({ stock: { a: 200 }, partitions: 12 })
  for (let i = 0; i < 100; i++) {
    const held = await sale!.reserve({ buyer: `u-${i}`, items: [{ sku: 'a', quantity: 1 }] })
    if (held.status !== 'reserved') expect.fail(held.status)
    await sale!.confirm(held.reservation.id)
  }
  await other!.stats()
  await sale!.end()
  expect(await sale!.destroy()).toEqual({ status: 'destroyed' })
  await expect(other!.stats()).rejects.toMatchObject({ code: 'NOT_FOUND' })
  const keys = await Promise.all(client.nodes('master').map((node) => node.keys('*launch*')))
  expect(keys.length).toBeGreaterThan(1)
  expect(keys.flat()).toEqual([])
  const next = new FlashSale('launch', { engine, deadlineMs: 20_000 })
  onTestFinished(() => next.close())
  expect(await next.create({ stock: { a: 1 }, partitions: 3 })).toEqual({ created: true })
})
