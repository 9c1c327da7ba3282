import { parse } from 'luaparse'
import { describe, expect, test } from 'vitest'
import { commandsWith } from '../../../src/redis-engine/commands.js'
import { SERVER_TIME } from '../../../src/redis-engine/script.js'

const { library, ...ports } = commandsWith(SERVER_TIME)
/** What Redis gives a function. */
const GIVEN = [
  ...['redis', 'cmsgpack', 'math', 'string', 'table'],
  ...['ipairs', 'next', 'pairs', 'tonumber', 'tostring', 'type', 'unpack'],
]
/** A function of Lua 5.1 has room for so many locals at once. */
const MOST_LOCALS = 200

describe('the library of functions', () => {
  const lua = library.text.replace(/^#!.*/, '')

  test('has each command, each with the name of its script', () => {
    const names = Object.values(ports).flatMap((scripts) => Object.values(scripts).map(({ name }) => name))
    const registered = [...lua.matchAll(/function_name = '(\w+)'/g)].map(([, name]) => name)
    const all = ['last_use', 'clock', ...names]
    expect(registered.toSorted()).toEqual(all.map((name) => `${library.name}_${name}`).toSorted())
  })

  test('names no variable that it does not declare', () => {
    const { globals } = parse(lua, { luaVersion: '5.1', scope: true }) as unknown as {
      globals: readonly { readonly name: string }[]
    }
    expect(globals.map(({ name }) => name).filter((name) => !GIVEN.includes(name))).toEqual([])
  })

  test('leaves room for more locals in each command', () => {
    const counted = (text: string) => {
      const [first] = /^local (?!function).*/m.exec(text)!
      return first.split(',').length + [...text.matchAll(/^local function/gm)].length
    }
    for (const group of lua.split('\ndo\nlocal shared_functions = {}\n').slice(1)) {
      const [shared, ...commands] = group.split('\ndo\n')
      for (const command of commands)
        expect(1 + counted(shared!) + counted(command)).toBeLessThan(MOST_LOCALS - 10)
    }
  })

  test('has a function that commands of a port share once', () => {
    expect([...lua.matchAll(/function (shared_functions\.)?move_cart\b/g)]).toHaveLength(1)
  })

  test('has a name that depends on its text', () => {
    const other = commandsWith("{ '1', '0' }").library
    expect(other.name).not.toBe(library.name)
    expect(library.name).toMatch(/^stockhold_[0-9a-f]{20}$/)
  })
})
