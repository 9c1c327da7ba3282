import fc from 'fast-check'
import { expect, test } from 'vitest'
import { splitStock } from '../../../../src/engine/stock-split.js'
import { seeded } from '../../../support/seeds.js'

test('partitions begin with all units, differ by one at most, and the odd units of SKUs begin at different partitions', () => {
  fc.assert(
    fc.property(fc.nat(200), fc.nat(40), fc.integer({ min: 1, max: 16 }), (units, sku, partitions) => {
      const slices = [...Array(partitions).keys()].map((partition) =>
        splitStock(units, sku, partition, partitions),
      )
      expect(slices.reduce((a, b) => a + b)).toBe(units)
      expect(Math.max(...slices) - Math.min(...slices)).toBeLessThanOrEqual(1)
      // The odd ones are in a row, from the partition on that has the SKU's number.
      const odd = units % partitions
      for (let i = 0; i < partitions; i++)
        expect(slices[(sku + i) % partitions]! - Math.floor(units / partitions)).toBe(i < odd ? 1 : 0)
    }),
    seeded(200),
  )
})
