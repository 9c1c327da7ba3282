import { expect, test } from 'vitest'
import { random } from '../../../scripts/lib/random.js'
import type { FlashSale } from '../../../src/index.js'
import { type Entrance, entered, onBothEngines, positions } from '../../support/waiting-room.js'

const plenty = { ratePerSecond: 100, burst: 50, sale: 'phones', overcommit: 1 }

async function available(sale: FlashSale): Promise<number> {
  const { skus } = await sale.stats()
  return Object.values(skus).reduce((sum, sku) => sum + sku.available, 0)
}

/** Reserves with the pass of somebody who is inside. */
async function buy(sale: FlashSale, buyer: string, pass: string, quantity = 1) {
  const result = await sale.reserve({ buyer, pass, items: [{ sku: 'a', quantity }] })
  if (result.status !== 'reserved') expect.fail(`${buyer} got ${JSON.stringify(result)}`)
  return result.reservation
}

async function admit(door: Entrance, buyer: string): Promise<string> {
  return (await door.admitted(buyer)).pass
}

onBothEngines((open) => {
  test.each([1, 1.2, 3])('passes outstanding never exceed available times %d', async (overcommit) => {
    const door = await open({ ...plenty, overcommit, passMs: 4_000 })
    const sale = door.sale('phones', { waitingRoom: door.room })
    await sale.create({ stock: { a: 20 }, limitPerBuyer: 5, holdMs: 6_000 })
    const draw = random(overcommit * 100)
    const crowd = await door.crowd(60)
    const others = [door.room, door.handle()]
    const inside = new Map<string, string>()
    for (let step = 0; step < 25; step++) {
      await door.advance(Math.floor(draw() * 900))
      const told = await door.come(crowd, others[step % 2])
      // The reading that the door went by was taken since the clock stood here.
      const { outstanding, capacity } = await door.room.stats()
      const units = await available(sale)
      expect(capacity).toBe(Math.floor(units * overcommit))
      const fresh = entered(told).filter((buyer) => !inside.has(buyer))
      if (fresh.length > 0) expect(outstanding).toBeLessThanOrEqual(Math.floor(units * overcommit))
      inside.clear()
      for (const [buyer, result] of Object.entries(told))
        if (result.status === 'admitted') inside.set(buyer, result.pass)
      for (const [buyer, pass] of inside) {
        if (draw() < 0.7) continue
        const result = await sale.reserve({ buyer, pass, items: [{ sku: 'a', quantity: 1 }] })
        expect(['reserved', 'sold_out', 'limit_exceeded']).toContain(result.status)
        if (result.status === 'reserved' && draw() < 0.3) await sale.release(result.reservation.id)
      }
    }
    expect((await sale.audit()).ok).toBe(true)
  })

  test('a visitor who tried with a pass makes room for another; one who could not try does not', async () => {
    const door = await open(plenty)
    const sale = door.sale('phones', { waitingRoom: door.room })
    await sale.create({ stock: { a: 3 }, holdMs: 60_000, limitPerBuyer: 1 })
    const [one, two, three] = await door.crowd(3)
    const passes = [await admit(door, one!), await admit(door, two!), await admit(door, three!)]
    const outstanding = async () => {
      await door.advance(300)
      await door.room.stats()
      await door.advance(300)
      return (await door.room.stats()).outstanding
    }
    expect(await outstanding()).toBe(3)
    await sale.pause()
    const request = (buyer: string, pass: string, quantity = 1) => ({
      ...{ buyer, pass, items: [{ sku: 'a', quantity }] },
    })
    expect(await sale.reserve(request(one!, passes[0]!))).toEqual({ status: 'paused' })
    await sale.resume()
    expect(await outstanding()).toBe(3)
    await buy(sale, one!, passes[0]!)
    expect(await outstanding()).toBe(2)
    expect(await sale.reserve(request(two!, passes[1]!, 2))).toMatchObject({ status: 'limit_exceeded' })
    expect(await outstanding()).toBe(1)
    await sale.restock({ sku: 'a', quantity: -2, key: 'out' })
    expect(await sale.reserve(request(three!, passes[2]!))).toMatchObject({ status: 'sold_out' })
    await sale.restock({ sku: 'a', quantity: 2, key: 'in' })
    expect(await outstanding()).toBe(0)
  })

  test('no more enter than there are units, until what they bought has shown in the stock', async () => {
    const door = await open(plenty)
    const sale = door.sale('phones', { waitingRoom: door.room })
    await sale.create({ stock: { a: 3 }, holdMs: 60_000 })
    const crowd = await door.crowd(6)
    const told = await door.come(crowd)
    expect(entered(told)).toEqual(['u1', 'u2', 'u3'])
    expect(positions(told).slice(3)).toEqual([1, 2, 3])
    await buy(sale, 'u1', await admit(door, 'u1'))
    // That the pass was used is sent behind the reservation: by the next answer it is known.
    await door.room.stats()
    await door.advance(300)
    // One unit fewer, one pass fewer.
    expect(await door.room.stats()).toMatchObject({ capacity: 2, outstanding: 2 })
    expect(entered(await door.come(crowd.slice(3)))).toEqual([])
    await sale.restock({ sku: 'a', quantity: 1, key: 'more' })
    await door.advance(300)
    expect(entered(await door.come(crowd.slice(3).toReversed()))).toEqual(['u4'])
  })

  test('sold out with units on hold: all visitors go on waiting; paid for: closed; nothing is lost by it', async () => {
    const door = await open(plenty)
    const sale = door.sale('phones', { waitingRoom: door.room })
    await sale.create({ stock: { a: 2 }, holdMs: 60_000 })
    const crowd = await door.crowd(5)
    await door.come(crowd)
    const held = [
      await buy(sale, 'u1', await admit(door, 'u1')),
      await buy(sale, 'u2', await admit(door, 'u2')),
    ]
    await door.advance(300)
    expect(await door.come(crowd.slice(2))).toMatchObject({
      u3: { status: 'waiting', position: 1, soldOutLikely: true },
      u5: { status: 'waiting', position: 3, soldOutLikely: true },
    })
    await sale.confirm(held[0]!.id)
    await door.advance(300)
    expect(await door.waiting('u3')).toMatchObject({ position: 1 })
    await sale.confirm(held[1]!.id)
    await door.advance(300)
    const closed = { status: 'closed', reason: 'sold_out' }
    expect(await door.come(crowd.slice(2))).toEqual({ u3: closed, u4: closed, u5: closed })
    expect(await door.poll('u4', door.handle())).toEqual(closed)
    expect(await door.room.stats()).toMatchObject({ state: 'sold_out', waiting: 3, capacity: 0 })
    // Who is inside keeps the pass: something may come back while it lasts.
    expect((await door.poll('u1')).status).toBe('admitted')
    expect((await door.join('new'))[0]!.ticket).toBeTruthy()
    expect(await door.poll('new')).toEqual(closed)
    expect(await sale.restock({ sku: 'a', quantity: 1, key: 'more' })).toMatchObject({ applied: 1 })
    await door.advance(60_000)
    expect(entered(await door.come(['new', 'u5', 'u4', 'u3']))).toEqual(['u3'])
    expect(positions(await door.come(['u4', 'u5', 'new']))).toEqual([1, 2, 3])
    expect(await door.room.stats()).toMatchObject({ state: 'open', missedTurns: 0 })
  })

  test.each(['release', 'expire', 'refund'] as const)(
    'units that come back by %s let the next in',
    async (how) => {
      const door = await open({ ...plenty, passMs: 1_000 })
      const sale = door.sale('phones', { waitingRoom: door.room })
      await sale.create({ stock: { a: 1 }, holdMs: 5_000 })
      const crowd = await door.crowd(3)
      await door.come(crowd)
      const { id } = await buy(sale, 'u1', await admit(door, 'u1'))
      if (how === 'refund') await sale.confirm(id)
      await door.advance(1_500)
      const status = how === 'refund' ? 'closed' : 'waiting'
      expect(await door.come(crowd.slice(1))).toMatchObject({ u2: { status }, u3: { status } })
      if (how === 'release') await sale.release(id)
      if (how === 'refund') await sale.refund(id, { restock: true })
      if (how === 'expire') await door.advance(3_500)
      await door.advance(300)
      const told = await door.come(['u3', 'u2'])
      expect(entered(told)).toEqual(['u2'])
      expect(told.u3).toMatchObject({ position: 1, soldOutLikely: true })
    },
  )

  test('a sale that ended closes the room for good', async () => {
    const door = await open(plenty)
    const sale = door.sale()
    await sale.create({ stock: { a: 2 } })
    await door.crowd(4)
    await door.admitted('u1')
    await sale.end()
    await door.advance(300)
    const ended = { status: 'closed', reason: 'ended' }
    expect(await door.poll('u4')).toEqual(ended)
    expect(await door.poll('u4', door.handle())).toEqual(ended)
    expect(await door.room.stats()).toMatchObject({ state: 'ended' })
  })

  test('a sale that is paused, or has not begun, admits no visitor and closes nothing', async () => {
    const door = await open(plenty)
    const sale = door.sale()
    await sale.create({ stock: { a: 9 }, opensAt: door.now() + 2_000 })
    const crowd = await door.crowd(4)
    expect(positions(await door.come(crowd))).toEqual([1, 2, 3, 4])
    await door.advance(2_000)
    await door.admitted('u1')
    await sale.pause()
    await door.advance(300)
    expect(positions(await door.come(crowd.slice(1)))).toEqual([1, 2, 3])
    await sale.resume()
    await door.advance(300)
    expect(entered(await door.come(crowd))).toEqual(crowd)
  })

  test('a sale that was not created yet: visitors wait, and it goes on by itself when it is there', async () => {
    const door = await open(plenty)
    await door.crowd(2)
    expect(await door.waiting('u1')).toMatchObject({ position: 1 })
    await door.sale().create({ stock: { a: 9 } })
    await door.advance(300)
    await door.admitted('u1')
  })

  test('given as a FlashSale it is the same as by its id', async () => {
    const door = await open({ ...plenty, sale: 'phones' })
    const sale = door.sale()
    await sale.create({ stock: { a: 1 } })
    const room = door.handle({ sale })
    expect(room.sale).toBe('phones')
    expect(await room.create()).toEqual({ created: false })
    await door.crowd(2)
    expect(entered(await door.come(['u1', 'u2'], room))).toEqual(['u1'])
    await room.close()
    expect((await sale.stats()).state).toBe('open')
  })
})
