-- What a command that needs a hold answers where there is none any more. Of a released reservation
-- each command has its own answer.
-- @include records
local answer_of = {
  [IS_CONFIRMED] = 'A', [IS_CONFIRMED_LATE] = 'A', [IS_REFUNDED] = 'A',
  [IS_EXPIRED] = 'X', [DUE_SOLD_OUT] = 'X', [DUE_LIMIT] = 'X', [DUE_ENDED] = 'X',
}
