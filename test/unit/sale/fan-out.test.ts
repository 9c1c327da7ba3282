import { describe, expect, test } from 'vitest'
import { StockholdError } from '../../../src/index.js'
import { askAll, changeAll, failureOf, readAll } from '../../../src/sale/fan-out.js'
import { settled } from '../../support/test-clock.js'

const failed = (code: StockholdError['code'], message = code.toLowerCase()) =>
  new StockholdError(code, message)
const failing =
  (failures: Record<number, unknown>) =>
  async (index: number): Promise<string> => {
    if (index in failures) throw failures[index]
    return `answer ${index}`
  }

describe('all partitions are asked', () => {
  test('or those that are named, and each answer stands at its partition', async () => {
    expect(await askAll(3, failing({}))).toEqual({
      done: ['answer 0', 'answer 1', 'answer 2'],
      failures: new Map(),
    })
    const { done, failures } = await askAll([3, 1], failing({ 1: 'no' }))
    expect([done[3], done[1], [...failures]]).toEqual(['answer 3', undefined, [[1, 'no']]])
  })

  test('no more than 64 at a time', async () => {
    let running = 0
    let most = 0
    await askAll(200, async () => {
      most = Math.max(most, ++running)
      await settled()
      running--
    })
    expect(most).toBe(64)
  })
})

describe('what is only read', () => {
  test('is all there, or fails', async () => {
    expect(await readAll(2, failing({}))).toEqual(['answer 0', 'answer 1'])
    await expect(readAll(2, failing({ 1: failed('UNAVAILABLE') }))).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    })
  })
})

describe('what changes something', () => {
  const change = (partitions: number, failures: Record<number, unknown>) =>
    changeAll(partitions, failing(failures)).catch((error) => error)

  test('says where it was done, and what to do', async () => {
    expect(await change(2, {})).toEqual(['answer 0', 'answer 1'])
    const error = await change(4, { 1: failed('UNAVAILABLE', 'away.') })
    expect(error).toMatchObject({ code: 'UNKNOWN_OUTCOME' })
    expect(error.message).toMatch(
      /^It was done in 3 \(0, 2, 3\) of 4 for certain; the same call again .* Partition 1: away\.$/,
    )
  })

  test('nothing was executed where that is true of all', async () => {
    const error = await change(2, { 0: failed('UNAVAILABLE'), 1: failed('OVERLOADED') })
    expect(error).toMatchObject({ code: 'UNAVAILABLE' })
    expect(error.message).toMatch(/^It was done in no partition of 2 /)
  })

  test('what will not pass by itself is told as it is, wherever the rest was done', async () => {
    expect(await change(2, { 1: failed('STATE_LOST') })).toMatchObject({ code: 'STATE_LOST' })
  })

  test('of one partition, and what is no error of ours, is told as it is', async () => {
    const away = failed('UNAVAILABLE')
    expect(await change(1, { 0: away })).toBe(away)
    const bug = new Error('bug')
    expect(await change(3, { 2: bug })).toBe(bug)
  })
})

describe('of several failures', () => {
  const order = [
    new Error('bug'),
    failed('STATE_LOST'),
    failed('UNKNOWN_OUTCOME'),
    failed('UNAVAILABLE'),
    failed('OVERLOADED'),
  ]

  test('the worst is told, whichever came first', () => {
    for (const [i, worse] of order.entries()) {
      for (const better of order.slice(i + 1)) {
        for (const pair of [
          [worse, better],
          [better, worse],
        ]) {
          const told = failureOf(new Map(pair.map((error, index) => [index, error])), 2)
          if (worse instanceof StockholdError) expect(told).toMatchObject({ code: worse.code, cause: worse })
          else expect(told).toBe(worse)
        }
      }
    }
  })

  test('of equals the first', () => {
    const told = failureOf(
      new Map([
        [4, failed('UNAVAILABLE', 'a')],
        [2, failed('UNAVAILABLE', 'b')],
      ]),
      9,
    )
    expect(String(told)).toContain('Partition 4 (of 2 that failed: 2, 4): a')
  })

  test('ten partitions are named, of more the first ten', () => {
    const told = (count: number) =>
      String(failureOf(new Map(Array.from({ length: count }, (_, i) => [i, failed('UNAVAILABLE', 'x')])), 99))
    expect(told(10)).toContain('(of 10 that failed: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9): x')
    expect(told(11)).toContain('(of 11 that failed: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, …): x')
  })
})
