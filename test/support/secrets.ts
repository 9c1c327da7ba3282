import { inspect } from 'node:util'
import { expect } from 'vitest'
import { StockholdError, type StockholdErrorCode } from '../../src/index.js'

/** Strings that stand in requests and URLs, and that no error may show. */
export const SECRETS = ['hush-buyer', 'hush-key', 'hush-payment', 'hush-password', 'hush-user'] as const
export const [BUYER, KEY, PAYMENT, PASSWORD, USER] = SECRETS

/** What every script has in it. */
const SCRIPT = /redis\.call|cmsgpack|local function|#!lua/

/** Codes of what may pass by itself, unless its cause does not. */
const RETRYABLE: readonly StockholdErrorCode[] = ['UNAVAILABLE', 'UNKNOWN_OUTCOME', 'OVERLOADED']

/**
 * The error a call must end with; whatever way it is printed, it gives nothing away.
 *
 * @param retryable As the code says, unless given.
 */
export async function faultOf(
  call: Promise<unknown>,
  code: StockholdErrorCode,
  retryable = RETRYABLE.includes(code),
): Promise<StockholdError> {
  const error = await call.then(
    (value) => expect.fail(`resolved with ${inspect(value)}`),
    (reason: unknown) => reason,
  )
  if (!(error instanceof StockholdError)) throw error
  expect(error.code, inspect(error)).toBe(code)
  expect(error.retryable, inspect(error)).toBe(retryable)
  if (code === 'UNAVAILABLE') expect(error.cause, inspect(error)).toBeInstanceOf(Error)
  discreet(error)
  return error
}

function discreet(error: Error): void {
  const shown = [inspect(error, { depth: 10, showHidden: true }), JSON.stringify(error)]
  for (let one: unknown = error; one instanceof Error; one = one.cause)
    shown.push(one.message, String(one), one.stack ?? '', JSON.stringify(one))
  const text = shown.join('\n')
  for (const secret of SECRETS) expect(text).not.toContain(secret)
  expect(text).not.toMatch(SCRIPT)
}
