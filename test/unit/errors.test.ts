import { expect, test } from 'vitest'
import { isGone, isLost, StockholdError, type StockholdErrorCode } from '../../src/errors.js'

const error = (code: StockholdErrorCode) => new StockholdError(code, 'told')
const others = [error('UNAVAILABLE'), error('INCOMPATIBLE_VERSION'), new Error('STATE_LOST'), undefined]

test('lost is what Redis has lost as a whole or in part, and not what was removed', () => {
  for (const code of ['STATE_LOST', 'ROLLBACK_DETECTED'] as const) expect(isLost(error(code))).toBe(true)
  for (const other of [...others, error('NOT_FOUND')]) expect(isLost(other)).toBe(false)
})

test('gone is what Redis does not have, and not what is older than it was', () => {
  for (const code of ['NOT_FOUND', 'STATE_LOST'] as const) expect(isGone(error(code))).toBe(true)
  for (const other of [...others, error('ROLLBACK_DETECTED')]) expect(isGone(other)).toBe(false)
})
