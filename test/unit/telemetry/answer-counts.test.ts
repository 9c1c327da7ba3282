import { expect, test } from 'vitest'
import { AnswerCounts, MAX_OUTCOMES } from '../../../src/telemetry/answer-counts.js'

test('the busiest sales come first, whatever their names', () => {
  const counts = new AnswerCounts()
  for (const sale of ['1', '__proto__', 'launch', 'launch', '__proto__', 'launch'])
    counts.add(sale, 'reserved')
  counts.add('launch', 'sold_out')
  expect(counts.busiest(2)).toEqual([
    ['launch', { reserved: 3, sold_out: 1 }],
    ['__proto__', { reserved: 2 }],
  ])
})

test('of any number of sales and outcomes some are kept, and the busy ones are among them', () => {
  const counts = new AnswerCounts()
  counts.add('launch', 'reserved')
  counts.add('launch', 'reserved')
  for (let i = 0; i < 10_000; i++) counts.add(`store ${i}`, 'reserved')
  for (let i = 0; i < 100; i++) counts.add('launch', `outcome ${i}`)
  expect(counts.busiest(20_000).length).toBeLessThanOrEqual(2_000)
  const [[sale, outcomes]] = counts.busiest(1) as [[string, object]]
  expect([sale, Object.keys(outcomes).length]).toEqual(['launch', MAX_OUTCOMES])
})
