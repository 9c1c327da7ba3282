import { inspect } from 'node:util'
import { Redis } from 'ioredis'
import { expect, onTestFinished } from 'vitest'
import { StockholdError } from '../../src/index.js'

export function named(error: unknown, argument: string): void {
  if (!(error instanceof StockholdError)) throw error
  expect(error.code).toBe('INVALID_ARGUMENT')
  expect(error.retryable).toBe(false)
  expect(error.message.slice(0, argument.length + 1)).toBe(`${argument} `)
  expect(error.message.length).toBeLessThan(300)
}

export function thrown(call: () => unknown, argument: string): unknown {
  let error: unknown = new Error('nothing was thrown')
  try {
    call()
  } catch (reason) {
    error = reason
  }
  named(error, argument)
  return error
}

export function lazyClient(): Redis {
  const client = new Redis({ lazyConnect: true })
  onTestFinished(() => client.disconnect())
  return client
}

const label = (value: unknown) =>
  typeof value === 'string' && value.length > 40 ? `${value.length} long` : inspect(value)
/** For `test.each`: what each value is called, and the value. */
export const labelled = (values: readonly unknown[]): [string, unknown][] =>
  values.map((value) => [label(value), value])
/** What is no whole number, though some of it looks like one. */
export const noNumber = [
  '',
  '1',
  '1e3',
  '0x10',
  ' 1',
  0.5,
  1.5,
  -0,
  NaN,
  Infinity,
  -Infinity,
  2 ** 53,
  1n,
  null,
  true,
  [],
  [1],
  {},
  Symbol('s'),
  () => 1,
  new Date(),
  new Number(1),
]
