-- Payments for a hold that is over: the first one is confirmed with units that are available again,
-- or the refund that is due is recorded. confirm.lua lists the statuses.
-- @include partition, may_write, stored_values, stock_moves, records, record_changes
-- @include limits_and_stock, further_payments

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
  if sku and final == 0 then return 'W', { sku, counts(sku)[AVAILABLE] } end
  if sku then return refund_due(record, bucket, in_archive, DUE_SOLD_OUT, payment) end
  set_payment(record, payment)
  change(record, bucket, in_archive, IS_CONFIRMED_LATE, CONFIRMED_EVENT, NONE, AVAILABLE, CONFIRMED)
  emit_sold_out(lines)
  return 'G'
end

-- A payment for a hold that is over, of which no refund is due yet. `final` as in confirm.lua.
local function paid_late(record, bucket, in_archive, payment, final)
  local known = further_payment(record, bucket, payment)
  if known then return known end
  if late then return 'T' end
  if final == DUPLICATE then return add_further_payment(record, bucket, payment, DUPLICATE) end
  if final > 1 then return refund_due(record, bucket, in_archive, final, payment) end
  if record[STATE] == IS_RELEASED then return refund_due(record, bucket, in_archive, DUE_RELEASED, payment) end
  return confirm_late(record, bucket, in_archive, payment, final)
end
