import { expect, test } from 'vitest'
import { StepBatcher } from '../../../src/postgres/orders/step-batcher.js'

type Batch = ReadonlyMap<string, number>

/** Answers each request with itself, and notes the batches. */
function batcher(run?: (batch: Batch) => ReadonlyMap<string, () => number>) {
  const batches: (readonly [string, number])[][] = []
  const pauses: number[] = []
  let running = 0
  const made = new StepBatcher<number, number>(
    async (batch) => {
      batches.push([...batch])
      // One batch at a time: those that come meanwhile make the next one.
      expect(++running).toBe(1)
      await new Promise((resolve) => setImmediate(resolve))
      running--
      return run ? run(batch) : new Map([...batch].map(([id, value]) => [id, () => value]))
    },
    async (ms) => void pauses.push(ms),
  )
  return { made, batches, pauses }
}

test('the requests of a turn, and those that come meanwhile, share a batch', async () => {
  const { made, batches } = batcher()
  const first = Promise.all(['a', 'b'].map((id, i) => made.ask(id, i)))
  await new Promise((resolve) => setImmediate(resolve))
  const later = Promise.all(['c', 'd', 'e'].map((id, i) => made.ask(id, 10 + i)))
  expect(await first).toEqual([0, 1])
  expect(await later).toEqual([10, 11, 12])
  expect(batches.map((batch) => batch.map(([id]) => id).join(''))).toEqual(['ab', 'cde'])
})

test('a batch has one request of each order, in the order in which they came', async () => {
  const { made, batches } = batcher()
  const answers = await Promise.all([made.ask('a', 1), made.ask('a', 2), made.ask('b', 3), made.ask('a', 4)])
  expect(answers).toEqual([1, 2, 3, 4])
  expect(batches.map((batch) => batch.map(([, value]) => value))).toEqual([[1, 3], [2], [4]])
})

test('a batch is limited', async () => {
  const { made, batches } = batcher()
  await Promise.all(Array.from({ length: 1_200 }, (_, i) => made.ask(`o-${i}`, i)))
  expect(batches.map(({ length }) => length)).toEqual([500, 500, 200])
})

test('an error of one request is its own, one of the batch is that of all', async () => {
  const { made } = batcher((batch) => {
    if (batch.has('x')) throw new Error('the batch')
    const fail = () => {
      throw new Error('the request')
    }
    return new Map([...batch].map(([id, value]) => [id, id === 'a' ? fail : () => value]))
  })
  const results = await Promise.allSettled([made.ask('a', 1), made.ask('b', 2)])
  expect(results).toMatchObject([{ reason: { message: 'the request' } }, { value: 2 }])
  await expect(Promise.all([made.ask('x', 1), made.ask('y', 2)])).rejects.toThrow('the batch')
  expect(await made.ask('b', 5)).toBe(5)
})

test('a request whose order is locked is repeated, before later ones, and not for ever', async () => {
  let tries = 0
  const { made, pauses } = batcher((batch) => {
    const rest = [...batch].filter(([id]) => id !== 'locked' || ++tries > 3)
    return new Map(rest.map(([id, value]) => [id, () => value]))
  })
  expect(await Promise.all([made.ask('locked', 1), made.ask('free', 2)])).toEqual([1, 2])
  expect([tries, pauses.length]).toEqual([4, 3])
  const before = pauses.length
  tries = Number.NEGATIVE_INFINITY
  await expect(made.ask('locked', 1)).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true })
  expect(pauses.length - before).toBe(199)
  expect(await made.ask('free', 3)).toBe(3)
})

test('requests that come while a batch waits for its pause are not delayed by a locked order', async () => {
  let isLocked = true
  const { made, batches } = batcher((batch) => {
    const rest = [...batch].filter(([id]) => id !== 'locked' || !isLocked)
    return new Map(rest.map(([id, value]) => [id, () => value]))
  })
  const waiting = made.ask('locked', 1)
  for (let i = 0; i < 3; i++) expect(await made.ask(`free-${i}`, i)).toBe(i)
  isLocked = false
  expect(await waiting).toBe(1)
  expect(batches.at(-1)).toEqual([['locked', 1]])
})
