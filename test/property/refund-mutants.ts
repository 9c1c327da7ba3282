import { type Mutant, without } from './mutant.js'

/** Bugs of the refunds of parts of orders. */
export const refundMutants: readonly Mutant[] = [
  {
    name: 'a part that is sent again is refunded again',
    alterations: [without("if known then return known == value and 'P' or 'C' end")],
    breaks: ['answer', 'events'],
  },
  {
    name: 'the same key refunds other items',
    alterations: [{ find: "known == value and 'P' or 'C'", replace: "'P'" }],
    breaks: ['answer'],
  },
  {
    name: 'a part of more than is left is refunded as far as it goes',
    alterations: [without("if #more > 0 then return 'X' end")],
    breaks: ['answer'],
  },
  {
    name: 'a part that is not restocked leaves the total as it was',
    alterations: [without('if restock == 0 then move_cart(taken, TOTAL, nil) end')],
    breaks: ['conservation'],
  },
  {
    name: 'the last part leaves an order',
    alterations: [
      {
        find: 'change(record, bucket, in_archive, IS_REFUNDED, REFUNDED_BY_KEY',
        replace: 'change(record, bucket, in_archive, IS_CONFIRMED, REFUNDED_BY_KEY',
      },
    ],
    breaks: ['conservation', 'events', 'answer'],
  },
]
