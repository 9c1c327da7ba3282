import { expect, test } from 'vitest'
import { MAX_ANSWER } from '../../../src/engine/heartbeat.js'
import { answerText, testimonyOf } from '../../../src/sale/recovery/recovery-request.js'

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
  expect(Object.fromEntries(testimonyOf([text]).offsets)).toEqual({
    0: of(0),
    1: of(1).slice(0, 1),
    2: of(2),
  })
})

test('of several answers the latest generation counts that Redis has forgotten', () => {
  const texts = [3, 7, 0].map((forgotten) => answerText([], [historyOf(1, 2)], forgotten))
  expect(testimonyOf(texts).forgotten).toBe(7)
  const strange = ['"9"', -1, 1.5, 1_000_000_001, Number.MAX_SAFE_INTEGER, 1e300]
  const told = strange.map((one) => `{"forgottenGeneration":${one}}`)
  expect(testimonyOf(told).forgotten).toBe(0)
  expect(testimonyOf([...told, ...texts]).forgotten).toBe(7)
})

test('an answer of the largest sale fits, and tells the generation of each partition', () => {
  const text = answerText([], [historyOf(1_024, 12), historyOf(1_024, 12)])
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(MAX_ANSWER)
  const found = testimonyOf([text]).offsets
  expect(found.size).toBe(1_024)
  expect(found.get(0)).toHaveLength(2)
  expect(found.get(1_023)).toEqual([{ generation: 12, sequence: 0, batchId: '' }])
})

test('of enormous numbers it tells as many offsets as there is room for, after all generations', () => {
  const history = Array.from({ length: 400 }, (_, index) => ({
    ...{ generation: 1e15 + index, sequence: 9e15 + index, batchId: 'x'.repeat(16) },
  }))
  const text = answerText([], [history])
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(MAX_ANSWER)
  const found = testimonyOf([text]).offsets
  expect(found.size).toBe(400)
  expect(found.get(0)).toEqual([{ ...history[0], sequence: 0, batchId: '' }, history[0]])
  expect(found.get(399)).toEqual([{ ...history[399], sequence: 0, batchId: '' }])
})

test('where offsets and refusals do not fit together, the refusals give way first', () => {
  const reservation = {
    ...{ id: 'r', buyer: 'b'.repeat(7_000), items: [], state: 'held' as const, key: null },
    ...{ createdAt: 1, expiresAt: 2 },
  }
  const refused = [{ reservation, reason: 'sold_out' as const }]
  const text = answerText([{ restored: 0, refused, forgotten: 0 }], [historyOf(100, 2)])
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(MAX_ANSWER)
  expect(JSON.parse(text)).toMatchObject({ refusals: 1, refused: [] })
  expect(JSON.parse(text).offsets).toHaveLength(99)
  expect(refused).toHaveLength(1)
})

test.each([
  ['no JSON', '{'],
  ['an earlier version', '{"restored":1}'],
  ['no offsets', '{"generations":{},"offsets":[1,[1],[0,1,"2","x"],[-1,1,2,"x"],[0,1,2,""],null]}'],
])('an answer of %s tells nothing', (_why, text) => {
  const { offsets, forgotten } = testimonyOf([text])
  expect([offsets.size, forgotten]).toEqual([0, 0])
})
