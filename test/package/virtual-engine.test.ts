import { describe, expect, onTestFinished, test } from 'vitest'
import type { Call } from '../../src/engine/port.js'
import { FlashSale } from '../../src/index.js'
import { virtualEngine } from '../../src/testing.js'

describe('virtualEngine', () => {
  test('time passes only when it is told to', async () => {
    const { engine, now, advance } = virtualEngine()
    const begun = now()
    const sale = new FlashSale('launch', { engine })
    onTestFinished(() => sale.close())
    await sale.create({ stock: { a: 1 }, holdMs: 600_000 })
    const order = (buyer: string) => ({ buyer, items: [{ sku: 'a', quantity: 1 }] })
    const held = await sale.reserve(order('u-1'))
    expect(held).toMatchObject({
      status: 'reserved',
      reservation: { createdAt: begun, expiresAt: begun + 600_000 },
    })
    await advance(599_999)
    expect((await sale.stats()).skus.a).toMatchObject({ available: 0, held: 1 })
    await advance(1)
    expect(now()).toBe(begun + 600_000)
    expect(await sale.reserve(order('u-2'))).toMatchObject({ status: 'reserved' })
  })

  test('what falls due on the way is done: lapsed holds are swept, with nobody asking', async () => {
    const { engine, advance } = virtualEngine({ now: 1_000_000 })
    const sale = new FlashSale('launch', { engine })
    onTestFinished(() => sale.close())
    await sale.create({ stock: { a: 9 }, holdMs: 5_000 })
    for (const buyer of ['x', 'y', 'z']) {
      await sale.reserve({ buyer, items: [{ sku: 'a', quantity: 1 }] })
      await advance(1_000)
    }
    await advance(60_000)
    const call: Call = { token: null, deadline: Number.MAX_SAFE_INTEGER, floor: 0 }
    const reply = await engine
      .partition('launch', 0, 1)
      .run('events', [{ after: 0, reservations: false }], call)
    expect(JSON.stringify(reply).match(/"expired"/g)).toHaveLength(3)
  })

  test('its arguments are checked', async () => {
    const code = 'INVALID_ARGUMENT'
    expect(() => virtualEngine({ now: -1 })).toThrow(expect.objectContaining({ code }))
    await expect(virtualEngine().advance(-1)).rejects.toMatchObject({ code })
  })
})
