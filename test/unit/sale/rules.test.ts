import { expect, test } from 'vitest'
import { label } from '../../../src/sale/labels.js'
import { nameRules, normalizeRules } from '../../../src/sale/rules.js'

const invalid = (argument: string) =>
  expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(argument) })
const skus = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`sku ${i}`, 1]))

test('a sale has 1 to 10,000 SKUs', () => {
  expect(normalizeRules({ stock: skus(1) }).skus).toHaveLength(1)
  expect(normalizeRules({ stock: skus(10_000) }).skus).toHaveLength(10_000)
  expect(() => normalizeRules({ stock: skus(10_001) })).toThrow(invalid('at most 10000 SKUs'))
  expect(() => normalizeRules({ stock: {} })).toThrow(invalid('at least one SKU'))
})

test('a sale has 1 to 1,024 partitions', () => {
  const of = (partitions: number) => normalizeRules({ stock: { a: 1 }, partitions }).partitions
  expect([of(1), of(1_024)]).toEqual([1, 1_024])
  for (const wrong of [0, 1_025]) expect(() => of(wrong)).toThrow(invalid('partitions'))
})

test('what is left out is ten minutes of hold, an hour with extensions, at once and for ever, in one partition', () => {
  const rules = { holdMs: 600_000, maxHoldMs: 3_600_000, opensAt: null, closesAt: null, partitions: 1 }
  expect(normalizeRules({ stock: { a: 1 } })).toEqual({
    ...rules,
    skus: [{ sku: 'a', stock: 1, limit: null }],
  })
})

test('times of holds are at least a ms, and `maxHoldMs` is no less than `holdMs`', () => {
  const of = (holdMs: number, maxHoldMs?: number) => {
    const rules = normalizeRules({ stock: { a: 1 }, holdMs, maxHoldMs })
    return [rules.holdMs, rules.maxHoldMs]
  }
  expect([of(1), of(1, 1), of(3_600_000), of(3_600_001)]).toEqual([
    [1, 3_600_000],
    [1, 1],
    [3_600_000, 3_600_000],
    [3_600_001, 3_600_001],
  ])
  for (const [holdMs, maxHoldMs] of [
    [0, 1],
    [1, 0],
    [2, 1],
  ] as const)
    expect(() => of(holdMs, maxHoldMs)).toThrow(invalid('oldMs'))
})

test('a sale closes after it opens', () => {
  const of = (opensAt: number, closesAt: number) => normalizeRules({ stock: { a: 1 }, opensAt, closesAt })
  const at = Date.UTC(2026, 0, 1)
  expect(of(at, at + 1)).toMatchObject({ opensAt: at, closesAt: at + 1 })
  for (const closesAt of [at - 1, at]) expect(() => of(at, closesAt)).toThrow(invalid('closesAt'))
})

test('SKUs are in the order of their names, each with its units and its limit', () => {
  const stock = { c: 0, a: 1_000_000_000, b: 7 }
  const of = (limitPerBuyer: never) => normalizeRules({ stock, limitPerBuyer }).skus
  expect(of(2 as never)).toEqual([
    { sku: 'a', stock: 1_000_000_000, limit: 2 },
    { sku: 'b', stock: 7, limit: 2 },
    { sku: 'c', stock: 0, limit: 2 },
  ])
  expect(of({ c: 1, a: 1_000_000_000 } as never).map(({ limit }) => limit)).toEqual([1_000_000_000, null, 1])
  for (const wrong of [0, 1_000_000_001, { a: 0 }, { a: 1_000_000_001 }, { d: 1 }])
    expect(() => of(wrong as never)).toThrow(invalid('limitPerBuyer'))
  for (const units of [-1, 1_000_000_001])
    expect(() => normalizeRules({ stock: { a: units } })).toThrow(invalid('stock["a"]'))
})

test('rules are told by the names they were given by, and a name from outside is cut short', () => {
  const rules = normalizeRules({ stock: { a: 1, b: 2 }, limitPerBuyer: { b: 3 }, partitions: 4 })
  expect([...nameRules(rules)].slice(2)).toEqual([
    ['holdMs', 600_000],
    ['maxHoldMs', 3_600_000],
    ['partitions', 4],
    ['retainMs', null],
    ['stock["a"]', 1],
    ['stock["b"]', 2],
    ['limitPerBuyer["a"]', null],
    ['limitPerBuyer["b"]', 3],
    ['limitPerHousehold["a"]', null],
    ['limitPerHousehold["b"]', null],
  ])
  const [one, two] = [`${'x'.repeat(60)} size 36`, `${'x'.repeat(60)} size 37`]
  const alike = nameRules(normalizeRules({ stock: { [one]: 5, [two]: 6 } }))
  expect([...alike.values()].slice(6)).toEqual([5, 6, null, null, null, null])
  expect(label('short "one"')).toBe('"short \\"one\\""')
  expect(label('x'.repeat(256))).toMatch(/^"x{20,60}…"$/)
})
