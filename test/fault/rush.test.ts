import { expect, onTestFinished, test } from 'vitest'
import { redisEngine } from '../../src/index.js'
import { Crowd } from './support/crowd.js'
import { openTrial } from './support/trial.js'
import { verdict } from './support/verdict.js'

test('1,000 connections at once, then all of them ended at once', async () => {
  const deadlineMs = 60_000
  const stage = await openTrial({ clients: [], shoppers: 0 })
  const { admin, limit } = stage
  const engines = Array.from({ length: 1_000 }, () => redisEngine(stage.url))
  onTestFinished(() => Promise.all(engines.map((engine) => engine.close())).then(() => {}))
  const handles = engines.map((engine) => stage.handle(engine, deadlineMs))
  const crowd = new Crowd({ name: 'thousand', handles, deadlineMs, limit, shoppers: 1 })
  // Each connects with its first call, and learns of the sale.
  const asked = await Promise.all(handles.map((handle) => crowd.ask(handle)))
  expect(asked.filter(({ told }) => told === 'reserved')).toHaveLength(1_000)
  const underWay = Promise.all(handles.map((handle) => crowd.ask(handle)))
  expect(await admin.call('CLIENT', 'KILL', 'TYPE', 'normal')).toBeGreaterThanOrEqual(1_000)
  await underWay
  await crowd.buysOnEveryHandle()
  await verdict(stage, [crowd])
})

test.each([1, 7])('10,000 callers for %i, while replies are lost: as many get one', async (stock) => {
  const stage = await openTrial({ stock, shoppers: 0, deadlineMs: 60_000 })
  const { crowd, proxy, handles } = stage
  proxy.dropReplies({ times: 4 })
  const orders = await Promise.all(
    Array.from({ length: 10_000 }, (_, i) => crowd.ask(handles[i % handles.length]!)),
  )
  await proxy.heal()
  expect(orders.filter(({ told }) => told === 'reserved').length).toBeLessThanOrEqual(stock)
  await verdict(stage, [crowd])
  const winners = orders.filter(({ ids }) => ids.length > 0)
  expect(winners.length).toBeLessThanOrEqual(stock)
})
