import { expect, test } from 'vitest'
import { withDeadline } from '../../../src/batching/shared-wait.js'
import { listeners, settled, TestClock } from '../../support/test-clock.js'

function opened() {
  const clock = new TestClock(1_000)
  const abort = new AbortController()
  let settle!: { resolve: (value: string) => void; reject: (error: unknown) => void }
  const promise = new Promise<string>((resolve, reject) => {
    settle = { resolve, reject }
  })
  const heard: unknown[] = []
  const wait = (deadline: number) => {
    const call = withDeadline(promise, { deadline, signal: abort.signal }, clock, () => 'too late')
    call.then(
      (value) => heard.push(value),
      (error) => heard.push(['failed', error]),
    )
  }
  const clean = () => [clock.timers, listeners(abort.signal)]
  return { clock, abort, heard, wait, clean, ...settle }
}

test.each(['resolves', 'rejects'])('as the promise %s, and nothing is left behind', async (how) => {
  const { heard, wait, clean, resolve, reject } = opened()
  wait(1_100)
  expect(clean()).toEqual([1, 1])
  if (how === 'resolves') resolve('done')
  else reject('no')
  await settled()
  expect(heard).toEqual(how === 'resolves' ? ['done'] : [['failed', 'no']])
  expect(clean()).toEqual([0, 0])
})

test('too late with the deadline, rounded up to a ms', async () => {
  const { clock, heard, wait, clean, resolve } = opened()
  wait(1_099.5)
  await clock.advance(99)
  expect(heard).toEqual([])
  await clock.advance(1)
  expect(heard).toEqual([['failed', 'too late']])
  expect(clean()).toEqual([0, 0])
  resolve('done')
  await settled()
  expect(heard).toHaveLength(1)
})

test.each([
  [999, true],
  [1_000, true],
  [1_001, false],
])('a deadline at %i, at 1,000: too late at once: %s', async (deadline, late) => {
  const { heard, wait, clean } = opened()
  wait(deadline)
  await settled()
  expect(heard).toEqual(late ? [['failed', 'too late']] : [])
  expect(clean()).toEqual(late ? [0, 0] : [1, 1])
})

test('as the signal says, before and while it waits', async () => {
  const { abort, heard, wait, clean } = opened()
  wait(1_100)
  abort.abort('enough')
  await settled()
  expect(heard).toEqual([['failed', 'enough']])
  expect(clean()).toEqual([0, 0])
  wait(900)
  await settled()
  expect(heard[1]).toEqual(['failed', 'enough'])
  expect(clean()).toEqual([0, 0])
})

test('a promise that fails after the wait has ended, or before it begins, ends no process', async () => {
  const { abort, heard, wait, reject } = opened()
  wait(1_100)
  abort.abort('gone')
  reject(new Error('away'))
  await settled()
  wait(1_100)
  await settled()
  expect(heard).toEqual([
    ['failed', 'gone'],
    ['failed', 'gone'],
  ])
})

test('without an end of its own a wait sets no timer, and ends by its signal', async () => {
  const { abort, heard, wait, clean } = opened()
  wait(Number.POSITIVE_INFINITY)
  expect(clean()).toEqual([0, 1])
  abort.abort('gone')
  await settled()
  expect(heard).toEqual([['failed', 'gone']])
  expect(clean()).toEqual([0, 0])
})

test('a promise that has failed before a wait that is too late ends no process', async () => {
  const { heard, wait, reject } = opened()
  reject(new Error('away'))
  wait(900)
  await settled()
  expect(heard).toEqual([['failed', 'too late']])
})
