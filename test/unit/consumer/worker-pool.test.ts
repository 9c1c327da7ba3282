import { expect, test } from 'vitest'
import type { Delivery } from '../../../src/consumer/delivery.js'
import { WorkerPool } from '../../../src/consumer/worker-pool.js'
import { settled } from '../../support/test-clock.js'

/** A crew whose handlers end when the test says so. */
function crewOf(concurrency: number) {
  const begun: number[] = []
  const ended: string[] = []
  const ends = new Map<number, { resolve: () => void; reject: (error: unknown) => void }>()
  let willing = true
  const owner = {
    begins: () => willing,
    done: ({ event }: Delivery) => ended.push(`done ${event.sequence}`),
    failed: ({ event }: Delivery) => void ended.push(`failed ${event.sequence}`),
  }
  const crew = new WorkerPool(concurrency, ({ event }) => {
    begun.push(event.sequence)
    return new Promise<void>((resolve, reject) => ends.set(event.sequence, { resolve, reject }))
  })
  const delivery = (sequence: number, state = 'ready') =>
    ({ event: { sequence }, state, backlog: { owner } }) as unknown as Delivery
  const end = async (sequence: number, error?: unknown) => {
    const { resolve, reject } = ends.get(sequence)!
    if (error === undefined) resolve()
    else reject(error)
    await settled()
  }
  const refuse = (now: boolean) => {
    willing = !now
  }
  return { crew, begun, ended, delivery, end, refuse }
}

test('so many events at a time, in the order in which they were offered', async () => {
  const { crew, begun, ended, delivery, end } = crewOf(2)
  for (const sequence of [1, 2, 3, 4]) crew.offer(delivery(sequence))
  await settled()
  expect(begun).toEqual([1, 2])
  await end(2)
  expect(begun).toEqual([1, 2, 3])
  await end(1, new Error('no'))
  expect([begun, ended]).toEqual([
    [1, 2, 3, 4],
    ['done 2', 'failed 1'],
  ])
  // Hands that have found nothing more to do are free again.
  await end(3)
  await end(4)
  for (const sequence of [5, 6, 7]) crew.offer(delivery(sequence))
  await settled()
  expect(begun.slice(4)).toEqual([5, 6])
})

test('what waited for another goes before what came after it, each in its place', async () => {
  const { crew, begun, delivery, end } = crewOf(1)
  for (const sequence of [1, 6, 9]) crew.offer(delivery(sequence))
  await settled()
  for (const sequence of [8, 3, 7, 5]) crew.offerLate(delivery(sequence))
  for (const sequence of [1, 3, 5, 6, 7, 8]) await end(sequence)
  expect(begun).toEqual([1, 3, 5, 6, 7, 8, 9])
})

test('what is late, with nothing else to do, is begun at once', async () => {
  const { crew, begun, delivery } = crewOf(1)
  crew.offerLate(delivery(3))
  await settled()
  expect(begun).toEqual([3])
})

test('what is not ready any more, or may not begin, is passed over', async () => {
  const { crew, begun, delivery, end, refuse } = crewOf(1)
  crew.offer(delivery(1))
  await settled()
  crew.offer(delivery(2, 'dropped'))
  crew.offer(delivery(3))
  await end(1)
  expect(begun).toEqual([1, 3])
  refuse(true)
  crew.offer(delivery(4))
  await end(3)
  refuse(false)
  crew.offer(delivery(5))
  await settled()
  expect(begun).toEqual([1, 3, 5])
})

test('a handler that answers at once, or throws at once, ends at once', async () => {
  const ended: string[] = []
  const owner = {
    begins: () => true,
    done: ({ event }: Delivery) => ended.push(`done ${event.sequence}`),
    failed: ({ event }: Delivery, error: Error) =>
      void ended.push(`failed ${event.sequence}: ${error.message}`),
  }
  const crew = new WorkerPool(1, ({ event }) => {
    if (event.sequence === 2) throw new Error('no')
  })
  for (const sequence of [1, 2, 3])
    crew.offer({ event: { sequence }, state: 'ready', backlog: { owner } } as unknown as Delivery)
  await settled()
  expect(ended).toEqual(['done 1', 'failed 2: no', 'done 3'])
})
