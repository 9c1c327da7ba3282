import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { joined } from '../../scripts/lib/joined.js'
import type { Call } from '../../src/engine/port.js'
import { FlashSale, type PollResult, WaitingRoom } from '../../src/index.js'
import { virtualEngine } from '../../src/testing.js'
import { SECRET } from '../support/waiting-room.js'

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

  test('what falls due on the way is done: expired holds are swept without a call', async () => {
    const { engine, advance } = virtualEngine({ now: 1_000_000 })
    const sale = new FlashSale('launch', { engine })
    onTestFinished(() => sale.close())
    await sale.create({ stock: { a: 9 }, holdMs: 5_000 })
    for (const buyer of ['x', 'y', 'z']) {
      await sale.reserve({ buyer, items: [{ sku: 'a', quantity: 1 }] })
      await advance(1_000)
    }
    await advance(60_000)
    const call: Call = { incarnation: null, deadline: Number.MAX_SAFE_INTEGER, minTime: 0 }
    const reply = await engine
      .partition('launch', 0, 1)
      .run('events', [{ after: 0, reservations: false }], call)
    expect(JSON.stringify(reply).match(/"expired"/g)).toHaveLength(3)
  })

  test('its arguments are checked', async () => {
    const code = 'INVALID_ARGUMENT'
    expect(() => virtualEngine({ now: -1 })).toThrow(expect.objectContaining({ code }))
    expect(() => virtualEngine({ autoAdvance: 1 as never })).toThrow(expect.objectContaining({ code }))
    await expect(virtualEngine().advance(-1)).rejects.toMatchObject({ code })
  })
})

describe('virtualEngine({ autoAdvance: true })', () => {
  async function crowded() {
    const virtual = virtualEngine({ autoAdvance: true })
    const { engine } = virtual
    const sale = new FlashSale('launch', { engine })
    const room = new WaitingRoom('launch', { engine, secret: SECRET, ratePerSecond: 1, burst: 1, sale })
    onTestFinished(() => Promise.all([sale.close(), room.close()]).then(() => {}))
    await sale.create({ stock: { a: 100 }, holdMs: 600_000 })
    await room.create()
    return { ...virtual, sale, room }
  }

  test('a poll is answered without a call of advance, and takes its time on the clock', async () => {
    const { room, now } = await crowded()
    const begun = now()
    const { ticket } = await joined(room.join('u-0'))
    // A crowd of polls: the room is asked in step, which takes time.
    for (let i = 0; i < 60; i++) await room.poll(ticket)
    expect(now()).toBeGreaterThan(begun)
    expect(now()).toBeLessThan(begun + 60_000)
  })

  test('updates go on until the turn has come', async () => {
    const { room, now } = await crowded()
    const begun = now()
    const all = await Promise.all(Array.from({ length: 20 }, (_, i) => joined(room.join(`u-${i}`))))
    const ends = all.map(async ({ ticket }) => {
      let last: PollResult | undefined
      for await (const update of room.updates(ticket)) last = update
      return [last?.status, now() - begun] as const
    })
    const told = await Promise.all(ends)
    expect(told.map(([status]) => status)).toEqual(all.map(() => 'admitted'))
    // One a second, of which the first was in the bucket.
    expect(Math.max(...told.map(([, after]) => after))).toBeGreaterThanOrEqual(19_000)
    expect(Math.max(...told.map(([, after]) => after))).toBeLessThan(25_000)
  })

  test('time stands still while nothing is waited for, however long that takes', async () => {
    const { sale, now, advance } = await crowded()
    await sale.reserve({ buyer: 'u-1', items: [{ sku: 'a', quantity: 1 }] })
    const before = now()
    for (let i = 0; i < 50; i++) await turn()
    expect(now()).toBe(before)
    await advance(600_000)
    expect(now()).toBe(before + 600_000)
    expect((await sale.stats()).skus.a).toMatchObject({ available: 100, held: 0 })
  })

  test('what waits while time is advanced does not take it further', async () => {
    const { room, now, advance } = await crowded()
    await Promise.all(Array.from({ length: 3 }, (_, i) => room.join(`u-${i}`)))
    const { ticket } = await joined(room.join('u-9'))
    const begun = now()
    const updates = room.updates(ticket)
    const first = updates.next()
    await advance(500)
    expect(now()).toBe(begun + 500)
    expect(await first).toMatchObject({ value: { status: 'waiting' } })
    await updates.return!()
  })

  test('without it, the test advances the clock', async () => {
    const { engine, now, advance } = virtualEngine()
    const room = new WaitingRoom('launch', { engine, secret: SECRET, ratePerSecond: 1, burst: 1 })
    onTestFinished(() => room.close())
    await room.create()
    const { ticket } = await joined(room.join('u-0'))
    let told = 0
    const polls = (async () => {
      for (let i = 0; i < 60; i++, told++) await room.poll(ticket)
    })()
    for (let i = 0; i < 50; i++) await turn()
    expect(told).toBeLessThan(60)
    const begun = now()
    await advance(60_000)
    await polls
    expect(now()).toBe(begun + 60_000)
  })
})
