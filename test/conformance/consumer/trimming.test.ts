import { expect, test } from 'vitest'
import { type ConsumerWarning, FlashSale } from '../../../src/index.js'
import { follow, mortal, Seen } from '../../support/consumers.js'
import { type ClockedShop, type OpenClockedShop, onClockedEngines } from '../../support/shop.js'

const RULES = { stock: { a: 100_000 }, holdMs: 1_000, maxHoldMs: 1_000 }

/** So many events that need nobody's attention any more, a hundred in an entry. */
async function fill(shop: ClockedShop, events: number): Promise<void> {
  for (let at = 0; at < events; at += 100) {
    const keys = Array.from({ length: 100 }, (_, i) => `${at + i}-${Math.random()}`)
    await Promise.all(keys.map((key) => shop.sale.restock({ sku: 'a', quantity: 1, key })))
  }
}

async function first(shop: ClockedShop): Promise<number> {
  const { events } = await shop.ask('events', { after: 0, reservations: false })
  return events[0]!.sequence
}

async function opened(open: OpenClockedShop): Promise<ClockedShop> {
  return open(RULES)
}

onClockedEngines((open) => {
  test('what every group has had, and no hold needs, goes; what the slowest has not had stays', async () => {
    const shop = await opened(open)
    const options = { leaseMs: 300, maxStreamLength: 100_000 }
    const slow = follow(shop.handle(), { ...options, group: 'slow' })
    await fill(shop, 300)
    await shop.until(async () => (await slow.stats()).lag === 0 && (await slow.stats()).position === 300)
    await slow.close()
    const fast = follow(shop.handle(), { ...options, group: 'fast' })
    await fill(shop, 700)
    await shop.until(async () => (await fast.stats()).lag === 0)
    await shop.pass(300)
    // It may still be asked for by a hold.
    expect(await first(shop)).toBe(1)
    await shop.advance(1_001)
    await shop.until(async () => (await first(shop)) === 301)
    await shop.pass(1_500)
    expect(await first(shop)).toBe(301)
    expect(await shop.sale.removeConsumerGroup('slow')).toBe(true)
    await shop.until(async () => (await first(shop)) > 900)
    // The latest entry stays whatever happens.
    expect(await first(shop)).toBeLessThanOrEqual(1_000)
    expect((await fast.stats()).lost).toBe(0)
  })

  test('a group that lags is warned of at 80 %, and what is lost beyond is told', async () => {
    const shop = await opened(open)
    const warnings: ConsumerWarning[] = []
    const options = { leaseMs: 300, maxStreamLength: 1_000 }
    const slow = follow(shop.handle(), { ...options, group: 'slow' })
    await fill(shop, 100)
    await shop.until(async () => (await slow.stats()).position === 100)
    await slow.close()
    const onWarning = (warning: ConsumerWarning) => warnings.push(warning)
    const fast = follow(shop.handle(), { ...options, group: 'fast', onWarning })
    await fill(shop, 600)
    await shop.until(async () => (await fast.stats()).position === 700)
    await shop.pass(1_300)
    expect(warnings).toEqual([])
    await fill(shop, 300)
    const ofSlow = () => warnings.filter((one) => one.type === 'stream_length' && one.group === 'slow')
    await shop.until(() => ofSlow().length > 0)
    expect(ofSlow()[0]).toMatchObject({
      type: 'stream_length',
      partition: 0,
      group: 'slow',
      maxStreamLength: 1_000,
    })
    await shop.pass(1_300)
    expect(ofSlow()).toHaveLength(1)

    await fill(shop, 600)
    await shop.advance(1_001)
    await shop.until(async () => (await first(shop)) === 601)
    const told: ConsumerWarning[] = []
    const seen = new Seen()
    const late = follow(
      shop.handle(),
      { ...options, group: 'slow', onWarning: (one) => told.push(one) },
      seen.note,
    )
    await shop.until(() => seen.events.length === 1_000)
    expect(seen.events[0]!.sequence).toBe(601)
    expect(told).toEqual([{ type: 'events_lost', partition: 0, from: 101, to: 600 }])
    await shop.until(async () => (await late.stats()).lag === 0)
    expect(await late.stats()).toMatchObject({ lost: 500, handled: 1_000, position: 1_600 })

    // Warned of again, once all was well in between.
    await late.close()
    await shop.advance(1_001)
    await shop.until(async () => (await first(shop)) > 1_500)
    // It is looked at once a second.
    await shop.pass(1_300)
    await fill(shop, 1_000)
    await shop.until(() => ofSlow().length === 2)
  })

  test('a parked event outlives the stream', async () => {
    const shop = await opened(open)
    let broken = true
    const seen = new Seen()
    const options = { leaseMs: 300, maxAttempts: 1_000, maxRetryDelayMs: 50 }
    const consumer = follow(shop.sale, options, (event) => {
      if (broken && event.type === 'confirmed') throw new Error('no')
      seen.note(event)
    })
    const { id } = await shop.confirmed('u')
    await fill(shop, 500)
    await shop.until(async () => (await consumer.stats()).parked === 1)
    await shop.advance(1_001)
    await shop.until(async () => (await first(shop)) > 400)
    broken = false
    await shop.until(() => seen.events.length === 502)
    expect(seen.byReservation().get(id)).toEqual([1, 2])
    expect(seen.events.find(({ type }) => type === 'confirmed')).toMatchObject({
      id: '0-1-2',
      reservation: { id },
    })
  })

  test('a quiet sale costs a few calls a second', async () => {
    const shop = await opened(open)
    const life = mortal(shop.clock.engine)
    const sale = new FlashSale(shop.id, { engine: life.engine })
    const calls: string[] = []
    life.before = (command) => void calls.push(command)
    const consumer = follow(sale, {})
    await fill(shop, 100)
    await shop.until(async () => (await consumer.stats()).handled === 100)
    await shop.pass(4_000)
    calls.length = 0
    const begun = shop.timers.now()
    await shop.pass(4_000)
    const seconds = (shop.timers.now() - begun) / 1_000
    // A look a second, a little more or less, and a sign of life in a third of a lease.
    expect(calls.filter((command) => command !== 'sweep').length).toBeLessThanOrEqual(2 * seconds)
    expect(calls).toContain('acknowledge')
    await consumer.close()
    await sale.close()
  })

  test('this process’ own calls are noticed at once', async () => {
    const shop = await opened(open)
    const seen = new Seen()
    follow(shop.sale, { pollMs: 60_000 }, seen.note)
    await shop.hold('u0')
    await shop.until(() => seen.events.length === 1)
    await shop.pass(3_000)
    const begun = shop.timers.now()
    await shop.hold('u1')
    await shop.until(() => seen.events.length === 2)
    expect(shop.timers.now() - begun).toBeLessThan(500)
  })
})
