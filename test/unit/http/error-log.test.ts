import { afterEach, expect, test, vi } from 'vitest'
import { errorLog, ReportLimit, WebhookRejected } from '../../../src/http/error-log.js'

afterEach(() => void vi.restoreAllMocks())

test('lets some reports of a minute pass, and counts those that it leaves out', () => {
  let now = 1
  const limit = new ReportLimit(2, () => now)
  expect([limit.pass(), limit.pass(), limit.pass(), limit.pass()]).toEqual([0, 0, undefined, undefined])
  now += 59_999
  expect(limit.pass()).toBe(undefined)
  now += 1
  expect([limit.pass(), limit.pass(), limit.pass()]).toEqual([3, 0, undefined])
  now += 600_000
  expect(limit.pass()).toBe(1)
})

test('without an `onError` the standard error stream gets 20 errors of a minute', () => {
  const written = vi.spyOn(console, 'error').mockImplementation(() => {})
  let now = 0
  vi.spyOn(performance, 'now').mockImplementation(() => now)
  const log = errorLog()
  const error = new Error('away')
  for (let i = 0; i < 1_000; i++) log(error)
  expect(written.mock.calls).toEqual(Array.from({ length: 20 }, () => ['stockhold:', error]))
  now = 60_000
  written.mockClear()
  log(error)
  expect(written.mock.calls).toEqual([
    ['stockhold: before the next error, 980 more were not written.'],
    ['stockhold:', error],
  ])
})

test('rejected webhooks and errors do not hide each other', () => {
  const written = vi.spyOn(console, 'error').mockImplementation(() => {})
  vi.spyOn(performance, 'now').mockImplementation(() => 0)
  const log = errorLog()
  const [error, rejected] = [new Error('away'), new WebhookRejected(new Error('forged'), 0)]
  for (let i = 0; i < 100; i++) log(rejected)
  written.mockClear()
  for (let i = 0; i < 100; i++) log(error)
  expect(written.mock.calls).toEqual(Array.from({ length: 20 }, () => ['stockhold:', error]))
  written.mockClear()
  log(rejected)
  expect(written.mock.calls).toEqual([['stockhold:', rejected.message]])
})

test('a rejected webhook is one line without a stack, whatever its sender has sent', () => {
  const written = vi.spyOn(console, 'error').mockImplementation(() => {})
  const cause = new SyntaxError(`Unexpected token: \u001b[2J\r\nstockhold: paid\u2028${'x'.repeat(10_000)}`)
  errorLog()(new WebhookRejected(cause, 7))
  expect(written.mock.calls).toHaveLength(1)
  const [, line] = written.mock.calls[0] as string[]
  expect(line).toMatch(
    /^A webhook was rejected: SyntaxError: Unexpected token: \ufffd\[2J\ufffd\ufffdstockhold: /,
  )
  expect(line).toMatch(/x Before it, 7 others were rejected and not reported\.$/)
  expect(line).not.toMatch(/[\p{Cc}\u2028]/u)
  expect(line!.length).toBeLessThan(500)
})
