import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { Consumer, FlashSale, SaleEvent } from '../../../src/index.js'
import { follow, mortal, Seen, until } from '../../support/consumers.js'
import { onLiveEngines } from '../../support/live-engines.js'

const buy = (sale: FlashSale, buyer: string) => sale.reserve({ buyer, items: [{ sku: 'a', quantity: 1 }] })

async function crowd(sale: FlashSale, name: string, size: number): Promise<void> {
  const results = await Promise.all(Array.from({ length: size }, (_, i) => buy(sale, `${name}-${i}`)))
  for (const result of results) {
    if (result.status !== 'reserved') expect.fail(result.status)
    await sale.confirm(result.reservation.id)
  }
}

/** Partitions led by each. */
async function leads(consumers: readonly Consumer[]): Promise<number[]> {
  return Promise.all(consumers.map(async (consumer) => (await consumer.stats()).leads))
}

function ordered(seen: Seen): void {
  for (const [key, sequences] of seen.byReservation())
    expect(sequences, key).toEqual([...sequences].sort((a, b) => a - b))
}

onLiveEngines((open) => {
  test('one consumer leads all partitions; each event once, in order for each reservation', async () => {
    const { sale, handle } = await open({ partitions: 4 })
    const seen = new Seen()
    const consumer = follow(handle(), {}, seen.note)
    await crowd(sale, 'u', 200)
    await until(() => seen.events.length === 400)
    ordered(seen)
    expect(new Set(seen.events.map(({ partition }) => partition)).size).toBe(4)
    expect(new Set(seen.ids).size).toBe(400)
    await until(async () => (await consumer.stats()).lag === 0)
    const stats = await consumer.stats()
    expect(stats).toMatchObject({ leads: 4, handled: 400, position: 400, latest: 400 })
    expect(stats.partitions.map(({ partition }) => partition)).toEqual([0, 1, 2, 3])
  })

  test('those who come later get their share, and give it back when they leave', async () => {
    const { sale, handle } = await open({ partitions: 4 })
    const seen = new Seen()
    const options = { leaseMs: 400 }
    const first = follow(handle(), options, seen.note)
    await until(async () => (await leads([first]))[0] === 4)
    const second = follow(handle(), options, seen.note)
    let selling = true
    const sold = (async () => {
      for (let i = 0; selling; i++) await crowd(sale, `c${i}`, 5)
    })()
    await until(async () => `${await leads([first, second])}` === '2,2')
    const third = follow(handle(), options, seen.note)
    await until(async () => Math.min(...(await leads([first, second, third]))) >= 1, 'a share for the third')
    await first.close()
    await until(async () => (await leads([second, third])).reduce((a, b) => a + b, 0) === 4)
    await until(async () => `${await leads([second, third])}` === '2,2')
    await second.close()
    await until(async () => (await leads([third]))[0] === 4)
    selling = false
    await sold
    await until(async () => (await third.stats()).lag === 0)
    ordered(seen)
    // All were closed in good order: nobody had anything twice.
    expect(new Set(seen.ids).size).toBe(seen.ids.length)
    expect(seen.ids.length).toBe((await third.stats()).latest)
  })

  test('what one has that dies comes to the others', async () => {
    const { sale, handle, engine } = await open({ partitions: 4 })
    const seen = new Seen()
    const life = mortal(engine())
    let alive = true
    const options = { leaseMs: 500 }
    const mortalSale = handle(life.engine)
    const first = follow(mortalSale, { ...options, onError: () => {} }, (event: SaleEvent) => {
      if (alive) seen.note(event)
      else return new Promise(() => {})
    })
    await until(async () => (await leads([first]))[0] === 4)
    const second = follow(handle(), options, seen.note)
    await until(async () => (await leads([second]))[0]! >= 1)
    await crowd(sale, 'u', 100)
    life.die()
    alive = false
    await crowd(sale, 'v', 100)
    await until(async () => (await leads([second]))[0] === 4)
    await until(() => new Set(seen.ids).size === 400)
    const once = new Seen()
    for (const event of seen.events) if (!once.ids.includes(event.id)) once.note(event)
    ordered(once)
  })

  test('alone with several partitions, what is offered comes back, and nothing is missing', async () => {
    const { sale, handle } = await open({ partitions: 3 })
    const seen = new Seen()
    const consumer = follow(handle(), { leaseMs: 200 }, seen.note)
    let offers = 0
    for (let i = 0; offers < 3; i++) {
      await crowd(sale, `c${i}`, 3)
      if ((await consumer.stats()).leads < 3) offers++
      await delay(10)
    }
    await until(async () => (await consumer.stats()).lag === 0)
    await until(async () => (await consumer.stats()).leads === 3)
    ordered(seen)
    expect(new Set(seen.ids).size).toBe(seen.ids.length)
    expect(seen.ids.length).toBe((await consumer.stats()).latest)
  })
})
