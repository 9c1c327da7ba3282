-- The answers of commands that need a hold, if the hold has ended. For a released reservation each
-- command has its own answer.
-- @include stored_values
local answer_of = {
  [IS_CONFIRMED] = 'A', [IS_CONFIRMED_LATE] = 'A', [IS_REFUNDED] = 'A',
  [IS_EXPIRED] = 'X', [DUE_SOLD_OUT] = 'X', [DUE_LIMIT] = 'X', [DUE_ENDED] = 'X',
}
