import { expect, test } from 'vitest'
import { processClock } from '../../../src/engine/clock.js'
import { withDeadline } from '../../../src/sale/rebalancing/with-deadline.js'

const tooLate = () => new Error('too late')
/** A turn of the event loop in which an unhandled rejection would be reported, and fail the run. */
const turn = () => new Promise((resolve) => setTimeout(resolve, 5))
const soon = () => performance.now() + 60_000

test('a promise that fails after its deadline has passed ends no process', async () => {
  const late = { deadline: performance.now() - 1 }
  const failing = Promise.reject(new Error('the server is away'))
  await expect(withDeadline(failing, late, processClock, tooLate)).rejects.toThrow('too late')
  await turn()
})

test('a promise that fails after the caller has aborted ends no process', async () => {
  const aborted = AbortSignal.abort(new Error('gone'))
  const failing = Promise.reject(new Error('the server is away'))
  const call = { deadline: soon(), signal: aborted }
  await expect(withDeadline(failing, call, processClock, tooLate)).rejects.toThrow('gone')
  const controller = new AbortController()
  let fail = (_: Error) => {}
  const later = new Promise<never>((_, reject) => {
    fail = reject
  })
  const result = withDeadline(later, { deadline: soon(), signal: controller.signal }, processClock, tooLate)
  controller.abort(new Error('gone'))
  await expect(result).rejects.toThrow('gone')
  fail(new Error('the server is away'))
  await turn()
})

test('answers what the promise answers, in time, and leaves no timer', async () => {
  const timers = new Set<object>()
  const timing = {
    ...processClock,
    after(ms: number, callback: () => void) {
      const timer = processClock.after(ms, callback)
      timers.add(timer)
      return {
        ...timer,
        cancel: () => {
          timers.delete(timer)
          timer.cancel()
        },
      }
    },
  }
  await expect(withDeadline(Promise.resolve(1), { deadline: soon() }, timing, tooLate)).resolves.toBe(1)
  await expect(
    withDeadline(Promise.reject(new Error('no')), { deadline: soon() }, timing, tooLate),
  ).rejects.toThrow('no')
  expect(timers.size).toBe(0)
})
