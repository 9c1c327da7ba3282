import { expect, test } from 'vitest'
import { CallbackTimeouts } from '../../../src/consumer/callback-timeouts.js'
import { settled, TestClock } from '../../support/test-clock.js'

const LIMIT = 1_000

function opened(limitMs = LIMIT) {
  const clock = new TestClock(5_000)
  const timeouts = new CallbackTimeouts(clock, limitMs)
  const late: string[] = []
  /** A callback that the test ends. */
  const call = (name: string) => {
    const ends = { resolve: (_: string) => {}, reject: (_: unknown) => {} }
    const outcome = { is: undefined as unknown, at: 0 }
    const result = new Promise<string>((resolve, reject) => Object.assign(ends, { resolve, reject }))
    const note = (is: unknown) => Object.assign(outcome, { is, at: clock.now() - 5_000 })
    timeouts.limit(result, name, () => late.push(name)).then(note, note)
    return { ...ends, outcome }
  }
  return { clock, timeouts, late, call }
}

test('what a callback comes to within its time is told, and no more is heard of that time', async () => {
  const { clock, late, call } = opened()
  const [one, other] = [call('one'), call('other')]
  const failure = new Error('no')
  one.resolve('done')
  other.reject(failure)
  await settled()
  expect([one.outcome.is, other.outcome.is]).toEqual(['done', failure])
  await clock.advance(10 * LIMIT)
  expect([late, clock.timers]).toEqual([[], 0])
})

test('one that takes longer has failed when its time is over, to the ms, and once', async () => {
  const { clock, late, call } = opened()
  const { outcome, resolve } = call('the handler')
  await clock.advance(LIMIT - 1)
  expect([outcome.is, late]).toEqual([undefined, []])
  await clock.advance(1)
  expect(outcome).toEqual({
    is: new Error('the handler did not settle within 1000 ms (handlerTimeoutMs)'),
    at: LIMIT,
  })
  resolve('too late')
  await clock.advance(10 * LIMIT)
  expect(late).toEqual(['the handler'])
})

test('each has its own time, by one timer for all that keeps no process alive', async () => {
  const { clock, late, call } = opened()
  const calls = [call('a')]
  await clock.advance(300)
  calls.push(call('b'), call('c'))
  await clock.advance(300)
  calls.push(call('d'))
  expect([clock.timers, clock.keptAliveBy]).toEqual([1, 0])
  calls[1]!.resolve('done')
  await clock.advance(400)
  expect([late, clock.timers, clock.keptAliveBy]).toEqual([['a'], 1, 0])
  await clock.advance(299)
  expect(late).toEqual(['a'])
  await clock.advance(1)
  expect(late).toEqual(['a', 'c'])
  await clock.advance(300)
  expect(late).toEqual(['a', 'c', 'd'])
  expect(calls.map(({ outcome }) => outcome.at)).toEqual([1_000, 600, 1_300, 1_600])
  expect(clock.timers).toBe(0)
})

test('after a time without any the next one has a timer again', async () => {
  const { clock, late, call } = opened()
  call('a').resolve('done')
  await clock.advance(2 * LIMIT)
  expect(clock.timers).toBe(0)
  call('b')
  await clock.advance(LIMIT)
  expect(late).toEqual(['b'])
})

test('times of less than a ms, or of a fraction, are waited for', async () => {
  const { clock, late, call } = opened(0.25)
  call('a')
  expect(clock.due).toEqual([1])
  await clock.advance(1)
  expect(late).toEqual(['a'])
})

test('when it is stopped nothing is given up, and what comes later is limited again', async () => {
  const { clock, timeouts, late, call } = opened()
  call('a')
  timeouts.stop()
  expect(clock.timers).toBe(0)
  await clock.advance(500)
  call('b')
  await clock.advance(2 * LIMIT)
  expect(late).toEqual(['b'])
})
