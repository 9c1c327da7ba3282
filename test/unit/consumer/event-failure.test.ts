import { expect, test } from 'vitest'
import { messageOf } from '../../../src/consumer/event-failure.js'

const BYTES = 1_024

test.each([
  [new Error('no answer'), 'no answer'],
  [new RangeError(''), 'RangeError'],
  ['a text', 'a text'],
  [undefined, 'undefined'],
  [{ toString: () => 'an object' }, 'an object'],
  [
    {
      toString() {
        throw new Error('not even that')
      },
    },
    'unknown',
  ],
  [Object.create(null), 'unknown'],
])('why a handler failed: %#', (error, message) => {
  expect(messageOf(error)).toBe(message)
})

test('a message of up to 1,024 bytes is kept as it is, a longer one is cut between two characters', () => {
  for (const length of [BYTES - 1, BYTES])
    expect(messageOf(new Error('m'.repeat(length)))).toHaveLength(length)
  for (const length of [BYTES + 1, 5 * BYTES])
    expect(messageOf(new Error('m'.repeat(length)))).toBe('m'.repeat(BYTES - 2))
  // Each character of four bytes; in front of them none to three of one byte.
  for (const before of ['', 'a', 'ab', 'abc']) {
    const message = messageOf(new Error(before + '😀'.repeat(BYTES)))
    expect(message.startsWith(before)).toBe(true)
    expect(message.isWellFormed()).toBe(true)
    expect(message).not.toContain('\uFFFD')
    const bytes = Buffer.byteLength(message)
    expect(bytes).toBeLessThanOrEqual(BYTES)
    expect(bytes).toBeGreaterThan(BYTES - 6)
  }
})

test('half a character becomes one that can be stored', () => {
  expect(messageOf(new Error('a\uD83D'))).toBe('a\uFFFD')
})
