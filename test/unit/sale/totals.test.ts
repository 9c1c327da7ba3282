import { describe, expect, test } from 'vitest'
import type { SkuCounts } from '../../../src/engine/engine.js'
import type { Parts } from '../../../src/sale/partitions.js'
import { mostRestrictive, readTotals, sound, sumCounts } from '../../../src/sale/totals.js'

const counts = (rest: Partial<SkuCounts>): SkuCounts => ({
  total: 0,
  available: 0,
  held: 0,
  confirmed: 0,
  inTransit: 0,
  ...rest,
})
const one = { total: 10, available: 1, held: 2, confirmed: 3, inTransit: 4 }
const other = { total: 500, available: 100, held: 200, confirmed: 300, inTransit: 400 }

test('the sums, SKU by SKU, of any number of partitions; none of them is changed', () => {
  expect(sumCounts([[one, other]])).toEqual([one, other])
  const partitions = [
    [one, other],
    [other, one],
    [one, one],
  ]
  const before = structuredClone(partitions)
  expect(sumCounts(partitions)).toEqual([
    { total: 520, available: 102, held: 204, confirmed: 306, inTransit: 408 },
    { total: 520, available: 102, held: 204, confirmed: 306, inTransit: 408 },
  ])
  expect(partitions).toEqual(before)
})

test('the most restrictive state', () => {
  const order = ['open', 'not_started', 'paused', 'ended'] as const
  for (const [i, state] of order.entries())
    for (const weaker of order.slice(0, i + 1)) {
      expect(mostRestrictive([state, weaker])).toBe(state)
      expect(mostRestrictive([weaker, state])).toBe(state)
    }
})

describe('units that were counted twice', () => {
  test('are none where nothing, or something, is in transit', () => {
    for (const inTransit of [0, 1]) {
      const given = counts({ total: 9, available: 4, held: 3, confirmed: 2 - inTransit, inTransit })
      expect(sound(given)).toBe(given)
    }
  })

  test.each([
    // Counted twice, and what is left of available, held and confirmed.
    [1, [3, 3, 2]],
    [4, [0, 3, 2]],
    [5, [0, 2, 2]],
    [7, [0, 0, 2]],
    [8, [0, 0, 1]],
    [9, [0, 0, 0]],
  ])(
    '%i of them are taken off what is available, then held, then confirmed',
    (twice, [available, held, confirmed]) => {
      const given = { total: 9 - twice, available: 4, held: 3, confirmed: 2, inTransit: -twice }
      expect(sound(given)).toEqual({ total: 9 - twice, available, held, confirmed, inTransit: 0 })
    },
  )
})

describe('a reading of all partitions', () => {
  /** Two partitions; the second shows these units in transit, one reading after another. */
  function reading(...inTransit: number[]) {
    let asked = 0
    const parts = {
      count: 2,
      async ask(
        index: number,
        _command: string,
        _op: object,
        _call: object,
        result: (answer: object) => unknown,
      ) {
        const away = index === 0 ? 0 : inTransit[Math.min(asked++, inTransit.length - 1)]!
        return result({
          status: index === 0 ? 'open' : 'paused',
          skus: [counts({ total: 5, available: 5 - away, inTransit: away })],
        })
      },
    } as unknown as Parts
    return { parts, readings: () => asked }
  }

  test('is taken once where it is sound', async () => {
    const { parts, readings } = reading(1)
    expect(await readTotals(parts, { deadline: 1 })).toEqual({
      state: 'paused',
      skus: [{ total: 10, available: 9, held: 0, confirmed: 0, inTransit: 1 }],
    })
    expect(readings()).toBe(1)
  })

  test('is taken again where units were counted twice', async () => {
    const { parts, readings } = reading(-1, -1, 0)
    expect((await readTotals(parts, { deadline: 1 })).skus).toEqual([counts({ total: 10, available: 10 })])
    expect(readings()).toBe(3)
  })

  test('four times at most: then they are counted once', async () => {
    const { parts, readings } = reading(-2)
    expect((await readTotals(parts, { deadline: 1 })).skus).toEqual([counts({ total: 10, available: 10 })])
    expect(readings()).toBe(4)
  })
})
