import { expect, onTestFinished, test } from 'vitest'
import { type Consumer, FlashSale, type SaleEvent } from '../../../src/index.js'
import { follow, mortal, Seen } from '../../support/consumers.js'
import { type ClockedShop, onClockedEngines } from '../../support/shop.js'

const stock = { a: 1_000_000 }

/** One more process. */
function handle(shop: ClockedShop, engine = shop.clock.engine): FlashSale {
  const sale = new FlashSale(shop.id, { engine, deadlineMs: 60_000 })
  onTestFinished(() => sale.close())
  return sale
}

async function crowd(shop: ClockedShop, name: string, size: number): Promise<void> {
  const buyers = Array.from({ length: size }, (_, i) => `${name}-${i}`)
  for (const { id } of await Promise.all(buyers.map((buyer) => shop.hold(buyer)))) await shop.sale.confirm(id)
}

/** Partitions led by each. */
async function leads(consumers: readonly Consumer[]): Promise<number[]> {
  return Promise.all(consumers.map(async (consumer) => (await consumer.stats()).leads))
}

function ordered(seen: Seen): void {
  for (const [key, sequences] of seen.byReservation())
    expect(sequences, key).toEqual([...sequences].sort((a, b) => a - b))
}

onClockedEngines((open) => {
  test('one consumer leads all partitions; each event once, in order for each reservation', async () => {
    const shop = await open({ stock, partitions: 4 })
    const seen = new Seen()
    const consumer = follow(handle(shop), {}, seen.note)
    await crowd(shop, 'u', 200)
    await shop.live(() => seen.events.length === 400)
    ordered(seen)
    expect(new Set(seen.events.map(({ partition }) => partition)).size).toBe(4)
    expect(new Set(seen.ids).size).toBe(400)
    await shop.live(async () => (await consumer.stats()).lag === 0)
    const stats = await consumer.stats()
    expect(stats).toMatchObject({ leads: 4, handled: 400, position: 400, latest: 400 })
    expect(stats.partitions.map(({ partition }) => partition)).toEqual([0, 1, 2, 3])
  })

  test('consumers that come later get their share, and give it back when they leave', async () => {
    const shop = await open({ stock, partitions: 4 })
    const seen = new Seen()
    const options = { leaseMs: 400 }
    const first = follow(handle(shop), options, seen.note)
    await shop.live(async () => (await leads([first]))[0] === 4)
    let crowds = 0
    /** A crowd buys all the time. */
    const selling = (check: () => Promise<boolean>) =>
      shop.live(async () => {
        await crowd(shop, `c${++crowds}`, 5)
        return check()
      })
    const second = follow(handle(shop), options, seen.note)
    await selling(async () => `${await leads([first, second])}` === '2,2')
    const third = follow(handle(shop), options, seen.note)
    await selling(async () => Math.min(...(await leads([first, second, third]))) >= 1)
    await shop.timers.during(first.close())
    await selling(async () => (await leads([second, third])).reduce((a, b) => a + b, 0) === 4)
    await selling(async () => `${await leads([second, third])}` === '2,2')
    await shop.timers.during(second.close())
    await selling(async () => (await leads([third]))[0] === 4)
    await shop.live(async () => (await third.stats()).lag === 0)
    ordered(seen)
    // All were closed in good order: nobody had anything twice.
    expect(new Set(seen.ids).size).toBe(seen.ids.length)
    expect(seen.ids.length).toBe((await third.stats()).latest)
  })

  test('what one has that dies comes to the others', async () => {
    const shop = await open({ stock, partitions: 4 })
    const seen = new Seen()
    const life = mortal(shop.clock.engine)
    let alive = true
    const options = { leaseMs: 500 }
    const first = follow(handle(shop, life.engine), { ...options, onError: () => {} }, (event: SaleEvent) => {
      if (alive) seen.note(event)
      else return new Promise(() => {})
    })
    await shop.live(async () => (await leads([first]))[0] === 4)
    const second = follow(handle(shop), options, seen.note)
    await shop.live(async () => (await leads([second]))[0]! >= 1)
    await crowd(shop, 'u', 100)
    life.die()
    alive = false
    await crowd(shop, 'v', 100)
    await shop.live(async () => (await leads([second]))[0] === 4)
    await shop.live(() => new Set(seen.ids).size === 400)
    const once = new Seen()
    for (const event of seen.events) if (!once.ids.includes(event.id)) once.note(event)
    ordered(once)
  })

  test('alone with several partitions, what is offered comes back, and nothing is missing', async () => {
    const shop = await open({ stock, partitions: 3 })
    const seen = new Seen()
    const consumer = follow(handle(shop), { leaseMs: 200 }, seen.note)
    let offers = 0
    let crowds = 0
    await shop.live(async () => {
      await crowd(shop, `c${++crowds}`, 3)
      if ((await consumer.stats()).leads < 3) offers++
      return offers === 3
    })
    await shop.live(async () => (await consumer.stats()).lag === 0)
    await shop.live(async () => (await consumer.stats()).leads === 3)
    ordered(seen)
    expect(new Set(seen.ids).size).toBe(seen.ids.length)
    expect(seen.ids.length).toBe((await consumer.stats()).latest)
  })
})
