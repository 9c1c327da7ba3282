import { expect, onTestFinished, test } from 'vitest'
import type { GroupOp } from '../../../src/engine/groups.js'
import { FlashSale, type SaleEvent, type SaleRules, StockholdError } from '../../../src/index.js'
import { follow, type Mortal, mortal, Seen } from '../../support/consumers.js'
import { type ClockedShop, type OpenClockedShop, onClockedEngines } from '../../support/shop.js'

/** A process of its own, that can die. */
function process(shop: ClockedShop): { life: Mortal; sale: FlashSale } {
  const life = mortal(shop.clock.engine)
  const sale = new FlashSale(shop.id, { engine: life.engine, deadlineMs: 300 })
  onTestFinished(() => sale.close())
  return { life, sale }
}

const quiet = { onError: () => {} }

async function opened(open: OpenClockedShop, rules: Partial<SaleRules> = {}): Promise<ClockedShop> {
  return open({ stock: { a: 10_000 }, holdMs: 600_000, ...rules })
}

onClockedEngines((open) => {
  test('one that has died is taken over when its lease ends; nothing is missing, what was told is not repeated', async () => {
    const shop = await opened(open)
    const first = process(shop)
    const [before, after] = [new Seen(), new Seen()]
    let alive = true
    follow(first.sale, { ...quiet, leaseMs: 5_000 }, (event) => {
      if (!alive) return new Promise(() => {})
      before.note(event)
    })
    for (let i = 0; i < 20; i++) await shop.hold(`u${i}`)
    await shop.until(() => before.events.length === 20)
    await shop.until(async () => (await shop.sale.consumerGroups())[0]?.lag === 0)
    first.life.die()
    alive = false
    const second = follow(shop.handle(), { leaseMs: 5_000 }, after.note)
    for (let i = 20; i < 40; i++) await shop.hold(`u${i}`)
    await shop.pass(700)
    expect(after.events).toEqual([])
    await shop.advance(5_000)
    await shop.until(() => after.events.length === 20)
    expect(after.sequences).toEqual(Array.from({ length: 20 }, (_, i) => 21 + i))
    expect((await second.stats()).leads).toBe(1)
  })

  test('what was not told before it died is handled again, in order', async () => {
    const shop = await opened(open)
    const first = process(shop)
    const [before, after] = [new Seen(), new Seen()]
    first.life.before = (command) => {
      if (command === 'acknowledge') throw new Error('never told')
    }
    follow(first.sale, { ...quiet, leaseMs: 1_000 }, before.note)
    const { id } = await shop.hold('u')
    await shop.sale.confirm(id)
    await shop.until(() => before.events.length === 2)
    first.life.die()
    await shop.advance(1_000)
    follow(shop.handle(), { leaseMs: 1_000 }, after.note)
    await shop.until(() => after.events.length === 2)
    expect(after.events).toEqual(before.events)
  })

  test('what could not be told is told with the next call: parked, and parked no more', async () => {
    const shop = await opened(open)
    const { life, sale } = process(shop)
    const seen = new Seen()
    let broken = true
    const lost = { park: 0, unpark: 0 }
    life.before = (command, ops) => {
      if (command !== 'acknowledge') return
      const { park, unpark } = ops[0] as GroupOp<'acknowledge'>
      if (park.length > 0 && lost.park++ === 0) throw new StockholdError('UNAVAILABLE', 'lost on its way')
      if (unpark.length > 0 && lost.unpark++ === 0) throw new StockholdError('UNAVAILABLE', 'lost on its way')
    }
    const options = { retryDelayMs: 2_000, maxRetryDelayMs: 2_000 }
    follow(sale, { ...quiet, ...options }, (event) => {
      if (broken && event.reservation?.buyer === 'bad') throw new Error('no')
      seen.note(event)
    })
    await shop.hold('bad')
    for (let i = 0; i < 20; i++) await shop.hold(`u${i}`)
    const group = async () => (await shop.sale.consumerGroups())[0]
    await shop.until(async () => (await group())?.partitions[0]?.position === 21)
    expect(lost.park).toBeGreaterThan(1)
    expect(await group()).toMatchObject({ parked: 1, lag: 0 })
    broken = false
    await shop.until(() => seen.events.length === 21)
    await shop.until(async () => (await group())!.parked === 0)
    expect(lost.unpark).toBe(2)
  })

  test('one that was closed is taken over at once', async () => {
    const shop = await opened(open)
    const [one, two] = [new Seen(), new Seen()]
    const first = follow(shop.sale, {}, one.note)
    await shop.hold('u')
    await shop.until(() => one.events.length === 1)
    follow(shop.handle(), {}, two.note)
    await shop.pass(100)
    await first.close()
    const closed = shop.timers.now()
    await shop.hold('v')
    await shop.until(() => two.events.length === 1)
    // A tenth of the lease, and what is random about it.
    expect(shop.timers.now() - closed).toBeLessThan(2_000)
    expect(two.sequences).toEqual([2])
  })

  test('one that believes to lead is fenced: it tells nothing any more, and begins nothing', async () => {
    const shop = await opened(open)
    const first = process(shop)
    const [one, two] = [new Seen(), new Seen()]
    let hold: (() => void) | undefined
    const settles: GroupOp<'acknowledge'>[] = []
    first.life.before = (command, ops) => {
      if (command !== 'acknowledge') return undefined
      settles.push(...(ops as GroupOp<'acknowledge'>[]))
      // It sleeps over the end of its lease, with this on its way.
      return settles.length === 2 ? new Promise<void>((resolve) => (hold = resolve)) : undefined
    }
    const consumer = follow(first.sale, { ...quiet, leaseMs: 1_000 }, one.note)
    const { id } = await shop.hold('u')
    await shop.until(() => settles.length > 0)
    await shop.sale.confirm(id)
    await shop.until(() => hold !== undefined)
    await shop.advance(1_000)
    follow(shop.handle(), { leaseMs: 60_000 }, two.note)
    await shop.until(() => two.events.length === 1)
    await shop.sale.refund(id, { restock: true })
    await shop.until(() => two.events.length === 2)
    await shop.until(async () => (await shop.sale.consumerGroups())[0]?.partitions[0]?.position === 3)
    hold!()
    for (let i = 0; i < 5; i++) await shop.hold(`v${i}`)
    await shop.until(() => two.events.length === 7)
    await shop.pass(300)
    // Its own two; the second one twice, since nobody had heard that it was done.
    expect(one.sequences).toEqual([1, 2])
    expect(two.sequences).toEqual([2, 3, 4, 5, 6, 7, 8])
    expect((await consumer.stats()).leads).toBe(0)
    expect((await shop.sale.consumerGroups())[0]!.partitions[0]!.position).toBeGreaterThanOrEqual(3)
  })

  test('one that is cut off begins nothing any more once its lease is over by its own clock', async () => {
    const shop = await opened(open)
    const { life, sale } = process(shop)
    const began: number[] = []
    const consumer = follow(sale, { ...quiet, leaseMs: 500, concurrency: 1 }, async () => {
      began.push(shop.timers.now())
      await shop.timers.sleep(20)
    })
    await Promise.all(Array.from({ length: 200 }, (_, i) => shop.hold(`u${i}`)))
    await shop.until(() => began.length > 5)
    life.die()
    const cut = shop.timers.now()
    await shop.pass(1_200)
    expect(began.at(-1)! - cut).toBeLessThan(520)
    const before = began.length
    expect(before).toBeLessThan(100)
    life.revive()
    await shop.until(async () => (await consumer.stats()).handled === 200)
  })

  test('a handler that still runs when the lease is lost and won again keeps its reservation waiting', async () => {
    const shop = await opened(open)
    const first = process(shop)
    const seen = new Seen()
    const running = new Set<string>()
    const atOnce: string[] = []
    let gate: (() => void) | undefined
    const handler = async (event: SaleEvent) => {
      const key = event.reservation?.id ?? ''
      if (running.has(key)) atOnce.push(event.id)
      running.add(key)
      if (!gate) await new Promise<void>((resolve) => (gate = resolve))
      seen.note(event)
      running.delete(key)
    }
    follow(first.sale, { ...quiet, leaseMs: 500 }, handler)
    const { id } = await shop.hold('u')
    await shop.until(() => gate !== undefined)
    first.life.die()
    await shop.sale.confirm(id)
    await shop.hold('v')
    await shop.advance(1_000)
    // Somebody else had the lease meanwhile.
    const other = follow(shop.handle(), { leaseMs: 500 }, () => {
      throw new Error('not here')
    })
    await shop.until(async () => (await other.stats()).leads === 1)
    await other.close()
    // By now it knows by its own clock that the lease is over.
    await shop.pass(600)
    first.life.revive()
    await shop.until(() => seen.events.some(({ reservation }) => reservation?.buyer === 'v'))
    expect(seen.byReservation().get(id)).toBeUndefined()
    gate!()
    await shop.until(() => seen.byReservation().get(id)?.length === 3)
    expect(seen.byReservation().get(id)).toEqual([1, 1, 2])
    expect(atOnce).toEqual([])
  })

  test('a group that is removed ends its consumers, and they say so', async () => {
    const shop = await opened(open)
    const errors: unknown[] = []
    const seen = new Seen()
    const consumer = follow(shop.sale, { leaseMs: 300, onError: (error) => errors.push(error) }, seen.note)
    await shop.hold('u')
    await shop.until(() => seen.events.length === 1)
    expect(await shop.handle().removeConsumerGroup('g')).toBe(true)
    await expect(shop.timers.during(consumer.closed)).rejects.toMatchObject({
      code: 'CLOSED',
      message: /group "g" was removed/,
    })
    expect(errors).toHaveLength(1)
    expect(await shop.sale.consumerGroups()).toEqual([])
    expect(await shop.sale.removeConsumerGroup('g')).toBe(false)
    await shop.hold('v')
    await shop.pass(300)
    expect(seen.events).toHaveLength(1)
    await consumer.close()
  })

  test('a closed handle ends its consumers', async () => {
    const shop = await opened(open)
    const handle = shop.handle()
    const consumer = follow(handle, quiet)
    await shop.until(async () => (await shop.sale.consumerGroups()).length === 1)
    await shop.timers.during(handle.close())
    await expect(shop.timers.during(consumer.closed)).rejects.toMatchObject({ code: 'CLOSED' })
    await consumer.close()
  })

  test('closing lets the handlers finish, tells what they did, and begins nothing', async () => {
    const shop = await opened(open)
    const seen = new Seen()
    let gate: (() => void) | undefined
    const consumer = follow(shop.sale, { concurrency: 1 }, async (event) => {
      await new Promise<void>((resolve) => (gate = resolve))
      seen.note(event)
    })
    await shop.hold('u')
    await shop.hold('v')
    await shop.until(() => gate !== undefined)
    let closed = false
    const closing = consumer.close().then(() => {
      closed = true
    })
    await shop.pass(200)
    expect(closed).toBe(false)
    gate!()
    await closing
    await consumer.close()
    expect(seen.sequences).toEqual([1])
    expect((await shop.sale.consumerGroups())[0]!.partitions[0]).toMatchObject({
      position: 1,
      consumer: null,
    })
    await expect(consumer.closed).resolves.toBeUndefined()
  })

  test('closing with a time limit leaves what takes longer to others', async () => {
    const shop = await opened(open)
    await using consumer = follow(shop.sale, {}, () => new Promise(() => {}))
    await shop.hold('u')
    await shop.until(async () => (await consumer.stats()).inFlight === 1)
    const begun = shop.timers.now()
    await shop.timers.during(consumer.close({ timeoutMs: 50 }))
    expect(shop.timers.now() - begun).toBeLessThan(1_500)
    const seen = new Seen()
    follow(shop.handle(), {}, seen.note)
    await shop.until(() => seen.events.length === 1)
  })

  test('the engine goes away and comes back: it goes on by itself, and nothing is missing', async () => {
    const shop = await opened(open)
    const { life, sale } = process(shop)
    const errors: unknown[] = []
    const seen = new Seen()
    const consumer = follow(sale, { onError: (error) => errors.push(error) }, seen.note)
    for (let i = 0; i < 10; i++) await shop.hold(`u${i}`)
    await shop.until(() => seen.events.length === 10)
    life.die()
    for (let i = 10; i < 20; i++) await shop.hold(`u${i}`)
    await shop.until(() => errors.length >= 3)
    expect(errors.every((error) => (error as { code: string }).code === 'UNAVAILABLE')).toBe(true)
    life.revive()
    await shop.until(() => seen.events.length === 20)
    await shop.until(async () => (await consumer.stats()).lag === 0)
    expect(new Set(seen.ids).size).toBe(20)
  })

  test('begun before there is a sale, it waits for one', async () => {
    const shop = await opened(open)
    const early = new FlashSale('later', { engine: shop.clock.engine })
    onTestFinished(() => early.close())
    const codes: unknown[] = []
    const seen = new Seen()
    follow(early, { onError: (error) => codes.push((error as { code: string }).code) }, seen.note)
    await shop.until(() => codes.length > 0)
    expect(codes[0]).toBe('NOT_FOUND')
    const sale = new FlashSale('later', { engine: shop.clock.engine })
    onTestFinished(() => sale.close())
    await sale.create({ stock: { a: 1 } })
    await sale.reserve({ buyer: 'u', items: [{ sku: 'a', quantity: 1 }] })
    await shop.until(() => seen.events.length === 2)
  })
})
