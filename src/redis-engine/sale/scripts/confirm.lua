-- Answers payments: each is either confirmed or refund due, and the answer never changes.
-- Columns: incarnation, deadline, min_time, references, buyers, payments, finals, [expiries]
--   buyers, payments: '' if none was given; finals: 0 if other partitions may have the units that
--     are lacking here, 1 if not, else the reason for which it is known that a refund is due
--   expiries: see each_reservation.lua
-- Statuses, each with its record:
--   F confirmed now   G confirmed late, now   P confirmed, again   Q confirmed late, again
--   refund_due: S sold_out   L limit_exceeded   E ended   D released   B refunded
--     U duplicate_payment
--   V moved: as in transferred_records.lua; the reason for which the payment was told refund_due,
--     or 0; an earlier id with further payments, or ''
--   without a record: M not_found   T retry   W lacking: sku, available   N earlier: its id
-- Writes: all but RESTOCKS.
-- @include partition, may_write, lone_payment, types, stored_values, record_changes
-- @include further_payments, late_payment, each_reservation
local buyers, payments, finals, expiries = call[5], call[6], call[7], call[8]
-- @rarely paid_otherwise
local otherwise

return answer_each(function(record, bucket, i, in_archive)
  local state, payment, final = record[STATE], payments[i], finals[i]
  if state < IS_DEPARTED and buyers[i] ~= '' and buyers[i] ~= record[BUYER] then return 'M' end
  local answer = answer_to[state]
  if answer and (payment == '' or payment == record[PAYMENT]) then return answer end
  if state ~= IS_HELD then
    otherwise = otherwise or rare()
    return otherwise(record, bucket, in_archive, payment, final)
  end
  if final > 1 then return 'M' end
  if late then return 'T' end
  set_payment(record, payment)
  change(record, bucket, in_archive, IS_CONFIRMED, CONFIRMED_EVENT, NONE, HELD, CONFIRMED, nil, expiries and expiries[i])
  return 'F'
end, true)
