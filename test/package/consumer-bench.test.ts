import { afterAll, beforeAll, expect, test } from 'vitest'
import { between, sampleAt } from '../../bench/consumer/samples.js'
import { measure } from '../../bench/consumer.js'
import type { Context } from '../../bench/part.js'
import { judge } from '../../bench/report/targets.js'
import { type RedisServer, startRedis } from '../../scripts/lib/servers/redis/server.js'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server?.stop())

/** Correctness only: what is measured on a machine that does other things as well says nothing. */
test('the smallest run of the part consumer: all invariants hold, and every target is measured', async () => {
  const context: Context = {
    quick: true,
    realTime: false,
    seed: 1,
    progress: { update: () => {}, note: () => {} },
    redis: async () => ({ url: server.url, own: true }),
    ownRedis: () => Promise.reject(new Error('not needed')),
    prefix: () => 'consumer',
  }
  const { invariants, figures } = await measure(context, {
    rounds: 1,
    consumingSeconds: 0.4,
    writing: { backlog: 3_000, liveSeconds: 0.3, perSecond: 2_000 },
    acknowledgingSeconds: 0.4,
    rebuilt: 200,
  })
  expect(invariants.length).toBeGreaterThan(15)
  expect(invariants.filter(({ holds }) => !holds)).toEqual([])
  const judged = judge(new Map(figures.map((figure) => [figure.id, figure])))
  expect(judged.filter(({ verdict }) => verdict !== 'not measured')).toHaveLength(6)
}, 120_000)

test('between two samples it is taken to have gone on evenly; outside of them nothing happens', () => {
  const samples = [
    { at: 100, done: 10, cpu: 1_000 },
    { at: 200, done: 30, cpu: 3_000 },
  ]
  expect(sampleAt(samples, 150)).toEqual({ at: 150, done: 20, cpu: 2_000 })
  expect(sampleAt(samples, 50).done).toBe(10)
  expect(sampleAt(samples, 250).done).toBe(30)
  expect(between([samples, samples], 100, 150)).toEqual({ done: 20, cpu: 2_000 })
})
