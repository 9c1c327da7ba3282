import { setTimeout as delay } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { joined } from '../../scripts/lib/joined.js'
import { FlashSale, redisEngine } from '../../src/index.js'
import { connectTo } from '../support/client.js'
import { until } from '../support/consumers.js'
import { codeOf } from '../support/waiting-room.js'
import {
  back,
  crowd,
  durable,
  ends,
  handle,
  hasty,
  placed,
  pollAll,
  positions,
  server,
} from './support/waiting-room.js'

test('Redis is killed and restarted while 300 wait: no visitor loses a place, and none enters meanwhile', async () => {
  const redis = await server(durable)
  const patient = handle(redis)
  const room = handle(redis, hasty)
  const strict = handle(redis, { ...hasty, onUnavailable: 'refuse' })
  await patient.create()
  const tickets = await crowd(patient, 300)
  expect((await patient.poll(tickets[0]!)).status).toBe('admitted')
  const waiting = tickets.slice(1)
  const places = waiting.map((_, i) => i + 1)
  await placed(room, waiting, places)
  await placed(strict, waiting.slice(0, 1), [1])
  const before = await pollAll(room, waiting)
  for (let round = 0; round < 2; round++) {
    await redis.kill()
    // What was known is told for 250 ms; then they are held.
    await delay(300)
    const held = await pollAll(room, waiting)
    expect(positions(held)).toEqual(places)
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
    for (const one of [room, strict, handle(redis)]) await placed(one, waiting, places)
    expect(await patient.stats()).toMatchObject({ admitted: 1, missedTurns: 0 })
  }
  // The line goes on where it stood.
  await patient.setRate(1_000, { burst: 3 })
  await expect.poll(async () => (await pollAll(patient, tickets.slice(0, 4))).at(-1)!.status).toBe('admitted')
  // Who was told "it may have been" asks again and has one place.
  expect((await joined(patient.join('new0'))).ticket).toBe((await joined(patient.join('new0'))).ticket)
})

test('visitors who poll all the time while Redis dies and comes back enter once each, in the order of their process, none before the turn', async () => {
  const redis = await server(durable)
  const room = handle(redis)
  // A process may be away for as long as the machine likes: none of its visitors misses a turn.
  await handle(redis, { claimMs: 600_000 }).create()
  const opened = performance.now()
  await room.setRate(60, { burst: 5 })
  const tickets = await crowd(room, 120)
  const passes = new Set<string>()
  const early: number[] = []
  /**
   * One process: its visitors poll together, again and again, so that Redis hears of all of them or
   * of none.
   */
  const process = async (number: number) => {
    const own = handle(redis, { ...hasty, claimMs: 600_000 })
    let waiting = tickets.map((ticket, i) => ({ ticket, i })).filter(({ i }) => i % 2 === number)
    while (waiting.length > 0) {
      const told = await Promise.all(
        waiting.map(({ ticket }) =>
          own.poll(ticket).catch((error) => {
            // A process that has learned nothing yet can hold nobody.
            if (error.retryable) return undefined
            throw error
          }),
        ),
      )
      const turns = 5 + ((performance.now() - opened) * 60) / 1_000
      const entered = told.flatMap((one) => (one?.status === 'admitted' ? [one.pass] : []))
      // Those who enter come before all who go on waiting.
      expect(told.findLastIndex((one) => one?.status === 'admitted')).toBe(entered.length - 1)
      for (const pass of entered) passes.add(pass)
      early.push(...waiting.slice(0, entered.length).flatMap(({ i }) => (i + 1 > turns ? [i] : [])))
      waiting = waiting.slice(entered.length)
      await delay(20)
    }
  }
  const everybody = Promise.all([process(0), process(1)])
  for (let round = 0; round < 2; round++) {
    const before = passes.size
    await Promise.race([until(() => passes.size > before + 10, 'that some enter'), everybody])
    await redis.kill()
    await delay(200)
    await redis.restart()
  }
  await everybody
  expect(passes.size).toBe(120)
  expect(await room.stats()).toMatchObject({ admitted: 120, waiting: 0, missedTurns: 0 })
  expect(early).toEqual([])
})

test('a process dies: its visitors go on at another, in their places', async () => {
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

test('FLUSHALL: STATE_LOST for every visitor, and never a pass; a sale behind the room takes no buyer', async () => {
  const redis = await server()
  const admin = connectTo(redis)
  const room = handle(redis, { ratePerSecond: 1_000, burst: 5, sale: 'phones' })
  const engine = redisEngine(admin)
  const sale = new FlashSale('phones', { engine, waitingRoom: room, deadlineMs: 60_000 })
  onTestFinished(() => sale.close())
  await sale.create({ stock: { a: 1_000 } })
  await room.create()
  const tickets = await crowd(room, 40)
  const told = await room.poll(tickets[0]!)
  if (told.status !== 'admitted') expect.fail(told.status)
  await admin.flushall()
  await expect.poll(() => ends(room.poll(tickets[20]!))).toBe('STATE_LOST')
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
  expect(await codeOf(handle(redis, { sale: 'phones' }).poll(tickets[0]!))).toBe('NOT_FOUND')
})

test('the sale takes no pass while the room cannot be reached', async () => {
  const redis = await server()
  const other = await server()
  const pace = { ratePerSecond: 1_000, burst: 5 }
  const room = handle(redis, { ...pace, ...hasty })
  const patient = handle(redis, pace)
  await patient.create()
  const engine = redisEngine(connectTo(other))
  const sale = new FlashSale('phones', { engine, waitingRoom: room, deadlineMs: 60_000 })
  onTestFinished(() => sale.close())
  await sale.create({ stock: { a: 10 } })
  const [ticket] = await crowd(patient, 1)
  const told = await patient.poll(ticket!)
  if (told.status !== 'admitted') expect.fail(told.status)
  const order = (key: string) =>
    sale.reserve({ buyer: 'u1', key, pass: told.pass, items: [{ sku: 'a', quantity: 1 }] })
  await expect.poll(() => order('first').catch(() => undefined)).toMatchObject({ status: 'reserved' })
  await redis.kill()
  await delay(1_100)
  // Nothing was reserved, and it says so.
  for (let i = 0; i < 5; i++) expect(await codeOf(order(`${i}`))).toBe('UNAVAILABLE')
  expect((await sale.stats()).skus.a).toMatchObject({ held: 1 })
  await redis.restart()
})
