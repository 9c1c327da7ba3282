import { setTimeout as delay } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import type { PollResult } from '../../src/index.js'
import { faultyRedis } from '../../src/testing.js'
import { watchDeadline } from '../support/punctual.js'
import { codeOf } from '../support/waiting-room.js'
import {
  back,
  crowd,
  ends,
  handle,
  hasty,
  placed,
  pollAll,
  positions,
  server,
} from './support/waiting-room.js'

test('replies get lost, connections are cut: places stay, and every call ends', async () => {
  const redis = await server()
  const proxy = await faultyRedis(redis.url, { seed: 5 })
  onTestFinished(() => proxy.close())
  const room = handle(proxy)
  await room.create()
  const tickets = await crowd(room, 50)
  expect((await room.poll(tickets[0]!)).status).toBe('admitted')
  const before = positions(await pollAll(room, tickets.slice(1)))
  proxy.dropReplies({ chance: 0.3 })
  for (let round = 0; round < 15; round++) {
    const outcomes = await Promise.all([
      ...tickets.slice(1).map((ticket) => room.poll(ticket)),
      ends(room.join('late')),
      ends(room.stats()),
    ])
    expect(positions(outcomes.slice(0, 49) as PollResult[])).toEqual(before)
    for (const outcome of outcomes.slice(49) as string[])
      expect(['fine', 'UNAVAILABLE', 'UNKNOWN_OUTCOME']).toContain(outcome)
    await delay(30)
  }
  await proxy.heal()
  proxy.cutConnections()
  await back(room)
  await room.join('late')
  expect(positions(await pollAll(room, tickets.slice(1)))).toEqual(before)
  expect(await room.stats()).toMatchObject({ waiting: 50, admitted: 1, missedTurns: 0 })
})

test('Redis hangs without a word: every poll ends by the deadline, held; afterwards all is as it was', async () => {
  const redis = await server()
  const patient = handle(redis)
  const room = handle(redis, hasty)
  await patient.create()
  const tickets = await crowd(patient, 30)
  await patient.poll(tickets[0]!)
  const before = tickets.slice(1).map((_, i) => i + 1)
  await placed(room, tickets.slice(1), before)
  await redis.kill('SIGSTOP')
  await delay(300)
  for (let round = 0; round < 4; round++) {
    const settled = watchDeadline(hasty.deadlineMs)
    expect(positions(await pollAll(room, tickets.slice(1)))).toEqual(before)
    expect(settled(), 'overdue').toBe(false)
    await delay(100)
  }
  expect(['UNAVAILABLE', 'UNKNOWN_OUTCOME']).toContain(await codeOf(room.join('late')))
  await redis.kill('SIGCONT')
  await back(room)
  await placed(room, tickets.slice(1), before)
})
