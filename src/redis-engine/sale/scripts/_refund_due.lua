-- The answers that were given before, and the first refund due, which is recorded. For the statuses see confirm.lua.
local answer_of = {
  [IS_CONFIRMED] = 'P', [IS_CONFIRMED_LATE] = 'Q', [IS_REFUNDED] = 'B',
  [DUE_SOLD_OUT] = 'S', [DUE_LIMIT] = 'L', [DUE_ENDED] = 'E', [DUE_RELEASED] = 'D',
}

local function refund_due(record, bucket, in_archive, state, payment)
  set_payment(record, payment)
  change(record, bucket, in_archive, state, REFUND_DUE, state)
  return answer_of[state]
end
