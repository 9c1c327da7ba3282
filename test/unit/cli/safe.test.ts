import { expect, test } from 'vitest'
import { safe, safeJson } from '../../../src/cli/terminal/safe.js'

/** Every character that a terminal carries out, or that changes how the line around it is read. */
const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\p{Surrogate}]/u

test('of all characters, none that a terminal carries out is left', () => {
  for (let code = 0; code <= 0x10ffff; code++) {
    const character = String.fromCodePoint(code)
    if (!UNSAFE.test(character)) continue
    expect(safe(`a${character}b`)).toBe(`a\\u${code.toString(16).padStart(4, '0')}b`)
  }
  expect(safe('a\u007f\u200bb')).toBe('a\\u007f\\u200bb')
})

test('letters of every script, emoji and their joiners stay', () => {
  for (const text of ['芒果 🥭', '👩‍👩‍👧', 'é é', 'السعر', 'a b']) expect(safe(text)).toBe(text)
})

test('JSON means the same, and is safe', () => {
  const value = { '\u009b2J': ['\u001b[31m', '\u202e', '\u2028', '\u007f', '芒果'] }
  const json = safeJson(value)
  expect(JSON.parse(json)).toEqual(value)
  expect(json).not.toMatch(UNSAFE)
})
