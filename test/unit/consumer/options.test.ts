import { afterAll, expect, onTestFinished, test } from 'vitest'
import { checkConsumeOptions } from '../../../src/consumer/options.js'
import { type ConsumeOptions, FlashSale, memoryEngine, StockholdError } from '../../../src/index.js'
import { follow } from '../../support/consumers.js'
import { named, thrown } from '../../support/invalid.js'

const sale = new FlashSale('launch', { engine: memoryEngine(), deadlineMs: 60_000 })
afterAll(() => sale.close())
const handler = () => {}

const wrong: [string, unknown][] = [
  ['options', undefined],
  ['options', null],
  ['options', []],
  ['group', {}],
  ['group', { group: '' }],
  ['group', { group: 7 }],
  ['group', { group: 'x'.repeat(257) }],
  ['name', { name: '' }],
  ['name', { name: 1 }],
  ['concurrency', { concurrency: 0 }],
  ['concurrency', { concurrency: 1.5 }],
  ['concurrency', { concurrency: Number.POSITIVE_INFINITY }],
  ['start', { start: 'end' }],
  ['start', { start: null }],
  ['leaseMs', { leaseMs: 99 }],
  ['leaseMs', { leaseMs: 3_600_001 }],
  ['maxAttempts', { maxAttempts: 0 }],
  ['retryDelayMs', { retryDelayMs: 0 }],
  ['maxRetryDelayMs', { maxRetryDelayMs: '1' }],
  ['maxParked', { maxParked: 10_001 }],
  ['maxStreamLength', { maxStreamLength: 999 }],
  ['pollMs', { pollMs: 0 }],
  ['onDeadLetter', { onDeadLetter: 1 }],
  ['onError', { onError: 'x' }],
  ['onWarning', { onWarning: {} }],
]

test.each(wrong)('%s: %o', (argument, options) => {
  const given =
    options !== null && typeof options === 'object' && !Array.isArray(options) && argument !== 'group'
      ? { group: 'g', ...options }
      : options
  thrown(() => sale.consume(given as ConsumeOptions, handler), argument)
})

const SPAN = 366 * 86_400_000

test.each([
  // The default, and the least and the most there may be.
  ['concurrency', 16, 1, 10_000],
  ['leaseMs', 10_000, 100, 3_600_000],
  ['maxAttempts', 10, 1, 1_000_000],
  ['retryDelayMs', 1_000, 1, SPAN],
  ['maxRetryDelayMs', 60_000, 1, SPAN],
  ['maxParked', 1_000, 1, 10_000],
  ['maxStreamLength', 1_000_000, 1_000, 1_000_000_000],
  ['pollMs', 1_000, 1, 3_600_000],
  ['handlerTimeoutMs', 300_000, 1, SPAN],
] as const)('%s: %i unless it is given, from %i to %i', (name, fallback, least, most) => {
  const settings = (value: number | undefined) =>
    checkConsumeOptions({
      group: 'g',
      retryDelayMs: 1,
      ...(name === 'retryDelayMs' && { retryDelayMs: undefined }),
      [name]: value,
    })
  expect(settings(undefined)[name]).toBe(fallback)
  for (const value of [least, most]) expect(settings(value)[name]).toBe(value)
  for (const value of [least - 1, most + 1]) thrown(() => settings(value), name)
})

test('no pause between attempts is longer than the longest', () => {
  expect(checkConsumeOptions({ group: 'g', retryDelayMs: 70_000 }).maxRetryDelayMs).toBe(70_000)
  expect(checkConsumeOptions({ group: 'g', retryDelayMs: 50, maxRetryDelayMs: 60 }).maxRetryDelayMs).toBe(60)
})

test('a handler must be a function', () => {
  thrown(() => sale.consume({ group: 'g' }, undefined as never), 'handler')
})

test('what a consumer is asked is checked, too', async () => {
  await sale.create({ stock: { a: 1 } })
  const consumer = follow(sale, {})
  thrown(() => consumer.close(1 as never), 'options')
  thrown(() => consumer.close({ timeoutMs: -1 }), 'timeoutMs')
  const refused = async (call: Promise<unknown>, argument: string) =>
    named(
      await call.then(
        () => undefined,
        (error: unknown) => error,
      ),
      argument,
    )
  await refused(consumer.replay('some' as never), 'ids')
  await refused(consumer.discard(['x']), 'ids[0]')
  await refused(consumer.replay(['0-1-1', 7 as never]), 'ids[1]')
  await refused(sale.removeConsumerGroup(''), 'group')
  await consumer.close()
})

test('callbacks that throw do no harm', async () => {
  const engine = memoryEngine()
  const shop = new FlashSale('launch', { engine, deadlineMs: 60_000 })
  onTestFinished(() => shop.close())
  const fail = () => {
    throw new Error('careless')
  }
  const reported: unknown[] = []
  const onError = (error: unknown) => {
    reported.push(error)
    throw error
  }
  const seen: string[] = []
  const consumer = follow(
    shop,
    { onError, onDeadLetter: fail, onWarning: fail, maxAttempts: 1, maxParked: 1 },
    ({ type }) => {
      seen.push(type)
      throw new Error('no')
    },
  )
  await expect.poll(() => reported.length).toBeGreaterThan(0)
  expect(reported[0]).toBeInstanceOf(StockholdError)
  await shop.create({ stock: { a: 5 } })
  await shop.pause()
  await expect.poll(async () => (await consumer.stats()).dead).toBe(1)
  expect(reported.at(-1)).toMatchObject({ message: 'careless' })
  expect(await consumer.discard('all')).toBe(1)
  await shop.resume()
  await expect.poll(() => seen).toEqual(['paused', 'resumed'])
})
