import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { FlashSale } from '../../src/index.js'
import { redisKind } from '../support/engines.js'

const redis = redisKind()
beforeAll(redis.start)
afterAll(redis.stop)

test('versions of this layout read every field of the transfers as a row of units, or as departures', async () => {
  const { engine } = await redis.make()
  const sale = new FlashSale('launch', { engine, deadlineMs: 60_000 })
  onTestFinished(() => sale.close())
  await sale.create({ stock: { a: 40 }, partitions: 4 })
  for (let i = 0; i < 8; i++) {
    const held = await sale.reserve({ buyer: `u${i}`, items: [{ sku: 'a', quantity: 1 }] })
    if (held.status !== 'reserved') expect.fail(held.status)
    const moved = await sale.transfer(held.reservation.id, { to: `v${i}` })
    expect(moved.status).toBe('transferred')
  }
  const client = redis.client()
  const keys = await client.keys('*')
  const types = await Promise.all(keys.map(async (key) => [key, await client.type(key)] as const))
  const ofTransfers = types.filter(([key, type]) => type === 'hash' && key.endsWith('transfers'))
  const fields = await Promise.all(ofTransfers.map(([key]) => client.hkeys(key)))
  expect(fields.flat()).toContain('r0/o')
  for (const field of fields.flat()) expect(field).toMatch(/^(d|[sr]\d+\/(o|\d+))$/)
})
