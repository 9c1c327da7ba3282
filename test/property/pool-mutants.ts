import type { Mutant } from './mutant.js'

/** Bugs of limits over several SKUs, and of the rules of single SKUs. */
export const poolMutants: readonly Mutant[] = [
  {
    name: 'a SKU ends a moment late',
    alterations: [{ find: 'closes >= 0 and now >= closes', replace: 'closes >= 0 and now > closes' }],
    breaks: ['answer'],
  },
  {
    name: 'a SKU is sold before its time',
    alterations: [{ find: 'if opens and now < opens then', replace: 'if false then' }],
    breaks: ['answer'],
  },
  {
    name: 'a limit over several SKUs counts each by itself',
    alterations: [
      { find: 'wanted[index] = (wanted[index] or 0) + quantity', replace: 'wanted[index] = quantity' },
    ],
    breaks: ['answer'],
  },
  {
    name: 'a limit over several SKUs counts only those that are asked for',
    alterations: [
      { find: 'sums[index] = (sums[index] or 0) + units[sku] end', replace: 'sums[index] = units[sku] end' },
    ],
    breaks: ['answer'],
  },
]
