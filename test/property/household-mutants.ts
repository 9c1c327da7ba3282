import type { Mutant } from './mutant.js'

/** Bugs of the limits of households. */
export const householdMutants: readonly Mutant[] = [
  {
    name: 'a household has no limit',
    alterations: [
      {
        find: "household == '' and BUYER or HOUSEHOLD, HOUSEHOLD - BUYER",
        replace: 'BUYER, HOUSEHOLD - BUYER',
      },
    ],
    breaks: ['answer'],
  },
  {
    name: 'the limit of a household is off by one',
    alterations: [
      {
        find: 'limit = lines_of(counts(sku)[OWN])[4 + bypass_freeze] or -1',
        replace: 'limit = (lines_of(counts(sku)[OWN])[4] or -2) + 1',
      },
    ],
    breaks: ['answer'],
  },
  {
    name: 'a household has the limit of a buyer over several SKUs',
    alterations: [
      { find: 'shared[(whose == BUYER and 1 or 4) + bypass_freeze]', replace: 'shared[1 + bypass_freeze]' },
    ],
    breaks: ['answer'],
  },
  {
    name: 'a buyer changes to another household',
    alterations: [{ find: "if known or household == '' then", replace: "if household == '' then" }],
    breaks: ['answer', 'events', 'difference'],
  },
  {
    name: 'a late payment ignores the household',
    alterations: [
      {
        find: 'limit_exceeded(lines, bucket, record[BUYER], record[HOUSEHOLD])',
        replace: "limit_exceeded(lines, bucket, record[BUYER], '')",
      },
    ],
    breaks: ['answer'],
  },
  {
    name: 'an amend ignores the household',
    alterations: [
      {
        find: 'limit_exceeded(lines, bucket, record[BUYER], record[HOUSEHOLD], own)',
        replace: "limit_exceeded(lines, bucket, record[BUYER], '', own)",
      },
    ],
    breaks: ['answer'],
  },
  {
    name: 'a payment forgets the household',
    alterations: [
      { find: 'owner, key, items, first, household)\n', replace: "owner, key, items, first, '')\n" },
    ],
    breaks: ['answer'],
  },
]
