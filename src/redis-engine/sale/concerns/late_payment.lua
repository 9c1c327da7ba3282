-- Payments after the hold: the answers that were given before, the first refund due, which is
-- recorded, and the payment for a hold that has expired. confirm.lua lists the statuses.
-- @include partition, stored_values, stock_moves, records, record_changes, limits_and_stock
local answer_of = {
  [IS_CONFIRMED] = 'P', [IS_CONFIRMED_LATE] = 'Q', [IS_REFUNDED] = 'B',
  [DUE_SOLD_OUT] = 'S', [DUE_LIMIT] = 'L', [DUE_ENDED] = 'E', [DUE_RELEASED] = 'D',
}

local function refund_due(record, bucket, in_archive, state, payment)
  set_payment(record, payment)
  change(record, bucket, in_archive, state, REFUND_DUE, state)
  return answer_of[state]
end

-- A payment for a hold that has expired: takes the units again if the sale has not ended and they
-- are available.
local function confirm_late(record, bucket, in_archive, payment, final)
  local lines = lines_of(record[ITEMS])
  if has_ended() and bypass_freeze == 0 then return refund_due(record, bucket, in_archive, DUE_ENDED, payment) end
  if #lines > 2 then load_lines(lines) end
  local exceeded = limit_exceeded(lines, bucket, record[BUYER])
  if exceeded == 'retry' then return 'T' end
  if exceeded then return refund_due(record, bucket, in_archive, DUE_LIMIT, payment) end
  local sku = lacking(lines)
  if sku == 'retry' then return 'T' end
  if sku and final == 0 then return 'W', sku end
  if sku then return refund_due(record, bucket, in_archive, DUE_SOLD_OUT, payment) end
  set_payment(record, payment)
  change(record, bucket, in_archive, IS_CONFIRMED_LATE, CONFIRMED_EVENT, NONE, AVAILABLE, CONFIRMED)
  emit_sold_out(lines)
  return 'G'
end
