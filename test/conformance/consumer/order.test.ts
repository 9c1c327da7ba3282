import { expect, test } from 'vitest'
import type { SaleEvent } from '../../../src/index.js'
import { follow, Seen } from '../../support/consumers.js'
import { onClockedEngines } from '../../support/shop.js'

onClockedEngines((open) => {
  test('each event comes once, in order, and says what it is about', async () => {
    const shop = await open({ stock: { a: 10, b: 5 }, maxHoldMs: 10_000 })
    const seen = new Seen()
    const consumer = follow(shop.sale, { concurrency: 1 }, seen.note)
    const first = await shop.hold('u', [
      { sku: 'b', quantity: 2 },
      { sku: 'a', quantity: 1 },
    ])
    const at = shop.now()
    await shop.advance(10)
    await shop.sale.extend(first.id, { holdMs: 2_000 })
    await shop.advance(10)
    await shop.sale.confirm(first.id, { paymentId: 'p-1' })
    await shop.sale.refund(first.id, { restock: true })
    const second = await shop.hold('v', 10, { key: 'k' })
    await shop.sale.release(second.id)
    await shop.sale.confirm(second.id, { paymentId: 'p-2' })
    const third = await shop.expired('w', 10)
    await shop.hold('x', 10)
    await shop.sale.confirm(third.id, { paymentId: 'p-3' })
    await shop.sale.restock({ sku: 'b', quantity: -1, key: 'r' })
    await shop.sale.pause()
    await shop.sale.resume()
    await shop.sale.end()
    const latest = (await shop.events()).length
    await shop.until(() => seen.events.at(-1)?.sequence === latest)
    const items = [
      { sku: 'a', quantity: 1 },
      { sku: 'b', quantity: 2 },
    ]
    const held = { id: first.id, buyer: 'u', items, state: 'held', key: null, createdAt: at }
    const place = { partition: 0, generation: 1 }
    expect(seen.events.slice(0, 4)).toEqual([
      {
        ...place,
        id: '0-1-1',
        type: 'reserved',
        at,
        sequence: 1,
        reservation: { ...held, expiresAt: at + 1_000 },
      },
      {
        ...place,
        id: '0-1-2',
        type: 'extended',
        at: at + 10,
        sequence: 2,
        reservation: { ...held, expiresAt: at + 2_010 },
      },
      {
        ...place,
        id: '0-1-3',
        type: 'confirmed',
        at: at + 20,
        sequence: 3,
        reservation: { ...held, state: 'confirmed', expiresAt: at + 2_010, paymentId: 'p-1' },
      },
      {
        ...place,
        id: '0-1-4',
        type: 'refunded',
        at: at + 20,
        sequence: 4,
        restock: true,
        items: held.items,
        reservation: { ...held, state: 'refunded', expiresAt: at + 2_010, paymentId: 'p-1' },
      },
    ])
    const told = seen.events.slice(4).map((event) => {
      const { type, reservation } = event
      const about = reservation ? [reservation.buyer, reservation.state, reservation.paymentId] : []
      const rest = 'reason' in event ? [event.reason] : 'applied' in event ? [event.sku, event.applied] : []
      return [type, ...about, ...rest, ...(type === 'sold_out' ? [event.sku] : [])]
    })
    expect(told).toEqual([
      ['reserved', 'v', 'held', undefined],
      ['sold_out', 'a'],
      ['released', 'v', 'released', undefined],
      ['refund_due', 'v', 'released', 'p-2', 'released'],
      ['reserved', 'w', 'held', undefined],
      ['sold_out', 'a'],
      ['expired', 'w', 'expired', undefined],
      ['reserved', 'x', 'held', undefined],
      ['sold_out', 'a'],
      ['refund_due', 'w', 'expired', 'p-3', 'sold_out'],
      ['restocked', 'b', -1],
      ['paused'],
      ['resumed'],
      ['ended'],
    ])
    await consumer.close()
    await expect(consumer.closed).resolves.toBeUndefined()
  })

  test('events of one reservation wait for each other, those of others do not', async () => {
    const shop = await open({ stock: { a: 100 } })
    const running = new Set<string>()
    const atOnce: string[] = []
    let most = 0
    const seen = new Seen()
    const consumer = follow(shop.sale, { concurrency: 5 }, async (event) => {
      const key = event.reservation?.id ?? ''
      if (running.has(key)) atOnce.push(event.id)
      running.add(key)
      most = Math.max(most, running.size)
      await shop.timers.sleep(Math.random() * 10)
      seen.note(event)
      running.delete(key)
    })
    const held = await Promise.all(Array.from({ length: 30 }, (_, i) => shop.hold(`u${i}`)))
    await Promise.all(held.map(({ id }) => shop.sale.confirm(id)))
    await Promise.all(held.map(({ id }) => shop.sale.refund(id, { restock: true })))
    await shop.until(() => seen.events.length === 90)
    expect(most).toBe(5)
    expect(atOnce).toEqual([])
    for (const sequences of seen.byReservation().values()) {
      expect(sequences).toHaveLength(3)
      expect(sequences).toEqual([...sequences].sort((a, b) => a - b))
    }
    // In some other order than that of the stream, or nothing was tested.
    expect(seen.sequences).not.toEqual([...seen.sequences].sort((a, b) => a - b))
    expect(await consumer.stats()).toMatchObject({ handled: 90, failed: 0, inFlight: 0 })
  })

  test('with one hand, everything comes in the order of the stream', async () => {
    const shop = await open({ stock: { a: 100 } })
    const seen = new Seen()
    const slowly = async (event: SaleEvent) => {
      await shop.timers.sleep(1)
      seen.note(event)
    }
    for (let i = 0; i < 20; i++) await shop.sale.release((await shop.hold(`u${i}`)).id)
    follow(shop.sale, { concurrency: 1 }, slowly)
    await shop.until(() => seen.events.length === 40)
    expect(seen.sequences).toEqual(Array.from({ length: 40 }, (_, i) => i + 1))
  })

  test('two groups have each event; two consumers of a group share them', async () => {
    const shop = await open({ stock: { a: 100 } })
    const [one, other, second] = [new Seen(), new Seen(), new Seen()]
    follow(shop.sale, { group: 'one' }, one.note)
    follow(shop.handle(), { group: 'one' }, other.note)
    follow(shop.handle(), { group: 'two' }, second.note)
    for (let i = 0; i < 20; i++) await shop.hold(`u${i}`)
    await shop.until(() => one.events.length + other.events.length === 20 && second.events.length === 20)
    await shop.pass(50)
    expect(new Set([...one.ids, ...other.ids]).size).toBe(20)
    expect(Math.min(one.events.length, other.events.length)).toBe(0)
  })

  test('`now` begins with what comes after it, and goes on there the next time', async () => {
    const shop = await open({ stock: { a: 100 } })
    await shop.hold('before')
    const seen = new Seen()
    const consumer = follow(shop.sale, { start: 'now' }, seen.note)
    await shop.until(async () => (await shop.sale.consumerGroups()).length === 1)
    await shop.hold('during')
    await shop.until(() => seen.events.length === 1)
    await consumer.close()
    await shop.hold('between')
    follow(shop.sale, { start: 'now' }, seen.note)
    await shop.until(() => seen.events.length === 2)
    expect(seen.events.map(({ reservation }) => reservation?.buyer)).toEqual(['during', 'between'])
  })

  test('what was done is not done again by the next consumer', async () => {
    const shop = await open({ stock: { a: 100 } })
    const seen = new Seen()
    for (let round = 1; round <= 3; round++) {
      for (let i = 0; i < 10; i++) await shop.hold(`u${round}-${i}`)
      const consumer = follow(shop.handle(), {}, seen.note)
      await shop.until(() => seen.events.length === round * 10)
      await consumer.close()
    }
    expect(seen.sequences).toEqual(Array.from({ length: 30 }, (_, i) => i + 1))
  })
})
