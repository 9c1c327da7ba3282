import { type Mutant, without } from './mutant.js'

/** Bugs of units that return to another SKU. */
const returnMutants: readonly Mutant[] = [
  {
    name: 'units that come back stay where they were',
    alterations: [{ find: 'if target >= 0 and back > 0 and', replace: 'if false and' }],
    breaks: ['answer'],
  },
  {
    name: 'units that come back elsewhere still count for the total of their SKU',
    alterations: [without('move(sku, TOTAL, nil, back)')],
    breaks: ['conservation'],
  },
  {
    name: 'units that are added come back elsewhere',
    alterations: [{ find: '(from == HELD or from == CONFIRMED)', replace: 'true' }],
    breaks: ['answer'],
  },
  {
    name: 'no event tells that units came back elsewhere',
    alterations: [
      without(
        'groups[#groups + 1] = { REDIRECTED, back, sku * 16384 + target }\n      emitted = emitted + 1',
      ),
    ],
    breaks: ['events'],
  },
  {
    name: 'a late payment does not take where its units went',
    alterations: [{ find: 'or counts(from)[AVAILABLE]) or 0', replace: 'or 0) or 0' }],
    breaks: ['answer'],
  },
]

/** Bugs of limits over several SKUs, and of the rules of single SKUs. */
export const poolMutants: readonly Mutant[] = [
  ...returnMutants,
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
