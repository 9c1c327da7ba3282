import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Queue } from '../../../src/consumer/queue.js'

describe('a queue', () => {
  test('gives what came first, whatever is pushed and taken in which order', () => {
    const steps = fc.array(fc.integer({ min: -2_000, max: 2_000 }), { maxLength: 20 })
    fc.assert(
      fc.property(steps, (counts) => {
        const queue = new Queue<number>()
        const taken: (number | undefined)[] = []
        let pushed = 0
        const take = () => {
          const { first } = queue
          taken.push(queue.shift() === first ? first : -1)
        }
        for (const count of counts) {
          for (let i = 0; i < count; i++) queue.push(pushed++)
          for (let i = 0; i > count && taken.length < pushed; i--) take()
        }
        while (taken.length <= pushed) take()
        expect(taken).toEqual([...Array(pushed).keys(), undefined])
      }),
      { numRuns: 50 },
    )
  })

  test('puts one behind all that do not come after it, and never before what was taken', () => {
    const queue = new Queue<number>()
    const insert = (item: number) => queue.insert(item, (other) => other > item)
    for (const item of [3, 1, 5]) insert(item)
    expect(queue.shift()).toBe(1)
    for (const item of [0, 4, 6]) insert(item)
    expect(Array.from({ length: 6 }, () => queue.shift())).toEqual([0, 3, 4, 5, 6, undefined])
  })
})
