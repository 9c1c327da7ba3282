import { expect, test } from 'vitest'
import { MAX_ANSWER } from '../../../src/engine/heartbeat.js'
import { answerText, recoveredOffsets } from '../../../src/sale/recovery/recovery-request.js'

/** A history of many partitions, with the longest numbers that a night brings. */
function historyOf(partitions: number, generation: number) {
  return Array.from({ length: partitions }, (_, index) => {
    const sequence = index === 1 ? 0 : 1_000_000 + index
    return { generation, sequence, batchId: sequence === 0 ? '' : 'AAAAAAA_' }
  })
}

test('an answer tells how far each handle has recovered each partition', () => {
  const text = answerText([], [historyOf(3, 2), historyOf(3, 3)])
  const of = (index: number) => [
    { generation: 2, sequence: 0, batchId: '' },
    { generation: 2, sequence: 1_000_000 + index, batchId: 'AAAAAAA_' },
    { generation: 3, sequence: 1_000_000 + index, batchId: 'AAAAAAA_' },
  ]
  expect(Object.fromEntries(recoveredOffsets([text]))).toEqual({ 0: of(0), 1: of(1).slice(0, 1), 2: of(2) })
})

test('an answer of the largest sale fits, and tells the generation of each partition', () => {
  const text = answerText([], [historyOf(1_024, 12), historyOf(1_024, 12)])
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(MAX_ANSWER)
  const found = recoveredOffsets([text])
  expect(found.size).toBe(1_024)
  expect(found.get(0)).toHaveLength(2)
  expect(found.get(1_023)).toEqual([{ generation: 12, sequence: 0, batchId: '' }])
})

test.each([
  ['no JSON', '{'],
  ['an earlier version', '{"restored":1}'],
  ['no offsets', '{"generations":{},"offsets":[1,[1],[0,1,"2","x"],[-1,1,2,"x"],[0,1,2,""],null]}'],
])('an answer of %s tells nothing', (_why, text) => {
  expect(recoveredOffsets([text]).size).toBe(0)
})
