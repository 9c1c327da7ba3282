import { inspect } from 'node:util'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { type Engine, FlashSale, memoryEngine, redisEngine, type SaleRules } from '../../../src/index.js'
import { labelled, lazyClient, named, noNumber, thrown } from '../../support/invalid.js'
import { watched } from '../../support/watched-engine.js'

const { engine, runs } = watched(memoryEngine())
const sale = new FlashSale('sale', { engine, deadlineMs: 60_000 })
afterAll(() => sale.close())

describe('the rules of a sale', () => {
  const at = Date.UTC(2026, 0, 1)
  test.each<[string, unknown, string]>([
    ['no stock', {}, 'stock'],
    ['an empty stock', { stock: {} }, 'stock'],
    ['stock as an array', { stock: [1, 2] }, 'stock'],
    [
      'a limit for a SKU that is not in stock',
      { stock: { a: 1 }, limitPerBuyer: { b: 1 } },
      'limitPerBuyer["b"]',
    ],
    ['limits as an array', { stock: { a: 1 }, limitPerBuyer: [1] }, 'limitPerBuyer'],
    [
      'a limit of __proto__',
      { stock: { a: 1 }, limitPerBuyer: JSON.parse('{"__proto__":1}') },
      'limitPerBuyer["__proto__"]',
    ],
    ['maxHoldMs below holdMs', { stock: { a: 1 }, holdMs: 10, maxHoldMs: 9 }, 'maxHoldMs'],
    ['a hold of more than a year', { stock: { a: 1 }, holdMs: 32_000_000_000 }, 'holdMs'],
    ['opensAt: an invalid Date', { stock: { a: 1 }, opensAt: new Date(NaN) }, 'opensAt'],
    ['closesAt: an invalid Date', { stock: { a: 1 }, closesAt: new Date(NaN) }, 'closesAt'],
    ['opensAt: a date as text', { stock: { a: 1 }, opensAt: '2026-01-01' }, 'opensAt'],
    ['opensAt: null', { stock: { a: 1 }, opensAt: null }, 'opensAt'],
    ['opensAt: before 1970', { stock: { a: 1 }, opensAt: -1 }, 'opensAt'],
    ['opensAt: microseconds', { stock: { a: 1 }, opensAt: at * 1_000 }, 'opensAt'],
    ['opensAt: seconds with a fraction', { stock: { a: 1 }, opensAt: 1_767_225_600.5 }, 'opensAt'],
    ['closesAt as opensAt', { stock: { a: 1 }, opensAt: at, closesAt: at }, 'closesAt'],
    ['closesAt before opensAt', { stock: { a: 1 }, opensAt: new Date(at), closesAt: at - 1 }, 'closesAt'],
    ['partitions: 0', { stock: { a: 1 }, partitions: 0 }, 'partitions'],
    ['partitions: 1025', { stock: { a: 1 }, partitions: 1_025 }, 'partitions'],
    ["partitions: '1'", { stock: { a: 1 }, partitions: '1' }, 'partitions'],
    ['partitions: null', { stock: { a: 1 }, partitions: null }, 'partitions'],
  ])('%s', async (_, rules, argument) => {
    const error = await sale.create(rules as SaleRules).then(
      () => expect.fail('created'),
      (reason: unknown) => reason,
    )
    named(error, argument)
    expect(runs()).toBe(0)
  })

  test('bounds that are just right', async () => {
    const edge = new FlashSale('edge', { engine, deadlineMs: 60_000 })
    onTestFinished(() => edge.close())
    const rules = {
      stock: { a: 1_000_000_000, b: 0 },
      limitPerBuyer: 1_000_000_000,
      holdMs: 366 * 86_400_000,
      opensAt: 978_307_200_000,
      closesAt: 253_402_300_799_999,
    }
    expect(await edge.create(rules)).toEqual({ created: true })
    const all = [{ sku: 'a', quantity: 1_000_000_000 }]
    expect(await edge.reserve({ buyer: 'u', items: all })).toMatchObject({ status: 'reserved' })
  })
})

describe('options of', () => {
  test('FlashSale', () => {
    for (const value of [...noNumber, 0, -1, 3_600_001])
      thrown(() => new FlashSale('s', { engine, deadlineMs: value as never }), 'deadlineMs')
    for (const value of [...noNumber, 0, -1])
      thrown(() => new FlashSale('s', { engine, maxInFlight: value as never }), 'maxInFlight')
    for (const deadlineMs of [1, 3_600_000]) new FlashSale('s', { engine, deadlineMs, maxInFlight: 1 })
    thrown(() => new FlashSale('s', {} as never), 'engine')
    thrown(() => new FlashSale('s', { engine: {} as Engine }), 'engine')
  })

  test('memoryEngine', () => {
    for (const now of [null, 1, '', {}, new Date()]) thrown(() => memoryEngine({ now: now as never }), 'now')
  })

  test.each(labelled([null, 1, 'x', []]))('an engine that are %s', (_, options) => {
    thrown(() => memoryEngine(options as never), 'options')
    const client = lazyClient()
    thrown(() => redisEngine(client, options as never), 'options')
  })

  test.each(labelled(['', 'x'.repeat(65), '\ud800', null, 1, {}, ['p'], Symbol('p')]))(
    'redisEngine: the prefix %s',
    (_, prefix) => {
      const client = lazyClient()
      thrown(() => redisEngine(client, { prefix: prefix as never }), 'prefix')
    },
  )

  test.each(labelled([null, undefined, 1, {}, [], '', 'localhost', '127.0.0.1:6379', 'http://x', 'redis:']))(
    'redisEngine: the client %s',
    (_, client) => void thrown(() => redisEngine(client as never), 'client'),
  )

  test('redisEngine: a URL that is none is refused without showing its password', () => {
    const error = thrown(() => redisEngine('redis://user:hush@host:port'), 'client')
    expect(inspect(error, { depth: 10 })).not.toContain('hush')
  })
})
