import { expect, test } from 'vitest'
import { type Fate, faultyEngine } from '../../support/faulty-engine.js'
import { onBothPartitioned, type PartitionedShop } from '../../support/partitioned.js'
import { faultOf } from '../../support/secrets.js'
import { TestClock } from '../../support/test-clock.js'

const a = (quantity: number) => [{ sku: 'a', quantity }]

onBothPartitioned((open) => {
  /** A handle that cannot reach partition 3, on a clock of its own: `during` lets it run. */
  const cutOff = (shop: PartitionedShop, fate: Fate, deadlineMs = 400) => {
    let cut = true
    const clock = new TestClock()
    const engine = faultyEngine(clock.drive(shop.clock.engine), ({ partition }) =>
      cut && partition === 3 ? fate : 'answered',
    )
    const heal = () => {
      cut = false
    }
    const during = <T>(call: Promise<T>) => clock.during(call)
    return { sale: shop.handle(engine, deadlineMs), heal, clock, during }
  }
  const fates: Fate[] = ['refused', 'hangs', 'reply lost']

  test.each(fates)('%s: the others sell what they have, all of it', async (fate) => {
    const shop = await open({ stock: { a: 40 } })
    const { sale, during } = cutOff(shop, fate, 2_000)
    const buyers = await Promise.all(Array.from({ length: 30 }, (_, i) => shop.buyerIn(i % 3)))
    for (const buyer of buyers)
      expect(await during(sale.reserve({ buyer, items: a(1), key: 'k' }))).toMatchObject({
        status: 'reserved',
      })
    const counts = (await shop.sale.stats()).skus.a!
    expect(counts).toMatchObject({ held: 30, available: 10 })
  })

  test.each(fates)(
    '%s: then no buyer is told sold_out, but UNAVAILABLE by its name, in time',
    async (fate) => {
      const shop = await open({ stock: { a: 4 } })
      await shop.gather(3)
      const { sale, heal, clock, during } = cutOff(shop, fate)
      for (const home of [0, 1, 2]) {
        const began = clock.now()
        const asked = during(sale.reserve({ buyer: await shop.buyerIn(home), items: a(1), key: 'k' }))
        const error = await faultOf(asked, 'UNAVAILABLE')
        expect(error.message).toMatch(/partition 3/i)
        expect(error.message).toMatch(/nothing was executed/i)
        expect(clock.now() - began).toBeLessThanOrEqual(405)
      }
      await faultOf(during(sale.stats()), fate === 'refused' ? 'UNAVAILABLE' : 'UNKNOWN_OUTCOME')
      heal()
      expect(
        await during(sale.reserve({ buyer: await shop.buyerIn(1), items: a(1), key: 'k' })),
      ).toMatchObject({
        status: 'reserved',
      })
    },
  )

  test('a visitor whose answer is known is answered at once', async () => {
    const shop = await open({ stock: { a: 0 } })
    const { sale, clock, during } = cutOff(shop, 'refused', 20_000)
    const began = clock.now()
    await faultOf(
      during(sale.reserve({ buyer: await shop.buyerIn(0), items: a(1), key: 'k' })),
      'UNAVAILABLE',
    )
    expect(clock.now() - began).toBeLessThan(5_000)
  })

  test('its own buyers are told so, and no others', async () => {
    const shop = await open({ stock: { a: 40 } })
    const { sale, during } = cutOff(shop, 'refused')
    const results = await Promise.allSettled(
      [0, 1, 2, 3].map(async (home) =>
        during(sale.reserve({ buyer: await shop.buyerIn(home), items: a(1) })),
      ),
    )
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'rejected'])
  })

  test('a frozen partition is not counted, and not asked: ROLLBACK_DETECTED by its name', async () => {
    const shop = await open({ stock: { a: 8 } })
    await shop.freeze(3)
    const sale = shop.handle()
    for (let i = 0; i < 6; i++)
      expect(await sale.reserve({ buyer: await shop.buyerIn(i % 3), items: a(1), key: 'k' })).toMatchObject({
        status: 'reserved',
      })
    const error = await faultOf(
      sale.reserve({ buyer: await shop.buyerIn(0), items: a(1), key: 'k' }),
      'ROLLBACK_DETECTED',
    )
    expect(error.message).toMatch(/partition 3/i)
    expect((await faultOf(sale.stats(), 'ROLLBACK_DETECTED')).message).toMatch(/partition 3/i)
    await sale.recover({ from: 'accept' })
    expect(await sale.reserve({ buyer: await shop.buyerIn(0), items: a(1), key: 'k' })).toMatchObject({
      status: 'reserved',
    })
    expect(await shop.audited()).toBe(7)
  })

  test('pause, resume, end: where it was done, and that the same call completes it', async () => {
    const shop = await open({ stock: { a: 40 } })
    const { sale, heal, during } = cutOff(shop, 'refused')
    const error = await faultOf(during(sale.pause()), 'UNKNOWN_OUTCOME')
    expect(error.message).toContain('in 3 (0, 1, 2) of 4')
    expect(error.message).toMatch(/partition 3/i)
    expect((await shop.sale.stats()).state).toBe('paused')
    expect(await shop.sale.reserve({ buyer: await shop.buyerIn(3), items: a(1) })).toMatchObject({
      status: 'reserved',
    })
    heal()
    expect(await during(sale.pause())).toBe('paused')
    expect(await shop.sale.reserve({ buyer: await shop.buyerIn(3), items: a(1) })).toEqual({
      status: 'paused',
    })
    expect(await during(sale.resume())).toBe('open')
    expect(await during(sale.end())).toBe('ended')
    for (const home of [0, 1, 2, 3])
      expect(await during(sale.reserve({ buyer: await shop.buyerIn(home), items: a(1) }))).toEqual({
        status: 'ended',
      })
  })

  test('no partition was reached: UNAVAILABLE', async () => {
    const shop = await open()
    await shop.sale.stats()
    const engine = faultyEngine(shop.clock.engine, ({ command }) =>
      command === 'control' ? 'refused' : 'answered',
    )
    const error = await faultOf(shop.handle(engine).end(), 'UNAVAILABLE')
    expect(error.message).toContain('in no partition')
    expect((await shop.sale.stats()).state).toBe('open')
  })

  test('audit names it', async () => {
    const shop = await open()
    const { sale, during } = cutOff(shop, 'refused')
    expect((await faultOf(during(sale.audit()), 'UNAVAILABLE')).message).toMatch(/partition 3/i)
  })
})
