import { describe, expect, test } from 'vitest'
import { assemble, type Concerns, scriptOf } from '../../../src/redis-engine/assemble.js'

const script = (text: string, concerns: Concerns) => scriptOf(assemble(text, concerns))
const lua = (...lines: string[]) => `${lines.join('\n')}\n`

describe('a script and what it includes', () => {
  const concerns = {
    units: lua('-- Units.', 'local units = 1', '', 'local function unused()', '  return units', 'end'),
    stock: lua('-- @include units', 'local function stock()', '  return units', 'end'),
    limits: lua('-- @include units, stock', 'local function limits()', '  return stock() + units', 'end'),
  }

  test('puts each concern in once, behind those that it includes itself', () => {
    const text = script(lua('-- @include limits, stock', 'return limits() + stock()'), concerns)
    expect(text.match(/^(local.*|return.*)$/gm)).toEqual([
      'local units = 1',
      'local function stock()',
      'local function limits()',
      'return limits() + stock()',
    ])
  })

  test('leaves out what the script does not reach', () => {
    const text = script(lua('-- @include limits', 'return units'), { ...concerns })
    expect(text.match(/^local.*$/gm)).toEqual(['local units = 1'])
    expect(text).toContain('-- Units.\nlocal units')
  })

  test('keeps statements that declare nothing, with all that they name', () => {
    const text = script(lua('-- @include guard', 'return 1'), {
      guard: lua('local function late()', '  return true', 'end', 'if late() then return 2 end'),
    })
    expect(text).toBe(
      'local function late()\n  return true\nend\nif late() then return 2 end\n-- @include guard\nreturn 1',
    )
  })

  test('does not take fields, methods, strings and comments for names', () => {
    const text = script(
      lua('-- @include units', 'return a.units, a:units(), \'units\', "units" -- units'),
      concerns,
    )
    expect(text).not.toMatch(/local/)
  })

  test('keeps a statement of several lines together', () => {
    const table = lua(
      'local kinds = {',
      '  a = 1,',
      '}',
      'if not (',
      '  kinds',
      ') then return 1 end',
      'return 2',
    )
    expect(script(table, {})).toBe(table.trimEnd())
  })

  test('declares several locals by one statement', () => {
    const text = script(lua('-- @include two', 'return b'), {
      two: 'local a, b = 1, 2\nlocal c,\n  d = 3, 4',
    })
    expect(text.match(/^local.*$/gm)).toEqual(['local a, b = 1, 2'])
  })
})

describe('what is needed rarely', () => {
  const concerns = {
    state: 'local changed = {}',
    sweeping: lua(
      '-- @include state',
      'local function due()',
      '  return changed',
      'end',
      'local function sweep()',
      '  return due()',
      'end',
    ),
  }

  test('is made by one function, at the place that asks for it', () => {
    const text = script(
      lua(
        '-- @include state, sweeping',
        'local first = changed',
        '-- @rarely sweep, due',
        'return first or rare()',
      ),
      concerns,
    )
    expect(text.replace(/^--.*\n/gm, '')).toBe(
      lua(
        'local changed = {}',
        'local first = changed',
        'local function rare()',
        'local function due()',
        '  return changed',
        'end',
        'local function sweep()',
        '  return due()',
        'end',
        'return sweep, due',
        'end',
        'return first or rare()',
      ).trimEnd(),
    )
  })

  test('is made in any case if the script reaches it by another way', () => {
    const text = script(lua('-- @include sweeping', '-- @rarely sweep', 'return due() or rare()'), concerns)
    expect(text.indexOf('local function due')).toBeLessThan(text.indexOf('local function rare'))
    expect(text.match(/local function due/g)).toHaveLength(1)
  })
})

describe('refuses', () => {
  test.each<[string, string, Record<string, string>, string]>([
    ['an unknown concern', '-- @include a', { a: '-- @include b\n' }, 'No concern is named b: a > b'],
    [
      'concerns that include each other',
      '-- @include a',
      { a: '-- @include b\n', b: '-- @include c\n', c: '-- @include a\n' },
      'Concerns include each other: a > b > c > a',
    ],
    [
      'a concern that includes itself',
      '-- @include a',
      { a: '-- @include a\n' },
      'Concerns include each other: a > a',
    ],
    [
      'a name that is declared twice',
      '-- @include a\nlocal x = 1',
      { a: 'local x = 2' },
      'x is declared twice',
    ],
  ])('%s', (_, text, concerns, message) => {
    expect(() => script(`${text}\nreturn 1\n`, concerns)).toThrow(message)
  })
})
