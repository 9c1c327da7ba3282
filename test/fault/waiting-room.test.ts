import { setTimeout as delay } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { FlashSale, redisEngine } from '../../src/index.js'
import { connectTo } from '../support/client.js'
import { codeOf } from '../support/waiting-room.js'
import { back, crowd, durable, ends, handle, pollAll, positions, server } from './support/waiting-room.js'

test('Redis is killed and restarted while 300 wait: nobody loses a place, and nobody enters meanwhile', async () => {
  const redis = await server(durable)
  const room = handle(redis)
  const strict = handle(redis, { onUnavailable: 'refuse' })
  await room.create()
  const tickets = await crowd(room, 300)
  expect((await room.poll(tickets[0]!)).status).toBe('admitted')
  const waiting = tickets.slice(1)
  const before = await pollAll(room, waiting)
  expect(positions(before)).toEqual(waiting.map((_, i) => i + 1))
  await strict.poll(waiting[0]!)
  for (let round = 0; round < 2; round++) {
    await redis.kill()
    // What was known is told for 250 ms; then they are held.
    await delay(300)
    const held = await pollAll(room, waiting)
    expect(positions(held)).toEqual(positions(before))
    for (const [i, one] of held.entries()) {
      const known = before[i]!
      if (one.status !== 'waiting' || known.status !== 'waiting') expect.fail(one.status)
      expect(one.pollAfterMs).toBeGreaterThan(known.pollAfterMs)
    }
    expect(new Set(await Promise.all(waiting.map((ticket) => codeOf(strict.poll(ticket)))))).toEqual(
      new Set(['UNAVAILABLE']),
    )
    const codes = await Promise.all(Array.from({ length: 20 }, (_, i) => codeOf(room.join(`new${i}`))))
    for (const code of codes) expect(['UNAVAILABLE', 'UNKNOWN_OUTCOME']).toContain(code)
    expect(codes).toContain('UNAVAILABLE')
    await redis.restart()
    await back(room)
    await back(strict)
    for (const one of [room, strict, handle(redis)])
      expect(positions(await pollAll(one, waiting))).toEqual(positions(before))
    expect(await room.stats()).toMatchObject({ admitted: 1, missed: 0 })
  }
  // The line goes on where it stood.
  await room.setRate(1_000, { burst: 3 })
  await expect.poll(async () => (await pollAll(room, tickets.slice(0, 4))).at(-1)!.status).toBe('admitted')
  // Who was told "it may have been" asks again and has one place.
  expect((await room.join('new0')).ticket).toBe((await room.join('new0')).ticket)
})

test('visitors who poll all the time while Redis dies and comes back enter each once, and nobody before their turn', async () => {
  const redis = await server(durable)
  const rooms = [handle(redis), handle(redis)]
  await rooms[0]!.create()
  const opened = performance.now()
  await rooms[0]!.setRate(60, { burst: 5 })
  const tickets = await crowd(rooms[0]!, 120)
  /** By visitor: up to which place turns can have been given when they were let in. */
  const turns: number[] = []
  const passes = new Set<string>()
  const visitor = async (ticket: string, i: number) => {
    for (;;) {
      const told = await rooms[i % 2]!.poll(ticket).catch((error) => {
        // A process that has learned nothing yet can hold nobody.
        if (error.retryable) return undefined
        throw error
      })
      if (told?.status === 'admitted') {
        turns[i] = 5 + ((performance.now() - opened) * 60) / 1_000
        passes.add(told.pass)
        return
      }
      await delay(20)
    }
  }
  const everybody = Promise.all(tickets.map(visitor))
  for (let round = 0; round < 2; round++) {
    await delay(350)
    await redis.kill()
    await delay(200)
    await redis.restart()
  }
  await everybody
  expect(passes.size).toBe(120)
  expect(await rooms[1]!.stats()).toMatchObject({ admitted: 120, waiting: 0 })
  // Turns are given by rank. When a process finds Redis again much later than the other, all its visitors may have theirs at once.
  expect(turns.filter((last, i) => i + 1 > last)).toEqual([])
})

test('a process dies: those it served go on at another, in their places', async () => {
  const redis = await server()
  const dying = handle(redis)
  await dying.create()
  const tickets = await crowd(dying, 100)
  expect((await dying.poll(tickets[0]!)).status).toBe('admitted')
  const before = positions(await pollAll(dying, tickets.slice(1)))
  const polls = tickets.slice(1).map((ticket) => ends(dying.poll(ticket)))
  await dying.close()
  for (const outcome of await Promise.all(polls)) expect(['fine', 'CLOSED']).toContain(outcome)
  expect(positions(await pollAll(handle(redis), tickets.slice(1)))).toEqual(before)
})

test('FLUSHALL: STATE_LOST for everybody, and never a pass; a sale behind the door lets nobody in', async () => {
  const redis = await server()
  const admin = connectTo(redis)
  const room = handle(redis, { ratePerSecond: 1_000, burst: 5, sale: 'phones' })
  const engine = redisEngine(admin)
  const sale = new FlashSale('phones', { engine, waitingRoom: room })
  onTestFinished(() => sale.close())
  await sale.create({ stock: { a: 1_000 } })
  await room.create()
  const tickets = await crowd(room, 40)
  const told = await room.poll(tickets[0]!)
  if (told.status !== 'admitted') expect.fail(told.status)
  await admin.flushall()
  await delay(300)
  expect(await codeOf(room.poll(tickets[20]!))).toBe('STATE_LOST')
  const outcomes = await Promise.all(tickets.map((ticket) => ends(room.poll(ticket))))
  expect(new Set(outcomes)).toEqual(new Set(['STATE_LOST']))
  for (const call of [
    () => room.join('new'),
    () => room.stats(),
    () => room.setRate(1),
    () => room.leave(tickets[5]!),
    () => room.create(),
  ])
    expect(await codeOf(call())).toBe('STATE_LOST')
  await delay(1_000)
  const request = { buyer: 'u1', pass: told.pass, items: [{ sku: 'a', quantity: 1 }] }
  expect(await codeOf(sale.reserve(request))).toBe('STATE_LOST')
  expect(await codeOf(handle(redis, { sale: 'phones' }).poll(tickets[0]!))).toBe('SALE_NOT_FOUND')
})

test('the sale asks nobody in while the room cannot be reached, whatever the pass says', async () => {
  const redis = await server()
  const other = await server()
  const room = handle(redis, { ratePerSecond: 1_000, burst: 5 })
  await room.create()
  const sale = new FlashSale('phones', { engine: redisEngine(connectTo(other)), waitingRoom: room })
  onTestFinished(() => sale.close())
  await sale.create({ stock: { a: 10 } })
  const [ticket] = await crowd(room, 1)
  const told = await room.poll(ticket!)
  if (told.status !== 'admitted') expect.fail(told.status)
  const request = { buyer: 'u1', pass: told.pass, items: [{ sku: 'a', quantity: 1 }] }
  expect(await sale.reserve(request)).toMatchObject({ status: 'reserved' })
  await redis.kill()
  await delay(1_100)
  // Nothing was reserved, and it says so.
  for (let i = 0; i < 5; i++) expect(await codeOf(sale.reserve(request))).toBe('UNAVAILABLE')
  expect((await sale.stats()).skus.a).toMatchObject({ held: 1 })
  await redis.restart()
})
