import { expect, test } from 'vitest'
import { between, sampleAt } from '../../bench/consumer/samples.js'
import { measure } from '../../bench/consumer.js'
import { judge } from '../../bench/report/targets.js'
import { benchContext } from '../support/bench-context.js'
import { OwnRedis } from '../support/own-redis.js'

const redis = new OwnRedis()

/** Correctness only: what is measured on a machine that does other things as well says nothing. */
test('the smallest run of the part consumer: all invariants hold, and every target is measured', async () => {
  const { invariants, figures } = await measure(benchContext(redis), {
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
})

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
