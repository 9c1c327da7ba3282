import fc from 'fast-check'
import type { Item } from '../../src/index.js'
import type { Operation } from './operations.js'

/** Refunds of an order, with a key or without one, and of parts of it. */
export function refunds(
  places: fc.Arbitrary<number>,
  carts: fc.Arbitrary<readonly Item[]>,
): fc.Arbitrary<Operation> {
  const key = fc.constantFrom('f1', 'f1', 'f2')
  const named = fc.oneof(
    { arbitrary: fc.constant({}), weight: 2 },
    { arbitrary: fc.record({ key }), weight: 1 },
    { arbitrary: fc.record({ key, items: carts }), weight: 5 },
  )
  return fc
    .tuple(places, fc.boolean(), named)
    .map(([place, restock, rest]) => ({ do: 'refund', id: `#${place}`, restock, ...rest }))
}
