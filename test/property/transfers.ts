import fc from 'fast-check'
import type { Operation } from './operations.js'

/** Transfers to other buyers, and back. */
export function transfers(
  places: fc.Arbitrary<number>,
  buyers: fc.Arbitrary<string>,
): fc.Arbitrary<Operation> {
  const from = fc.option(buyers, { nil: null, freq: 2 })
  return fc.tuple(places, buyers, from).map(([place, to, sender]) => {
    return { do: 'transfer', id: `#${place}`, to, from: sender }
  })
}
