import { expect, test } from 'vitest'
import { callsOf } from '../support/every-method.js'
import { onBothEngines } from '../support/shop.js'

onBothEngines((open) => {
  test('a closed handle is CLOSED for every call; the others and the engine go on', async () => {
    const shop = await open()
    const { id } = await shop.hold('u')
    const other = shop.handle()
    await shop.sale.close()
    const { sale } = shop
    const calls = [() => sale.create({ stock: { a: 10 }, holdMs: 1_000 }), ...callsOf(sale, id)]
    for (const call of calls)
      await expect(call(), String(call)).rejects.toMatchObject({ code: 'CLOSED', retryable: false })
    expect(await other.confirm(id)).toMatchObject({ status: 'confirmed' })
    expect((await other.stats()).skus.a).toMatchObject({ available: 9, confirmed: 1 })
  })

  test('calls under way when it is closed are answered', async () => {
    const shop = await open()
    const held = shop.hold('u')
    const stats = shop.sale.stats()
    await shop.sale.close()
    expect((await held).state).toBe('held')
    expect((await stats).state).toBe('open')
  })

  test('closing twice is no error, and `await using` closes', async () => {
    const shop = await open()
    await shop.sale.close()
    await shop.sale.close()
    const handle = shop.handle()
    await handle[Symbol.asyncDispose]()
    await expect(handle.stats()).rejects.toMatchObject({ code: 'CLOSED' })
  })

  test('a closed engine is CLOSED for every handle', async () => {
    const shop = await open()
    await shop.clock.engine.close()
    await shop.clock.engine.close()
    await expect(shop.sale.stats()).rejects.toMatchObject({ code: 'CLOSED' })
    await expect(shop.handle().stats()).rejects.toMatchObject({ code: 'CLOSED' })
  })

  test('an aborted signal sends nothing, and its reason is the error', async () => {
    const shop = await open()
    const signal = AbortSignal.abort(new Error('no longer wanted'))
    const item = [{ sku: 'a', quantity: 1 }]
    const { id } = await shop.hold('u')
    await shop.news()
    const calls = [
      shop.sale.reserve({ buyer: 'u', items: item }, { signal }),
      shop.sale.confirm(id, { signal }),
      shop.sale.release(id, { signal }),
      shop.sale.restock({ sku: 'a', quantity: 1, key: 'k' }, { signal }),
      shop.sale.end({ signal }),
      shop.sale.stats({ signal }),
      shop.sale.audit({ signal }),
    ]
    for (const call of calls) await expect(call).rejects.toThrow('no longer wanted')
    expect(await shop.news()).toEqual([])
  })
})
