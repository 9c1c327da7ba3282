import { expect, test } from 'vitest'
import { type DueOrder, decide } from '../../../src/postgres/orders/payout-rules.js'

const units = (some: Record<string, number>) => new Map(Object.entries(some))

function order(rest: Partial<DueOrder> = {}): DueOrder {
  const fixed = { sale: 's', id: 'r', isConfirmed: true, units: units({ a: 3, b: 1 }), paidOut: null }
  return { ...fixed, delivered: units({ a: 3, b: 1 }), ...rest }
}

type Found = readonly [type: string, units: Record<string, number>] | undefined

test.each<[string, Partial<DueOrder>, Found, Record<string, number> | null]>([
  ['received in full', {}, ['order', { a: 3, b: 1 }], { a: 3, b: 1 }],
  ['received in part', { delivered: units({ a: 3 }) }, undefined, null],
  ['received less of a SKU', { delivered: units({ a: 2, b: 1 }) }, undefined, null],
  [
    'all that was not refunded',
    { units: units({ a: 2 }), delivered: units({ a: 3 }) },
    ['order', { a: 2 }],
    { a: 2 },
  ],
  ['refunded', { isConfirmed: false }, undefined, null],
  ['paid out, and unchanged', { paidOut: units({ a: 3, b: 1 }) }, undefined, { a: 3, b: 1 }],
  [
    'refunded after the payout',
    { isConfirmed: false, paidOut: units({ a: 3, b: 1 }) },
    ['refunded', { a: 3, b: 1 }],
    {},
  ],
  [
    'refunded in part after it',
    { units: units({ a: 1 }), paidOut: units({ a: 3, b: 1 }) },
    ['refunded', { a: 2, b: 1 }],
    { a: 1 },
  ],
  ['deducted before', { isConfirmed: false, paidOut: units({}) }, undefined, {}],
  [
    'the last part, after a first was deducted',
    { isConfirmed: false, paidOut: units({ a: 1 }) },
    ['refunded', { a: 1 }],
    {},
  ],
  ['not refunded after all', { paidOut: units({ a: 1 }) }, undefined, { a: 1 }],
])('%s', (_, is, found, paidOut) => {
  const decided = decide(order(is))
  const line = decided.line && [decided.line.type, Object.fromEntries(decided.line.units)]
  expect(line).toEqual(found)
  expect(decided.paidOut && Object.fromEntries(decided.paidOut)).toEqual(paidOut)
  if (decided.line) expect([decided.line.sale, decided.line.id]).toEqual(['s', 'r'])
})
