-- Payments for reservations that are not held. The first one for an expired hold is confirmed with
-- units that are available again, or the refund that is due is recorded. confirm.lua lists the
-- statuses.
-- @include partition, may_write, stored_values, stock_moves, event_log, records, record_changes
-- @include limits_and_stock, further_payments

local function refund_due(record, bucket, in_archive, state, payment)
  set_payment(record, payment)
  change(record, bucket, in_archive, state, REFUND_DUE, state)
  return answer_to[state]
end

-- Takes what a cart lacks from the SKUs that its own return to. Returns its first SKU that lacks
-- units even so, and then nothing was taken.
local function borrow(lines)
  local left, lacks = {}, {}
  for i = 1, #lines, 2 do left[lines[i]] = counts(lines[i])[AVAILABLE] - lines[i + 1] end
  for i = 1, #lines, 2 do
    local sku = lines[i]
    local from = counts(sku)[RETURNS_TO]
    lacks[i] = math.max(0, -left[sku])
    if lacks[i] > 0 then
      local spare = from >= 0 and (left[from] or counts(from)[AVAILABLE]) or 0
      if spare < lacks[i] then return sku end
      left[from] = spare - lacks[i]
    end
  end
  for i = 1, #lines, 2 do
    local sku, units = lines[i], lacks[i]
    local from = counts(sku)[RETURNS_TO]
    for _, count in ipairs(units > 0 and { AVAILABLE, TOTAL } or {}) do
      move(from, count, nil, units)
      move(sku, nil, count, units)
    end
    if units > 0 then emit(REDIRECTED, units, from * 16384 + sku) end
    if units > 0 and counts(from)[AVAILABLE] == 0 then emit(SOLD_OUT, NONE, from) end
  end
end

-- A payment for a hold that has expired: takes the units again if the sale has not ended and they
-- are available.
local function confirm_late(record, bucket, in_archive, payment, final)
  local lines = lines_of(record[ITEMS])
  if has_ended() and bypass_freeze == 0 then return refund_due(record, bucket, in_archive, DUE_ENDED, payment) end
  if #lines > 2 then load_lines(lines) end
  local exceeded = limit_exceeded(lines, bucket, record[BUYER], record[HOUSEHOLD])
  if exceeded == 'retry' then return 'T' end
  if exceeded then return refund_due(record, bucket, in_archive, DUE_LIMIT, payment) end
  local sku = lacking(lines)
  if sku == 'retry' then return 'T' end
  if sku and final == 0 then return 'W', { sku, counts(sku)[AVAILABLE] } end
  if borrow(lines) then return refund_due(record, bucket, in_archive, DUE_SOLD_OUT, payment) end
  set_payment(record, payment)
  change(record, bucket, in_archive, IS_CONFIRMED_LATE, CONFIRMED_EVENT, NONE, AVAILABLE, CONFIRMED)
  emit_sold_out(lines)
  return 'G'
end

-- A payment for a hold that is over, of which no refund is due yet.
local function paid_late(record, bucket, in_archive, payment, final)
  if late then return 'T' end
  if final == DUPLICATE then return add_further_payment(record, bucket, payment, DUPLICATE) end
  if final > 1 then return refund_due(record, bucket, in_archive, final, payment) end
  if record[STATE] == IS_RELEASED then return refund_due(record, bucket, in_archive, DUE_RELEASED, payment) end
  return confirm_late(record, bucket, in_archive, payment, final)
end

-- Any payment that confirms no hold and repeats no answer; for a record that has left, every one.
-- `final` as in confirm.lua.
local function paid_otherwise(record, bucket, in_archive, payment, final)
  local state = record[STATE]
  if state >= IS_DEPARTED then return paid_before(record, bucket, payment, final) end
  local known = further_payment(record, bucket, payment)
  if known then return known end
  return (answer_to[state] and paid_again or paid_late)(record, bucket, in_archive, payment, final)
end
