-- Answers payments: each is either confirmed or refund due, and the answer never changes.
-- Columns: incarnation, deadline, min_time, references, buyers, payments, finals
--   buyers, payments: '' if none was given; finals: 0 if other partitions may have the units that
--     are lacking here
-- Statuses, each with its record:
--   F confirmed now   G confirmed late, now   P confirmed, again   Q confirmed late, again
--   refund_due: S sold_out   L limit_exceeded   E ended   D released   B refunded
--   without a record: M not_found   T retry   W lacking: sku, available
-- Writes: all but RESTOCKS.
-- @include partition, may_write, lone_payment, types, stored_values, record_changes, late_payment
-- @include each_reservation
local buyers, payments, finals = call[5], call[6], call[7]
-- @rarely confirm_late
local late_confirm

return answer_each(function(record, bucket, i, in_archive)
  if buyers[i] ~= '' and buyers[i] ~= record[BUYER] then return 'M' end
  local state, payment = record[STATE], payments[i]
  if answer_of[state] then return answer_of[state] end
  if late then return 'T' end
  if state == IS_EXPIRED then
    late_confirm = late_confirm or rare()
    return late_confirm(record, bucket, in_archive, payment, finals[i])
  end
  if state == IS_RELEASED then return refund_due(record, bucket, in_archive, DUE_RELEASED, payment) end
  set_payment(record, payment)
  change(record, bucket, in_archive, IS_CONFIRMED, CONFIRMED_EVENT, NONE, HELD, CONFIRMED)
  return 'F'
end)
