import { type Mutant, without } from './mutant.js'
import { poolMutants } from './pool-mutants.js'
import { refundMutants } from './refund-mutants.js'
import { stockMutants } from './stock-mutants.js'
import { transferMutants } from './transfer-mutants.js'

export const mutants: readonly Mutant[] = [
  ...poolMutants,
  ...refundMutants,
  ...transferMutants,
  ...stockMutants,
  {
    name: 'an idempotency key is ignored',
    alterations: [{ find: "record = key ~= '' and find_key(bucket, buyer, key)", replace: 'record = nil' }],
    breaks: ['answer'],
  },
  {
    name: 'a request that arrives twice is carried out twice',
    alterations: [
      {
        find: 'local record = find_now(bucket, nonce)\n  if record then',
        replace: 'local record\n  if record then',
      },
    ],
    breaks: ['conservation', 'events', 'answer'],
  },
  {
    name: 'the limit is off by one',
    alterations: [{ find: 'has + lines[i + 1] > limit', replace: 'has + lines[i + 1] > limit + 1' }],
    breaks: ['limit', 'answer'],
  },
  {
    name: 'the limit forgets confirmed units',
    alterations: [
      {
        find: 'if record[whose] == name and is_active(record[STATE]) then',
        replace: 'if record[whose] == name and record[STATE] == IS_HELD then',
      },
    ],
    breaks: ['limit', 'answer'],
  },
  {
    name: 'a hold never expires',
    alterations: [
      { find: 'if record[STATE] == IS_HELD and now >= expires_at(record) then', replace: 'if false then' },
    ],
    breaks: ['answer', 'promise'],
  },
  {
    name: 'an expired hold is given back twice',
    alterations: [
      {
        find: 'change(record, bucket, in_archive, IS_EXPIRED, EXPIRED_EVENT, NONE, HELD, AVAILABLE)',
        replace:
          'change(record, bucket, in_archive, IS_EXPIRED, EXPIRED_EVENT, NONE, HELD, AVAILABLE)\n    move_cart(lines_of(record[ITEMS]), HELD, AVAILABLE)',
      },
    ],
    breaks: ['conservation'],
  },
  {
    name: 'the stock is not checked',
    alterations: [
      {
        find: "sku, may_return = lacking(lines)\n  if sku == 'retry' then return 'T' end\n  if sku then\n    detail(sku)",
        replace: 'sku = nil\n  if sku then\n    detail(sku)',
      },
    ],
    breaks: ['conservation', 'oversell'],
  },
  {
    name: 'the stock was read in an earlier call',
    alterations: [{ find: 'read_fields(STOCK, wanted)', replace: "read_fields(STOCK .. ':read', wanted)" }],
    breaks: ['conservation', 'oversell', 'answer'],
    readsBefore: true,
  },
  {
    name: 'a second release gives the units back again',
    alterations: [
      {
        find: "answer_of[IS_RELEASED], answer_of[DUE_RELEASED] = 'P', 'P'",
        replace: "answer_of[DUE_RELEASED] = 'P'",
      },
    ],
    breaks: ['conservation'],
  },
  {
    name: 'of a cart only the first line is taken',
    alterations: [
      {
        find: 'move_cart(lines, AVAILABLE, HELD)',
        replace: 'move(lines[1], AVAILABLE, HELD, lines[2])',
      },
    ],
    breaks: ['conservation'],
  },
  {
    name: 'a release takes back what was paid for',
    alterations: [
      {
        find: "if answer then return answer end\n  if late then return 'T' end\n  change(record, bucket, in_archive, IS_RELEASED",
        replace:
          'if answer and record[STATE] ~= IS_CONFIRMED then return answer end\n  change(record, bucket, in_archive, IS_RELEASED',
      },
    ],
    breaks: ['promise', 'conservation', 'events'],
  },
  {
    name: 'a late confirm ignores that the sale has ended',
    alterations: [
      {
        find: 'if has_ended() and bypass_freeze == 0 then return refund_due',
        replace: 'if false then return refund_due',
      },
    ],
    breaks: ['answer'],
  },
  {
    name: 'a late confirm ignores the limit',
    alterations: [{ find: 'if exceeded then return refund_due', replace: 'if false then return refund_due' }],
    breaks: ['limit', 'answer'],
  },
  {
    name: 'a late confirm ignores the stock',
    alterations: [
      { find: 'if borrow(lines) then return refund_due', replace: 'if false then return refund_due' },
    ],
    breaks: ['conservation', 'oversell'],
  },
  {
    name: 'a refund that is not restocked leaves the total as it was',
    alterations: [without('if restock[i] == 0 then move_cart(lines_of(record[ITEMS]), TOTAL, nil) end')],
    breaks: ['conservation'],
  },
  {
    name: "a restock's key is ignored",
    alterations: [
      {
        find: "local known = recall('r' .. keys[i])",
        replace: 'local known',
      },
    ],
    breaks: ['answer'],
  },
  {
    name: 'a release writes no event',
    alterations: [
      {
        find: 'emit_many(event, argument, bucket, record[NONCE], record, subject)\n  if to == AVAILABLE then returns = returns + 1 end',
        replace:
          'if event ~= RELEASED_EVENT then emit_many(event, argument, bucket, record[NONCE], record, subject) end\n  if to == AVAILABLE then returns = returns + 1 end',
      },
    ],
    breaks: ['events', 'fault'],
  },
  {
    name: 'the last unit goes without a sold_out event',
    alterations: [{ find: 'if counts(lines[i])[AVAILABLE] == 0 then', replace: 'if false then' }],
    breaks: ['events'],
  },
  {
    name: 'sold_out is answered while expired holds are not swept',
    alterations: [
      { find: 'if not sweep_some() then', replace: 'more_expired = false\n    do' },
      { find: 'if is_due() then\n  with', replace: 'if false then\n  with' },
    ],
    breaks: ['answer'],
  },
  {
    name: 'a payment is confirmed after refund_due',
    alterations: [
      {
        find: 'local answer = answer_to[state]',
        replace:
          'local due = state == DUE_SOLD_OUT or state == DUE_LIMIT or state == DUE_ENDED\n  local answer = not due and answer_to[state]',
      },
      {
        find: '(answer_to[state] and paid_again or paid_late)',
        replace:
          '(answer_to[state] and not (state >= DUE_SOLD_OUT and state <= DUE_ENDED) and paid_again or paid_late)',
      },
    ],
    breaks: ['promise', 'events', 'answer'],
  },
  {
    name: 'any payment is taken for the own one',
    alterations: [
      {
        find: "if answer and (payment == '' or payment == record[PAYMENT]) then return answer end",
        replace: 'if answer then return answer end',
      },
    ],
    breaks: ['answer', 'promise'],
  },
  {
    name: 'a further payment is told anew each time',
    alterations: [{ find: 'if reason then return answer_to[tonumber(reason)] end', replace: '' }],
    breaks: ['events'],
  },
  {
    name: 'a further payment has no event',
    // The rest of the call is still stored.
    alterations: [
      {
        find: 'emit_many(REFUND_DUE_FURTHER, reason, bucket, record[NONCE], record, subject)',
        replace: 'set_back = true',
      },
    ],
    breaks: ['events', 'difference', 'answer'],
  },
  {
    name: 'a further payment where a refund is due is a duplicate',
    alterations: [{ find: 'was_due and state or DUPLICATE', replace: 'DUPLICATE' }],
    breaks: ['answer'],
  },
  {
    name: 'a payment whose id comes later is another one',
    alterations: [{ find: "if record[PAYMENT] == '' and final <= 1 then", replace: 'if false then' }],
    breaks: ['answer', 'promise'],
  },
  {
    name: 'a pause stops no buyer',
    alterations: [without(", P = 'Z'")],
    breaks: ['answer'],
  },
  {
    name: 'an extension may shorten a hold',
    alterations: [
      {
        find: "if wanted <= expires_at(record) then return 'R' end",
        replace: "if wanted == expires_at(record) then return 'R' end",
      },
    ],
    breaks: ['answer'],
  },
  {
    name: "another buyer's reservation can be confirmed",
    alterations: [
      without(
        "if state < IS_DEPARTED and buyers[i] ~= '' and buyers[i] ~= record[BUYER] then return 'M' end",
      ),
    ],
    breaks: ['answer'],
  },
  {
    name: "another buyer's reservation can be released",
    alterations: [without("if buyers[i] ~= '' and buyers[i] ~= record[BUYER] then return 'M' end")],
    breaks: ['answer'],
  },
  {
    name: 'expiries that were swept are still counted',
    alterations: [without('expiryCount = expiryCount - #swept')],
    breaks: ['entries'],
  },
  {
    name: 'an amend takes what is not there',
    alterations: [
      {
        find: "sku, may_return = lacking(added)\n  if sku == 'retry' then return 'T' end",
        replace: 'sku = nil',
      },
    ],
    breaks: ['conservation', 'oversell'],
  },
  {
    name: 'an amend ignores the limit',
    alterations: [
      {
        find: "local sku, limit, taken, index, household = limit_exceeded(lines, bucket, record[BUYER], record[HOUSEHOLD], own)\n  if sku == 'retry' then return 'T' end",
        replace: 'local sku, limit, taken',
      },
    ],
    breaks: ['limit', 'answer'],
  },
  {
    name: 'the present cart counts against its own amend',
    alterations: [
      {
        find: 'limit_exceeded(lines, bucket, record[BUYER], record[HOUSEHOLD], own)',
        replace: 'limit_exceeded(lines, bucket, record[BUYER], record[HOUSEHOLD])',
      },
    ],
    breaks: ['answer'],
  },
  {
    name: 'an amend keeps what is dropped',
    alterations: [without('move_cart(dropped, HELD, AVAILABLE)')],
    breaks: ['conservation', 'events'],
  },
  {
    name: 'a key is compared with the changed cart',
    alterations: [
      {
        find: 'if first_items(record) ~= first_items({ [ITEMS] = items, [FIRST] = first }) then',
        replace: 'if record[ITEMS] ~= items then',
      },
    ],
    breaks: ['answer'],
  },
  {
    name: 'events after an amend have the first cart',
    alterations: [{ find: "if record and record[FIRST] ~= '' then", replace: 'if false then' }],
    breaks: ['events', 'fault'],
  },
  {
    name: "of the buyer's reservations those in the archive are forgotten",
    alterations: [
      { find: "if nonce and nonce ~= '' then return find(bucket, nonce), 1, nonce end", replace: '' },
    ],
    breaks: ['answer'],
  },
  {
    name: 'a page begins with the reservation that the one before ended with',
    alterations: [{ find: 'for at = i - 1, 1, -1 do', replace: 'for at = math.min(i, #list), 1, -1 do' }],
    breaks: ['answer', 'fault'],
  },
  {
    name: 'a new limit is not in force',
    alterations: [
      {
        find: 'local rules = { [LIMIT] = limit, ',
        replace: 'local rules = { [LIMIT] = stock[sku][LIMIT] == -2 and limit or stock[sku][LIMIT], ',
      },
    ],
    breaks: ['answer'],
  },
  {
    name: 'an update keeps the time of closing',
    alterations: [
      {
        find: '= opens, closes, hold, max_hold, longest',
        replace: '= opens, closesAt, hold, max_hold, longest',
      },
    ],
    breaks: ['answer'],
  },
  {
    name: 'an update writes no event',
    alterations: [without('emit(UPDATED, revision, changes)')],
    breaks: ['events', 'fault'],
  },
  {
    name: 'a new SKU begins with one unit more',
    alterations: [
      {
        find: 'stock[sku] = { units[i], 0, 0, units[i]',
        replace: 'stock[sku] = { units[i] + 1, 0, 0, units[i] + 1',
      },
    ],
    breaks: ['events', 'conservation', 'answer'],
  },
  {
    name: 'new holds keep the first holdMs',
    alterations: [
      { find: 'plan[2] == 0 and defaultHoldMs', replace: 'plan[2] == 0 and holdMs' },
      { find: 'own_hold == 0 and defaultHoldMs', replace: 'own_hold == 0 and holdMs' },
    ],
    breaks: ['answer'],
  },
  {
    name: 'a hold may be longer than maxHoldMs',
    alterations: [{ find: 'plan[2] > maxHoldMs and bypass_freeze == 0', replace: 'false' }],
    breaks: ['answer'],
  },
  {
    name: 'time runs backwards',
    alterations: [{ find: 'time_since(last_time, last_ahead, call[3])', replace: 'time_since(0, 0, 0)' }],
    breaks: ['events', 'answer'],
  },
]
