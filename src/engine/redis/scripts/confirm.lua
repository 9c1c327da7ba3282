-- Settles payments: each as exactly one of confirmed or refund due, the same for ever.
-- Columns: token, deadline, floor, references, buyers, payments, finals
--   buyers, payments: '' where none was given; finals: 0 where other partitions may have what is lacking here
-- Statuses, each with its record: F confirmed now       G confirmed late, now   P confirmed, again   Q confirmed late, again
--   refund_due: S sold_out   L limit_exceeded   E ended   D released   B refunded      M not_found     T retry
--   W lacking: sku, available
-- Writes: all but RESTOCKS.
local buyers, payments, finals = call[5], call[6], call[7]
local answer_of = {
  [IS_CONFIRMED] = 'P', [IS_CONFIRMED_LATE] = 'Q', [IS_REFUNDED] = 'B',
  [DUE_SOLD_OUT] = 'S', [DUE_LIMIT] = 'L', [DUE_ENDED] = 'E', [DUE_RELEASED] = 'D',
}

local function refund_due(record, bucket, in_archive, state, payment)
  set_payment(record, payment)
  change(record, bucket, in_archive, state, REFUND_DUE, state)
  return answer_of[state]
end

-- A payment for a hold that lapsed: takes the units again while the sale goes on and they are there.
local function confirm_late(record, bucket, in_archive, payment, final)
  local lines = lines_of(record[ITEMS])
  if has_ended() and recovers == 0 then return refund_due(record, bucket, in_archive, DUE_ENDED, payment) end
  if over_limit(lines, taken_by(bucket, record[BUYER])) then
    return refund_due(record, bucket, in_archive, DUE_LIMIT, payment)
  end
  local sku = lacking(lines)
  if sku == 'retry' then return 'T' end
  if sku and final == 0 then return 'W', sku end
  if sku then return refund_due(record, bucket, in_archive, DUE_SOLD_OUT, payment) end
  set_payment(record, payment)
  change(record, bucket, in_archive, IS_CONFIRMED_LATE, CONFIRMED_EVENT, 0, AVAILABLE, CONFIRMED)
  emit_sold_out(lines)
  return 'G'
end

return settle(function(record, bucket, i, in_archive)
  if buyers[i] ~= '' and buyers[i] ~= record[BUYER] then return 'M' end
  local state, payment = record[STATE], payments[i]
  if answer_of[state] then return answer_of[state] end
  if late then return 'T' end
  if state == IS_EXPIRED then return confirm_late(record, bucket, in_archive, payment, finals[i]) end
  if state == IS_RELEASED then return refund_due(record, bucket, in_archive, DUE_RELEASED, payment) end
  set_payment(record, payment)
  change(record, bucket, in_archive, IS_CONFIRMED, CONFIRMED_EVENT, 0, HELD, CONFIRMED)
  return 'F'
end)
