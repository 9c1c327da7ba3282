import { type Mutant, without } from './mutant.js'

/** Bugs of stock counts, of what they leave owed, and of moves between SKUs. */
export const stockMutants: readonly Mutant[] = [
  {
    name: 'a debt takes nothing of what comes back',
    alterations: [{ find: 'math.min(row[AVAILABLE], math.abs(owed))', replace: '0' }],
    breaks: ['conservation', 'answer', 'events'],
  },
  {
    name: 'a debt takes more than is available',
    alterations: [{ find: 'math.min(row[AVAILABLE], math.abs(owed))', replace: 'math.abs(owed)' }],
    breaks: ['conservation', 'answer', 'events'],
  },
  {
    name: 'what a debt takes stays in the total',
    alterations: [
      {
        find: 'move(sku, AVAILABLE, nil, units)\n        move(sku, TOTAL, nil, units)',
        replace: 'move(sku, AVAILABLE, nil, units)',
      },
    ],
    breaks: ['conservation', 'answer', 'events'],
  },
  {
    name: 'a restock goes past the debt',
    alterations: [
      { find: 'move_cart({ sku, applied }, nil, AVAILABLE)', replace: 'move(sku, nil, AVAILABLE, applied)' },
    ],
    breaks: ['conservation', 'answer', 'events'],
  },
  {
    name: 'a move goes past the debt of its target',
    alterations: [
      { find: 'move_cart({ to, applied }, nil, AVAILABLE)', replace: 'move(to, nil, AVAILABLE, applied)' },
    ],
    breaks: ['conservation', 'answer', 'events'],
  },
  {
    name: 'a stock count forgets what is owed',
    alterations: [{ find: 'local target = row[TOTAL] - row[OWED]', replace: 'local target = row[TOTAL]' }],
    breaks: ['conservation', 'answer', 'events'],
  },
  {
    name: 'a stock count that finds more leaves the debt as it is',
    alterations: [{ find: 'math.max(0, difference - row[OWED])', replace: 'difference' }],
    breaks: ['conservation', 'answer', 'events'],
  },
  {
    name: 'a stock count takes units that are held',
    alterations: [{ find: 'math.max(difference, -row[AVAILABLE])', replace: 'difference' }],
    breaks: ['conservation', 'answer', 'events'],
  },
  {
    name: 'an older stock count replaces a newer one',
    alterations: [{ find: 'if last and at < last_at then', replace: 'if false then' }],
    breaks: ['answer'],
  },
  {
    name: 'a stock count of the same moment is too old',
    alterations: [{ find: 'if last and at < last_at then', replace: 'if last and at <= last_at then' }],
    breaks: ['answer'],
  },
  {
    name: 'a stock count that is sent again counts again',
    alterations: [{ find: 'local known = find_count(key)', replace: 'local known = nil' }],
    breaks: ['answer', 'conservation', 'events'],
  },
  {
    name: 'a stock count is not the newest of its SKU',
    alterations: [without("if not last or at >= last_at then remember('n' .. sku, at, key) end")],
    breaks: ['answer'],
  },
  {
    name: 'a move that is sent again moves again',
    alterations: [{ find: "local known = recall('m' .. key)", replace: 'local known = nil' }],
    breaks: ['answer', 'conservation', 'events'],
  },
  {
    name: 'a move takes what is not available',
    alterations: [
      { find: 'local applied = math.min(available, at_most)', replace: 'local applied = quantity' },
    ],
    breaks: ['answer', 'conservation', 'events'],
  },
  {
    name: 'a move leaves the total of the SKU as it was',
    alterations: [without('move(from, TOTAL, nil, applied)')],
    breaks: ['conservation', 'answer', 'events'],
  },
  {
    name: 'a move of the last unit writes no sold_out event',
    alterations: [without('if counts(from)[AVAILABLE] == 0 then emit(SOLD_OUT, NONE, from) end')],
    breaks: ['events'],
  },
]
