import { afterAll, beforeAll, expect, test } from 'vitest'
import { FlashSale } from '../../src/index.js'
import { memoryKind, redisKind } from '../support/engines.js'

for (const kind of [memoryKind(), redisKind()]) {
  beforeAll(kind.start)
  afterAll(kind.stop)
  test(kind.name, async () => {
    const { engine, advance } = await kind.make()
    const sale = new FlashSale('s', { engine })
    await sale.create({ stock: { a: 1 }, holdMs: 1000 })
    const r = await sale.reserve({ buyer: 'u', items: [{ sku: 'a', quantity: 1 }] })
    expect(r.status).toBe('reserved')
    await advance(1000)
    const r2 = await sale.reserve({ buyer: 'u2', items: [{ sku: 'a', quantity: 1 }] })
    expect(r2.status).toBe('reserved')
    if (r.status === 'reserved')
      expect(await sale.confirm(r.reservation.id)).toMatchObject({ status: 'refund_due', reason: 'sold_out' })
    expect((await sale.audit()).ok).toBe(true)
  })
}
