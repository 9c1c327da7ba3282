import { expect, test } from 'vitest'
import { type Batch, faultyEngine, mortalEngine } from '../../support/faulty-engine.js'
import { onBothPartitioned, type PartitionedShop } from '../../support/partitioned.js'
import { TestClock } from '../../support/test-clock.js'
import { watched } from '../../support/watched-engine.js'

const a = (quantity: number) => [{ sku: 'a', quantity }]
const inTransit = async (shop: PartitionedShop) => (await shop.handle().stats()).skus.a!.inTransit

onBothPartitioned((open) => {
  /**
   * All units lie in partition 0; a process that asked for one in partition 2 was killed after that
   * step.
   */
  async function killedAfter(step: 'send' | 'receive', units = 1) {
    const shop = await open({ stock: { a: units } })
    await shop.gather(0)
    const { engine, died } = mortalEngine(shop.clock.engine, ({ command }) => command === step)
    const buyer = await shop.buyerIn(2)
    const dying = shop.handle(engine).reserve({ buyer, items: a(1), key: 'k' })
    dying.catch(() => {})
    await died
    return { shop, buyer }
  }

  test('a process killed after it has sent: a buyer who asks for the unit gets it, in that partition', async () => {
    const { shop, buyer } = await killedAfter('send')
    expect(await inTransit(shop)).toBe(1)
    expect(await shop.handle().reserve({ buyer, items: a(1), key: 'k' })).toMatchObject({
      status: 'reserved',
    })
    expect(await shop.audited()).toBe(1)
  })

  test('and at any other', async () => {
    for (const home of [0, 1, 3]) {
      const { shop } = await killedAfter('send')
      const buyer = await shop.buyerIn(home)
      expect(await shop.handle().reserve({ buyer, items: a(1) })).toMatchObject({ status: 'reserved' })
      expect(await shop.audited()).toBe(1)
    }
  })

  test('a process killed after it has received: the unit lies where it was brought, and any buyer gets it', async () => {
    for (const home of [0, 2, 3]) {
      const { shop } = await killedAfter('receive')
      expect(await shop.available()).toEqual([0, 0, 1, 0])
      const buyer = await shop.buyerIn(home)
      expect(await shop.handle().reserve({ buyer, items: a(1) })).toMatchObject({ status: 'reserved' })
      expect(await shop.audited()).toBe(1)
    }
  })

  test('what was left in transit comes along with the next transfer between the two', async () => {
    const { shop } = await killedAfter('send', 100)
    expect(await inTransit(shop)).toBe(50)
    const buyer = await shop.buyerIn(2)
    expect(await shop.handle().reserve({ buyer, items: a(1) })).toMatchObject({ status: 'reserved' })
    expect(await inTransit(shop)).toBe(0)
    expect(await shop.audited()).toBe(1)
  })

  test('no buyer wants it: stats completes what it finds in transit for longer than a moment', async () => {
    const { shop } = await killedAfter('send')
    const clock = new TestClock()
    const sale = shop.handle(clock.drive(shop.clock.engine))
    const counts = async () => (await clock.during(sale.stats())).skus.a!
    expect(await counts()).toMatchObject({ available: 0, inTransit: 1 })
    expect(await counts()).toMatchObject({ available: 0, inTransit: 1 })
    await clock.until(async () => (await counts()).inTransit === 0)
    expect(await counts()).toMatchObject({ available: 1, inTransit: 0 })
    expect(await shop.available()).toEqual([0, 0, 1, 0])
  })

  test('so does audit, at once', async () => {
    const { shop } = await killedAfter('send')
    expect(await shop.handle().audit()).toMatchObject({
      ok: true,
      skus: { a: { available: 1, inTransit: 0 } },
    })
  })

  test('units in transit are not sold out, but no call waits for them longer than its deadline', async () => {
    const { shop } = await killedAfter('send')
    const clock = new TestClock()
    const engine = faultyEngine(clock.drive(shop.clock.engine), ({ command }) =>
      command === 'receive' ? 'refused' : 'answered',
    )
    const buyer = await shop.buyerIn(1)
    const asked = shop.handle(engine, 300).reserve({ buyer, items: a(1), key: 'k' })
    await expect(clock.during(asked)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringMatching(/nothing was/i),
    })
    expect(clock.now()).toBeLessThanOrEqual(305)
  })

  test.each<[string, (batch: Batch, number: number) => 'answered' | 'refused' | 'reply lost']>([
    [
      'three of ten replies are lost',
      (_, number) => ((number * number * 7) % 11 < 3 ? 'reply lost' : 'answered'),
    ],
    [
      'every second send is lost',
      ({ command }, number) => (command === 'send' && number % 2 ? 'reply lost' : 'answered'),
    ],
    [
      'every second receive is refused',
      ({ command }, number) => (command === 'receive' && number % 2 ? 'refused' : 'answered'),
    ],
    [
      'every second survey fails',
      ({ command, partition }, number) =>
        command === 'stats' && partition === 3 && number % 2 ? 'refused' : 'answered',
    ],
  ])('%s: a buyer who repeats gets a unit while there is one', async (_, fate) => {
    const shop = await open({ stock: { a: 30 } })
    let batches = 0
    const clock = new TestClock()
    const engine = faultyEngine(clock.drive(shop.clock.engine), (batch) => fate(batch, ++batches))
    const sale = shop.handle(engine, 2_000)
    const insist = async (buyer: string) => {
      for (;;) {
        const result = await sale.reserve({ buyer, items: a(1), key: 'k' }).catch((error) => {
          if (!error.retryable) throw error
        })
        if (result) return result
      }
    }
    const results = await clock.during(Promise.all(Array.from({ length: 30 }, (_, i) => insist(`u-${i}`))))
    expect(results.filter(({ status }) => status !== 'reserved')).toEqual([])
    expect(await shop.handle().reserve({ buyer: 'late', items: a(1) })).toMatchObject({ status: 'sold_out' })
    expect(await shop.audited()).toBe(30)
  })

  test('buyers who wait in one partition share a transfer', async () => {
    const shop = await open({ stock: { a: 400 } })
    await shop.gather(0)
    const { engine, runs } = watched(shop.clock.engine)
    const sale = shop.handle(engine)
    const buyers = await Promise.all(Array.from({ length: 100 }, () => shop.buyerIn(1)))
    const results = await Promise.all(buyers.map((buyer) => sale.reserve({ buyer, items: a(1) })))
    expect(results.filter(({ status }) => status !== 'reserved')).toEqual([])
    expect([runs('send'), runs('receive'), runs('stats')]).toEqual([1, 1, 4])
  })

  test('a source that had nothing left costs the target no call', async () => {
    const shop = await open({ stock: { a: 2 } })
    await shop.gather(0)
    const { engine, runs } = watched(shop.clock.engine)
    const sale = shop.handle(engine)
    const first = { buyer: await shop.buyerIn(1), items: a(1) }
    expect(await sale.reserve(first)).toMatchObject({ status: 'reserved' })
    const elsewhere = { buyer: await shop.buyerIn(0), items: a(1) }
    expect(await shop.sale.reserve(elsewhere)).toMatchObject({ status: 'reserved' })
    const second = { buyer: await shop.buyerIn(1), items: a(1) }
    expect(await sale.reserve(second)).toMatchObject({ status: 'sold_out' })
    expect([runs('send'), runs('receive')]).toEqual([2, 1])
    await shop.audited()
  })

  test('what this handle sells somewhere it does not look for there', async () => {
    const shop = await open({ stock: { a: 2 } })
    await shop.gather(0)
    const { engine, runs } = watched(shop.clock.engine)
    const sale = shop.handle(engine)
    for (const home of [1, 0])
      expect(await sale.reserve({ buyer: await shop.buyerIn(home), items: a(1) })).toMatchObject({
        status: 'reserved',
      })
    const late = { buyer: await shop.buyerIn(1), items: a(1) }
    expect(await sale.reserve(late)).toMatchObject({ status: 'sold_out' })
    expect(runs('send')).toBe(1)
  })

  test('a hundred buyers more than units, from three handles: each unit once', async () => {
    const shop = await open({ stock: { a: 101 }, partitions: 7 })
    const handles = [shop.handle(), shop.handle(), shop.handle()]
    const results = await Promise.all(
      Array.from({ length: 201 }, (_, i) =>
        handles[i % 3]!.reserve({ buyer: `u-${i}`, items: a(1), key: 'k' }),
      ),
    )
    expect(results.filter(({ status }) => status === 'reserved')).toHaveLength(101)
    expect(results.filter(({ status }) => status === 'sold_out')).toHaveLength(100)
    expect(await shop.audited()).toBe(101)
  })

  test('an aborted wait ends at once, with its reason: nothing was done', async () => {
    const shop = await open({ stock: { a: 0 } })
    const controller = new AbortController()
    const engine = faultyEngine(shop.clock.engine, ({ command }) => {
      if (command !== 'stats') return 'answered'
      setImmediate(() => controller.abort(new Error('enough')))
      return 'hangs'
    })
    const asked = shop.handle(engine).reserve({ buyer: 'u', items: a(1) }, { signal: controller.signal })
    await expect(asked).rejects.toThrow('enough')
  })
})
